"""Get resolved winnings back: `REDEMPTION_RESULT`."""
