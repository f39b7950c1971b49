"""Judge an exit: what a lot is worth, the floor under its sale, and whether what set it off still holds."""
