"""Direction agreement on tests whose people choose by quite another rule, before and after calibration.

People are satisficers (`paars_gym.synthetic.satisficers`), shoppers the behavioural ones. Of people the calibration
sees sessions of the control arm alone, before any test. Each test is a ranking or a content change against plain bm25.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from rich.table import Table

from benchmarks.validity.pools import Size
from paars_gym.abtest.arms import Arm, open_arm
from paars_gym.abtest.backtest import BacktestResult, backtest
from paars_gym.abtest.compare import pair_up
from paars_gym.abtest.estimate import ArmContrast, paired_difference
from paars_gym.abtest.fit.fitted_population import FittedPopulation
from paars_gym.abtest.fit.population import ALWAYS_BUY, fit_population
from paars_gym.abtest.past_tests import PastTest
from paars_gym.abtest.patch import Change
from paars_gym.abtest.play import ArmRun, play_in_memory
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.estimate import Estimate
from paars_gym.personas.intentions import IntentionMix
from paars_gym.report.abtest import backtest_table, population_table
from paars_gym.sessions.event import Session
from paars_gym.shop.open import env_factory
from paars_gym.simulation.concurrency import play_all
from paars_gym.simulation.schedule import Schedule
from paars_gym.synthetic.satisficers import GOALS, Satisficer, usual_prices
from paars_gym.synthetic.world import World

BEFORE, AFTER = "always buy", "calibrated"
SURENESS = (0.0, 2.0, 4.0, float("inf"))
"""Classes of |z| of people's effect."""


def candidate_tests(catalog: Catalog, number: int) -> list[tuple[str, Arm]]:
    """Treatments against plain bm25: rankings and content in turn."""
    ids = catalog.column("id").to_pylist()
    order = np.argsort(-catalog.popularity, kind="stable")
    rankings = [
        f"bm25+{name}:{weight}"
        for weight in (0.1, 0.3, 1, -0.3, 0.6, -0.1)
        for name in ("rating", "popularity", "price")
    ]
    rankings += [
        "rating",
        "popularity",
        "price",
        *(f"random:{seed}" for seed in range(1, 6)),
        "popularity(bm25+rating:0.3)",
    ]
    rankings += ["bm25+rating:0.3+popularity:0.3", "bm25+price:-0.3+rating:0.3", "rating(popularity)"]
    contents: list[tuple[str, list[Change]]] = []
    for percent in (-50, -20, 20, 50, -10, 10):
        contents.append((f"price {percent:+d}%", [Change(all=True, price_percent=percent)]))
        contents.append((f"price {percent:+d}% above 50", [Change(min_price=50, price_percent=percent)]))
        contents.append((f"price {percent:+d}% of the best rated", [Change(min_rating=4.3, price_percent=percent)]))
    for share in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        top = [str(ids[row]) for row in order[: int(share * len(ids))]]
        contents.append((f"top {share:.0%} sold out", [Change(product=key, available=False) for key in top]))
        last = [str(ids[row]) for row in order[-int(share * len(ids)) :]]
        contents.append((f"last {share:.0%} sold out", [Change(product=key, available=False) for key in last]))
    both: list[tuple[str, Arm]] = []
    for index in range(max(len(rankings), len(contents))):
        both += [(spec, Arm(spec)) for spec in rankings[index : index + 1]]
        both += [(name, Arm("bm25", patch=changes)) for name, changes in contents[index : index + 1]]
    return both[:number]


class Directions(NamedTuple):
    """What simulated tests said of people who choose by another rule.

    Attributes:
        population: Calibrated on people's sessions without a test.
        sureness: |z| of people's effect, by test.
        backtests: By the name of the shoppers.
    """

    population: FittedPopulation
    sureness: dict[str, float]
    backtests: dict[str, BacktestResult]


def directions(world: World, size: Size, *, seed: int, progress: Callable[[str], None] = lambda _: None) -> Directions:
    """Plays tests on people, and on shoppers before and after their population is calibrated."""
    catalog, personas = world.shop.catalog, world.personas

    progress("people without a test")
    shoppers = RunConfig(personas=personas, sessions=size.sessions, seed=seed)
    shop = ShopConfig(catalog=catalog)
    population = fit_population(_people_before(world, size, seed), shoppers, shop, progress=progress)
    runs = {
        "people": RunConfig(
            policy=partial(Satisficer, usual_prices(catalog)),
            personas=personas,
            intentions=IntentionMix(catalog, GOALS),
            sessions=size.human_sessions,
            # Other visits than those that the population was calibrated on, and than the shoppers'.
            seed=seed + 1,
        ),
        BEFORE: shoppers.model_copy(update={"intentions": IntentionMix(catalog, ALWAYS_BUY)}),
        AFTER: population.applied_to(shoppers, catalog, personas),
    }

    def play(arm: Arm, who: str) -> ArmRun:
        return play_in_memory(open_arm(arm, shop), who, runs[who])

    controls = {name: play(Arm("bm25"), name) for name in runs}
    tests: dict[str, list[PastTest]] = {BEFORE: [], AFTER: []}
    sureness: dict[str, float] = {}
    arms = candidate_tests(catalog, size.directions)
    for number, (label, arm) in enumerate(arms, start=1):
        progress(f"test {number} of {len(arms)}: {label}")
        effects = {name: _effect(controls[name], play(arm, name)) for name in runs}
        human = effects.pop("people")
        error = human.difference.number("standard_error")
        sureness[label] = abs((human.difference.value or 0.0) / error) if error else 0.0
        for name, simulated in effects.items():
            tests[name].append(PastTest(name=label, human=_relative(human), simulated=_relative(simulated)))
    return Directions(population, sureness, {name: backtest(played) for name, played in tests.items()})


def _people_before(world: World, size: Size, seed: int) -> list[Session]:
    catalog = world.shop.catalog
    wants = IntentionMix(catalog, GOALS)
    plan = Schedule(sessions=size.human_sessions, seed=seed, personas=world.personas, draw=wants)
    sessions: list[Session] = []
    play_all(
        plan.arrivals(),
        make_env=env_factory(world.shop),
        make_policy=partial(Satisficer, usual_prices(catalog)),
        finished=lambda played: sessions.append(played.session),
    )
    return sessions


def _effect(control: ArmRun, treatment: ArmRun) -> ArmContrast:
    pairs = pair_up(control.shoppers, control.rows, treatment.rows)
    return paired_difference(pairs.control["units"], pairs.treatment["units"], pairs.shoppers)


def _relative(contrast: ArmContrast) -> Estimate:
    """The relative change, without an interval where no pair differs: that is no proof that none would."""
    return (
        contrast.relative if contrast.difference.number("standard_error") else replace(contrast.relative, interval=None)
    )


def direction_tables(directed: Directions) -> Iterator[Table]:
    """The calibration, agreement by how sure people's effect is, and both backtests."""
    yield population_table(directed.population)
    table = Table(title="Direction agreement, people being satisficers", title_justify="left")
    for head in ("|z| of people's effect", "tests", *directed.backtests):
        table.add_column(head, justify="left" if head.startswith("|") else "right")
    for low, high in (*pairwise(SURENESS), (0.0, float("inf"))):
        shares, number = [], 0
        for result in directed.backtests.values():
            within = [test for test in result.tests if low <= directed.sureness[test.name] < high]
            agreed = sum((test.human.value or 0.0) * (test.simulated.value or 0.0) > 0 for test in within)
            number = len(within)
            shares.append(f"{agreed} ({agreed / number:.0%})" if number else "–")
        name = f"{low:g} and more" if np.isinf(high) else f"{low:g} to {high:g}"
        table.add_row(name if low or not np.isinf(high) else "all", str(number), *shares)
    ratios = [
        f"{result.magnitude_ratio.value:.2f} → {result.calibrated_magnitude_ratio.value:.2f}"
        if result.magnitude_ratio.value is not None and result.calibrated_magnitude_ratio.value is not None
        else "–"
        for result in directed.backtests.values()
    ]
    table.add_row("magnitude ratio, → by past tests, left out", "", *ratios)
    yield table
    for name, result in directed.backtests.items():
        yield backtest_table(result, title=f"{len(result.tests)} tests; people: satisficers, shoppers: {name}")
