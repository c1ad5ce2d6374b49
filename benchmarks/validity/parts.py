"""The parts of the check of simulated A/B tests, one after the other, each with its tables and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.validity.bars import Verdict, coverage_bars, false_positive_bars, power_bar, savings_bars
from benchmarks.validity.direction import cases
from benchmarks.validity.estimators import bandit_table, hit_rates, power_curve, power_table, rates_table, savings_table
from benchmarks.validity.judging import all_scores, cases_table, direction_bars, rows, scores_table
from benchmarks.validity.pools import OFTEN, ArmPool, Size, play_pool
from paars_gym.abtest.arms import Arm
from paars_gym.shop.open import open_shop
from paars_gym.synthetic.world import mini_world

PARTS = ("false positives", "coverage", "power", "savings", "direction", "clicks")
ARMS = (Arm("bm25"), Arm("bm25+rating:0.3"))
TREATMENTS = ("bm25+rating:0.3", "bm25+popularity:0.3", "rating", "popularity", "price", "random")
Progress = Callable[[str], None]
Output = Table | Verdict | str


def outputs(
    parts: Sequence[str],
    size: Size,
    scored: dict[str, Any],
    *,
    seed: int,
    processes: int = 1,
    progress: Progress = lambda _: None,
) -> Iterator[Output]:
    """The tables of the parts, in order, each when it is there and before its verdicts.

    Args:
        parts: Of `PARTS`.
        size: How much is played.
        scored: Gets what the part on direction measured, for a file.
        seed: Of everything random.
        processes: That play people and shoppers.
        progress: Told what goes on.
    """
    if set(parts) & set(PARTS[:4]):
        world = mini_world(open_shop("mini", "bm25"), n_shoppers=size.pool, seed=seed)

        def everybody(parameters: Mapping[str, float] | None = None) -> ArmPool:
            def tell(arm: str, done: int, planned: int) -> None:
                progress(f"{arm}: {done:,} of {planned:,} sessions")

            return play_pool(ARMS, world.personas, size, seed=seed, parameters=parameters, progress=tell)

    if set(parts) & set(PARTS[:3]):
        pool = everybody()
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
        yield power_table("shoppers as they come", *power_curve(pool, size, seed=seed + 2, progress=progress))
        effect, planned, reached = power_curve(everybody(OFTEN), size, seed=seed + 2, progress=progress)
        yield power_table("shoppers who buy often", effect, planned, reached)
        yield power_bar(planned, reached)
    if "savings" in parts:
        table, saved = savings_table(world.personas[: size.savings], TREATMENTS, seed=seed, progress=progress)
        yield table
        yield from savings_bars(saved)
    if "direction" in parts:
        played = cases(size.direction, seed=seed, processes=processes, progress=progress)
        found = all_scores(played)
        scored |= rows(played, found)
        yield cases_table(played)
        yield scores_table(found)
        if not size.reduced:
            yield from direction_bars(found)
    if "clicks" in parts:
        try:
            yield bandit_table()
        except ImportError as missing:
            yield f"Open Bandit: skipped. {missing}"
