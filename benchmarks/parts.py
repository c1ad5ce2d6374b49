"""The parts of the whole evaluation, and its report in the order of the paper."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from rich.console import Group, RenderableType

from benchmarks import abtest, item_selection, query_generation, session_generation, view_selection
from benchmarks.settings import SHOPPERS
from paars_gym.estimate import Detail
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.report.session_generation import columns, table_2, table_2_remarks, table_4, table_4_remarks
from paars_gym.report.tasks import figure_3, figure_3_remarks, one_by_one, similarity_remarks
from paars_gym.tasks.query_results import QueryResults
from paars_gym.tasks.view_selection import ViewResults

PARTS: dict[str, Callable[[Path], BaseModel]] = {
    "session_generation": session_generation.run,
    "query_generation": lambda _: query_generation.run(),
    "view_selection": lambda _: view_selection.run(),
    "item_selection": lambda _: item_selection.run(),
    "abtest": lambda _: abtest.run(),
}
"""By module, each of which also runs alone: its results, given a folder of its own."""
TOGETHER = (("session_generation",), ("item_selection", "abtest", "query_generation", "view_selection"))
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
    runs = []
    for name in names:
        cpu, wall = time.process_time(), time.perf_counter()
        results = PARTS[name](out / name)
        runs.append(PartRun(name, results, time.process_time() - cpu, time.perf_counter() - wall))
    return runs


def scores(results: Mapping[str, Any]) -> dict[str, Any]:
    """Every number by table and figure, as rows: ``table2``, ``figure3``, ``table3``, ``table4``, ``abtest``.

    Args:
        results: By part; what was not run is absent.
    """
    queries, views, sessions = (
        results.get(part) for part in ("query_generation", "view_selection", "session_generation")
    )
    rows: dict[str, list[dict[str, Detail]]] = {}
    if any((queries, views, sessions)):
        both = () if sessions is None else (sessions.mini, sessions.journey)
        rows["table2"] = [
            {
                "column": column.head.replace("\n", " "),
                "people": column.people,
                "condition": condition,
                **measure.estimate.to_dict(),
            }
            for column in columns(SHOPPERS, queries=queries, views=views, sessions=both)
            for condition, measure in (("base", column.base), ("persona", column.persona))
        ]
    if queries is not None:
        rows["similarity"] = queries.to_dicts()
    if views is not None:
        rows["figure3"] = [
            {"shopper": name, "rank": rank, "cases": cases}
            for name, counts in views.ranks.items()
            for rank, cases in enumerate(counts, start=1)
        ]
    if "item_selection" in results:
        rows["table3"] = results["item_selection"].to_dicts()
    if sessions is not None:
        rows["table4"] = [row for row in sessions.mini.to_dicts() if "TTR" in str(row["metric"])]
    if "abtest" in results:
        rows["abtest"] = results["abtest"].to_dicts()
    return {name: {"rows": table} for name, table in rows.items()}


def tables(results: Mapping[str, Any]) -> list[RenderableType]:
    """The tables of those parts that were run, one by one, in the order of the paper."""
    pieces = (piece.renderables if isinstance(piece, Group) else [piece] for piece in report(results))
    return [piece for piece in chain.from_iterable(pieces) if not isinstance(piece, str)]


def report(results: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The tables, each with what the floors make of it and what else its reader has to know.

    Args:
        results: By part.
    """
    sessions: session_generation.TwoShops | None = results.get("session_generation")
    queries: QueryResults | None = results.get("query_generation")
    views: ViewResults | None = results.get("view_selection")
    shops = () if sessions is None else (sessions.mini, sessions.journey)
    table_2_columns = columns(SHOPPERS, queries=queries, views=views, sessions=shops)
    if table_2_columns:
        yield table_2(SHOPPERS, table_2_columns)
        yield from _listed(table_2_remarks(table_2_columns))
    if queries is not None:
        yield one_by_one(queries)
        yield from _listed(similarity_remarks(queries))
    if views is not None:
        yield figure_3(views)
        yield from _listed(figure_3_remarks(views))
    if "item_selection" in results:
        yield table_3(results["item_selection"])
        yield from _listed(table_3_remarks(results["item_selection"]))
    if sessions is not None:
        yield table_4(sessions.mini)
        yield from _listed(table_4_remarks(sessions.mini))
    if "abtest" in results:
        yield abtest.table(results["abtest"])


def _listed(lines: Iterable[str]) -> Iterable[RenderableType]:
    """Sentences as a list, with an empty line after them."""
    for line in lines:
        yield f"- {line}"
    yield ""
