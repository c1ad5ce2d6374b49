"""Simulated A/B tests: two arms, the same shoppers in both, and a difference with an honest interval."""
