"""The account and what stands beside it as every face reads it: parts of the board, trades, profit, rows of data."""
