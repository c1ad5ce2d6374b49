"""What shoppers answered to the questions of a task, and what became of those that they did not answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from paars_gym.shoppers.protocol import GaveUp

UNANSWERED, FAILED, NOT_ASKED, NOT_DRAWN = -1, -2, -3, -4
"""No usable answer; no answer for a failure that is not the shopper's; the run ended before; not to be asked."""
MAX_CAUSES = 20
Choices = npt.NDArray[np.int64]
"""Index chosen in each case, or one of the four above, shape (cases,)."""


@dataclass
class Answers:
    """What one shopper said to one set of questions.

    Attributes:
        values: One a question: the answer, or `UNANSWERED`, `FAILED` or `NOT_ASKED`.
        unusable: Why there was no usable answer, with numbers.
        failures: Why the shopper could not be asked, with numbers, the first one first.
    """

    values: Any
    unusable: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def choices(self) -> Choices:
        """Answers that are an index, shape (cases,)."""
        return np.asarray(self.values, dtype=np.int64)

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Where there is a usable answer, shape (cases,)."""
        return np.array([isinstance(value, str) or value >= 0 for value in self.values], dtype=bool)


def left_out(answers: Mapping[str, Answers], cases: str) -> list[str]:
    """Why cases without an answer of every shopper are not compared, a sentence a shopper."""
    notes = []
    for name, given in answers.items():
        causes = [*given.failures.items(), *given.unusable.items()]
        if missing := int((~given.answered).sum()):
            first = f" The first cause: {causes[0][0]}" if causes else ""
            notes.append(f"{name}: no usable answer for {missing:,} {cases}, which are left out for all.{first}")
    return notes


def usable_choice(answer: Any, options: int) -> int:
    """An index below ``options``; raises `GaveUp` where the answer is none."""
    try:
        choice = int(answer)
    except (TypeError, ValueError):
        choice = -1
    if choice not in range(options):
        raise GaveUp(f"it answered {answer!r}, must be 0 to {options - 1}")
    return choice


def asked_of(choices: Choices) -> npt.NDArray[np.bool_]:
    """Which cases the shopper was asked and did not fail in, shape (cases,)."""
    return ~np.isin(choices, (FAILED, NOT_ASKED, NOT_DRAWN))


def count_cause(causes: Counter[str], cause: str, times: int = 1) -> None:
    """Counts why there is no answer; of many different causes the later ones together."""
    causes[cause if cause in causes or len(causes) < MAX_CAUSES else "other causes"] += times


def add_causes(causes: Counter[str], more: Counter[str]) -> None:
    """Counts what was counted elsewhere."""
    for cause, times in more.items():
        count_cause(causes, cause, times)
