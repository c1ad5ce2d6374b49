"""Shoppers: who shops in the environment and answers the suite's questions."""
