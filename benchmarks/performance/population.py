"""Sessions a second of behavioural shoppers, log included, on one core, and the memory that they take.

The bars: 2,000 a second on cached queries, 250 on cold ones, a million sessions in less than 1.5 GB.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.performance.rows import SpeedRow, at_least, peak_mb
from paars_gym.catalog.load import load_catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.personas.persona import Persona
from paars_gym.ranking.registry import make_ranking
from paars_gym.sessions.event import Intention
from paars_gym.shop.open import REMEMBERED, open_shop
from paars_gym.simulation.default_people import default_people
from paars_gym.simulation.result import RunResult
from paars_gym.simulation.run import run as simulate
from paars_gym.simulation.run_folder import RunFolder

POPULAR = 40
"""Needs that everybody shares where queries are to be cached."""
LENIENCE = 4.0
"""So many times less than its bar a rate of reduced size may be."""
BARS = {"cached": 2_000.0, "cold": 250.0}


class Pace(NamedTuple):
    """How fast a run was.

    Attributes:
        per_cpu_second: Sessions, by the processor time of this process: what one free core would make.
        steps: Actions a session.
        finishing_seconds: For the Parquet store, afterwards.
    """

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


def rows(reduced: bool) -> list[SpeedRow]:
    """Sessions a second of this process's time: what one free core would make."""
    sessions, cold = (2_000, 300) if reduced else (10_000, 2_000)
    catalog = load_catalog("mini")
    personas, mined = default_people(catalog)
    shared = Shared([one.intention for one in mined[:POPULAR]])
    shop = open_shop(catalog, "bm25", max_remembered=REMEMBERED)  # kept, and with it every page shown
    warm = RunConfig(sessions=sessions, personas=personas, intentions=shared)
    _pace(warm, ShopConfig(catalog=catalog))
    cached = _pace(warm, ShopConfig(catalog=catalog))
    del shop
    fresh = make_ranking("bm25", catalog)
    coldly = _pace(
        RunConfig(sessions=cold, personas=personas, intentions=mined), ShopConfig(catalog=catalog, ranking=fresh)
    )
    return [
        SpeedRow(
            name=f"sessions of behavioural shoppers, {pace.steps:.0f} steps, log included, {queries} queries, one core",
            measured=pace.per_cpu_second,
            unit="sessions/CPU s",
            beside="limit",
            peer=BARS[queries],
            asked=at_least(BARS[queries] / (LENIENCE if reduced else 1)),
        )
        for queries, pace in (("cached", cached), ("cold", coldly))
    ]


def growth_point(sessions: int) -> dict[str, float]:
    """A run of so many sessions with a few needs, and what of its memory grew with them."""
    catalog = load_catalog("mini")
    personas, mined = default_people(catalog)
    shared = Shared([one.intention for one in mined[:POPULAR]])
    before = peak_mb()
    began = time.perf_counter()
    pace = _pace(RunConfig(sessions=sessions, personas=personas, intentions=shared), ShopConfig(catalog=catalog))
    seconds, peak = time.perf_counter() - began, peak_mb()
    return {
        "run with log and store, s": seconds,
        "of it the store, CPU s": pace.finishing_seconds,
        "peak memory, MB": peak,
        "of it since the catalog was there, MB": peak - before,
    }


def _pace(run: RunConfig, shop: ShopConfig) -> Pace:
    ended: list[float] = []

    def watch(result: RunResult) -> None:
        if result.played in (1, result.planned):
            ended.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        result = simulate(out, run, shop, progress=watch)
        finished = time.process_time()
        began, done = ended
        with RunFolder(out).telemetry.open() as lines:
            steps = sum(int(line.split('"steps": ')[1].split(",")[0]) for line in lines) / result.done
    return Pace((run.sessions - 1) / (done - began), steps, finished - done)
