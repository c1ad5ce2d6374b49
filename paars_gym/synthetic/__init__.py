"""Invented people with known truth: what they want and how they choose is set, so that estimates can be judged."""
