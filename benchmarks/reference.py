"""The people of the main job, invented once a process, and the shopper fitted to the half that does not judge."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from benchmarks.settings import FIT_STRENGTH, PEOPLE, PEOPLE_SESSIONS
from paars_gym.config import Condition
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.tasks.fitting import by_condition, fit_conditions
from paars_gym.tasks.people import MINI_SEED, MiniPeople, mini_people


def everybody() -> MiniPeople:
    """Both halves."""
    return mini_people(PEOPLE_SESSIONS, MINI_SEED, PEOPLE)


@lru_cache(maxsize=1)
def judges() -> MiniPeople:
    """The half that every number is judged on."""
    return everybody().half(judging=True)


@lru_cache(maxsize=1)
def fitted(files: tuple[Path, ...] = ()) -> Mapping[Condition, FittedShopper]:
    """The behavioural shopper of either condition: of these files, or fitted to the other half.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Something else is in it, or the two conditions are not there.
    """
    if files:
        return by_condition([FittedShopper.read(file) for file in files])
    return fit_conditions(everybody(), strength=FIT_STRENGTH)
