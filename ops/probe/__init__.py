"""A look at the real venue: what docs/venue.md says, held against what each upstream answers today."""
