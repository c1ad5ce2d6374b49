"""Validity of A/B tests: populations, people of another kind, and bars."""
