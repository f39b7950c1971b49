"""Words and choices of the pages: amounts, ages, filters. Everything in it is pure."""
