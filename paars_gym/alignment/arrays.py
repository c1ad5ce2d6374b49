"""Checks of embeddings and generators, distances, and threads: what the exact metrics share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

Array = NDArray[np.float64]
LARGEST = 1e300  # of a squared norm: what is added to it must not overflow either


def embeddings(human: ArrayLike, agent: ArrayLike, *, paired: bool = False) -> tuple[Array, Array]:
    """Both sides as float64 matrices.

    Args:
        human: Shape (n_human, dim); a flat array is taken as n numbers, dim = 1.
        agent: Shape (n_agent, dim).
        paired: Whether row i of one belongs to row i of the other.

    Raises:
        ValueError: A side is empty, not finite or no matrix, the dimensions differ, or pairs do not match up.
    """
    left, right = _matrix(human, "human"), _matrix(agent, "agent")
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"human embeddings have {left.shape[1]} dimensions, agent embeddings {right.shape[1]}; "
            "must be made by the same model."
        )
    if paired and len(left) != len(right):
        raise ValueError(f"{len(left)} human and {len(right)} agent rows, must be as many to be paired.")
    return left, right


def _matrix(points: ArrayLike, name: str) -> Array:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}, must be (n, dim) and not empty.")
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise ValueError(f"{name} row {bad[0]} (of {len(bad)} such rows) holds NaN or infinity; leave it out.")
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", array, array)
    large = np.flatnonzero(~(squares < LARGEST))
    if len(large):
        raise ValueError(
            f"{name} row {large[0]} (of {len(large)} such rows) is so long that its distances overflow; scale it down."
        )
    return array


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


def check_rng(rng: object) -> None:
    """Raises TypeError unless ``rng`` is a generator: a bare seed would give every metric the same draws unnoticed."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng == {rng!r}, must be a numpy Generator, such as np.random.default_rng(0).")


def distances_between(x: Array, y: Array, norms_x: Array, norms_y: Array) -> Array:
    """Euclidean distances, shape (len(x), len(y)), by way of one matrix product; norms are squared."""
    squares = x @ y.T
    squares *= -2
    squares += norms_x[:, None]
    squares += norms_y
    # Below this the difference is rounding: the same query twice has distance 0.
    squares[squares < 1e-13 * (norms_x.max() + norms_y.max())] = 0.0
    return np.asarray(np.sqrt(squares, out=squares))
