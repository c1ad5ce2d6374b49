"""An A/B test of people, such as ``paars play --web --treatment`` leaves: by how much its two arms differ."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import TypeAdapter

from paars_gym.abtest.estimate import ArmContrast
from paars_gym.abtest.logged_tests import ARM_FOLDERS
from paars_gym.abtest.outcomes import COLUMNS, FAILED, OUTCOMES, Floats, measure
from paars_gym.abtest.unpaired import unpaired_difference
from paars_gym.estimate import Estimate
from paars_gym.sessions.event import Session
from paars_gym.sessions.opening import open_store

_CONTRAST = TypeAdapter(dict[str, float | Estimate | None])


class PeopleTest(NamedTuple):
    """What a test of people came to.

    Attributes:
        shoppers: In control and treatment.
        sessions: In control and treatment.
        outcomes: Difference of the arms, by outcome.
        synthetic: Whether no person made the sessions of an arm.
        split_p_value: Probability of numbers of shoppers at least as uneven, if a fair coin dealt the arms.
    """

    shoppers: tuple[int, int]
    sessions: tuple[int, int]
    outcomes: dict[str, ArmContrast]
    synthetic: bool
    split_p_value: float

    def as_json(self) -> str:
        """All of it as a JSON object."""
        outcomes = {name: _CONTRAST.dump_python(one._asdict(), mode="json") for name, one in self.outcomes.items()}
        return json.dumps({**self._asdict(), "outcomes": outcomes}, indent=2)


def is_people_test(folder: str | Path) -> bool:
    """Whether a folder holds the two arms of a test."""
    return all((Path(folder) / name).is_dir() for name in ARM_FOLDERS)


def read_people_test(folder: str | Path, *, level: float = 0.95) -> PeopleTest:
    """The test in a folder with ``control`` and ``treatment``, each a store or the folder of visits.

    Raises:
        FileNotFoundError: An arm is missing.
        ValueError: An arm is damaged.
    """
    if not is_people_test(folder):
        raise FileNotFoundError(
            f"{str(folder)!r} holds no A/B test of people: it takes the folders {' and '.join(ARM_FOLDERS)}, as paars "
            "play --web --treatment RANKING leaves them. For a plan from one log say --plan, too."
        )
    control, treatment = (open_store(Path(folder) / name) for name in ARM_FOLDERS)
    synthetic = control.provenance.synthetic or treatment.provenance.synthetic
    return compare_people(control, treatment, level=level)._replace(synthetic=synthetic)


def compare_people(
    control: Iterable[Session], treatment: Iterable[Session], *, level: float = 0.95
) -> PeopleTest:  # fmt: skip
    """The difference of two arms with different people in them: Welch's t-test on shoppers, in every outcome.

    Args:
        control: Sessions of its people.
        treatment: Of others.
        level: Of the intervals.
    """
    from scipy.stats import binomtest

    tables = [_by_shopper(arm) for arm in (control, treatment)]
    shoppers = len(tables[0]), len(tables[1])
    sums = [_columns(table) for table in tables]
    outcomes = {
        of.name: unpaired_difference(
            *({"n": arm[of.numerator], "d": arm[of.denominator or "sessions"]} for arm in sums), level=level
        )
        for of in OUTCOMES
    }
    uneven = float(binomtest(shoppers[0], sum(shoppers)).pvalue) if sum(shoppers) else 1.0
    sessions = int(sums[0]["sessions"].sum()), int(sums[1]["sessions"].sum())
    return PeopleTest(shoppers, sessions, outcomes, False, uneven)


def _by_shopper(sessions: Iterable[Session]) -> dict[str, Floats]:
    sums: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(len(COLUMNS) + 1))
    for session in sessions:
        if session.end not in FAILED:
            sums[session.shopper] += (*measure(session), 1.0)
    return sums


def _columns(table: dict[str, Floats]) -> dict[str, Floats]:
    rows = np.array(list(table.values())).reshape(-1, len(COLUMNS) + 1)
    return {name: rows[:, place] for place, name in enumerate((*COLUMNS, "sessions"))}
