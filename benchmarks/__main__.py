"""``python -m benchmarks``: the whole evaluation with offline shoppers, Tables 2, 3 and 4 and an A/B test.

``benchmarks/README.md`` shows what this prints. To refresh its tables and ``benchmarks/report.svg``, in a folder that
does not exist yet (sessions of a folder that does are kept, be they of older code)::

    python -m benchmarks --out runs/readme --readme
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.table import Table

import paars_gym
from benchmarks import readme as readme_file
from benchmarks import settings
from benchmarks.parts import PARTS, TOGETHER, PartRun, report, run_parts, scores, tables
from paars_gym.catalog.load import load_catalog
from paars_gym.cli.alignment import check_writable
from paars_gym.cli.running import WIDTH, run_command, wide_console
from paars_gym.config import RunConfig
from paars_gym.sessions.importing import household_baskets

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
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Also write settings and scores here: a list of rows for each table and figure."),
    ] = None,
    readme: Annotated[
        bool, typer.Option("--readme", help="Put the tables and the picture into benchmarks/; --out must be new.")
    ] = False,
) -> None:
    """Runs the whole evaluation with offline shoppers: no network, no key, no language model, under three minutes.

    The run folder keeps every session, the settings, results.json and the report as text, page and picture.
    """
    for name in only or ():
        if name not in PARTS:
            raise ValueError(f"--only {name}: choose from {', '.join(PARTS)}.")
    folder = out or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if readme and (only or folder.exists()):
        raise ValueError("--readme shows the whole report of sessions made now: no --only, and --out must be new.")
    folder.mkdir(parents=True, exist_ok=True)
    frozen = {
        name: value.model_dump(mode="json") if isinstance(value, RunConfig) else value
        for name, value in vars(settings).items()
        if name.isupper()
    }
    _write(folder / "settings.json", {"paars_gym": paars_gym.__version__, **frozen})
    check_writable(json_file, "--json")
    console = wide_console()
    console.print(FIRST_LINE, "\n")
    with console.status("catalogs and baskets, built once and kept") as status:
        try:
            # Before the parts, which would each build them.
            load_catalog("mini")
            household_baskets()
        except ImportError as missing:
            raise ImportError(f'{missing} The whole evaluation needs: python -m pip install -e ".[demo]"') from missing
        runs = _run_all(only or list(PARTS), folder, status.update)
    results = {name: runs[name].results for name in PARTS if name in runs}
    pieces = list(report(results))
    console.print(*pieces, sep="\n")
    _keep(folder, pieces, results)
    if json_file is not None:
        _write(json_file, {"paars_gym": paars_gym.__version__, "settings": frozen, **scores(results)})
    if readme:
        readme_file.refresh(folder)
    took = ", ".join(f"{run.name} {run.cpu_seconds:.0f}" for run in runs.values())
    console.print(f"\nCPU seconds: {took}. Sessions, settings, results.json and this report: {folder}")


def _run_all(names: list[str], folder: Path, progress: Callable[[str], None]) -> dict[str, PartRun]:
    groups = [[name for name in group if name in names] for group in TOGETHER]
    runs: dict[str, PartRun] = {}
    # Processes of their own: the parts compute, and two cores do two of them at once.
    with ProcessPoolExecutor(len(groups), mp_context=get_context("spawn")) as pool:
        progress(f"running: {', '.join(names)}")
        for job in as_completed([pool.submit(run_parts, group, folder) for group in groups if group]):
            runs |= {run.name: run for run in job.result()}
            progress(f"running: {', '.join(name for name in names if name not in runs)}")
            # In the order of the parts, whichever came first.
            finished = {name: runs[name].results.model_dump(mode="json") for name in PARTS if name in runs}
            _write(folder / "results.json", finished)
            took = {
                run.name: {"cpu_seconds": run.cpu_seconds, "wall_seconds": run.wall_seconds} for run in runs.values()
            }
            _write(folder / "telemetry.json", took)
    return runs


def _keep(folder: Path, pieces: Iterable[RenderableType], results: Mapping[str, Any]) -> None:
    """The report as files, the same whatever the terminal: whole as text and page, its tables as text and picture."""
    whole, brief = (Console(record=True, highlight=False, width=WIDTH, file=StringIO()) for _ in range(2))
    whole.print(FIRST_LINE, "\n")
    whole.print(*pieces, sep="\n")
    whole.save_html(str(folder / "report.html"), clear=False)
    whole.save_text(str(folder / "report.txt"))
    brief.print(FIRST_LINE, "\n")
    brief.print(*tables(results), sep="\n")
    brief.save_svg(str(folder / "report.svg"), title="python -m benchmarks")
    # What the README repeats as text; the picture has all of them.
    brief.print(*(table for table in tables(results) if _titled(table, "Table 2", "Table 3")), sep="\n")
    brief.save_text(str(folder / "tables.txt"))


def _titled(piece: RenderableType, *beginnings: str) -> bool:
    return isinstance(piece, Table) and str(piece.title).startswith(beginnings)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
