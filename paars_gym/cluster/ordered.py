"""Pieces of work over a cluster, whose results come back in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from paars_gym.cluster.pieces import spread
from paars_gym.cluster.session import Cluster


def in_order(cluster: Cluster) -> Callable[[Callable[[Any, Any], Any], Any, Sequence[Any]], Iterator[Any]]:
    """A function that does pieces of work on a cluster and gives their results in order, once all are there.

    It takes a function of a module, what all pieces share, and the pieces.
    """
    return partial(_in_order, cluster)


def _in_order(cluster: Cluster, work: Callable[[Any, Any], Any], shared: Any, pieces: Sequence[Any]) -> Iterator[Any]:
    results: dict[int, Any] = {}

    def keep(piece: tuple[int, Any], result: Any) -> None:
        results[piece[0]] = result

    spread(cluster, _numbered, (work, shared), enumerate(pieces), finished=keep)
    return (results.pop(number) for number in range(len(pieces)))


def _numbered(context: tuple[Callable[[Any, Any], Any], Any], piece: tuple[int, Any]) -> Any:
    work, shared = context
    return work(shared, piece[1])
