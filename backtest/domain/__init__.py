"""What happened in markets and what was known of prices, in time order. Everything in it is pure."""
