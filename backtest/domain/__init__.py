"""Events of markets, and the prices and facts known at each moment. Everything in it is pure."""
