"""``python -m benchmarks``: the whole evaluation with offline shoppers, Tables 2, 3 and 4 and an A/B test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType

import paars_gym
from benchmarks import abtest, item_selection, session_generation, settings
from paars_gym.abtest import ABTestResult

FIRST_LINE = (
    "No language model ran: every shopper here is an offline one, named in its row. "
    "Columns say whether their people are synthetic or real."
)
Progress = Callable[[str], None]


class Part(NamedTuple):
    """A part of the evaluation.

    Attributes:
        name: Its module, which also runs alone.
        run: Gives its results, given a folder of its own and where to tell progress.
        show: Its tables and sentences, for a terminal.
    """

    name: str
    run: Callable[[Path, Progress], BaseModel]
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


PARTS = (
    Part("session_generation", lambda out, tell: session_generation.run(out, progress=tell), _sessions),
    Part("item_selection", lambda _, tell: item_selection.run(progress=tell), _items),
    Part("abtest", lambda _, __: abtest.run(), _abtest),
)


def main(
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder; by default a new one in runs/. One that was interrupted goes on."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="A part to run; repeat for several. All by default.")] = None,
) -> None:
    """Runs the whole evaluation with offline shoppers: no network, no key, no language model, under three minutes.

    The run folder keeps every session, the settings, results.json and the report as text, page and picture.
    """
    known = [part.name for part in PARTS]
    for name in only or ():
        if name not in known:
            raise typer.BadParameter(f"{name!r}: choose from {', '.join(known)}.")
    folder = out or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder.mkdir(parents=True, exist_ok=True)
    frozen = {name: value for name, value in vars(settings).items() if name.isupper()}
    _write(folder / "settings.json", {"paars_gym": paars_gym.__version__, **frozen})
    console = Console(record=True, highlight=False)
    console.print(FIRST_LINE, "\n")
    results: dict[str, Any] = {}
    for part in PARTS:
        if only and part.name not in only:
            continue
        with console.status(part.name) as status:
            tell: Progress = lambda what, name=part.name, status=status: status.update(f"{name}: {what}")  # type: ignore[misc]  # noqa: E731
            found = part.run(folder / part.name, tell)
        for piece in part.show(found):
            console.print(piece)
        console.print()
        results[part.name] = found.model_dump(mode="json")
        _write(folder / "results.json", results)
    console.print(f"Sessions, settings, results.json and this report: {folder}")
    console.save_html(str(folder / "report.html"), clear=False)
    console.save_svg(str(folder / "report.svg"), title="python -m benchmarks", clear=False)
    console.save_text(str(folder / "report.txt"))


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
