"""Processes of a benchmark, none of which outlives the one that started it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

SPAWN = multiprocessing.get_context("spawn")


def end_with_parent() -> None:
    """Ends this process when the one that started it has ended, be it by SIGKILL; to be called in the child."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)  # nobody is left to be told


@contextmanager
def workers(count: int, first: Callable[[], None] | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes; they are stopped at once, not waited for, when the block raises.

    Args:
        count: How many.
        first: What each does first.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, mp_context=SPAWN, initializer=_begin, initargs=(first,))
    try:
        yield pool
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(first: Callable[[], None] | None) -> None:
    end_with_parent()
    if first is not None:
        first()


@contextmanager
def served(target: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """A process that serves as long as the block runs."""
    process = SPAWN.Process(target=_serve, args=(target, *arguments), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _serve(target: Callable[..., None], *arguments: Any) -> None:
    end_with_parent()
    target(*arguments)
