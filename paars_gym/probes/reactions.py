"""Whether a shopper can react to what a probe changes: one that looks at features, and says which it looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from paars_gym.catalog.product import Product
from paars_gym.config import RunConfig
from paars_gym.personas.persona import Persona
from paars_gym.probes.levels import Probe, ProbePage, listed
from paars_gym.sessions.event import Intention
from paars_gym.shoppers.registry import policy_factory

MOST_PERSONAS = 200
"""Personas that are tried, at most."""


@runtime_checkable
class LooksAtFeatures(Protocol):
    """A policy that chooses by features of a product alone, as `BehaviouralShopper` does."""

    def looks_at(
        self, products: Sequence[Product], position: int, intention: Intention, persona: Persona | None
    ) -> dict[str, tuple[float, float, float]]:
        """Of each feature: its value on a page of results, its value on the detail page, and its coefficient."""
        ...


def cannot_react(probe: Probe, pages: Sequence[ProbePage], run: RunConfig) -> str:
    """Why no trial of a probe can differ, in words; empty when some can, or where nobody knows what the policy does.

    Args:
        probe: Of which the levels are.
        pages: That are shown.
        run: Who shops.
    """
    policy: Any = policy_factory(run)()
    if not isinstance(policy, LooksAtFeatures) or any(level.position for level in probe.levels):
        return ""
    personas = [None] if run.condition == "base" else list(run.personas[:MOST_PERSONAS])
    unheeded: set[str] = set()
    for name, coefficient in _changes(policy, probe, pages, personas):
        if coefficient:
            return ""
        unheeded.add(name)
    if unheeded:
        return f"this shopper cannot react: its coefficient of {' and of '.join(sorted(unheeded))} is 0"
    return "this shopper cannot react: nothing that it looks at changes"


def _changes(
    policy: LooksAtFeatures, probe: Probe, pages: Sequence[ProbePage], personas: Sequence[Persona | None]
) -> Iterator[tuple[str, float]]:
    """Features of the target that differ between the baseline and a level, with their coefficients."""
    for page in pages:
        before = tuple(listed(page, probe.baseline))
        for level in probe.levels:
            after = tuple(listed(page, level))
            for persona in personas:
                first, second = (policy.looks_at(one, page.target, page.intention, persona) for one in (before, after))
                for name, (*values, coefficient) in second.items():
                    if values != list(first[name][:-1]):
                        yield name, coefficient
