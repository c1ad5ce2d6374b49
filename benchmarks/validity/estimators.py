"""Rates of simulated tests on pools with a known truth: false positives, coverage, power, savings; and real clicks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from rich.table import Table

from benchmarks.validity.bars import Rate, Saved
from benchmarks.validity.clicks import (
    CAMPAIGNS,
    CONTROL,
    TREATMENT,
    compare_campaign,
    open_bandit_folder,
    read_campaign,
)
from benchmarks.validity.pools import POOL_DRAWS, ArmPool, Size, drawn_tests, true_effects
from paars_gym.abtest import ABTest
from paars_gym.abtest.arms import Arm
from paars_gym.abtest.compare import compare
from paars_gym.abtest.estimate import clustered_error, effective_degrees, paired_difference
from paars_gym.abtest.outcomes import OUTCOMES, PRIMARY
from paars_gym.abtest.planning import power_of
from paars_gym.config import RunConfig
from paars_gym.personas.persona import Persona

POWER_SIZES = (25, 50, 100, 200, 400)
VISITS = (1, 3, 10)
"""Sessions a persona, of the comparison with unpaired tests."""
Progress = Callable[[str], None]


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


def power_table(who: str, effect: float, planned: dict[int, float], reached: dict[int, Rate]) -> Table:
    """The power curve."""
    table = Table(title=f"Power on {PRIMARY} for a true effect of {effect:+.3f}, {who}", title_justify="left")
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
