"""The shoppers that are judged: uncalibrated, fitted on sessions, and fitted with past tests of other people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

from benchmarks.validity.visits import all_arms, code_digest
from paars_gym.abtest.arms import OpenArm, open_arm
from paars_gym.cache import cache_dir
from paars_gym.catalog.load import load_catalog
from paars_gym.config import ShopConfig
from paars_gym.sessions.event import Session, session_rng
from paars_gym.sessions.split import is_held_out
from paars_gym.shop.open import env_factory
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.shoppers.fitting import FitSettings, LoggedArm, LoggedTest, fit_shopper
from paars_gym.simulation.episode import ScheduledVisit, play
from paars_gym.synthetic.kinds import SyntheticPeople
from paars_gym.synthetic.visit import MOST_STEPS
from paars_gym.synthetic.world import World, mini_world

Progress = Callable[[str], None]
FEW = 40
"""Sessions of the half that judges, of which a fit wants some."""


class Fitting(NamedTuple):
    """What a shopper is fitted on.

    Attributes:
        kind: Of the people whose control sessions it sees.
        others: Kinds of people whose past tests it sees.
        tests: The arms of these tests.
        n_people: Of the world; half of them are fitted on.
        sessions: Control sessions.
        test_sessions: Of each arm of a past test.
        seed: Of everything.
    """

    kind: str
    others: tuple[str, ...]
    tests: tuple[int, ...]
    n_people: int
    sessions: int
    test_sessions: int
    seed: int


def fitted_options(fitting: Fitting, *, progress: Progress = lambda _: None) -> str:
    """Options of the behavioural shopper, as JSON; a fit that was made before is read from the cache."""
    key = hashlib.blake2b(f"{fitting!r} {code_digest(fits=True)}".encode(), digest_size=12).hexdigest()
    file = cache_dir("abtest_validity") / f"fit-{key}.json"
    if not file.is_file():
        progress(f"fitting a shopper to {fitting.kind} people, {len(fitting.tests) * len(fitting.others)} past tests")
        _fit(fitting, progress).write(file)
    return options_of(FittedShopper.read(file))


def options_of(fitted: FittedShopper) -> str:
    """Options of the behavioural shopper, as JSON."""
    return json.dumps({"parameters": fitted.parameters, "reference_prices": fitted.reference_prices}, sort_keys=True)


def _fit(fitting: Fitting, progress: Progress) -> FittedShopper:
    world = _world(fitting.n_people, fitting.seed)
    arms = [_open(0), *(_open(number) for number in fitting.tests)]
    own = SyntheticPeople(fitting.kind, world)
    sessions = [*_sessions(own, arms[0], fitting.sessions, fitting.seed, judging=False)]
    sessions += _sessions(own, arms[0], FEW, fitting.seed, judging=True)
    tests = []
    for kind in fitting.others:
        people = SyntheticPeople(kind, world)
        for number, arm in zip(fitting.tests, arms[1:], strict=True):
            # Each past test has customers of its own.
            logged = partial(_logged, people, fitting.test_sessions, fitting.seed + 1_000 * number)
            tests.append(LoggedTest(f"{kind}: {arm.label}", logged(arms[0]), logged(arm), kind))
    return fit_shopper(
        sessions,
        load_catalog("mini"),
        personas={persona.shopper: persona for persona in world.personas},
        tests=tests,
        people=fitting.kind,
        settings=FitSettings(strength=1.0, page_size=world.shop.page_size),
        progress=progress,
    )


def _logged(people: SyntheticPeople, n_sessions: int, seed: int, arm: OpenArm) -> LoggedArm:
    return LoggedArm([*_sessions(people, arm, n_sessions, seed, judging=False)], arm.shop.catalog)


def _sessions(people: SyntheticPeople, arm: OpenArm, n_sessions: int, seed: int, *, judging: bool) -> Iterator[Session]:
    """Sessions of one half of the people."""
    env = env_factory(arm.shop, arm.config.env, max_steps=MOST_STEPS, options=arm.config.env_options)()
    left = n_sessions
    for outing in people.outings(1_000 * n_sessions, seed=seed + 7):
        shopper = outing.person.name
        if is_held_out(shopper) != judging:
            continue
        rng = session_rng(seed, f"{people.kind} {outing.key}")
        visit = ScheduledVisit(outing.key, shopper, people.persona(shopper), outing.need.intention, outing.start, rng)
        yield play(people.policy(outing), env, visit, max_steps=MOST_STEPS).session
        left -= 1
        if not left:
            return


@lru_cache(maxsize=1)
def _world(n_people: int, seed: int) -> World:
    return mini_world(n_shoppers=n_people, seed=seed)


@lru_cache(maxsize=64)
def _open(arm: int) -> OpenArm:
    return open_arm(all_arms()[arm], ShopConfig(catalog=load_catalog("mini")))
