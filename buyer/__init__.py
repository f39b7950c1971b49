"""Turn signals into decisions and orders: `BUY_ENGINE_DECISION`, `ORDER_UPDATE`."""
