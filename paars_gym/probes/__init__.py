"""Biases of shoppers, probed on purpose."""
