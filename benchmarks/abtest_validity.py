"""Do simulated A/B tests say what they should? On worlds whose true effect is known, and on real clicks.

``python -m benchmarks.abtest_validity`` is a reduced size; ``--full`` is the size of the claims: 2,000 tests of each
kind, 60 tests of direction. No language model, no network. "People" here are invented and follow habits and chances,
the shoppers a choice model: what is measured is the machinery, not how well any shopper stands for people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from paars_gym.abtest import ABTest
from paars_gym.abtest.arms import Arm, open_arm
from paars_gym.abtest.backtest import Backtest, PastTest, backtest
from paars_gym.abtest.bandit import CAMPAIGNS, CONTROL, TREATMENT, compare_campaign, open_bandit_folder, read_campaign
from paars_gym.abtest.compare import Pairs, compare
from paars_gym.abtest.estimate import Floats, clustered_error, paired_difference
from paars_gym.abtest.experiment import bought_before
from paars_gym.abtest.outcomes import COLUMNS, OUTCOMES, columns_of, measure
from paars_gym.abtest.patch import Change
from paars_gym.abtest.planning import power_of
from paars_gym.abtest.play import Visitors, play_in_memory
from paars_gym.abtest.population import MixFit, fit_mix
from paars_gym.abtest.result import SampleRatio
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import Persona
from paars_gym.report.abtest import backtest_table
from paars_gym.sessions.event import Session
from paars_gym.shop.open import open_shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.registry import make_policy
from paars_gym.simulation.crowd import play_all
from paars_gym.simulation.intentions import MIX, Goal, IntentionMix
from paars_gym.simulation.plan import Plan
from paars_gym.simulation.world import World, mini_world

console = Console(highlight=False)
EVEN = SampleRatio(control=0, treatment=0, p_value=1.0)
POOL_DRAWS = 4
ALWAYS_BUY: dict[Goal, float] = {"buy": 1.0}


class Size(NamedTuple):
    """How much is played.

    Attributes:
        tests: Simulated tests of each kind.
        pool: Personas of the population from which tests draw theirs.
        personas: Personas in a test.
        visits: Persona × intention pairs of a persona.
        directions: Tests of direction.
        sessions: Sessions in each arm of these.
    """

    tests: int
    pool: int
    personas: int
    visits: int
    directions: int
    sessions: int


REDUCED = Size(tests=200, pool=150, personas=100, visits=2, directions=10, sessions=300)
FULL = Size(tests=2_000, pool=1_000, personas=200, visits=2, directions=60, sessions=2_000)


class Pool(NamedTuple):
    """A population in two arms, played once: what tests draw from. Its own difference is the true effect.

    Attributes:
        control: Columns of `columns_of`, shape (personas, visits, draws) each; draws of the same number share seeds.
        treatment: The same of the treatment arm.
        history: What was known of each persona before.
    """

    control: dict[str, Floats]
    treatment: dict[str, Floats]
    history: Floats


def play_pool(arms: tuple[Arm, Arm], people: Sequence[Persona], size: Size, *, seed: int) -> Pool:
    """Lets everybody of a population into both arms."""
    catalog = load_catalog("mini")
    visitors = Visitors(
        policy="behavioural",
        policy_options={},
        condition="persona",
        personas=people,
        intentions=IntentionMix(catalog),
        pairs=size.pool * size.visits,
        draws=POOL_DRAWS,
        seed=seed,
        independent_noise=False,
        max_steps=50,
        page_size=10,
        concurrency=1,
    )
    played = []
    for arm in arms:
        run = play_in_memory(open_arm(arm, catalog), "arm", visitors)
        by_shopper: dict[str, list[tuple[float, ...]]] = {}
        for key in sorted(run.rows):
            row = run.rows[key]
            assert row is not None, "the choice model does not fail"
            by_shopper.setdefault(run.shoppers[key], []).append(row)
        rows = [row for persona in people for row in by_shopper[persona.shopper]]
        shape = (len(people), size.visits, POOL_DRAWS)
        played.append({name: column.reshape(shape) for name, column in columns_of(rows).items()})
    before = bought_before(people)
    return Pool(played[0], played[1], np.array([before[persona.shopper] for persona in people]))


def drawn_tests(
    pool: Pool, size: Size, *, independent: bool, rng: np.random.Generator, tests: int
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


def true_effects(pool: Pool) -> dict[str, float]:
    """The pool's own differences, by outcome."""
    found = {}
    for outcome in OUTCOMES:
        base = outcome.denominator or "sessions"
        arms = [arm[outcome.numerator].sum() / arm[base].sum() for arm in (pool.control, pool.treatment)]
        found[outcome.name] = float(arms[1] - arms[0])
    return found


def hit_rates(pool: Pool, size: Size, *, independent: bool, seed: int) -> Table:
    """How often each interval leaves out the truth, by outcome and estimator."""
    truth = dict.fromkeys((outcome.name for outcome in OUTCOMES), 0.0) if independent else true_effects(pool)
    misses: Counter[tuple[str, str]] = Counter()
    estimable: Counter[tuple[str, str]] = Counter()
    rng = np.random.default_rng(seed)
    for number, (pairs, history) in enumerate(
        drawn_tests(pool, size, independent=independent, rng=rng, tests=size.tests)
    ):
        for name, found in compare(pairs, covariate=history, seed=number).items():
            intervals = {"paired": found.interval, "welch": found.welch.interval, "cuped": found.cuped.interval}
            for estimator, interval in intervals.items():
                if interval is not None:
                    estimable[name, estimator] += 1
                    misses[name, estimator] += not interval[0] <= truth[name] <= interval[1]
            if found.sequential is not None and independent:
                estimable[name, "sequential"] += 1
                misses[name, "sequential"] += found.sequential.stop_after is not None
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
        shares = [
            f"{misses[outcome.name, name] / estimable[outcome.name, name]:.2%}"
            if estimable[outcome.name, name]
            else "–"
            for name in estimators
        ]
        table.add_row(outcome.name, *shares)
    return table


def power_table(pool: Pool, size: Size, *, seed: int) -> Table:
    """Planned against found power on sales, by the number of personas."""
    differences = (pool.treatment["units"] - pool.control["units"]).reshape(len(pool.history), -1)
    effect = float(differences.mean())
    # One draw of each visit is what a test has; the pool is a large pilot for the variance.
    one_draw = differences.reshape(len(pool.history), -1, POOL_DRAWS)[:, :, 0].mean(axis=1)
    spread = clustered_error(one_draw, np.arange(len(one_draw))) * len(one_draw) ** 0.5
    table = Table(title=f"Power on sales_units for a true effect of {effect:+.3f}", title_justify="left")
    for head in ("personas", "planned", "found"):
        table.add_column(head, justify="right")
    rng = np.random.default_rng(seed)
    for personas in (25, 50, 100, 200, 400):
        found = 0
        for pairs, _ in drawn_tests(
            pool, size._replace(personas=personas), independent=False, rng=rng, tests=size.tests
        ):
            result = paired_difference(pairs.control["units"], pairs.treatment["units"], pairs.shoppers)
            found += result.p_value < 0.05
        planned = power_of(effect, spread / personas**0.5, personas)
        table.add_row(str(personas), f"{planned:.1%}", f"{found / size.tests:.1%}")
    return table


def savings_table(people: Sequence[Persona], treatments: Sequence[str], *, seed: int) -> Table:
    """How many times the sessions an unpaired design needs, by outcome, treatment and sessions a persona."""
    table = Table(title=f"Sessions an unpaired design needs / sessions, {len(people)} personas", title_justify="left")
    table.add_column("bm25 against")
    table.add_column("sessions a persona", justify="right")
    for outcome in OUTCOMES:
        table.add_column(outcome.name, justify="right")
    for treatment, visits in [(treatments[0], 1), (treatments[0], 3), *((spec, 10) for spec in treatments)]:
        result = ABTest(Arm("bm25"), Arm(treatment)).run(
            catalog="mini", personas=people, sessions=visits * len(people), seed=seed
        )
        cells = []
        for found in result.outcomes.values():
            cells.append(f"{found.unpaired_sessions / found.sessions:.1f}" if found.unpaired_sessions else "–")
        table.add_row(treatment, str(visits), *cells)
    return table


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


class Crowd(NamedTuple):
    """Shoppers as a test has them.

    Attributes:
        mix: Of their intentions.
        parameters: Of their choice model; None for the defaults.
    """

    mix: Mapping[Goal, float]
    parameters: BehaviouralParameters | None = None


class Directions(NamedTuple):
    """What simulated tests said of invented people.

    Attributes:
        fits: Mixes of goals fitted to people's sessions, and how near they come, by what else was fitted.
        backtests: By the name of the crowd.
    """

    fits: dict[str, MixFit]
    backtests: dict[str, Backtest]


def directions(world: World, size: Size, *, seed: int) -> Directions:
    """Plays tests on people, and on shoppers before and after their population is calibrated."""
    catalog, people = world.shop.catalog, world.personas
    now = Arm("bm25")
    control = world.humans(size.sessions)
    train, held_out = control[: len(control) // 2], control[len(control) // 2 :]
    named = {persona.shopper: persona for persona in people}
    choice = BehaviouralShopper.fit(train, catalog, personas=named).parameters
    fits = {
        name: fit_mix(train, held_out, _shoppers(now, catalog, people, Crowd(MIX, parameters), size, seed))
        for name, parameters in (("mix fitted", None), ("mix and choices fitted", choice))
    }
    crowds = {
        "always buys": Crowd(ALWAYS_BUY),
        "mix fitted": Crowd(fits["mix fitted"].mix),
        "mix and choices fitted": Crowd(fits["mix and choices fitted"].mix, choice),
    }
    controls = {name: _shoppers(now, catalog, people, crowd, size, seed) for name, crowd in crowds.items()}
    tests: dict[str, list[PastTest]] = {name: [] for name in crowds}
    for label, arm in candidate_tests(catalog, size.directions):
        human = _effect(control, world.humans(size.sessions, shop=open_arm(arm, catalog).shop))
        for name, crowd in crowds.items():
            simulated = _effect(controls[name], _shoppers(arm, catalog, people, crowd, size, seed))
            tests[name].append(PastTest(label, *human, *simulated))
    return Directions(fits, {name: backtest(found) for name, found in tests.items()})


def _shoppers(
    arm: Arm, catalog: Catalog, people: Sequence[Persona], crowd: Crowd, size: Size, seed: int
) -> list[Session]:
    shop = open_arm(arm, catalog).shop
    plan = Plan(sessions=size.sessions, seed=seed, personas=people, draw=IntentionMix(catalog, crowd.mix))
    found: list[Session] = []
    play_all(
        plan.arrivals(),
        shop=shop,
        make_policy=make_policy("behavioural", shop=shop, parameters=crowd.parameters),
        finished=lambda played: found.append(played.session),
    )
    return found


def _effect(control: Sequence[Session], treatment: Sequence[Session]) -> tuple[float, tuple[float, float]]:
    column = COLUMNS.index("units")
    now, then = ([measure(session)[column] for session in sessions] for sessions in (control, treatment))
    found = paired_difference(now, then, [session.shopper for session in control])
    return found.relative, found.relative_interval


def direction_tables(found: Directions) -> Iterator[Table]:
    """Moments before and after each fit, and the backtests."""
    for what, fit in found.fits.items():
        mix = ", ".join(f"{goal} {share:.0%}" for goal, share in fit.mix.items())
        table = Table(title=f"Held-out half of people's sessions, {what}: {mix}", title_justify="left")
        for head in ("a session", "people", "before", "after"):
            table.add_column(head, justify="left" if head == "a session" else "right")
        for name, human in fit.human.items():
            table.add_row(name, f"{human:.3f}", f"{fit.before[name]:.3f}", f"{fit.after[name]:.3f}")
        table.add_row("distance, sd", "", f"{fit.distance_before:.3f}", f"{fit.distance_after:.3f}")
        yield table
    for name, result in found.backtests.items():
        yield backtest_table(result, title=f"{len(result.tests)} tests on invented people; shoppers: {name}")


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
        found = compare_campaign(control, treatment, campaign)
        low, high = found.difference.interval
        table.add_row(
            campaign,
            f"{found.random_rate.rate:.2%}",
            f"{found.on_policy.rate:.2%}",
            f"{found.difference.estimate:+.2%} [{low:+.2%}, {high:+.2%}]",
            f"{found.difference.p_value:.3f}",
            *(
                f"{value.rate:.2%} [{value.interval[0]:.2%}, {value.interval[1]:.2%}]"
                for value in (found.ips, found.snips)
            ),
        )
    return table


PARTS = ("false positives", "coverage", "power", "savings", "direction", "clicks")


def main(
    full: Annotated[bool, typer.Option("--full", help="The size of the claims: half an hour on one core.")] = False,
    part: Annotated[list[str] | None, typer.Option(help=f"Only this; repeatable: {', '.join(PARTS)}.")] = None,
    tests: Annotated[int | None, typer.Option(min=10, help="Simulated tests of each kind.")] = None,
    direction_tests: Annotated[int | None, typer.Option(min=3, max=60, help="Tests of direction.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """False positives, coverage, power, savings and direction of simulated A/B tests, where the truth is known."""
    for name in part or ():
        if name not in PARTS:
            raise typer.BadParameter(f"Unknown part {name!r}. Available: {', '.join(PARTS)}.")
    size = FULL if full else REDUCED
    size = size._replace(tests=tests or size.tests, directions=direction_tests or size.directions)
    for table in tables(part or PARTS, size, seed=seed):
        console.print(table)


def tables(parts: Sequence[str], size: Size, *, seed: int) -> Iterator[Table | str]:
    """The parts, in order, each when it is there."""
    if set(parts) != {"clicks"}:
        world = mini_world(open_shop("mini", "bm25"), n_shoppers=size.pool, seed=seed)
    if set(parts) & set(PARTS[:3]):
        pool = play_pool((Arm("bm25"), Arm("bm25+rating:0.3")), world.personas, size, seed=seed)
    if "false positives" in parts:
        yield hit_rates(Pool(pool.control, pool.control, pool.history), size, independent=True, seed=seed)
    if "coverage" in parts:
        yield hit_rates(pool, size, independent=False, seed=seed + 1)
    if "power" in parts:
        yield power_table(pool, size, seed=seed + 2)
    if "savings" in parts:
        treatments = ("bm25+rating:0.3", "bm25+popularity:0.3", "rating", "popularity", "price", "random")
        yield savings_table(world.personas, treatments, seed=seed)
    if "direction" in parts:
        yield from direction_tables(directions(world, size, seed=seed))
    if "clicks" in parts:
        try:
            yield bandit_table()
        except ImportError as missing:
            yield f"Open Bandit: skipped. {missing}"


if __name__ == "__main__":
    typer.run(main)
