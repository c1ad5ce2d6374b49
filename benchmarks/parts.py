"""The parts of the whole evaluation, and its report in the order of the paper."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from rich.console import Group, RenderableType

from benchmarks import abtest, item_selection, model_rows, query_generation, session_generation, view_selection
from benchmarks.model_rows import ModelFailure, ModelRows, in_table_3, without_rows
from paars_gym.report.diversity import table_4, table_4_remarks, varied
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.report.persona_gain import persona_answers, persona_table
from paars_gym.report.session_generation import Column, columns, table_2, table_2_remarks
from paars_gym.report.tasks import figure_3, figure_3_remarks, one_by_one, similarity_remarks
from paars_gym.tasks.session_generation import SessionResults

Shoppers = tuple[Path, ...]
PARTS: dict[str, Callable[[Path, Shoppers], BaseModel]] = {
    "session_generation": session_generation.run,
    "query_generation": lambda _, shoppers: query_generation.run(shoppers),
    "view_selection": lambda _, shoppers: view_selection.run(shoppers),
    "item_selection": lambda *_: item_selection.run(),
    "abtest": lambda _, shoppers: abtest.run(shoppers=shoppers),
}
"""By module, each of which also runs alone: its results, given a folder of its own and files of fitted shoppers."""
TOGETHER = (("session_generation", "view_selection", "query_generation"), ("item_selection", "abtest"))
"""One process each: both take about as long, and the first three share people and fitted shoppers."""
Results = Mapping[str, Any]
"""Of some shoppers by part."""
Beside = Sequence[Results]
"""Those of the offline shoppers' company: a language model of this machine, and a policy of the user's own."""


TELL_SECONDS = 10.0
_told: Any = None


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


def run_parts(
    names: Sequence[str], out: Path, shoppers: Shoppers = (), model: ModelRows | None = None
) -> list[PartRun]:
    """Runs parts one after the other; a function of a module, so that another process can be told to.

    Args:
        names: Of the parts.
        out: Folder of their folders.
        shoppers: Files of fitted shoppers.
        model: A language model that is asked in them, in place of the offline shoppers.
    """
    runs = []
    for name in names:
        cpu, wall = time.process_time(), time.perf_counter()
        if model is None:
            results = PARTS[name](out / name, shoppers)
        else:
            results = model_rows.ask(name, model, _telling(f"{name}, {model.name}"))
        runs.append(PartRun(name, results, time.process_time() - cpu, time.perf_counter() - wall))
    return runs


def tell_through(queue: Any) -> None:
    """Lets this process say how far it is, through a queue that its parent reads."""
    global _told  # noqa: PLW0603 (a queue reaches a process of a pool when it begins, and no later)
    _told = queue


def _telling(part: str) -> Callable[[str], None]:
    """Passes on how far a part is, now and then."""
    last = -math.inf

    def tell(text: str) -> None:
        nonlocal last
        if _told is not None and time.monotonic() - last > TELL_SECONDS:
            last = time.monotonic()
            _told.put(f"{part}: {text}")

    return tell


def with_model(offline: Results, model: ModelRows, answered: Results) -> tuple[Results, Results]:
    """The offline results, Table 3 with the rows of a language model in it, and what else is its own.

    Where it was not asked, the offline results say why.
    """
    results, own = dict(offline), dict(answered)
    whys = {name: model.lacking for name in model_rows.PARTS if model.lacking}
    whys |= {name: own.pop(name).why for name, each in answered.items() if isinstance(each, ModelFailure)}
    results |= {name: without_rows(results[name], model, why) for name, why in whys.items() if name in results}
    if "item_selection" in results and "item_selection" in own:
        results["item_selection"] = in_table_3(results["item_selection"], own.pop("item_selection"))
    return results, own


def sessions_of(results: Results, beside: Beside = ()) -> tuple[SessionResults, ...]:
    """Of all shoppers, the offline ones first."""
    offline = results.get("session_generation")
    own = [each["session_generation"] for each in beside if "session_generation" in each]
    return (*(() if offline is None else (offline.default, offline.fitted)), *own)


def table_2_columns(results: Results, beside: Beside = ()) -> list[Column]:
    """The columns of Table 2 that were run."""
    queries, views = (
        [each[part] for each in (results, *beside) if part in each] for part in ("query_generation", "view_selection")
    )
    return columns(queries=queries, views=views, sessions=sessions_of(results, beside))


def tables(results: Results, beside: Beside = ()) -> list[RenderableType]:
    """The tables of those parts that were run, one by one, in the order of the paper."""
    pieces = (piece.renderables if isinstance(piece, Group) else [piece] for piece in report(results, beside))
    return [piece for piece in chain.from_iterable(pieces) if not isinstance(piece, str)]


def report(results: Results, beside: Beside = ()) -> Iterable[RenderableType]:
    """The tables, each with what the floors make of it and what else its reader has to know.

    Args:
        results: By part.
        beside: Those of a language model, and of a policy of the user's own.
    """
    sessions = sessions_of(results, beside)
    compared = table_2_columns(results, beside)
    if compared:
        yield table_2(compared)
        left_out = [session_generation.JOURNEY_LEFT_OUT] if sessions else []
        yield from _listed([*table_2_remarks(compared, sessions), *left_out])
        if (shown := persona_table(compared)) is not None:
            yield shown
            yield from _listed(persona_answers(compared))
    for each in (results, *beside):
        if (queries := each.get("query_generation")) is not None:
            yield one_by_one(queries)
            yield from _listed(similarity_remarks(queries))
    for each in (results, *beside):
        if (views := each.get("view_selection")) is not None:
            yield figure_3(views)
            yield from _listed(figure_3_remarks(views))
    for each in (results, *beside):
        if (items := each.get("item_selection")) is not None:
            yield table_3(items)
            yield from _listed(table_3_remarks(items))
    worded = [one for one in sessions if varied(one)]
    if worded:
        yield table_4(worded)
        yield from _listed(table_4_remarks(worded))
    if "abtest" in results:
        yield abtest.table(results["abtest"])


def _listed(lines: Iterable[str]) -> Iterator[RenderableType]:
    """Sentences as a list, with an empty line after them."""
    for line in lines:
        yield f"- {line}"
    yield ""
