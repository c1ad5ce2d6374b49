"""Past A/B tests of people and what the simulation says of the same arms: a CSV file, a test a line.

Columns: ``test``, ``human_effect`` (relative change of the outcome, 0.021 or 2.1%), ``human_low`` and ``human_high``
(its interval; both may be empty), ``human_sessions`` (of both arms; may be empty), and either ``simulated_effect``, or
``result`` (the folder or file of a simulated test), or what to simulate: ``control``, ``treatment``, ``control_patch``
and ``treatment_patch``. The arms' rankings are names of this package: a table names no code, and no recorded lists.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import NormalDist

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.abtest.arms import Arm
from paars_gym.abtest.estimate import NAN, RELATIVE
from paars_gym.abtest.outcomes import PRIMARY
from paars_gym.abtest.result import ABTestResult
from paars_gym.abtest.surrogacy import VarianceComponents
from paars_gym.estimate import LEVEL, Estimate, Interval
from paars_gym.ranking.registry import ranking_from_file

Simulate = Callable[[Arm, Arm, str], ABTestResult]
"""Plays a test of two arms, given its name."""
NAME_LENGTH = 100


class PastTest(BaseModel):
    """A test of people, and the same simulated; all effects are relative changes.

    Attributes:
        name: Of the test.
        human: Effect on people; without an interval when the file does not say it. Size ``sessions``: of both arms,
            where the file says it.
        simulated: Effect on the simulated population.
        calibrated: Effect on people that the other tests and the simulated effect predict, with a prediction interval;
            see `paars_gym.abtest.backtest.backtest`.
        components: Of the variance of the simulation, where each visit had several draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    human: Estimate
    simulated: Estimate
    calibrated: Estimate = Estimate(None, unit=RELATIVE)
    components: VarianceComponents | None = None


def read_tests(path: str | Path, simulate: Simulate, *, outcome: str = PRIMARY) -> list[PastTest]:
    """The tests of a file; what it has no simulated result for is simulated.

    Args:
        path: See above.
        simulate: Plays a test.
        outcome: Of which the human effects are.

    Raises:
        FileNotFoundError: The file, or a result that it names, is missing.
        ValueError: An arm names code or a file, a column or a number is missing, an interval is none, a name comes
            twice, or a simulated effect is not estimable.
    """
    path = Path(path)
    tests: list[PastTest] = []
    lines: dict[str, int] = {}
    for number, row in enumerate(_rows(path), start=2):
        name = row.get("test") or f"line {number}"
        where = f"{path}, line {number} ({name})"
        human = _effect(row, "human_effect", where)
        low, high = (_effect(row, column, where) for column in ("human_low", "human_high"))
        if human is None:
            raise ValueError(f"{where}: human_effect is missing; it is the relative change, such as 0.021 or 2.1%.")
        if (first := lines.setdefault(folder_name(name).casefold(), number)) != number:
            raise ValueError(f"{where}: line {first} has that name already; a test needs one of its own.")
        sessions = _effect(row, "human_sessions", where)
        if sessions is not None and sessions < 2:
            raise ValueError(f"{where}: human_sessions == {sessions:g}, must be 2 or more: the sessions of both arms.")
        sizes = {} if sessions is None else {"sessions": round(sessions)}
        people = Estimate(human, _interval(human, low, high, where), unit=RELATIVE, sizes=sizes)
        components = None
        simulated = Estimate(_effect(row, "simulated_effect", where), unit=RELATIVE)
        if simulated.value is None:
            result = _result(row, path.parent, where, name, simulate).outcomes.get(outcome)
            if result is None or result.relative.value is None:
                why = "unknown" if result is None else result.difference.note or "the control arm has none"
                raise ValueError(f"{where}: the simulated effect on {outcome} is not estimable ({why}).")
            simulated, components = result.relative, result.components
        tests.append(PastTest(name=name, human=people, simulated=simulated, components=components))
    if not tests:
        raise ValueError(f"{path} holds no test.")
    return tests


def human_effects(path: str | Path) -> list[Estimate]:
    """What people did in the tests of a file, simulated or not.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: As for `read_tests`.
    """
    found = []
    for number, row in enumerate(_rows(Path(path)), start=2):
        where = f"{path}, line {number}"
        effect, low, high = (_effect(row, column, where) for column in ("human_effect", "human_low", "human_high"))
        if effect is None:
            raise ValueError(f"{where}: human_effect is missing; it is the relative change, such as 0.021 or 2.1%.")
        found.append(Estimate(effect, _interval(effect, low, high, where), unit=RELATIVE))
    if not found:
        raise ValueError(f"{path} holds no test.")
    return found


def error_of(effect: Estimate) -> float:
    """Standard error of an effect: its detail, or from its interval as of a normal one; 0 where neither is known."""
    known = effect.number("standard_error")
    if known is not None:
        return known
    if effect.interval is None:
        return 0.0
    quantile = NormalDist().inv_cdf((1 + effect.interval.level) / 2)
    return (effect.interval.high - effect.interval.low) / 2 / quantile


def count_simulated(path: str | Path) -> int:
    """How many tests of a file have to be simulated.

    Raises:
        FileNotFoundError: The file is missing.
    """
    return sum(not row.get("simulated_effect") and not row.get("result") for row in _rows(Path(path)))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise FileNotFoundError(f"No file of past tests {str(path)!r}.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            reader = csv.DictReader(file)
            if twice := [name for name, count in Counter(reader.fieldnames or ()).items() if count > 1]:
                raise ValueError(f"{str(path)!r} has the column {twice[0]!r} twice; keep one of them.")
            rows = list(reader)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{str(path)!r} is no CSV in UTF-8 ({error}).") from None
    return [{name: (cell or "").strip() for name, cell in row.items() if name} for row in rows]


def _result(row: Mapping[str, str], home: Path, where: str, name: str, simulate: Simulate) -> ABTestResult:
    if row.get("result"):
        return ABTestResult.read(home / row["result"])
    arms = []
    for arm in ("control", "treatment"):
        patch = row.get(f"{arm}_patch")
        try:
            ranking = ranking_from_file(row.get(arm) or "bm25")
        except ValueError as error:
            raise ValueError(
                f"{where}: {arm}: {error} To take such a test in, play it by paars abtest and name its folder in the "
                "column result."
            ) from None
        arms.append(Arm(ranking, home / patch if patch else None))
    if arms[0] == arms[1]:
        raise ValueError(
            f"{where}: neither simulated_effect, nor result, nor arms that differ (control, treatment, control_patch, "
            "treatment_patch)."
        )
    return simulate(arms[0], arms[1], name)


def folder_name(name: str) -> str:
    """A test's name as that of a folder: letters, digits, ``._+-`` and blanks; never one that leads elsewhere."""
    return re.sub(r"[^\w.+ -]+", "-", name).strip(" .-")[:NAME_LENGTH] or "test"


def _interval(effect: float, low: float | None, high: float | None, where: str) -> Interval | None:
    if low is None and high is None:
        return None
    if low is None or high is None:
        raise ValueError(f"{where}: give both human_low and human_high, or neither.")
    if not low <= effect <= high:
        raise ValueError(f"{where}: human_low <= human_effect <= human_high must hold, got {low}, {effect}, {high}.")
    return Interval(low, high, LEVEL, "as in the file")


def _effect(row: Mapping[str, str], column: str, where: str) -> float | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = NAN
    if not np.isfinite(value) or value < -1:
        raise ValueError(f"{where}: {column} == {text!r}, must be a number such as 0.021 or 2.1%, at least -100%.")
    return value
