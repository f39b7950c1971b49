"""Keep what exits know between two attempts: what lots are worth, and when a floor may come down."""
