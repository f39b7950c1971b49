"""The venue's formats, addresses and limits as values: rows, logs, frames, ABI. Everything in it is pure."""
