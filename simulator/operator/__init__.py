"""The exchanges' operator: matches as signed transactions, in the pools of nodes before any block holds them."""
