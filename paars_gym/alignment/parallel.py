"""How do the exact metrics use several cores? Tiles on threads, each with a BLAS of one thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Protocol, TypeVar

from threadpoolctl import ThreadpoolController

Tile = TypeVar("Tile")
Value = TypeVar("Value")


class MapTiles(Protocol):
    """Run one function on many tiles; results come in the order of the tiles."""

    def __call__(self, work: Callable[[Tile], Value], tiles: Iterable[Tile], /) -> Iterator[Value]: ...


def available_threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def tile_pool(threads: int | None) -> Iterator[MapTiles]:
    """A pool of ``threads`` (all available cores by default), numpy's BLAS limited to one thread meanwhile.

    Exponentials and sums between the products do not use BLAS: with threads over tiles they run in parallel too,
    and a tile is still in the cache when its turn comes. The limit holds for the whole process.
    """
    workers = available_threads() if threads is None else threads
    if workers < 1:
        raise ValueError(f"threads == {workers}, must be >= 1.")
    with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        yield pool.map


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()
