"""Kills a run again and again at random moments, in processes forked from one that has imported everything.

    python tests/simulation/crashes.py FOLDER KILLS SEED

Prints how many runs came to their end and how many sessions the log held at each kill.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.sessions.run_log import scan
from paars_gym.shop.open import open_shop
from paars_gym.simulation.result import RunResult
from paars_gym.simulation.run import run as simulate
from tests.conftest import twelve_products
from tests.simulation.shoppers import Wanderer

SESSIONS = 150


def run(out: Path, catalog: Catalog) -> RunResult:
    config = RunConfig(personas=(), sessions=SESSIONS, policy=Wanderer, max_steps=8, seed=5, record="steps")
    return simulate(out, config, ShopConfig(catalog=catalog), resume=True, fsync_seconds=0.01)


def kill_at(out: Path, catalog: Catalog, seconds: float) -> bool:
    """Whether the run had come to its end by then."""
    child = os.fork()
    if child == 0:
        run(out, catalog)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WEXITSTATUS(status) == 0 if os.WIFEXITED(status := os.waitpid(child, 0)[1]) else False


def folders(root: Path) -> Iterator[Path]:
    number = 0
    while True:
        yield root / f"run-{number}"
        number += 1


def main() -> None:
    root, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    moments = random.Random(seed)
    catalog = Catalog.from_products(twelve_products(), name="twelve", synthetic=True)
    shop = open_shop(catalog)
    shop.ranking.rank("kettle")  # the index is made here, and forked with the process
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        run(root / "whole", catalog)
        os._exit(0)
    os.waitpid(child, 0)
    whole = time.perf_counter() - started
    names = folders(root)
    out = next(names)
    survived = []
    for _ in range(kills):
        # Mostly early: a run needs several lives, and begins and ends often enough to be hit there too.
        if kill_at(out, catalog, moments.random() * whole * moments.choice((0.3, 1.2))):
            out = next(names)
        log = out / "sessions.jsonl"
        survived.append(sum(line.fault is None for line in scan(log)) if log.exists() else 0)
    print(*survived)
    print(whole, file=sys.stderr)
    for folder in sorted(root.glob("run-*")):
        run(folder, catalog)


if __name__ == "__main__":
    main()
