"""Run-to-run noise: what several repeats of one population say of each number, and of the difference of two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.estimate import LEVEL, Estimate, Interval

Numbers = Mapping[tuple[str, str], Estimate]
"""By row of a table and measure."""
BEYOND, WITHIN = "beyond the noise", "within the noise"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class RowNoise(_Record):
    """One number of one row, of several repeats.

    Attributes:
        row: Who, with the condition.
        measure: Which number.
        values: Of each repeat.
        once: Of the first repeat, with the interval that knows cases and people.
        spread: Standard deviation between the repeats, with its interval.
    """

    row: str
    measure: str
    values: tuple[float, ...]
    once: Estimate
    spread: Estimate


class RowDifference(_Record):
    """The difference of two rows, of several repeats.

    Attributes:
        first: Row.
        second: Row.
        measure: Which number.
        difference: Second less first, mean over the repeats; its interval is of run-to-run noise alone. The verdict is
            ``beyond the noise`` or ``within the noise``; among the details ``sd``: of one run's difference.
    """

    first: str
    second: str
    measure: str
    difference: Estimate


class RunNoise(_Record):
    """What differs between repeats of the same population.

    Attributes:
        repeats: How many.
        rows: The numbers that have one in every repeat.
        differences: With and without persona, and of each shopper with the first under the same condition.
    """

    repeats: int
    rows: tuple[RowNoise, ...]
    differences: tuple[RowDifference, ...]


def spread_of(values: Sequence[float]) -> Estimate:
    """Standard deviation between repeats, with the interval of a normal sample's.

    Args:
        values: Of each repeat, two or more.

    Raises:
        ValueError: Fewer.

    >>> round(spread_of([1.0, 2.0, 3.0]).value, 3)
    1.0
    """
    from scipy.special import chdtri

    if len(values) < 2:
        raise ValueError(f"{len(values)} repeats, must be two or more: --repeats 5.")
    n, sd = len(values), float(np.std(values, ddof=1))
    low, high = (sd * math.sqrt((n - 1) / float(chdtri(n - 1, tail))) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    sizes = {"repeats": n}
    if sd == 0:
        return Estimate(0.0, sizes=sizes, note="All repeats agree.")
    return Estimate(sd, Interval(low, high, method="chi-square, normal repeats"), sizes=sizes)


def difference_of(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Second less first, mean over the repeats, and whether it exceeds the noise of so many.

    Args:
        first: Of each repeat, two or more.
        second: Of the same repeats.

    Raises:
        ValueError: Not as many.

    >>> difference_of([0.0, 0.1, 0.0], [1.0, 1.1, 1.2]).verdict
    'beyond the noise'
    """
    from scipy.special import stdtrit

    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"{len(first)} and {len(second)} repeats, must be as many and two or more.")
    apart = np.subtract(second, first)
    n, mean, sd = len(apart), float(apart.mean()), float(apart.std(ddof=1))
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * sd / math.sqrt(n)
    verdict = BEYOND if abs(mean) > half else WITHIN
    interval = Interval(mean - half, mean + half, method="Student's t over repeats") if sd else None
    note = "" if sd else "All repeats agree."
    return Estimate(mean, interval, sizes={"repeats": n}, floor=0.0, verdict=verdict, note=note, details={"sd": sd})


def noise_of(repeats: Sequence[Numbers]) -> RunNoise:
    """The noise of every number that has a value in all repeats.

    Args:
        repeats: The numbers of each, two or more.

    Raises:
        ValueError: Fewer.
    """
    values: dict[tuple[str, str], tuple[float, ...]] = {}
    for key in repeats[0]:
        found = [numbers[key].value for numbers in repeats if key in numbers]
        known = tuple(value for value in found if value is not None)
        if len(known) == len(repeats):
            values[key] = known
    rows = tuple(
        RowNoise(row=row, measure=measure, values=each, once=repeats[0][row, measure], spread=spread_of(each))
        for (row, measure), each in values.items()
    )
    differences = tuple(
        RowDifference(
            first=first,
            second=second,
            measure=measure,
            difference=difference_of(values[first, measure], values[second, measure]),
        )
        for measure in dict.fromkeys(measure for _, measure in values)
        for first, second in _pairs([row for row, of in values if of == measure])
    )
    return RunNoise(repeats=len(repeats), rows=rows, differences=differences)


def _pairs(rows: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Rows of one shopper, and of each with the first shopper under the same condition."""
    leading = rows[0].rpartition(", ")[0] if rows else ""
    for first, second in combinations(rows, 2):
        (one, _, under), (other, _, beside) = first.rpartition(", "), second.rpartition(", ")
        if one == other or (one == leading and under == beside):
            yield first, second
