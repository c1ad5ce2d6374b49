"""Fitting a simulated population to people: how they choose, what they come for, and who comes how often."""
