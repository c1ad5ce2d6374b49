"""A calibrated population, on the disk and in a test: who comes how often, for what, and how they choose."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.fit.weights import resample
from paars_gym.abtest.outcomes import columns_of
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition, RunConfig
from paars_gym.estimate import Detail, Tabular
from paars_gym.files import read_model, write_whole
from paars_gym.personas.intentions import Goal, IntentionMix, check_mix
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.reference_prices import ReferencePrices, shared_prices

MOMENTS = ("conversion", "units", "searches", "views", "no view", "one view", "many views", "many searches")
"""What is matched: conversion, units, and the lengths of sessions."""
SEEN_IN = {
    "conversion": "purchases",
    "units": "purchases",
    "searches": "searches",
    "many searches": "searches",
    "views": "views",
    "no view": "views",
    "one view": "views",
    "many views": "views",
}
"""What a log must hold for a moment to be known; in words of a store's provenance."""

TURNS = 20
"""A persona comes in proportion to its weight, to one part in so many."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stage(_Frozen):
    """One thing that was fitted, and what people who are set aside for the choice say of it.

    Attributes:
        name: ``choices``, ``mix`` or ``weights``.
        kept: Whether it is part of the population.
        before: Distance to these people without it, see `distance`.
        after: With it; None when it could not be fitted.
        note: Why it could not.
    """

    name: str
    kept: bool
    before: float
    after: float | None
    note: str = ""


class Judgement(_Frozen):
    """A simulated population beside people who judge it, played with seeds that the fit has not seen.

    Attributes:
        moments: Means a session.
        distance: Root mean square difference to the people's, see `distance`.
    """

    moments: dict[str, float]
    distance: float


class FittedPopulation(Tabular, _Frozen):
    """A simulated population calibrated on people's sessions: who comes how often, for what, and how they choose.

    Attributes:
        catalog: Name of that in which it was fitted.
        policy: Whose behaviour was fitted.
        condition: What of their persona the shoppers knew.
        mix: Shares of the goals.
        parameters: Of the behavioural shopper; empty for any other, and where those fitted did not help.
        reference_prices: What the shoppers remember that things cost, with the parameters.
        weights: Of each persona, mean 1; empty when all come alike.
        human: Moments of the people who judge.
        stages: What was fitted, in order, and whether it is kept.
        before: The population as it was, judged.
        after: This one, judged.
        floor: Distance between the two halves of the people: no fit can expect less.
        train_sessions: Of people, fitted to.
        held_out_sessions: Of other people, which judge.
        seed: Of what was simulated.
    """

    catalog: str
    policy: str
    condition: Condition
    mix: dict[Goal, float]
    parameters: dict[str, float]
    reference_prices: dict[str, float]
    weights: dict[str, float]
    human: dict[str, float]
    stages: tuple[Stage, ...]
    before: Judgement
    after: Judgement
    floor: float
    train_sessions: int
    held_out_sessions: int
    seed: int

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a moment a session: of people, of the population as it was, and of this one; then the distances."""
        rows: list[dict[str, Detail]] = [
            {"moment": name, "people": mean, "before": self.before.moments.get(name),
             "after": self.after.moments.get(name)}
            for name, mean in self.human.items()
        ]  # fmt: skip
        distances: dict[str, Detail] = {"before": self.before.distance, "after": self.after.distance}
        return [*rows, {"moment": "distance", "people": self.floor, **distances}]

    def summary(self) -> str:
        """Who was fitted to how many."""
        return (
            f"{self.policy}, {self.condition}, in {self.catalog}: fitted to {self.train_sessions:,} sessions of "
            f"people, judged by {self.held_out_sessions:,} others"
        )

    def intentions(self, catalog: Catalog) -> IntentionMix:
        """What they come for.

        Raises:
            ValueError: Another catalog than the one of the fit, by name.
        """
        if catalog.name != self.catalog:
            raise ValueError(f"This population was fitted in catalog {self.catalog!r}, not in {catalog.name!r}.")
        return IntentionMix(catalog, self.mix)

    def people(self, personas: Sequence[Persona], sessions: int) -> Sequence[Persona]:
        """The personas, each as often as its weight says.

        Args:
            personas: Those of the fit.
            sessions: That will be played.

        Raises:
            ValueError: A persona without a weight.
        """
        if not self.weights:
            return personas
        unknown = [persona.shopper for persona in personas if persona.shopper not in self.weights]
        if unknown:
            raise ValueError(
                f"Persona {unknown[0]!r} has no weight in this population; calibrate it with the personas of the test."
            )
        return comers(personas, self.weights, sessions, self.seed)

    def applied_to(self, run: RunConfig, catalog: Catalog, personas: Sequence[Persona]) -> RunConfig:
        """The run with these intentions, parameters and weights.

        Args:
            run: Of the same policy and condition as the fit, without intentions of its own.
            catalog: The same as that of the fit, by name.
            personas: Those of the fit.

        Raises:
            ValueError: The population was fitted for something else.
        """
        if run.intentions is not None or run.mix:
            raise ValueError("A calibrated population has its own intentions: give one or the other.")
        if run.policy != self.policy or run.condition != self.condition:
            raise ValueError(
                f"This population was fitted for policy {self.policy!r} in condition {self.condition!r}, not for "
                f"{run.policy if isinstance(run.policy, str) else 'another one'!r} in {run.condition!r}."
            )
        if self.parameters and "parameters" in run.options:
            raise ValueError("A calibrated population has its own parameters: give it, or a fitted shopper.")
        choices: dict[str, Any] = {}
        if self.parameters:
            choices = {"parameters": self.parameters, "reference_prices": shared_prices(self.reference_prices)}
        return run.model_copy(
            update={
                "options": {**run.options, **choices},
                "personas": self.people(personas, run.sessions),
                "intentions": self.intentions(catalog),
            }
        )

    def write(self, path: str | Path) -> None:
        """Keeps it in a file, whole or not at all."""
        write_whole(Path(path), self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, path: str | Path) -> FittedPopulation:
        """What `write` kept.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: Something else is in it.
        """
        population = read_model(cls, path, "population", make="paars calibrate --human … --out FILE")
        try:
            check_mix(population.mix)
            if population.parameters:
                BehaviouralParameters.of(population.parameters)
                ReferencePrices(population.reference_prices)
        except ValueError as error:
            raise ValueError(f"{str(path)!r} is no population: {error}") from None
        return population


def comers(personas: Sequence[Persona], weights: Mapping[str, float], sessions: int, seed: int) -> list[Persona]:
    """The personas in proportion to their weights, to take turns in so many sessions.

    Args:
        personas: All of them.
        weights: Of each shopper, >= 0.
        sessions: That will be played.
        seed: Of the one draw that systematic sampling takes.
    """
    number = min(sessions, TURNS * len(personas))
    shares = [weights[persona.shopper] for persona in personas]
    return resample(personas, shares, number, session_rng(seed, "personas by weight"))


def moments_of(rows: Iterable[tuple[float, ...]]) -> Floats:
    """What of each session is matched, shape (sessions, len(MOMENTS)).

    Args:
        rows: Of `paars_gym.abtest.outcomes.measure`.

    Raises:
        ValueError: There is no row.
    """
    columns = columns_of(rows)
    if not len(columns["units"]):
        raise ValueError("There is no session to take moments of.")
    views, searches = columns["views"], columns["searches"]
    lengths = (searches, views, views == 0, views == 1, views > 5, searches > 2)
    return np.stack([columns["converted"], columns["units"], *lengths], axis=1).astype(np.float64)


def known_moments(what_is_known: Collection[str], sample: Floats) -> tuple[str, ...]:
    """Moments that a log tells and that vary in it, in the order of `MOMENTS`.

    Args:
        what_is_known: Of a store's provenance: ``purchases``, ``searches``, ``views``.
        sample: `moments_of` the log.

    Raises:
        ValueError: There is none.
    """
    varies = dict(zip(MOMENTS, np.ptp(sample, axis=0) > 0, strict=True))
    known = tuple(name for name in MOMENTS if SEEN_IN[name] in what_is_known and varies[name])
    if not known:
        raise ValueError(
            "In these sessions nothing varies that could be matched. Matched are purchases, searches and views; known "
            f"are {', '.join(what_is_known) or 'none'}."
        )
    return known


def distance(simulated: Floats, human: Floats, scale: Floats) -> float:
    """Root mean square difference of mean moments, in standard deviations of a human session.

    Args:
        simulated: Mean moments, shape (moments,).
        human: The same of people.
        scale: Standard deviation of each moment over people's sessions.
    """
    return float(np.sqrt(np.mean(np.square((simulated - human) / scale))))


def nearest_shares(of_goal: Floats, target: Floats, scale: Floats) -> Floats:
    """The mix of goals, shares >= 0 of sum 1, whose mean moments are nearest to a target.

    Simulated method of moments (McFadden 1989) with diagonal weights. It reaches only what mixtures of goals reach.

    Args:
        of_goal: Mean moments of each goal's sessions, shape (goals, moments).
        target: Mean moments to reach, shape (moments,).
        scale: In units of which each moment is measured, shape (moments,).
    """
    from scipy.optimize import nnls

    # Non-negative least squares; the shares' sum is held at 1 by a row that outweighs all others.
    heavy = 1e4
    system = np.vstack([(of_goal / scale).T, np.full(len(of_goal), heavy)])
    shares, _ = nnls(system, np.append(target / scale, heavy))
    return np.asarray(shares / shares.sum(), dtype=np.float64)
