"""Many backtests of one history with different settings, and how much of the best one is luck."""
