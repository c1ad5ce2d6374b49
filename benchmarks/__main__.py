"""``python -m benchmarks``: the whole evaluation with offline shoppers, Tables 2, 3 and 4 and an A/B test."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import paars_gym
from benchmarks import settings
from benchmarks.parts import PARTS, run_part
from paars_gym.catalog.load import load_catalog
from paars_gym.sessions.households import household_baskets

FIRST_LINE = (
    "No language model ran: every shopper here is an offline one, named in its row. "
    "Columns say whether their people are synthetic or real."
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
    for name in only or ():
        if name not in PARTS:
            raise typer.BadParameter(f"{name!r}: choose from {', '.join(PARTS)}.")
    folder = out or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder.mkdir(parents=True, exist_ok=True)
    frozen = {name: value for name, value in vars(settings).items() if name.isupper()}
    _write(folder / "settings.json", {"paars_gym": paars_gym.__version__, **frozen})
    console = Console(record=True, highlight=False)
    console.print(FIRST_LINE, "\n")
    results: dict[str, Any] = {}
    try:
        with console.status("catalogs and baskets, built once and kept"):
            # Before the parts, which would each build them.
            load_catalog("mini")
            household_baskets()
    except ImportError as missing:
        console.print(f'{missing} The whole evaluation needs: python -m pip install -e ".[demo]"')
        raise typer.Exit(2) from None
    # Processes of their own: the parts compute, and two cores do two of them at once.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        running = {name: pool.submit(run_part, name, folder / name) for name in only or PARTS}
        for name, part in running.items():
            with console.status(f"running: {', '.join(other for other, job in running.items() if not job.done())}"):
                found = part.result()
            for piece in PARTS[name].show(found):
                console.print(piece)
            console.print()
            results[name] = found.model_dump(mode="json")
            _write(folder / "results.json", results)
    console.print(f"Sessions, settings, results.json and this report: {folder}")
    console.save_html(str(folder / "report.html"), clear=False)
    console.save_svg(str(folder / "report.svg"), title="python -m benchmarks", clear=False)
    console.save_text(str(folder / "report.txt"))


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
