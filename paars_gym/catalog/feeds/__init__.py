"""Product feeds: recognised or mapped, read row by row, built into a catalog."""
