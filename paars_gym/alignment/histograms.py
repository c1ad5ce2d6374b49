"""Histograms of a session's counts, ranks and actions (PAARS section 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Bins:
    """Intervals of whole numbers, each from its lower bound up to the next one's.

    Attributes:
        lower: Rising lower bounds; the last bin is open above.
    """

    lower: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.lower or any(b <= a for a, b in zip(self.lower, self.lower[1:], strict=False)):
            raise ValueError(f"lower == {self.lower}, must be one or more rising whole numbers.")

    def __len__(self) -> int:
        return len(self.lower)

    @property
    def labels(self) -> tuple[str, ...]:
        """How a table names the bins: "3", "3-5", ">20"."""
        named = [str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in zip(self.lower, self.lower[1:], strict=False)]
        return (*named, f">{self.lower[-1] - 1}")

    def codes(self, values: ArrayLike) -> NDArray[np.intp]:
        """The bin of each value.

        Args:
            values: Whole numbers, any shape.

        Raises:
            ValueError: A value lies below the first bin, or is no whole number.
        """
        array = np.asarray(values)
        if array.size and (array.dtype.kind not in "iub" and not np.all(np.mod(array, 1) == 0)):
            raise ValueError("values must be whole numbers: counts and 1-based ranks.")
        if array.size and array.min() < self.lower[0]:
            raise ValueError(f"value {array.min()} lies below the first bin, {self.lower[0]}.")
        return np.searchsorted(np.asarray(self.lower), array, side="right") - 1


def count_bins(maximum: int = 20) -> Bins:
    """One bin for each of 0 .. maximum, and one for all above."""
    return Bins(tuple(range(maximum + 2)))


def rank_bins(positions: int) -> Bins:
    """One bin for each of the positions 1 .. positions, and one for all below them in the list."""
    return Bins(tuple(range(1, positions + 2)))


# 22 unit bins cubed would leave 2,400 sessions almost nowhere to meet: the smoothing would decide the divergence.
JOINT_BINS = Bins((0, 1, 2, 3, 6, 11))


def histogram(values: ArrayLike, bins: Bins, clusters: ArrayLike | None = None, *, rows: int | None = None) -> Counts:
    """How often each bin occurs.

    Args:
        values: Whole numbers, shape (n,).
        bins: Where they go.
        clusters: Whose value it is (shopper ids, any sortable type), shape (n,).
        rows: With clusters 0 .. rows - 1, a row for each of them, those without a value included.

    Returns:
        Shape (bins,), or (clusters, bins) with one row a cluster when ``clusters`` is given: the form from which
        the divergences make intervals that know that one shopper's sessions resemble each other.
    """
    return _count(bins.codes(np.asarray(values).ravel()), len(bins), clusters, rows)


def joint_histogram(
    columns: Sequence[ArrayLike],
    bins: Bins = JOINT_BINS,
    clusters: ArrayLike | None = None,
    *,
    rows: int | None = None,
) -> Counts:
    """How often each combination occurs: equal marginals can hide unlike sessions.

    Args:
        columns: Several statistics of the same sessions, such as searches, views and purchases, each shape (n,).
        bins: Bins of every one of them.
        clusters: As for :func:`histogram`.
        rows: As for :func:`histogram`.

    Returns:
        Shape (bins ** columns,), last column fastest, or one such row a cluster.
    """
    shape = (len(bins),) * len(columns)
    if len({np.size(column) for column in columns}) != 1:
        raise ValueError(f"columns have {[np.size(column) for column in columns]} values, must be equally long.")
    codes = np.ravel_multi_index(tuple(bins.codes(np.asarray(column).ravel()) for column in columns), shape)
    return _count(codes, int(np.prod(shape)), clusters, rows)


def transition_histogram(
    actions: ArrayLike, sessions: ArrayLike, *, kinds: int, clusters: ArrayLike | None = None
) -> Counts:
    """How often does each action follow each other one? First order, with a start and an end.

    Args:
        actions: Code of each action, 0 .. kinds - 1, in the order of events, shape (events,).
        sessions: Whose action it is; the events of a session stand together, shape (events,).
        kinds: Number of kinds of action.
        clusters: As for :func:`histogram`, shape (events,). Transitions of one session depend on each other:
            give the session itself where shoppers do not repeat.

    Returns:
        A (kinds + 1) x (kinds + 1) table laid flat, row = from (last row: the start), column = to (last column: the
        end); or one such row a cluster. A session without events leaves no trace in it.
    """
    action, session = np.asarray(actions, dtype=np.intp).ravel(), np.asarray(sessions).ravel()
    if len(action) != len(session):
        raise ValueError(f"{len(action)} actions but {len(session)} session labels, must be as many.")
    if len(action) and (action.min() < 0 or action.max() >= kinds):
        raise ValueError(f"action codes lie in {action.min()} .. {action.max()}, must lie in 0 .. {kinds - 1}.")
    first = np.ones(len(action), dtype=bool)
    first[1:] = session[1:] != session[:-1]
    before = np.where(first, kinds, np.roll(action, 1))
    last = np.roll(first, -1)
    width = kinds + 1
    codes = np.concatenate([before * width + action, action[last] * width + kinds])
    owner = (
        None if clusters is None else np.concatenate([np.asarray(clusters).ravel(), np.asarray(clusters).ravel()[last]])
    )
    return _count(codes, width * width, owner)


def _count(codes: NDArray[np.intp], size: int, clusters: ArrayLike | None, rows: int | None = None) -> Counts:
    if clusters is None:
        return np.bincount(codes, minlength=size).astype(np.float64)
    owners = np.asarray(clusters).ravel()
    if len(owners) != len(codes):
        raise ValueError(f"{len(owners)} clusters for {len(codes)} values, must be as many.")
    if rows is not None:
        flat = np.bincount(owners.astype(np.intp) * size + codes, minlength=rows * size)
        return flat.reshape(rows, size).astype(np.float64)
    if owners.dtype.kind in "iu" and len(owners) and owners.min() >= 0 and owners.max() < len(owners):
        # Numbers serve as rows: sorting millions of them would take longer than all the rest.
        most = int(owners.max()) + 1
        flat = np.bincount(owners.astype(np.intp) * size + codes, minlength=most * size)
        table = flat.reshape(most, size)
        return table[table.any(axis=1)].astype(np.float64)
    names, row = np.unique(owners, return_inverse=True)
    flat = np.bincount(row * size + codes, minlength=len(names) * size)
    return flat.reshape(len(names), size).astype(np.float64)
