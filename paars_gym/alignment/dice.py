"""The dice of Appendix B: who always says 3 is right as often as who says anything (PAARS Table 5)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paars_gym.alignment.divergences import kl_divergence
from paars_gym.alignment.individual import wilson_interval
from paars_gym.estimate import Estimate, Interval

SIDES, TOSSES, MIDDLE = 5, 1_000, 3
PUBLISHED_EPSILON = 1e-11
"""With it, and the mean of both directions, the paper's divergences come out; it names neither."""


class DiceRow(NamedTuple):
    """One system that guesses the dice.

    Attributes:
        system: What it does.
        squared_error: Mean squared error of its guesses.
        accuracy: Share of right guesses.
        divergence: KL(dice‖guesses) of the histograms in nats, as everywhere in this package.
        as_published: The divergence in the form that gives the paper's values.
    """

    system: str
    squared_error: Estimate
    accuracy: Estimate
    divergence: Estimate
    as_published: Estimate


def guess_dice(rng: np.random.Generator, *, tosses: int = TOSSES) -> tuple[DiceRow, DiceRow]:
    """Tosses five-sided dice, and lets system A always say 3 and system B say anything.

    Args:
        rng: Of the dice, of B's guesses and of the intervals.
        tosses: How many.

    Raises:
        ValueError: Fewer than 2 tosses, of which nothing has an interval.
    """
    if tosses < 2:
        raise ValueError(f"tosses == {tosses}, must be > 1.")
    dice = rng.integers(1, SIDES + 1, tosses)
    guesses = {"A (always 3)": np.full(tosses, MIDDLE), "B (any side)": rng.integers(1, SIDES + 1, tosses)}
    first, second = (_row(name, dice, guess, rng) for name, guess in guesses.items())
    return first, second


def _row(name: str, dice: np.ndarray, guess: np.ndarray, rng: np.random.Generator) -> DiceRow:
    squares, right = np.square(dice - guess).astype(float), int(np.count_nonzero(dice == guess))
    error = float(squares.std(ddof=1)) / np.sqrt(len(dice))
    sizes = {"tosses": len(dice)}
    counts = [np.bincount(sides, minlength=SIDES + 1)[1:] for sides in (dice, guess)]
    return DiceRow(
        name,
        Estimate(float(squares.mean()), Interval.normal(float(squares.mean()), error, "normal"), "sides²", sizes),
        Estimate(right / len(dice), wilson_interval(right, len(dice)), "share", sizes),
        kl_divergence(*counts, rng=rng),
        kl_divergence(*counts, epsilon=PUBLISHED_EPSILON, direction="mean", rng=rng),
    )
