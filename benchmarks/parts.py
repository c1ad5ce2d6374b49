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

from benchmarks import (
    abtest,
    item_selection,
    model_rows,
    query_generation,
    real_sessions,
    session_generation,
    view_selection,
)
from benchmarks.model_rows import ModelFailure, ModelRows, in_table_3, without_rows
from paars_gym.report.diversity import table_4, table_4_remarks, varied
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.report.persona_gain import persona_answers, persona_table
from paars_gym.report.session_generation import (
    Column,
    by_people,
    columns,
    further_columns,
    further_remarks,
    further_table,
    table_2,
    table_2_remarks,
)
from paars_gym.report.tasks import figure_3, figure_3_remarks, one_by_one, similarity_remarks
from paars_gym.tasks.session_results import SessionResults


class Given(NamedTuple):
    """What the parts are run with, besides their settings.

    Attributes:
        shoppers: Files of fitted shoppers.
        human: Whom the columns of real people are of; None for `settings.REAL_PEOPLE`, where they are here.
    """

    shoppers: tuple[Path, ...] = ()
    human: str | None = None


NOTHING_GIVEN = Given()
PARTS: dict[str, Callable[[Path, Given], BaseModel]] = {
    "session_generation": lambda folder, given: session_generation.run(folder, given.shoppers),
    "real_sessions": lambda folder, given: real_sessions.run(folder, given.human),
    "query_generation": lambda _, given: query_generation.run(given.shoppers),
    "view_selection": lambda _, given: view_selection.run(given.shoppers),
    "item_selection": lambda *_: item_selection.run(),
    "abtest": lambda _, given: abtest.run(shoppers=given.shoppers),
}
"""By module, each of which also runs alone: its results, given a folder of its own."""
TOGETHER = (("session_generation", "view_selection", "query_generation", "real_sessions"), ("item_selection", "abtest"))
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
    names: Sequence[str], out: Path, given: Given = NOTHING_GIVEN, model: ModelRows | None = None
) -> list[PartRun]:
    """Runs parts one after the other; a function of a module, so that another process can be told to.

    Args:
        names: Of the parts.
        out: Folder of their folders.
        given: Fitted shoppers and real people.
        model: A language model that is asked in them, in place of the offline shoppers.
    """
    runs = []
    for name in names:
        cpu, wall = time.process_time(), time.perf_counter()
        if model is None:
            results = PARTS[name](out / name, given)
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
    """Of all shoppers, the offline ones first; those compared with real people last."""
    offline, real = results.get("session_generation"), results.get("real_sessions")
    own = [each["session_generation"] for each in beside if "session_generation" in each]
    beside_real = () if real is None else real.results
    return (*(() if offline is None else (offline.default, offline.fitted)), *own, *beside_real)


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
    lacking = results["real_sessions"].lacking if "real_sessions" in results else ""
    if lacking and not compared:
        yield from _listed([lacking])
    if compared:
        yield table_2(compared)
        left_out = [session_generation.JOURNEY_LEFT_OUT] if "session_generation" in results else []
        yield from _listed([*table_2_remarks(compared, sessions), *left_out, *filter(None, [lacking])])
        if further := further_columns(sessions):
            yield further_table(further)
            yield from _listed(further_remarks(further))
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
    for those in by_people(sessions):
        if worded := [one for one in those if varied(one)]:
            yield table_4(worded)
            yield from _listed(table_4_remarks(worded))
    if "abtest" in results:
        yield abtest.table(results["abtest"])


def _listed(lines: Iterable[str]) -> Iterator[RenderableType]:
    """Sentences as a list, with an empty line after them."""
    for line in lines:
        yield f"- {line}"
    yield ""
