"""The life of a world, made up or captured: its markets, traders, habits and market makers."""
