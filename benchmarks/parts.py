"""What does the whole evaluation consist of, and how is each part shown?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from rich.console import RenderableType

from benchmarks import abtest, item_selection, session_generation
from paars_gym.abtest import ABTestResult


class Part(NamedTuple):
    """A part of the evaluation.

    Attributes:
        run: Gives its results, given a folder of its own.
        show: Its tables and sentences, for a terminal.
    """

    run: Callable[[Path], BaseModel]
    show: Callable[[Any], Iterable[RenderableType]]


def _sessions(results: session_generation.SessionResults) -> Iterable[RenderableType]:
    yield session_generation.table_2(results)
    yield session_generation.table_4(results)
    yield from session_generation.notes(results)


def _items(results: item_selection.ItemSelectionResults) -> Iterable[RenderableType]:
    yield item_selection.table(results)
    yield from item_selection.notes(results)


def _abtest(results: ABTestResult) -> Iterable[RenderableType]:
    yield abtest.table(results)


PARTS = {
    "session_generation": Part(session_generation.run, _sessions),
    "item_selection": Part(lambda _: item_selection.run(), _items),
    "abtest": Part(lambda _: abtest.run(), _abtest),
}
"""By module, each of which also runs alone; in the order of the report."""


def run_part(name: str, out: Path) -> BaseModel:
    """The results of a part; a function of a module, so that another process can be told to run it."""
    return PARTS[name].run(out)
