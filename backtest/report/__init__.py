"""A result as a page for people: one HTML file that needs nothing else, and pictures. Needs the extra `report`."""
