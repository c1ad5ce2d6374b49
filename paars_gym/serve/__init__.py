"""Ways into the shop for people, in the terminal and the browser, and for agents from elsewhere."""
