"""The text shop: actions, state, pages, and the Gymnasium environments over them."""
