"""What did past A/B tests of people find, and what does the simulation say of the same arms? A CSV file, a test a line.

Columns: ``test``, ``human_effect`` (relative change of the outcome, 0.021 or 2.1%), ``human_low`` and ``human_high``
(its interval; both may be empty), and either ``simulated_effect``, or ``result`` (the folder or file of a simulated
test), or what to simulate: ``control``, ``treatment``, ``control_patch`` and ``treatment_patch``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from paars_gym.abtest.arms import Arm
from paars_gym.abtest.estimate import NAN
from paars_gym.abtest.outcomes import PRIMARY
from paars_gym.abtest.result import ABTestResult, Interval

Simulate = Callable[[Arm, Arm, str], ABTestResult]
"""Plays a test of two arms, given its name."""
NAME_LENGTH = 100


class PastTest(NamedTuple):
    """A test of people, and the same simulated.

    Attributes:
        name: Of the test.
        human: Relative effect on people.
        human_interval: Of that; None when the file does not say.
        simulated: Relative effect in the simulation.
        simulated_interval: Of that, for the simulated population.
    """

    name: str
    human: float
    human_interval: Interval
    simulated: float
    simulated_interval: Interval = None


def read_tests(path: str | Path, simulate: Simulate, *, outcome: str = PRIMARY) -> list[PastTest]:
    """The tests of a file; what it has no simulated result for is simulated.

    Args:
        path: See above.
        simulate: Plays a test.
        outcome: Of which the human effects are.

    Raises:
        FileNotFoundError: The file, or a result that it names, is missing.
        ValueError: A column or a number is missing, an interval is none, a name comes twice, or a simulated effect is
            not estimable.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No file of past tests {str(path)!r}.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    found: list[PastTest] = []
    lines: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        row = {name: (cell or "").strip() for name, cell in row.items() if name}  # noqa: PLW2901
        name = row.get("test") or f"line {number}"
        where = f"{path}, line {number} ({name})"
        human = _effect(row, "human_effect", where)
        low, high = (_effect(row, column, where) for column in ("human_low", "human_high"))
        if human is None:
            raise ValueError(f"{where}: human_effect is missing; it is the relative change, such as 0.021 or 2.1%.")
        if (first := lines.setdefault(folder_name(name).casefold(), number)) != number:
            raise ValueError(f"{where}: line {first} has that name already; a test needs one of its own.")
        interval = _interval(human, low, high, where)
        given = _effect(row, "simulated_effect", where)
        if given is not None:
            found.append(PastTest(name, human, interval, given))
            continue
        result = _result(row, path.parent, where, name, simulate).outcomes.get(outcome)
        if result is None or result.relative is None:
            why = "unknown" if result is None else result.note or "the control arm has none"
            raise ValueError(f"{where}: the simulated effect on {outcome} is not estimable ({why}).")
        found.append(PastTest(name, human, interval, result.relative, result.relative_interval))
    if not found:
        raise ValueError(f"{path} holds no test.")
    return found


def _result(row: Mapping[str, str], home: Path, where: str, name: str, simulate: Simulate) -> ABTestResult:
    if row.get("result"):
        return ABTestResult.read(home / row["result"])
    arms = []
    for arm in ("control", "treatment"):
        patch = row.get(f"{arm}_patch")
        arms.append(Arm(row.get(arm) or "bm25", home / patch if patch else None))
    if arms[0] == arms[1]:
        raise ValueError(
            f"{where}: neither simulated_effect, nor result, nor arms that differ (control, treatment, control_patch, "
            "treatment_patch)."
        )
    return simulate(arms[0], arms[1], name)


def folder_name(name: str) -> str:
    """A test's name as that of a folder: letters, digits, ``._+-`` and blanks; never one that leads elsewhere."""
    return re.sub(r"[^\w.+ -]+", "-", name).strip(" .-")[:NAME_LENGTH] or "test"


def _interval(effect: float, low: float | None, high: float | None, where: str) -> Interval:
    if low is None and high is None:
        return None
    if low is None or high is None:
        raise ValueError(f"{where}: give both human_low and human_high, or neither.")
    if not low <= effect <= high:
        raise ValueError(f"{where}: human_low <= human_effect <= human_high must hold, got {low}, {effect}, {high}.")
    return low, high


def _effect(row: Mapping[str, str], column: str, where: str) -> float | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = NAN
    if not np.isfinite(value):
        raise ValueError(f"{where}: {column} == {text!r}, must be a number such as 0.021 or 2.1%.")
    return value
