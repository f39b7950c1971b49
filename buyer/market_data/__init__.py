"""Market facts and order books at hand: in memory where they are live, asked for where they are not."""
