"""Validity of simulated A/B tests, on worlds whose true effect is known and on real clicks.

``python -m benchmarks.abtest_validity`` is the size of the claims, half an hour on one core: 2,000 tests of each kind,
60 tests of direction, a verdict on each bar. ``--reduced`` takes some minutes. Either ends with exit code 1 if a bar is
broken by more than Monte-Carlo error. No language model, no network. "People" here are invented, and choose by another
rule than the shoppers: what is measured is the machinery, not how well any shopper stands for people.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.validity.bars import (
    Rate,
    Saved,
    Verdict,
    coverage_bars,
    false_positive_bars,
    power_bar,
    savings_bars,
    verdict_table,
)
from benchmarks.validity.clicks import (
    CAMPAIGNS,
    CONTROL,
    TREATMENT,
    compare_campaign,
    open_bandit_folder,
    read_campaign,
)
from benchmarks.validity.direction import direction_tables, directions
from benchmarks.validity.pools import FULL, POOL_DRAWS, REDUCED, ArmPool, Size, drawn_tests, play_pool, true_effects
from paars_gym.abtest import ABTest
from paars_gym.abtest.arms import Arm
from paars_gym.abtest.compare import compare
from paars_gym.abtest.estimate import clustered_error, effective_degrees, paired_difference
from paars_gym.abtest.outcomes import OUTCOMES, PRIMARY
from paars_gym.abtest.planning import power_of
from paars_gym.cli.running import run_command, wide_console
from paars_gym.config import RunConfig
from paars_gym.personas.persona import Persona
from paars_gym.shop.open import open_shop
from paars_gym.synthetic.world import mini_world

console, errors = wide_console(), Console(stderr=True)
PARTS = ("false positives", "coverage", "power", "savings", "direction", "clicks")
ARMS = (Arm("bm25"), Arm("bm25+rating:0.3"))
TREATMENTS = ("bm25+rating:0.3", "bm25+popularity:0.3", "rating", "popularity", "price", "random")
POWER_SIZES = (25, 50, 100, 200, 400)
VISITS = (1, 3, 10)
"""Sessions a persona, of the comparison with unpaired tests."""
Progress = Callable[[str], None]
Output = Table | Verdict | str


def hit_rates(
    pool: ArmPool, size: Size, *, independent: bool, seed: int, progress: Progress = lambda _: None
) -> dict[tuple[str, str], Rate]:
    """How often each interval leaves out the truth, by outcome and estimator."""
    truth = dict.fromkeys((outcome.name for outcome in OUTCOMES), 0.0) if independent else true_effects(pool)
    misses: Counter[tuple[str, str]] = Counter()
    estimable: Counter[tuple[str, str]] = Counter()
    rng = np.random.default_rng(seed)
    for number, (pairs, history) in enumerate(
        drawn_tests(pool, size, independent=independent, rng=rng, tests=size.tests)
    ):
        if not number % 50:
            progress(f"{number:,} of {size.tests:,} {'A/A' if independent else 'A/B'} tests")
        for name, result in compare(pairs, covariate=history, seed=number).items():
            for estimator, estimate in (
                ("paired", result.difference),
                ("welch", result.welch),
                ("cuped", result.cuped),
            ):
                if estimate.interval is not None:
                    estimable[name, estimator] += 1
                    misses[name, estimator] += truth[name] not in estimate.interval
            if result.sequential.value is not None and independent:
                estimable[name, "sequential"] += 1
                misses[name, "sequential"] += result.sequential.number("stop_after") is not None
    return {key: Rate(misses[key], tests) for key, tests in estimable.items()}


def rates_table(rates: dict[tuple[str, str], Rate], size: Size, *, independent: bool) -> Table:
    """Outcomes by estimators."""
    what = (
        "A/A, noise of their own: share of tests that find a difference"
        if independent
        else "A/B: share of intervals that miss the true effect"
    )
    table = Table(title=f"{what}, {size.tests:,} tests of {size.personas} personas", title_justify="left")
    estimators = ("paired", "welch", "cuped", *(("sequential",) if independent else ()))
    for head in ("outcome", *estimators):
        table.add_column(head, justify="left" if head == "outcome" else "right")
    for outcome in OUTCOMES:
        shown = [rates.get((outcome.name, name)) for name in estimators]
        table.add_row(outcome.name, *("–" if rate is None else f"{rate.share:.2%}" for rate in shown))
    return table


def power_curve(
    pool: ArmPool, size: Size, *, seed: int, progress: Progress = lambda _: None
) -> tuple[float, dict[int, float], dict[int, Rate]]:
    """The true effect on sales, and planned and found power by the number of personas."""
    differences = (pool.treatment["units"] - pool.control["units"]).reshape(len(pool.history), -1)
    effect = float(differences.mean())
    # One draw of each visit is what a test has; the pool is a large pilot for the variance.
    one_draw = differences.reshape(len(pool.history), -1, POOL_DRAWS)[:, :, 0].mean(axis=1)
    spread = clustered_error(one_draw, np.arange(len(one_draw))) * len(one_draw) ** 0.5
    share = effective_degrees(one_draw) / len(one_draw)
    planned, reached = {}, {}
    rng = np.random.default_rng(seed)
    for personas in POWER_SIZES:
        progress(f"power with {personas} personas")
        hits = 0
        of = size._replace(personas=personas)
        for pairs, _ in drawn_tests(pool, of, independent=False, rng=rng, tests=size.tests):
            result = paired_difference(pairs.control["units"], pairs.treatment["units"], pairs.shoppers)
            p_value = result.difference.p_value
            hits += p_value is not None and p_value < 0.05
        planned[personas] = power_of(effect, spread / personas**0.5, personas, share=share)
        reached[personas] = Rate(hits, size.tests)
    return effect, planned, reached


def power_table(effect: float, planned: dict[int, float], reached: dict[int, Rate]) -> Table:
    """The power curve."""
    table = Table(title=f"Power on {PRIMARY} for a true effect of {effect:+.3f}", title_justify="left")
    for head in ("personas", "planned", "found"):
        table.add_column(head, justify="right")
    for personas, rate in reached.items():
        table.add_row(str(personas), f"{planned[personas]:.1%}", f"{rate.share:.1%}")
    return table


def savings_table(
    people: Sequence[Persona], treatments: Sequence[str], *, seed: int, progress: Progress = lambda _: None
) -> tuple[Table, dict[int, Saved]]:
    """How many times the sessions an unpaired design needs; and those of the first treatment on sales, by visits."""
    table = Table(title=f"Sessions an unpaired design needs / sessions, {len(people)} personas", title_justify="left")
    table.add_column("bm25 against")
    table.add_column("sessions a persona", justify="right")
    for outcome in OUTCOMES:
        table.add_column(outcome.name, justify="right")
    first: dict[int, Saved] = {}
    for treatment in treatments:
        for visits in VISITS if treatment == treatments[0] else VISITS[1:2]:
            progress(f"bm25 against {treatment}, {visits} sessions a persona")
            result = ABTest(Arm("bm25"), Arm(treatment)).run(
                RunConfig(personas=people, sessions=visits * len(people), seed=seed)
            )
            saved = {name: outcome_result.saves for name, outcome_result in result.outcomes.items()}
            if treatment == treatments[0] and (sales := saved[PRIMARY]) is not None:
                first[visits] = Saved(sales, result.outcomes[PRIMARY].difference.number("degrees") or 1.0)
            table.add_row(
                treatment, str(visits), *("–" if value is None else f"{value:.1f}" for value in saved.values())
            )
    return table, first


def bandit_table() -> Table:
    """The Open Bandit sample through the same estimators."""
    folder = open_bandit_folder()
    table = Table(
        title="Open Bandit sample (real clicks): Thompson sampling against random, click rates", title_justify="left"
    )
    for head in ("campaign", "random", "Thompson", "difference, 95%", "p", "IPS", "SNIPS"):
        table.add_column(head, justify="left" if head == "campaign" else "right")
    for campaign in CAMPAIGNS:
        control, treatment = (read_campaign(folder, policy, campaign) for policy in (CONTROL, TREATMENT))
        clicks = compare_campaign(control, treatment, campaign)
        table.add_row(
            campaign,
            f"{clicks.random_rate.value:.2%}",
            f"{clicks.on_policy.value:.2%}",
            f"{clicks.difference.value:+.2%} [{clicks.difference.low:+.2%}, {clicks.difference.high:+.2%}]",
            f"{clicks.difference.p_value:.3f}",
            *(f"{rate.value:.2%} [{rate.low:.2%}, {rate.high:.2%}]" for rate in (clicks.ips, clicks.snips)),
        )
    return table


def main(
    reduced: Annotated[bool, typer.Option("--reduced", help="Some minutes instead of half an hour.")] = False,
    part: Annotated[list[str] | None, typer.Option(help=f"Only this; repeatable: {', '.join(PARTS)}.")] = None,
    tests: Annotated[int | None, typer.Option(min=10, help="Simulated tests of each kind.")] = None,
    direction_tests: Annotated[int | None, typer.Option(min=3, max=60, help="Tests of direction.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """False positives, coverage, power, savings and direction of simulated A/B tests, where the truth is known."""
    for name in part or ():
        if name not in PARTS:
            raise typer.BadParameter(f"Unknown part {name!r}. Available: {', '.join(PARTS)}.")
    size = REDUCED if reduced else FULL
    size = size._replace(tests=tests or size.tests, directions=direction_tests or size.directions)
    verdicts: list[Verdict] = []
    started = time.perf_counter()
    with errors.status("the world") as status:

        def tell(what: str) -> None:
            status.update(f"{what}, after {time.perf_counter() - started:.0f} s")

        for output in outputs(part or PARTS, size, seed=seed, progress=tell):
            if isinstance(output, Verdict):
                verdicts.append(output)
            else:
                console.print(output)
    if verdicts:
        console.print(verdict_table(verdicts))
    console.print(f"{time.perf_counter() - started:.0f} s")
    if any(verdict.broken for verdict in verdicts):
        sys.exit(1)


def outputs(parts: Sequence[str], size: Size, *, seed: int, progress: Progress = lambda _: None) -> Iterator[Output]:
    """The tables of the parts, in order, each when it is there and before its verdicts."""
    if set(parts) != {"clicks"}:
        world = mini_world(open_shop("mini", "bm25"), n_shoppers=size.pool, seed=seed)
    if set(parts) & set(PARTS[:3]):
        pool = play_pool(
            ARMS,
            world.personas,
            size,
            seed=seed,
            progress=lambda arm, done, planned: progress(f"{arm}: {done:,} of {planned:,} sessions"),
        )
    if "false positives" in parts:
        alike = ArmPool(pool.control, pool.control, pool.history)
        rates = hit_rates(alike, size, independent=True, seed=seed, progress=progress)
        yield rates_table(rates, size, independent=True)
        yield from false_positive_bars(rates)
    if "coverage" in parts:
        rates = hit_rates(pool, size, independent=False, seed=seed + 1, progress=progress)
        yield rates_table(rates, size, independent=False)
        yield from coverage_bars(rates)
    if "power" in parts:
        effect, planned, reached = power_curve(pool, size, seed=seed + 2, progress=progress)
        yield power_table(effect, planned, reached)
        yield power_bar(planned, reached)
    if "savings" in parts:
        table, saved = savings_table(world.personas[: size.savings], TREATMENTS, seed=seed, progress=progress)
        yield table
        yield from savings_bars(saved)
    if "direction" in parts:
        yield from direction_tables(directions(world, size, seed=seed, progress=progress))
    if "clicks" in parts:
        try:
            yield bandit_table()
        except ImportError as missing:
            yield f"Open Bandit: skipped. {missing}"


if __name__ == "__main__":
    run_command(main)
