"""Sessions held out by time or by shopper, and a check that nothing leaks from one side to the other."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import StoreWriter

TRAIN, TEST, NEITHER = 0, 1, 2


class Split(NamedTuple):
    """Two stores, and how many sessions are in neither because they run across the date."""

    train: Store
    test: Store
    dropped: int


def split_by_time(
    store: Store, out: str | Path, *, at: datetime | None = None, fraction: float = 0.2, overwrite: bool = False
) -> Split:
    """Holds out the sessions that start at or after a date. Sessions that run across it are dropped, and counted.

    Args:
        store: A log whose every event has a time.
        out: Gets the stores ``train`` and ``test``.
        at: Zoned. By default the start from which on the last ``fraction`` of the sessions begins.
        fraction: Of sessions to hold out, in (0, 1), when no date is given.
        overwrite: Whether stores there may be replaced.

    Raises:
        ValueError: The log lacks times, the date has no zone, or one side would be empty.
    """
    if store.provenance.times != "all":
        raise ValueError(f"Times are on {store.provenance.times!r} of the events; split this log by shopper.")
    sessions = store.scan_sessions().select("start").collect()
    if at is None:
        starts = sessions["start"].drop_nulls().sort()
        if starts.is_empty():
            raise ValueError("No session has a start; there is nothing to split.")
        at = starts[min(round(len(starts) * (1 - _fraction(fraction))), len(starts) - 1)]
    if at.tzinfo is None:
        raise ValueError(f"at == {at} has no time zone; give one, for example +00:00.")
    late = (sessions["start"] >= at).fill_null(value=False).to_numpy()
    last = store.scan().group_by("session").agg(pl.col("time").max() >= at).collect()
    runs_on = np.zeros(len(store), dtype=bool)
    runs_on[last["session"].to_numpy()] = last["time"].to_numpy()
    side = np.where(late, TEST, np.where(runs_on, NEITHER, TRAIN))
    split = _write(store, side, Path(out), f"by time at {at.isoformat()}", overwrite=overwrite)
    check_split(split.train, split.test, by="time")
    return split


def split_by_shopper(
    store: Store, out: str | Path, *, fraction: float = 0.2, seed: int = 0, overwrite: bool = False
) -> Split:
    """Holds out all sessions of some shoppers, drawn at random.

    Args:
        store: Any log.
        out: Gets the stores ``train`` and ``test``.
        fraction: Of shoppers to hold out, in (0, 1).
        seed: The draw depends on it and on the set of shoppers only.
        overwrite: Whether stores there may be replaced.

    Raises:
        ValueError: The fraction is out of range, or one side would be empty.
    """
    shoppers = store.scan_sessions().select("shopper").collect().to_series()
    names = shoppers.unique().sort()
    drawn = np.random.default_rng(seed).permutation(len(names))[: round(len(names) * _fraction(fraction))]
    side = shoppers.is_in(names[drawn].implode()).to_numpy().astype(np.int64)
    split = _write(store, side, Path(out), f"by shopper, {fraction:g} of them, seed {seed}", overwrite=overwrite)
    check_split(split.train, split.test, by="shopper")
    return split


def is_held_out(shopper: str, *, fraction: float = 0.5, salt: str = "") -> bool:
    """Whether a shopper is among those who judge, not among those who are learnt from.

    It depends on the name alone, by a stable hash: on any machine, whoever else is in the log, and whatever is fitted,
    the same people judge. So nothing that was fitted anywhere can have seen them.

    >>> [name for name in ("fay", "gil", "hal", "ida") if is_held_out(name)]
    ['fay', 'gil']

    Args:
        shopper: As in `Session.shopper`.
        fraction: Of all shoppers that are held out, in (0, 1).
        salt: For a split within one side that does not depend on this one, such as people who choose between fits.
    """
    digest = hashlib.blake2b(f"{salt}|{shopper}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < _fraction(fraction) * 2**64


def split_held_out(store: Store, out: str | Path, *, overwrite: bool = False) -> Split:
    """The half that shoppers are fitted to (``train``) and the half that judges them (``test``), see `is_held_out`.

    Args:
        store: Any log.
        out: Gets the two stores.
        overwrite: Whether stores there may be replaced.

    Raises:
        ValueError: One side would be empty.
    """
    names = store.scan_sessions().select("shopper").collect()["shopper"].to_list()
    side = np.array([TEST if is_held_out(name) else TRAIN for name in names], dtype=np.int64)
    return _write(store, side, Path(out), "by shopper, whoever is held out judging", overwrite=overwrite)


def check_split(train: Store, test: Store, *, by: str) -> None:
    """Makes sure that nothing leaks.

    Args:
        train: What may be learnt from.
        test: What is held out.
        by: "time": every event of ``train`` lies before every session of ``test``; "shopper": no shopper is in both.

    Raises:
        ValueError: Something does; the message says what.
    """
    columns = ["key"] if by == "time" else ["key", "shopper"]
    for column in columns:
        left, right = (side.scan_sessions().select(pl.col(column).unique()) for side in (train, test))
        both = left.join(right, on=column, how="semi").collect().to_series().sort()
        if len(both):
            raise ValueError(f"The split leaks: {len(both):,} {column}s are on both sides, {both[0]!r} first.")
    if by == "time":
        last = train.scan().select(pl.col("time").max()).collect().item()
        first = test.scan_sessions().select(pl.col("start").min()).collect().item()
        if last is not None and first is not None and last >= first:
            raise ValueError(f"The split leaks: training events run to {last}, the test begins at {first}.")


def _fraction(fraction: float) -> float:
    if not 0 < fraction < 1:
        raise ValueError(f"fraction == {fraction}, must be above 0 and below 1.")
    return fraction


def _write(store: Store, side: npt.NDArray[np.int64], out: Path, how: str, *, overwrite: bool) -> Split:
    sizes = np.bincount(side, minlength=3)
    if not sizes[TRAIN] or not sizes[TEST]:
        raise ValueError(f"The split {how} leaves {sizes[TRAIN]:,} sessions to train on and {sizes[TEST]:,} to test.")
    stores: list[Store] = []
    for name, which in (("train", TRAIN), ("test", TEST)):
        with StoreWriter(out / name, overwrite=overwrite) as writer:
            chosen = store.scan_sessions().collect().filter(pl.Series(side == which))
            for piece, events in store.chunks(chosen):
                number = {"session": pl.int_range(len(piece), dtype=pl.UInt32, eager=True)}
                renumbered = events.join(
                    piece.select(pl.col("session"), pl.Series("new", number["session"])),
                    on="session",
                    maintain_order="left",
                )
                writer.add(renumbered.drop("session").rename({"new": "session"}), piece.with_columns(**number))
            stores.append(writer.close(_told(store.provenance, f"{name} side of a split {how}")))
    return Split(stores[0], stores[1], int(sizes[NEITHER]))


def _told(provenance: Provenance, note: str) -> Provenance:
    return provenance.model_copy(update={"notes": (*provenance.notes, f"{note[0].upper()}{note[1:]}.")})
