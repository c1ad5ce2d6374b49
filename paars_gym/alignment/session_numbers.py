"""A log read part by part: the numbers of a part's sessions, the words of some, and how parts become one log.

What a function here gives is small, so that parts can be read elsewhere: numbers in the smallest type that holds them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from paars_gym.alignment.navigation import returns_to_results, searches_with
from paars_gym.sessions.parts import LinesPart, LogPart

Ints = NDArray[np.int64]
COUNTED = ("search", "view", "purchase", "next_page")
PER_SESSION = (*COUNTED, "filtered", "resorted", "returns", "depth", "seconds")
ACTIONS = {
    "search": "searches",
    "view": "views",
    "add": "carts",
    "remove": "carts",
    "purchase": "purchases",
}
"""What a log has to record for an action to be known. Further result pages are no action here: few logs have them;
`paars_gym.alignment.navigation` counts them."""
TABLE = ("shopper", "key", "end", "intention")
"""Of the table of sessions: what a log is told apart by."""


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


class PartNumbers(NamedTuple):
    """What the events of a part come to.

    Attributes:
        first: Number of its first session that has events.
        sessions: By name in `PER_SESSION`, from that session to the last one that has events, shape (sessions,).
        actions: See `Activity`, shape (actions,).
        acted: How many of them each session has, shape (sessions,).
        ranks: See `Activity`, shape (views,).
        ranked: How many of them each session has, shape (sessions,).
    """

    first: int
    sessions: dict[str, NDArray[Any]]
    actions: NDArray[np.uint8]
    acted: NDArray[Any]
    ranks: NDArray[Any]
    ranked: NDArray[Any]

    @property
    def end(self) -> int:
        """The number behind that of its last session that has events."""
        return self.first + len(self.acted)

    @property
    def nbytes(self) -> int:
        """What has to be sent of them."""
        return sum(each.nbytes for each in (*self.sessions.values(), *self[2:]))


class LinesRead(NamedTuple):
    """What lines of a run's log come to: they are read once for numbers and table."""

    numbers: PartNumbers
    table: pl.DataFrame
    loops: int


class ToldNeeds(NamedTuple):
    """What shoppers were told, to be looked for among the queries of other people.

    Attributes:
        taken: Columns key, text: queries of the session with that key.
        typed: Columns name, text: queries of the shopper with that name.
    """

    taken: pl.DataFrame
    typed: pl.DataFrame


class PartWords(NamedTuple):
    """A part, and whose words are wanted of it.

    Attributes:
        part: Where it lies.
        low: Number of its first session.
        high: Behind its last one.
        chosen: Numbers of sessions in it, sorted.
    """

    part: LogPart
    low: int
    high: int
    chosen: NDArray[np.uint32] = np.zeros(0, dtype=np.uint32)


def read_numbers(_: None, part: LogPart) -> PartNumbers:
    """The numbers of a part."""
    return part_numbers(part.events())


def read_lines(_: None, part: LinesPart) -> LinesRead:
    """The numbers and the table of some lines of a run's log, its sessions numbered from 0."""
    events, sessions = part.frames()
    return LinesRead(part_numbers(events.lazy()), sessions.select(*TABLE), part.loops())


def read_words(_: None, wanted: PartWords) -> pl.DataFrame:
    """Searches and views of the sessions wanted: columns session, kind, query, title."""
    numbers = pl.Series(wanted.chosen, dtype=pl.UInt32)
    return (
        wanted.part.events()
        .filter(pl.col("session").is_in(numbers.implode()) & pl.col("kind").is_in(["search", "view"]))
        .select("session", "kind", "query", "title")
        .collect()
    )


def read_copied(needs: ToldNeeds, read: PartWords) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of the needs are queries in a part, letter case aside: of ``taken`` and of ``typed``, shape (rows,)."""
    searches = read.part.events().filter(pl.col("kind") == "search").select("session", "query").collect()
    table = read.part.sessions(read.low, read.high)
    place = searches["session"].cast(pl.Int64) - read.low
    queries = searches.select(
        table["shopper"].gather(place).alias("name"),
        table["key"].gather(place).alias("key"),
        pl.col("query").str.to_lowercase().str.strip_chars().alias("text"),
    )
    found = []
    for wanted in needs:
        columns = pl.struct(wanted.columns)
        among = queries.select(columns).to_series().unique()
        found.append(wanted.select(columns.is_in(among.implode()).fill_null(value=False)).to_series().to_numpy())
    return found[0], found[1]


def part_numbers(part: pl.LazyFrame) -> PartNumbers:
    """The numbers of a part's sessions.

    Args:
        part: Events of schema `EVENTS`: whole sessions, in the order of their numbers.
    """
    columns = ("session", "kind", "rank", "product", "filters", "sort")
    events = part.select(*columns, pl.col("time").dt.epoch("us")).collect()
    dtype = events.schema["kind"]
    assert isinstance(dtype, pl.Enum)
    kinds = dtype.categories.to_list()
    session, kind = events["session"].to_numpy(), events["kind"].to_physical().to_numpy()
    low = int(session[0]) if len(session) else 0
    number = (session - np.uint32(low)).astype(np.int64)
    n = int(number[-1]) + 1 if len(number) else 0
    table = np.bincount(number * len(kinds) + kind, minlength=n * len(kinds)).reshape(-1, len(kinds))
    counts: dict[str, Ints] = {name: table[:, kinds.index(name)] for name in COUNTED}
    counts |= {name: np.zeros(n, dtype=np.int64) for name in PER_SESSION[len(COUNTED) :]}
    counts["seconds"] -= 1
    if events["time"].null_count() < len(events):
        begins = np.flatnonzero(np.r_[True, session[1:] != session[:-1]])
        ends = np.r_[begins[1:], len(session)] - 1
        time = events["time"].fill_null(-1).to_numpy()
        timed = (time[begins] >= 0) & (time[ends] >= 0)
        counts["seconds"][number[begins[timed]]] = np.maximum(time[ends] - time[begins], 0)[timed] // 1_000_000
    filtered, resorted = searches_with(events)
    for name, where in (("filtered", filtered), ("resorted", resorted), ("returns", returns_to_results(events))):
        np.add.at(counts[name], where - np.uint32(low), 1)
    to_action = np.full(len(kinds), len(ACTIONS), dtype=np.uint8)
    to_action[[kinds.index(name) for name in ACTIONS]] = np.arange(len(ACTIONS))
    action = to_action[kind]
    known = action < len(ACTIONS)
    ranked = (kind == kinds.index("view")) & events["rank"].is_not_null().to_numpy()
    ranks, viewers = events["rank"].fill_null(0).to_numpy()[ranked], number[ranked]
    np.maximum.at(counts["depth"], viewers, ranks)
    acted, seen = np.bincount(number[known], minlength=n), np.bincount(viewers, minlength=n)
    small = {name: _smallest(values) for name, values in counts.items()}
    return PartNumbers(low, small, action[known], _smallest(acted), _smallest(ranks), _smallest(seen))


def merged(parts: Iterable[PartNumbers], n: int) -> Activity:
    """The numbers of a log of ``n`` sessions, from those of its parts in their order."""
    counts = {name: np.zeros(n, dtype=np.int64) for name in PER_SESSION}
    counts["seconds"] -= 1
    kept: tuple[list[NDArray[Any]], ...] = ([], [], [], [])
    for part in parts:
        high = part.end
        for name, values in part.sessions.items():
            counts[name][part.first : high] = values
        numbers = np.arange(part.first, high, dtype=np.uint32)
        arrays = (part.actions, np.repeat(numbers, part.acted), part.ranks, np.repeat(numbers, part.ranked))
        for of_all, array in zip(kept, arrays, strict=True):
            of_all.append(array)
    types = (np.uint8, np.uint32, np.int64, np.uint32)
    joined: Iterable[Any] = (
        np.concatenate(arrays, dtype=type_, casting="unsafe") if arrays else np.zeros(0, dtype=type_)
        for arrays, type_ in zip(kept, types, strict=True)
    )
    whole: list[Any] = [counts[name] for name in PER_SESSION]
    return Activity(*whole, *joined)


def _smallest(values: NDArray[Any]) -> NDArray[Any]:
    """The same whole numbers in the smallest type that holds them."""
    if not len(values):
        return values.astype(np.uint8)
    low, high = int(values.min()), int(values.max())
    return values.astype(
        np.min_scalar_type(high)
        if low >= 0
        else np.promote_types(np.min_scalar_type(low), np.min_scalar_type(-high - 1))
    )
