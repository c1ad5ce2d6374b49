"""A log as the group metrics read it: numbers a session, the order of its actions, and its words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from paars_gym.alignment.navigation import returns_to_results, searches_with
from paars_gym.sessions.opening import SIMULATED, SIMULATED_FORMAT, Source, open_frames, run_settings
from paars_gym.sessions.store import Provenance

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
UNSCORED = ("policy_error", "gave_up")
COUNTED = ("search", "view", "purchase", "next_page")
ACTIONS: Mapping[str, str] = {
    "search": "searches",
    "view": "views",
    "add": "carts",
    "remove": "carts",
    "purchase": "purchases",
}
"""What a log has to record for an action to be known. Further result pages are no action here: few logs have them;
`paars_gym.alignment.navigation` counts them."""


class Activity(NamedTuple):
    """What happened, as arrays.

    Attributes:
        searches: Searches of each session, shape (sessions,).
        views: Products opened.
        purchases: Product lines bought.
        turns: Result pages after the first.
        filtered: Searches with a filter.
        resorted: Searches with a sort.
        returns: To the results of a search after a view.
        depth: Deepest rank viewed; 0 where the log gives none.
        seconds: From the first to the last event; -1 where the log has no times.
        actions: Index into :data:`ACTIONS` of each action, shape (actions,), in order, each session's together.
        actors: Its session.
        ranks: Rank of each view that has one, shape (views,).
        viewers: Its session.
    """

    searches: Ints
    views: Ints
    purchases: Ints
    turns: Ints
    filtered: Ints
    resorted: Ints
    returns: Ints
    depth: Ints
    seconds: Ints
    actions: NDArray[np.uint8]
    actors: NDArray[np.uint32]
    ranks: Ints
    viewers: NDArray[np.uint32]


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
    _source: pl.LazyFrame

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

    def queries(self) -> pl.DataFrame:
        """Everybody's different queries in lower case, with shopper and session: columns name, key, text."""
        searches = self._source.filter(pl.col("kind") == "search").select("session", "query").collect()
        return searches.select(
            self.frame["name"].gather(searches["session"]).alias("name"),
            self.frame["key"].gather(searches["session"]).alias("key"),
            pl.col("query").str.to_lowercase().str.strip_chars().alias("text"),
        ).unique()

    def where(self, mask: Mask) -> SessionLog:
        """The same log, of which only sessions inside ``mask`` (shape (sessions,)) are scored."""
        return replace(self, keep=self.keep & mask)

    def texts(self, most: int, rng: np.random.Generator) -> Texts:
        """The words of at most ``most`` scored sessions, drawn at random; of different shoppers as far as there are."""
        numbers = rng.permutation(np.flatnonzero(self.keep))
        # One session of each shopper first: queries of one shopper resemble each other.
        first = first_of_each(self.shoppers[numbers])
        chosen = np.concatenate([numbers[first], numbers[~first]])[:most]
        events = (
            self._source.filter(
                pl.col("session").is_in(pl.Series(np.sort(chosen), dtype=pl.UInt32).implode())
                & pl.col("kind").is_in(["search", "view"])
            )
            .select("session", "kind", "query", "title")
            .collect()
        )
        words = []
        for kind, column in (("search", "query"), ("view", "title")):
            rows = events.filter((pl.col("kind") == kind) & (pl.col(column).str.strip_chars() != ""))
            firsts = rows.unique("session", keep="first", maintain_order=True)
            words += [rows[column].to_list(), firsts[column].to_list()]
        return Texts(len(chosen), words[0], words[2], words[1], words[3], int(first.sum()) < len(chosen))


def first_of_each(codes: Ints) -> Mask:
    """Where each code occurs first, shape as given; codes are small numbers from 0."""
    place = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    place[codes[::-1]] = np.arange(len(codes))[::-1]
    return np.asarray(place[codes] == np.arange(len(codes)))


def open_log(source: SessionLog | Source, *, name: str | None = None) -> SessionLog:
    """Reads a log.

    Args:
        source: A store, the folder of one, that of a run (finished or not), or sessions, taken to record everything.
        name: How reports call it; by default what its store says.

    Raises:
        FileNotFoundError: Neither a store nor a run there.
        ValueError: It is damaged.
    """
    if isinstance(source, SessionLog):
        return source if name is None else replace(source, name=name)
    frames = open_frames(source)
    sessions = frames.sessions.select("shopper", "key", "end", "intention").collect()
    return SessionLog(
        name or frames.provenance.name,
        frames.provenance.synthetic,
        run_settings(source) if isinstance(source, str | Path) else {},
        _known(frames.provenance),
        frames.provenance.notes,
        sessions.select(pl.col("shopper").alias("name"), _codes(sessions["shopper"]), "key", "end", "intention"),
        _activity(frames.parts, len(sessions)),
        ~sessions["end"].is_in(UNSCORED).to_numpy(),
        frames.events,
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


def _activity(parts: Iterable[pl.LazyFrame], n: int) -> Activity:
    counts = {name: np.zeros(n, dtype=np.int64) for name in (*COUNTED, "filtered", "resorted", "returns", "depth")}
    seconds = np.full(n, -1, dtype=np.int64)
    pieces = [_part(part, counts, seconds) for part in parts]
    joined = [np.concatenate(arrays) for arrays in zip(*pieces, strict=True)] if pieces else [np.zeros(0, int)] * 4
    return Activity(
        counts["search"],
        counts["view"],
        counts["purchase"],
        counts["next_page"],
        counts["filtered"],
        counts["resorted"],
        counts["returns"],
        counts["depth"],
        seconds,
        joined[0].astype(np.uint8),
        joined[1].astype(np.uint32),
        joined[2].astype(np.int64),
        joined[3].astype(np.uint32),
    )


def _part(part: pl.LazyFrame, counts: dict[str, Ints], seconds: Ints) -> Iterator[NDArray[Any]]:
    """Adds one part's events to the counts; gives its actions, their sessions, its ranks, and theirs."""
    columns = ("session", "kind", "rank", "product", "filters", "sort")
    events = part.select(*columns, pl.col("time").dt.epoch("us")).collect()
    dtype = events.schema["kind"]
    assert isinstance(dtype, pl.Enum)
    kinds = dtype.categories.to_list()
    session, kind = events["session"].to_numpy(), events["kind"].to_physical().to_numpy()
    if len(session):
        low = int(session[0])  # each part holds whole sessions, in the order of their numbers
        each = (session - low).astype(np.int64) * len(kinds) + kind
        table = np.bincount(each, minlength=(int(session[-1]) - low + 1) * len(kinds)).reshape(-1, len(kinds))
        for name in COUNTED:
            counts[name][low : low + len(table)] += table[:, kinds.index(name)]
        begins = np.flatnonzero(np.r_[True, session[1:] != session[:-1]])
        ends = np.r_[begins[1:], len(session)] - 1
        if events["time"].null_count() < len(events):
            time = events["time"].fill_null(-1).to_numpy()
            timed = (time[begins] >= 0) & (time[ends] >= 0)
            seconds[session[begins[timed]]] = np.maximum(time[ends] - time[begins], 0)[timed] // 1_000_000
        filtered, resorted = searches_with(events)
        for name, where in (("filtered", filtered), ("resorted", resorted), ("returns", returns_to_results(events))):
            np.add.at(counts[name], where, 1)
    to_action = np.full(len(kinds), len(ACTIONS), dtype=np.uint8)
    to_action[[kinds.index(name) for name in ACTIONS]] = np.arange(len(ACTIONS))
    action = to_action[kind]
    known = action < len(ACTIONS)
    ranked = (kind == kinds.index("view")) & events["rank"].is_not_null().to_numpy()
    ranks, viewers = events["rank"].fill_null(0).to_numpy()[ranked], session[ranked]
    np.maximum.at(counts["depth"], viewers, ranks)
    yield from (action[known], session[known], ranks, viewers)
