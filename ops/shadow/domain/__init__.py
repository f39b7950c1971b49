"""What a shadow brought beside the real buyer, and how far luck explains it. Everything in it is pure."""
