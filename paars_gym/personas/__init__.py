"""Personas: who a simulated shopper is, mined from a real shopper's history."""

from paars_gym.personas.persona import CONDITIONS, Condition, ConsumerProfile, Persona, ShoppingPreferences, render

__all__ = ["CONDITIONS", "Condition", "ConsumerProfile", "Persona", "ShoppingPreferences", "render"]
