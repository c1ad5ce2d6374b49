"""Ways into the shop for people: a visit in the terminal."""
