"""What does the whole evaluation consist of, and what does its report say?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from rich.console import Group, RenderableType

from benchmarks import abtest, item_selection, query_generation, rank_selection, session_generation
from benchmarks.queries import tables as query_tables
from benchmarks.queries.results import QueryResults
from benchmarks.report import table_2
from benchmarks.settings import SHOPPERS

PARTS: dict[str, Callable[[Path], BaseModel]] = {
    "session_generation": session_generation.run,
    # Mini's people, whatever lies beside the checkout: the main job says the same on every machine.
    "query_generation": lambda _: query_generation.run("mini", shoppers=(SHOPPERS,)),
    "rank_selection": lambda _: rank_selection.run(),
    "item_selection": lambda _: item_selection.run(),
    "abtest": lambda _: abtest.run(),
}
"""By module, each of which also runs alone: its results, given a folder of its own."""
TOGETHER = (("session_generation",), ("item_selection", "abtest", "query_generation", "rank_selection"))
"""One process each: both take about as long, and the last two share the people of mini."""


class PartRun(NamedTuple):
    """What came of a part.

    Attributes:
        name: Of the part.
        results: Its own.
        cpu_seconds: Of all threads.
        wall_seconds: From start to end.
    """

    name: str
    results: BaseModel
    cpu_seconds: float
    wall_seconds: float


def run_parts(names: Sequence[str], out: Path) -> list[PartRun]:
    """Runs parts one after the other; a function of a module, so that another process can be told to."""
    found = []
    for name in names:
        cpu, wall = time.process_time(), time.perf_counter()
        results = PARTS[name](out / name)
        found.append(PartRun(name, results, time.process_time() - cpu, time.perf_counter() - wall))
    return found


def tables(results: Mapping[str, Any]) -> list[RenderableType]:
    """The tables of those parts that were run, one by one, in the order of the paper."""
    pieces = (piece.renderables if isinstance(piece, Group) else [piece] for piece in report(results))
    return [piece for piece in chain.from_iterable(pieces) if not isinstance(piece, str)]


def report(results: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The tables, each with what the floors make of it and what else its reader has to know.

    Args:
        results: By part.
    """
    sessions: session_generation.SessionResults | None = results.get("session_generation")
    queries: QueryResults | None = results.get("query_generation")
    ranks: rank_selection.RankResults | None = results.get("rank_selection")
    columns = table_2.columns(
        queries=queries,
        ranks=ranks,
        mini=None if sessions is None else sessions.mini,
        journey=None if sessions is None else sessions.journey,
    )
    if columns:
        yield table_2.table(columns)
        yield from _listed(table_2.remarks(columns))
    if queries is not None:
        yield query_tables.one_by_one(queries)
        yield from _listed(query_tables.main_remarks(queries))
    if ranks is not None:
        yield rank_selection.figure_3(ranks)
        yield from _listed(rank_selection.main_remarks(ranks))
    if "item_selection" in results:
        yield item_selection.table(results["item_selection"])
        yield from _listed(item_selection.notes(results["item_selection"]))
    if sessions is not None:
        yield session_generation.table_4(sessions)
        yield from _listed(session_generation.notes(sessions))
    if "abtest" in results:
        yield abtest.table(results["abtest"])


def _listed(lines: Iterable[str]) -> Iterable[RenderableType]:
    """Sentences as a list, with an empty line after them."""
    for line in lines:
        yield f"- {line}"
    yield ""
