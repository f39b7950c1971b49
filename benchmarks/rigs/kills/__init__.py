"""Deaths of a live buyer, and a server that is put back under it."""
