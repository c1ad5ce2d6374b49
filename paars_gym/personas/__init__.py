"""Personas: who a simulated shopper is, mined or counted from the history of a real one."""
