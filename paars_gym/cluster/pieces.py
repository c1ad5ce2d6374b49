"""Spreading work over a cluster: pieces of it, each done by whoever is free, and done again when its worker dies."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path
from pickle import PicklingError
from threading import Lock
from typing import Any, TypeVar

from paars_gym.cluster.session import Cluster, require_ray
from paars_gym.exit_codes import ExitCode

Context = TypeVar("Context")
Piece = TypeVar("Piece")
Result = TypeVar("Result")

TRIES = 10
"""How often a piece is done again whose worker died; then the piece kills its workers, as by the memory it takes."""
AHEAD = 2
"""Pieces that wait for each worker: few, so that a stop leaves little behind, and none waits for the driver."""
OVERLAPPING = 2
"""Pieces at once on a worker that waits: at the end of one, when few of its sessions are left, the next has begun."""


_contexts: dict[Any, Any] = {}
_unpacking = Lock()
"""Of a worker process."""


class WorkersLostError(ChildProcessError):
    """The workers of a piece died again and again."""

    exit_code = ExitCode.MODEL_FAILED


def spread(
    cluster: Cluster,
    work: Callable[[Context, Piece], Result],
    context: Context,
    pieces: Iterable[Piece],
    *,
    finished: Callable[[Piece, Result], None],
    waits: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Does pieces of work on a cluster, in any order.

    A piece whose worker died (killed, out of memory, its node gone) is done again elsewhere, so that its work has to
    be such that doing it twice does no harm. The first exception of the work ends everything, and is raised here.

    Args:
        cluster: Entered.
        work: A function of a module, called with the context and a piece, whose result is sent back.
        context: What all pieces share. It is sent to each node once and unpickled once in each worker process, so that
            what it holds in a ``cached_property``, such as an open catalog, is made once in each. What cannot be
            pickled is refused.
        pieces: Small things; read as they are needed.
        finished: Called here with each piece and its result.
        waits: The work waits, for a language model mostly: it runs on asynchronous actors, one a processor and
            `OVERLAPPING` pieces at once on each, which take no processor from what computes.
        stopped: Looked at before a piece is handed out; then those that are under way are waited for.

    Raises:
        ValueError: The context or the work cannot be pickled.
        WorkersLostError: The workers of a piece died `TRIES` times more.
    """
    ray = require_ray()
    shared = [_put((work, context), work)]  # in a list, or it would be unpickled for each piece
    here = str(Path.cwd())
    task = _actors(ray, cluster) if waits else _tasks(ray)
    remaining, most = iter(pieces), cluster.cpus * (AHEAD + waits)
    under_way: dict[Any, Piece] = {}
    try:
        while True:
            while len(under_way) < most and not stopped() and (piece := next(remaining, None)) is not None:
                under_way[task(shared, here, piece)] = piece
            if not under_way:
                return
            done, _ = ray.wait(list(under_way), timeout=0.5)
            for reference in done:
                piece = under_way.pop(reference)
                finished(piece, _result(ray, reference, piece))
    finally:
        for reference in under_way:  # an error, or a second interrupt: nobody waits for them any more
            ray.cancel(reference, **({} if waits else {"force": True}))


def _tasks(ray: Any) -> Callable[..., Any]:
    task: Callable[..., Any] = ray.remote(_do).options(num_cpus=1, max_retries=TRIES).remote
    return task


def _actors(ray: Any, cluster: Cluster) -> Callable[..., Any]:
    kind = ray.remote(_Waiter).options(
        num_cpus=0,
        max_concurrency=OVERLAPPING,
        max_restarts=-1,
        max_task_retries=TRIES,
        scheduling_strategy="SPREAD",
    )
    turns = cycle([kind.remote() for _ in range(cluster.cpus)])

    def on_the_next(*given: Any) -> Any:
        return next(turns).do.remote(*given)

    return on_the_next


class _Waiter:
    """Does pieces that wait, some at once, each in a thread of its own with an event loop of its own."""

    async def do(self, *given: Any) -> Any:
        return await asyncio.to_thread(_do, *given)


def _do(shared: list[Any], here: str, piece: Any) -> Any:
    """Does a piece, in a worker."""
    if Path(here).is_dir():  # relative names of files, and modules of one's own, are those of the driver
        os.chdir(here)
    work, context = _unpacked(shared[0])
    return work(context, piece)


def _unpacked(reference: Any) -> Any:
    with _unpacking:  # once, though several pieces begin at once
        if reference not in _contexts:
            _contexts.clear()  # of the work before: its catalog takes memory
            _contexts[reference] = require_ray().get(reference)
        return _contexts[reference]


def _put(what: Any, work: Callable[..., Any]) -> Any:
    try:
        return require_ray().put(what)
    except (TypeError, AttributeError, PicklingError) as error:
        raise ValueError(
            f"{work.__qualname__} cannot be sent to other machines ({str(error).splitlines()[0]}). Name things as "
            "module:Class, or give what can be pickled; a lock, an open file or a connection cannot."
        ) from None


def _result(ray: Any, reference: Any, piece: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # What the work raised, as it would have been raised here; the worker's traceback is its cause.
        cause = getattr(error, "cause", None)
        if isinstance(cause, Exception):
            raise cause from error
        raise
    except ray.exceptions.RayError as error:
        raise WorkersLostError(
            f"The workers that did {piece!r} died {TRIES + 1} times, the last one by {type(error).__name__}: they may "
            "need more memory than their node has. What is finished is kept."
        ) from None
