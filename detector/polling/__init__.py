"""Poll sources for whoever is due, and remember how far each of them was read."""
