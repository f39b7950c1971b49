"""Leaders' histories from elsewhere, as the stream a backtest reads: the venue's rows, CSV, our own captures."""
