"""The pages, one file each; every figure on them comes from the board, or from what a command says."""
