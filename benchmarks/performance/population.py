"""Sessions a second of behavioural shoppers, log included, on one core, and the memory that they take.

The issue's bars: 2,000 a second on cached queries, 250 on cold ones, a million sessions in less than 1.5 GB.

    python -m benchmarks.performance.population [--check]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.table import Table

from paars_gym.catalog.load import load_catalog
from paars_gym.cli.running import run_command
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.exit_codes import ExitCode
from paars_gym.personas.persona import Persona
from paars_gym.ranking.registry import make_ranking
from paars_gym.report.printing import Printer
from paars_gym.sessions.event import Intention
from paars_gym.shop.open import REMEMBERED, open_shop
from paars_gym.simulation.default_people import default_people
from paars_gym.simulation.result import RunResult
from paars_gym.simulation.run import run as simulate
from paars_gym.simulation.run_folder import RunFolder

WARM_UP = 10_000
POPULAR = 40
"""Needs that everybody shares where queries are to be cached."""
CHECKED, CHECKED_COLD, LENIENCE = 3_000, 500, 4.0
"""Of ``--check``: sessions, and how many times less than its bar a rate may be, by processor time."""
MOST_MB = 1_500
BARS = {"cached queries": 2_000, "cold queries": 250}


class Pace(NamedTuple):
    """How fast a run was.

    Attributes:
        per_second: Sessions, by the clock.
        per_cpu_second: Sessions, by the processor time of this process: what one free core would make.
        steps: Actions a session.
        finishing_seconds: For the Parquet store, afterwards.
    """

    per_second: float
    per_cpu_second: float
    steps: float
    finishing_seconds: float


class Shared:
    """Draws one of a few intentions."""

    name = "shared"

    def __init__(self, intentions: Sequence[Intention]) -> None:
        self._intentions = intentions

    def __call__(self, persona: Persona | None, rng: np.random.Generator) -> Intention:
        return self._intentions[int(len(self._intentions) * rng.random())]


def main(
    sessions: Annotated[
        int, typer.Option(min=1, help="Sessions of the cached runs; 1000000 takes some ten minutes.")
    ] = 10_000,
    cold: Annotated[int, typer.Option(min=1, help="Sessions of the cold run.")] = 2_000,
    check: Annotated[
        bool,
        typer.Option(help="Fewer sessions; exit code 1 where a rate is so low that the machine alone can't be it."),
    ] = False,
) -> None:
    """Prints sessions a second and the memory that the longer of two runs took more than the shorter one."""
    sessions, cold = (min(sessions, CHECKED), min(cold, CHECKED_COLD)) if check else (sessions, cold)
    catalog = load_catalog("mini")
    personas, mined = default_people(catalog)
    shared = Shared([one.intention for one in mined[:POPULAR]])
    shop = open_shop(catalog, "bm25", max_remembered=REMEMBERED)  # kept, and with it every page shown
    warm_up = min(sessions, WARM_UP)
    warm = RunConfig(sessions=warm_up, personas=personas, intentions=shared)
    _pace(warm, ShopConfig(catalog=catalog))
    before = _peak_mb()
    cached = _pace(warm.model_copy(update={"sessions": sessions}), ShopConfig(catalog=catalog))
    after = _peak_mb()
    del shop
    fresh = make_ranking("bm25", catalog)
    coldly = _pace(
        RunConfig(sessions=cold, personas=personas, intentions=mined), ShopConfig(catalog=catalog, ranking=fresh)
    )

    table = Table(
        "on one core", "sessions/s", "by CPU time", "bar", "steps/session", "Parquet s", title="behavioural, mini"
    )
    for name, pace in (("cached queries", cached), ("cold queries", coldly)):
        rates = f"{pace.per_second:,.0f}", f"{pace.per_cpu_second:,.0f}", f"{BARS[name]:,}"
        table.add_row(name, *rates, f"{pace.steps:.1f}", f"{pace.finishing_seconds:.1f}")
    console = Printer()
    console.print(table)
    missed = [
        f"{name}: {pace.per_cpu_second:,.0f} sessions a second of processor time, {LENIENCE:g} times less than the bar"
        for name, pace in (("cached queries", cached), ("cold queries", coldly))
        if pace.per_cpu_second < BARS[name] / LENIENCE
    ]
    missed += [f"peak memory {after:,.0f} MB, more than {MOST_MB:,}"] * (after > MOST_MB)
    console.print(
        f"Peak memory {after:,.0f} MB, {after - before:,.0f} MB of it since the {warm_up:,} sessions of the warm-up."
    )
    if check and missed:
        console.notice("Missed:", f"{'; '.join(missed)}.", style="red")
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _pace(run: RunConfig, shop: ShopConfig) -> Pace:
    ended: list[tuple[float, float]] = []

    def watch(result: RunResult) -> None:
        if result.played in (1, result.planned):
            ended.append((result.seconds, time.process_time()))

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        result = simulate(out, run, shop, progress=watch)
        finished = time.process_time()
        (first, began), (last, done) = ended
        with RunFolder(out).telemetry.open() as lines:
            steps = sum(int(line.split('"steps": ')[1].split(",")[0]) for line in lines) / result.done
    sessions = run.sessions
    return Pace((sessions - 1) / (last - first), (sessions - 1) / (done - began), steps, finished - done)


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


if __name__ == "__main__":
    run_command(main)
