"""Simulated beside true effects: 29 treatments, three kinds of people, shoppers with and without past tests.

People play every arm themselves, those of the half that judges. Shoppers are fitted on the other half: on control
sessions of the same kind of people, and on past tests of the other two kinds, of other treatments (folds). So a shopper
fitted with past tests has seen neither the people that it is judged on, nor a test of their kind, nor the treatment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.validity.shoppers import Fitting, fitted_options
from benchmarks.validity.treatments import folds, treatments
from benchmarks.validity.visits import Crowd, UnitsSold, play
from paars_gym.abtest.estimate import ArmContrast
from paars_gym.catalog.load import load_catalog
from paars_gym.estimate import Estimate
from paars_gym.synthetic.kinds import KINDS

Progress = Callable[[str], None]
UNCALIBRATED, ON_SESSIONS, WITH_TESTS = "uncalibrated", "fitted on sessions", "fitted with past tests"
SHOPPERS = (UNCALIBRATED, ON_SESSIONS, WITH_TESTS)


class DirectionSize(NamedTuple):
    """How much is played.

    Attributes:
        people: Invented people of the world that plays the true effects; half of them judge.
        visits: Of people, in each arm, by kind.
        shopper_visits: Of shoppers, in each arm.
        fit_people: People of the world that shoppers are fitted on; half of them are used.
        sessions: Control sessions that are fitted on.
        test_sessions: Of each arm of a past test.
        folds: Of treatments.
        every: Only each so many-th treatment.
    """

    people: int
    visits: dict[str, int]
    shopper_visits: int
    fit_people: int
    sessions: int
    test_sessions: int
    folds: int = 3
    every: int = 1


FULL_DIRECTION = DirectionSize(
    people=40_000,
    visits={"habitual": 10_000, "satisficer": 130_000, "cascade": 90_000},
    shopper_visits=1_500,
    fit_people=1_200,
    sessions=3_000,
    test_sessions=400,
)
REDUCED_DIRECTION = DirectionSize(
    people=1_000,
    visits=dict.fromkeys(KINDS, 500),
    shopper_visits=500,
    fit_people=160,
    sessions=300,
    test_sessions=40,
    folds=2,
    every=6,
)


class Case(NamedTuple):
    """One treatment on one kind of people.

    Attributes:
        kind: Of people.
        treatment: Name.
        family: Of the treatment.
        fold: Of the treatment.
        true: Relative effect on people; detail ``standard_error``.
        simulated: The same on shoppers, by their name.
    """

    kind: str
    treatment: str
    family: str
    fold: int
    true: Estimate
    simulated: dict[str, Estimate]


def cases(size: DirectionSize, *, seed: int = 0, processes: int = 1, progress: Progress = lambda _: None) -> list[Case]:
    """Plays everything that is not in the cache yet.

    Args:
        size: How much.
        seed: Of everything random.
        processes: At once.
        progress: Told what goes on.
    """
    every = treatments(load_catalog("mini"))
    chosen = range(0, len(every), size.every)
    fold_of = dict(zip(range(len(every)), folds(every, size.folds), strict=True))
    arms = (0, *(number + 1 for number in chosen))

    def shopper_effects(options: str, which: tuple[int, ...]) -> dict[int, Estimate]:
        crowd = Crowd("shopper", size.fit_people, False, seed, options, which)
        return _effects(play(crowd, size.shopper_visits, processes=processes, progress=progress), which)

    uncalibrated = shopper_effects("{}", arms)
    found = []
    for kind in KINDS:
        crowd = Crowd(kind, size.people, True, seed, "", arms)
        true = _effects(play(crowd, size.visits[kind], processes=processes, progress=progress), arms)
        fitting = Fitting(kind, (), (), size.fit_people, size.sessions, size.test_sessions, seed)
        on_sessions = shopper_effects(fitted_options(fitting, progress=progress), arms)
        with_tests: dict[int, Estimate] = {}
        for fold in range(size.folds):
            seen = tuple(arm for arm in arms[1:] if fold_of[arm - 1] != fold)
            unseen = (0, *(arm for arm in arms[1:] if fold_of[arm - 1] == fold))
            others = tuple(other for other in KINDS if other != kind)
            options = fitted_options(fitting._replace(others=others, tests=seen), progress=progress)
            with_tests |= shopper_effects(options, unseen)
        for arm in arms[1:]:
            one = every[arm - 1]
            simulated = dict(zip(SHOPPERS, (uncalibrated[arm], on_sessions[arm], with_tests[arm]), strict=True))
            found.append(Case(kind, one.name, one.family, fold_of[arm - 1], true[arm], simulated))
    return found


def _effects(played: UnitsSold, arms: Sequence[int]) -> dict[int, Estimate]:
    contrasts: dict[int, ArmContrast] = {arm: played.effect(column) for column, arm in enumerate(arms) if column}
    return {arm: contrast.relative for arm, contrast in contrasts.items()}
