"""A population on Ray beside one process: seconds in all, the fixed cost told apart from what a session takes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.performance.rows import SpeedRow
from paars_gym.config import RunConfig
from paars_gym.simulation.run import run as simulate

FEW = 200
"""Enough that every worker is asked, and begins."""
WORKERS = (1, 2)


def rows(reduced: bool) -> list[SpeedRow]:
    """One process, one worker and two: a run of few sessions is what is fixed, the rest of a longer one is not."""
    many = 1_000 if reduced else 40_000
    name = f"{many:,} sessions of behavioural shoppers"
    if find_spec("ray") is None:
        return [SpeedRow(name=f"{name} on Ray", note="not measured: ray is not installed (extra ray)")]
    _seconds(FEW)  # fills the cache
    alone_few, alone_many = _seconds(FEW), _seconds(many)
    made = []
    # Ray writes a token into the home folder, and a process goes on with the first one that it has read.
    with tempfile.TemporaryDirectory() as home, _at_home(home):
        for workers in WORKERS:
            began = time.perf_counter()
            with _cluster(workers):
                started = time.perf_counter() - began
                first, few, lots = _seconds(FEW, "ray"), _seconds(FEW, "ray"), _seconds(many, "ray")
            on_ray = f"{name} on Ray, {workers} worker{'s' * (workers > 1)}"
            figures = (
                (f"{on_ray}, all starts included", started + first - few + lots, alone_many),
                (f"{on_ray}: fixed, the starts of Ray and its workers and a run of {FEW}", started + first, alone_few),
                (f"{on_ray}: beyond what is fixed", lots - few, alone_many - alone_few),
            )
            made += [
                SpeedRow(name=what, measured=measured, unit="s", beside="one process", peer=peer)
                for what, measured, peer in figures
            ]
    return made


@contextmanager
def _at_home(home: str) -> Iterator[None]:
    before, os.environ["HOME"] = os.environ.get("HOME", ""), home
    try:
        yield
    finally:
        os.environ["HOME"] = before


def _cluster(workers: int) -> AbstractContextManager[Any]:
    from paars_gym.cluster.session import Cluster

    return Cluster(cpus=workers)


def _seconds(sessions: int, backend: str = "") -> float:
    config = RunConfig.model_validate({"sessions": sessions, **({"backend": backend} if backend else {})})
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = simulate(Path(folder) / "run", config)
        assert done.done == sessions, done.stopped
        return time.perf_counter() - began
