"""Personas composed of the parts of several people who are alike, for groups that a log has few people of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from paars_gym.personas.persona import TRAITS, Persona, Trait

NEIGHBOURS = 10
"""People most alike, of whom the parts of a composed persona are."""


def value_of(persona: Persona, trait: str) -> str:
    """What a persona has of a trait."""
    return str(getattr(persona.profile, trait).value)


def nearness(trait: str, value: str, other: str) -> float:
    """How alike two values are, 0 to 1; unknown is like nothing."""
    if value == other:
        return 1.0
    values, ordered = TRAITS[trait]
    if not ordered or value not in values or other not in values:
        return 0.0
    return 1 - abs(values.index(value) - values.index(other)) / (len(values) - 1)


class Likeness:
    """How alike people are in their traits."""

    def __init__(self, personas: Sequence[Persona]) -> None:
        self._codes = {trait: np.array([_code(trait, value_of(one, trait)) for one in personas]) for trait in TRAITS}
        self._tables = {
            trait: np.array([[nearness(trait, one, other) for other in (*values, "")] for one in values])
            for trait, (values, _) in TRAITS.items()
        }

    def nearest(self, person: Persona, target: Mapping[str, str], rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Rows of the `NEIGHBOURS` people most like a person with some traits changed, ties at random."""
        alike = rng.random(len(next(iter(self._codes.values())))) * 1e-6
        for trait, codes in self._codes.items():
            value = target.get(trait, value_of(person, trait))
            if value in TRAITS[trait].values:
                alike += self._tables[trait][_code(trait, value), codes]
        return np.argsort(-alike)[:NEIGHBOURS]


def _code(trait: str, value: str) -> int:
    return TRAITS[trait].values.index(value) if value in TRAITS[trait].values else len(TRAITS[trait].values)


def composed(base: Persona, target: Mapping[str, str], preferred: Persona, remembered: Persona, name: str) -> Persona:
    """Profile of one, with what the target says; preferences of another; history, and interests with it, of a third."""
    profile = base.profile.model_copy(
        update={
            **{
                trait: Trait(value=value, confidence=1.0, evidence="as the quota says")
                for trait, value in target.items()
            },
            # Interests are what a history shows: they go with it.
            **{field: getattr(remembered.profile, field) for field in ("categories", "brands", "times")},
        }
    )
    return Persona(
        shopper=name,
        profile=profile,
        preferences=preferred.preferences,
        history=remembered.history,
        purchases_before=remembered.purchases_before,
        as_of=remembered.as_of,
        left_out=remembered.left_out,
        source="composed",
    )
