"""A log as the group metrics read it: numbers a session, the order of its actions, and its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from paars_gym.alignment.session_numbers import (
    TABLE,
    Activity,
    Ints,
    PartNumbers,
    PartWords,
    ToldNeeds,
    merged,
    read_copied,
    read_lines,
    read_numbers,
    read_words,
)
from paars_gym.sessions.opening import SIMULATED, SIMULATED_FORMAT, Source, open_parts, run_settings, so_far
from paars_gym.sessions.parts import LinesPart, Spread, in_this_process
from paars_gym.sessions.rows import KINDS
from paars_gym.sessions.store import Provenance

Mask = NDArray[np.bool_]
UNSCORED = ("policy_error", "gave_up")
WORDS = pl.Schema({"session": pl.UInt32(), "kind": KINDS, "query": pl.String(), "title": pl.String()})


class Texts(NamedTuple):
    """Words of some sessions.

    Attributes:
        sessions: How many were looked at.
        queries: All searches, in order.
        titles: Titles of all products viewed, in order.
        first_queries: The first search of each session that has one.
        first_titles: The first title of each session that has one.
        repeated: Whether several of these sessions are one shopper's.
    """

    sessions: int
    queries: list[str]
    titles: list[str]
    first_queries: list[str]
    first_titles: list[str]
    repeated: bool


@dataclass(frozen=True)
class SessionLog:
    """The sessions of a log, read once.

    Attributes:
        name: How reports call it.
        synthetic: True when no person made these sessions.
        settings: Of the run that made them; empty when unknown.
        known: What is recorded; what is absent here is unknown, not 0.
        notes: Anything a reader has to know.
        frame: Columns shopper (a code), name, key, end, intention, one row a session.
        activity: Of all sessions.
        keep: Which sessions are scored, shape (sessions,).
    """

    name: str
    synthetic: bool
    settings: Mapping[str, Any]
    known: tuple[str, ...]
    notes: tuple[str, ...]
    frame: pl.DataFrame
    activity: Activity
    keep: Mask
    _parts: tuple[PartWords, ...]
    _spread: Spread = in_this_process

    def __len__(self) -> int:
        return int(self.keep.sum())

    @property
    def shoppers(self) -> Ints:
        """The shopper of each session, scored or not, as a number from 0, shape (sessions,)."""
        return self.frame["shopper"].to_numpy()

    @property
    def n_shoppers(self) -> int:
        """Shoppers with a scored session."""
        return int(np.count_nonzero(np.bincount(self.shoppers[self.keep])))

    @property
    def excluded(self) -> dict[str, int]:
        """Sessions that are counted but never scored, by how they ended."""
        ends = self.frame.filter(pl.col("end").is_in(UNSCORED)).group_by("end").len().sort("end")
        return dict(ends.iter_rows())

    def copied(self, needs: ToldNeeds) -> tuple[Mask, Mask]:
        """Which of the needs are queries of this log, letter case aside; see `read_copied`."""
        taken, typed = (np.zeros(len(wanted), dtype=bool) for wanted in needs)
        if len(taken) or len(typed):
            for here in self._spread(read_copied, needs, self._parts):
                taken, typed = taken | here[0], typed | here[1]
        return taken, typed

    def where(self, mask: Mask) -> SessionLog:
        """The same log, of which only sessions inside ``mask`` (shape (sessions,)) are scored."""
        return replace(self, keep=self.keep & mask)

    def texts(self, most: int, rng: np.random.Generator) -> Texts:
        """The words of at most ``most`` scored sessions, drawn at random; of different shoppers as far as there are."""
        numbers = rng.permutation(np.flatnonzero(self.keep))
        # One session of each shopper first: queries of one shopper resemble each other.
        first = first_of_each(self.shoppers[numbers])
        chosen = np.concatenate([numbers[first], numbers[~first]])[:most]
        events = self._events_of(np.sort(chosen).astype(np.uint32))
        words = []
        for kind, column in (("search", "query"), ("view", "title")):
            rows = events.filter((pl.col("kind") == kind) & (pl.col(column).str.strip_chars() != ""))
            firsts = rows.unique("session", keep="first", maintain_order=True)
            words += [rows[column].to_list(), firsts[column].to_list()]
        return Texts(len(chosen), words[0], words[2], words[1], words[3], int(first.sum()) < len(chosen))

    def _events_of(self, numbers: NDArray[np.uint32]) -> pl.DataFrame:
        """Searches and views of some sessions, given by their sorted numbers, in order."""
        bounds = [np.searchsorted(numbers, (part.low, part.high)) for part in self._parts]
        wanted = [part._replace(chosen=numbers[a:b]) for part, (a, b) in zip(self._parts, bounds, strict=True) if a < b]
        frames = list(self._spread(read_words, None, wanted))
        return pl.concat(frames) if frames else pl.DataFrame(schema=WORDS)


def first_of_each(codes: Ints) -> Mask:
    """Where each code occurs first, shape as given; codes are small numbers from 0."""
    place = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    place[codes[::-1]] = np.arange(len(codes))[::-1]
    return np.asarray(place[codes] == np.arange(len(codes)))


def open_log(source: SessionLog | Source, *, name: str | None = None, spread: Spread = in_this_process) -> SessionLog:
    """Reads a log.

    Args:
        source: A store, the folder of one, that of a run (finished or not), or sessions, taken to record everything.
        name: How reports call it; by default what its store says.
        spread: Where the parts of a store or of a run's log are read: numbers come from there, and the words of the
            sessions that `SessionLog.texts` draws.

    Raises:
        FileNotFoundError: Neither a store nor a run there.
        ValueError: It is damaged.
    """
    if isinstance(source, SessionLog):
        return source if name is None else replace(source, name=name)
    parts, sessions, provenance = open_parts(source, elsewhere=spread is not in_this_process)
    if sessions is None:
        numbers, table, parts, loops = _lines(parts, spread)
        provenance = so_far(parts[0].path.parent, loops)
    else:
        table = sessions.select(*TABLE).collect()
        numbers = list(spread(read_numbers, None, parts))
    bounds = [(part.first, part.end) for part in numbers]
    return SessionLog(
        name or provenance.name,
        provenance.synthetic,
        run_settings(source) if isinstance(source, str | Path) else {},
        _known(provenance),
        provenance.notes,
        table.select(pl.col("shopper").alias("name"), _codes(table["shopper"]), "key", "end", "intention"),
        merged(numbers, len(table)),
        ~table["end"].is_in(UNSCORED).to_numpy(),
        tuple(PartWords(part, low, high) for part, (low, high) in zip(parts, bounds, strict=True)),
        spread,
    )


def _lines(
    parts: Sequence[LinesPart], spread: Spread
) -> tuple[list[PartNumbers], pl.DataFrame, tuple[LinesPart, ...], int]:
    """Parts of a run's log: their numbers, the table of sessions, the parts with their first numbers, and the loops."""
    read = list(spread(read_lines, None, parts))
    firsts = np.cumsum([0, *(len(each.table) for each in read)]).tolist()
    numbers = [
        each.numbers._replace(first=each.numbers.first + first) for each, first in zip(read, firsts, strict=False)
    ]
    table = pl.concat([each.table for each in read])
    if table["key"].is_duplicated().any():
        twice = table["key"].filter(table["key"].is_duplicated())[0]
        raise ValueError(f"Session key {twice!r} occurs twice; keys must be unique.")
    return (
        numbers,
        table,
        tuple(part._replace(first=first) for part, first in zip(parts, firsts, strict=False)),
        sum(each.loops for each in read),
    )


def _known(provenance: Provenance) -> tuple[str, ...]:
    """What a log records; runs made before navigation had names for it record it all the same."""
    known = provenance.what_is_known
    return tuple(dict.fromkeys((*known, *SIMULATED))) if provenance.format == SIMULATED_FORMAT else known


def _codes(names: pl.Series) -> pl.Series:
    """A number from 0 for each name, by first appearance, so that it depends on this log alone."""
    categories = names.cast(pl.Categorical).to_physical().to_numpy().astype(np.int64)  # polars numbers process-wide
    firsts = categories[first_of_each(categories)]
    numbers = np.zeros(int(categories.max(initial=-1)) + 1, dtype=np.int64)
    numbers[firsts] = np.arange(len(firsts))
    return pl.Series("shopper", numbers[categories])
