"""Thousands of A/B tests with a known truth in minutes: drawn from populations that are played once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.validity.direction import FULL_DIRECTION, REDUCED_DIRECTION, DirectionSize
from paars_gym.abtest.arms import Arm, open_arm
from paars_gym.abtest.compare import Pairs
from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.experiment import bought_before
from paars_gym.abtest.outcomes import OUTCOMES, columns_of
from paars_gym.abtest.play import Progress, play_in_memory
from paars_gym.abtest.result import SampleRatio
from paars_gym.catalog.load import load_catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.personas.intentions import IntentionMix
from paars_gym.personas.persona import Persona

EVEN = SampleRatio(control=0, treatment=0, p_value=1.0)
POOL_DRAWS = 4
OFTEN = {"outside": 0.5}
"""Parameters of shoppers who buy in every third visit, for whom plans are judged: as they come they buy in every tenth,
and plans, which take means for normal, then promise too much to small tests."""


class Size(NamedTuple):
    """How much is played.

    Attributes:
        tests: Simulated tests of each kind.
        pool: Personas of the population from which tests draw theirs.
        personas: Personas in a test.
        visits: Persona × intention pairs of a persona.
        savings: Personas of the comparison with unpaired tests.
        direction: Of the comparison of simulated with true effects.
        reduced: Whether this is too little for claims.
    """

    tests: int
    pool: int
    personas: int
    visits: int
    savings: int
    direction: DirectionSize
    reduced: bool


REDUCED = Size(tests=200, pool=150, personas=100, visits=2, savings=100, direction=REDUCED_DIRECTION, reduced=True)
FULL = Size(tests=2_000, pool=1_000, personas=200, visits=2, savings=600, direction=FULL_DIRECTION, reduced=False)


class ArmPool(NamedTuple):
    """A population in two arms, played once: what tests draw from. Its own difference is the true effect.

    Attributes:
        control: Columns of `columns_of`, shape (personas, visits, draws) each; draws of the same number share seeds.
        treatment: The same of the treatment arm.
        history: What was known of each persona before.
    """

    control: dict[str, Floats]
    treatment: dict[str, Floats]
    history: Floats


def play_pool(
    arms: tuple[Arm, Arm],
    people: Sequence[Persona],
    size: Size,
    *,
    seed: int,
    parameters: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> ArmPool:
    """Lets everybody of a population into both arms; ``parameters`` are those that differ from the defaults."""
    catalog = load_catalog("mini")
    run = RunConfig(
        personas=people,
        intentions=IntentionMix(catalog),
        sessions=size.pool * size.visits * POOL_DRAWS,
        draws=POOL_DRAWS,
        options={"parameters": dict(parameters or {})},
        seed=seed,
    )
    played = []
    for arm in arms:
        opened = open_arm(arm, ShopConfig(catalog=catalog))
        arm_run = play_in_memory(opened, opened.label, run, progress)
        by_shopper: dict[str, list[tuple[float, ...]]] = {}
        for key in sorted(arm_run.rows):
            row = arm_run.rows[key]
            assert row is not None, "the choice model does not fail"
            by_shopper.setdefault(arm_run.shoppers[key], []).append(row)
        rows = [row for persona in people for row in by_shopper[persona.shopper]]
        shape = (len(people), size.visits, POOL_DRAWS)
        played.append({name: column.reshape(shape) for name, column in columns_of(rows).items()})
    before = bought_before(people)
    return ArmPool(played[0], played[1], np.array([before[persona.shopper] for persona in people]))


def drawn_tests(
    pool: ArmPool, size: Size, *, independent: bool, rng: np.random.Generator, tests: int
) -> Iterator[tuple[Pairs, dict[str, float]]]:
    """Tests on personas drawn from the pool with replacement, each visit with one of its draws in each arm.

    Args:
        pool: Population.
        size: Of a test.
        independent: Two different draws of a visit for the two arms, instead of the same one.
        rng: Of what is drawn.
        tests: How many.
    """
    n_pool, visits, draws = pool.control["units"].shape
    for _ in range(tests):
        who = rng.integers(n_pool, size=size.personas)
        c_draw = rng.integers(draws, size=(size.personas, visits))
        t_draw = (c_draw + rng.integers(1, draws, size=c_draw.shape)) % draws if independent else c_draw
        place = who[:, None], np.arange(visits)[None, :]
        names = [str(index) for index in range(size.personas)]
        pairs = Pairs(
            [name for name in names for _ in range(visits)],
            {name: column[*place, c_draw].ravel() for name, column in pool.control.items()},
            {name: column[*place, t_draw].ravel() for name, column in pool.treatment.items()},
            1,
            0,
            EVEN,
        )
        yield pairs, dict(zip(names, pool.history[who].tolist(), strict=True))


def true_effects(pool: ArmPool) -> dict[str, float]:
    """The pool's own differences, by outcome."""
    effects = {}
    for outcome in OUTCOMES:
        base = outcome.denominator or "sessions"
        arms = [arm[outcome.numerator].sum() / arm[base].sum() for arm in (pool.control, pool.treatment)]
        effects[outcome.name] = float(arms[1] - arms[0])
    return effects
