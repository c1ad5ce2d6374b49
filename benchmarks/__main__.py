"""``python -m benchmarks``: the whole evaluation with offline shoppers, Tables 2, 3 and 4 and an A/B test.

With ``--policy`` or ``--model`` a policy or a language model fills the same tables, beside the offline rows.
``benchmarks/README.md`` shows what this prints. To refresh its tables and ``benchmarks/report.svg``, from a new
folder (sessions of a folder that exists are kept, be they of older code)::

    python -m benchmarks --out runs/readme
    python -m benchmarks.readme runs/readme
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import as_completed
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table

import paars_gym
from benchmarks import model_rows, settings
from benchmarks.asked import ASKED_PARTS, NEEDS_ANSWERS, AskedPolicy, check_asked, forecast_asked, run_asked
from benchmarks.model_rows import ModelFailure, ModelRows
from benchmarks.page import page
from benchmarks.parts import (
    NOTHING_GIVEN,
    PARTS,
    TOGETHER,
    Beside,
    Given,
    PartRun,
    Results,
    report,
    run_parts,
    tables,
    tell_through,
    with_model,
)
from benchmarks.processes import SPAWN, workers
from benchmarks.real_sessions import check_human
from benchmarks.reference import fitted
from benchmarks.row_options import ALONE, RowOptions, model_asked, policy_asked
from benchmarks.scores import SCORES_FILE, scores
from paars_gym.catalog.load import load_catalog
from paars_gym.cli.model_options import NOTHING_ASKED, CallsAtOnce, ModelOptions, with_model_options
from paars_gym.cli.option_groups import with_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.running import run_command
from paars_gym.cli.task_options import print_forecasts
from paars_gym.config import RunConfig
from paars_gym.exit_codes import ExitCode
from paars_gym.files import write_whole
from paars_gym.llm.ledger import LEDGER_FILE, left_of, sharing
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.sessions.logs.importing import household_baskets
from paars_gym.simulation.result import RunStoppedError

OFFLINE = (
    "No language model ran: every shopper here is an offline one, named in its row. "
    "Columns say whether their people are synthetic or real."
)
CHOOSES = (
    "A language model ran, {model}: it chooses by likelihood; every other shopper here is an offline one, named in its "
    "row. Columns say whether their people are synthetic or real."
)
BESIDE = (
    "The rows of {policy} are those asked for; every other shopper here is an offline one, named in its row. "
    "Columns say whether their people are synthetic or real."
)
IN_README = ("Table 2", "Beside Table 2", "Does the persona", "Table 3", "Table 4")
"""Titles of the tables that benchmarks/README.md shows as text."""
TABLES_WIDTH = 132
"""Columns of the pictures and files."""


@with_options("rows", RowOptions)
@with_model_options
@with_outputs(out="folder", json_file="file")
def main(
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder; by default a new one in runs/. One that was interrupted goes on."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"A part to run; repeat for several. All by default: {', '.join(PARTS)}."),
    ] = None,
    rows: RowOptions = ALONE,
    shopper: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files of two shoppers that paars fit has fitted, for base and persona; give it twice. The rows of "
            "the fitted shopper and the simulated A/B test are then theirs.",
        ),
    ] = None,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Also write settings and scores here, as in scores.json of the run folder."),
    ] = None,
) -> None:
    """Runs the whole evaluation with offline shoppers: no network, no key, under three minutes on two cores.

    A small language model of this machine chooses by likelihood beside them, where it is installed: then under five.
    The run folder keeps every session, the settings, results.json and the report as text, page and picture. With
    --policy or --model that policy is asked as well, in the same tables, under one budget.
    """
    for name in only or ():
        if name not in PARTS:
            raise ValueError(f"--only {name}: choose from {', '.join(PARTS)}.")
    parts = [name for name in PARTS if name in (only or PARTS)]
    folder = out or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    human = rows.human
    if human is not None:
        check_human(human)
    model, rows = model_asked(rows, asking)
    asked = policy_asked(rows, folder, asking, concurrency)
    shoppers = tuple(shopper or ())
    given = fitted(shoppers) if shoppers else {}
    console, errors = Printer(), Printer(stderr=True)
    own = [name for name in parts if name in ASKED_PARTS] if asked else []
    if asked is not None and (cannot := check_asked(asked)):
        own = [name for name in own if name not in NEEDS_ANSWERS]
        errors.print(f"{asked.policy} gets rows of whole sessions alone: {cannot}")
    if asked is not None and asking.dry_run:
        print_forecasts(forecast_asked(own, asked))
        return
    folder.mkdir(parents=True, exist_ok=True)
    frozen = {
        name: value.model_dump(mode="json") if isinstance(value, RunConfig) else value
        for name, value in vars(settings).items()
        if name.isupper()
    }
    if asked is not None:
        # Sizes and names, no key: `AskedPolicy` has none.
        frozen["ASKED"] = {"policy": asked.policy, "model": asked.model and str(asked.model.spec)}
        frozen["ASKED"] |= {"options": asked.options, "cases": asked.cases}
    frozen["MODEL"] = model._asdict()
    frozen["HUMAN"] = human
    frozen["SHOPPERS_GIVEN"] = {name: one.parameters for name, one in given.items()}
    _write(folder / "settings.json", {"paars_gym": paars_gym.__version__, **frozen})
    with Progress(errors, "catalogs and baskets, built once and kept") as status:
        try:
            # Before the parts, which would each build them.
            load_catalog("mini")
            household_baskets()
        except ImportError as missing:
            raise ImportError(f'{missing} The whole evaluation needs: python -m pip install -e ".[demo]"') from missing
        runs = _run_all(parts, folder, Given(shoppers, human), status.update, model)
        of_model = {name: runs[key].results for name in parts if (key := _by_model(name, model)) in runs}
        results, chosen = with_model({name: runs[name].results for name in parts}, model, of_model)
        answered = _ask(own, asked, folder, status.update) if asked else {}
    beside = [chosen, answered]
    ran = any(not isinstance(each, ModelFailure) for each in of_model.values())
    first = CHOOSES.format(model=model.name) if ran else OFFLINE
    first = first if asked is None else BESIDE.format(policy=asked.named())
    pieces = [first, "", *report(results, beside)]
    _keep(folder, pieces, results, beside)
    numbers = {"paars_gym": paars_gym.__version__, "settings": frozen, **scores(results, beside)}
    for file in filter(None, (folder / SCORES_FILE, json_file)):
        _write(file, numbers)
    console.print(*pieces, sep="\n")
    took = ", ".join(f"{run.name} {run.cpu_seconds:.0f}" for run in runs.values())
    console.print(f"\nCPU seconds: {took}. Sessions, settings and results.json: {folder}")
    console.print(f"To open in a browser: {folder / 'report.html'}", soft_wrap=True)
    if stopped := next((why for each in answered.values() if (why := getattr(each, "stopped", ""))), ""):
        raise RunStoppedError(f"{stopped.rstrip('.')}. What was answered before is above.", ExitCode.CAPPED)


def _by_model(part: str, model: ModelRows) -> str:
    return f"{part}, {model.name}"


def _run_all(
    names: list[str], folder: Path, given: Given, progress: Callable[[str], None], model: ModelRows
) -> dict[str, PartRun]:
    groups = [[name for name in group if name in names] for group in TOGETHER]
    by_model = [[name for name in group if name in names] for group in model_rows.TOGETHER if not model.lacking]
    order = [*names, *(_by_model(name, model) for group in by_model for name in group)]
    runs: dict[str, PartRun] = {}
    # Processes of their own: the parts compute, and two cores do two of them at once.
    told = SPAWN.SimpleQueue()
    relay = Thread(target=lambda: [progress(text) for text in iter(told.get, None)], daemon=True)
    relay.start()
    with workers(len(groups) + len(by_model), partial(tell_through, told)) as pool:
        progress(f"running: {', '.join(order)}")
        jobs = {pool.submit(run_parts, group, folder, given): False for group in groups if group}
        jobs |= {pool.submit(run_parts, group, folder, NOTHING_GIVEN, model): True for group in by_model if group}
        for job in as_completed(jobs):
            for run in job.result():
                name = _by_model(run.name, model) if jobs[job] else run.name
                runs[name] = run._replace(name=name)
            if left := [name for name in order if name not in runs]:
                progress(f"running: {', '.join(left)}")
            # In the order of the parts, whichever came first.
            finished = {name: runs[name].results.model_dump(mode="json") for name in order if name in runs}
            _write(folder / "results.json", finished)
            took = {
                run.name: {"cpu_seconds": run.cpu_seconds, "wall_seconds": run.wall_seconds} for run in runs.values()
            }
            _write(folder / "telemetry.json", took)
    told.put(None)
    relay.join()
    return runs


def _ask(names: list[str], asked: AskedPolicy, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """The parts that the user's policy is asked in, one after the other, under one budget."""
    results: dict[str, Any] = {}
    (folder / "asked").mkdir(exist_ok=True)
    asked = asked._replace(budget=sharing(asked.budget, folder / "asked" / LEDGER_FILE))
    for name in names:
        progress(f"asking {asked.named()}: {name}")
        done = run_asked(name, asked, folder / "asked", progress)
        asked = asked._replace(budget=left_of(asked.budget, done.usd))
        results[name] = done.results
        finished = {part: each.model_dump(mode="json") for part, each in results.items()}
        _write(folder / "asked" / "results.json", finished)
    return results


def _keep(folder: Path, pieces: Iterable[RenderableType], results: Results, beside: Beside = ()) -> None:
    """The report as files, the same whatever the terminal: whole as text and page, its tables as text and picture."""
    whole, brief = (Printer(record=True, width=TABLES_WIDTH, file=StringIO()) for _ in range(2))
    pieces = list(pieces)
    whole.print(*pieces, sep="\n")
    page(pieces, results, folder, beside).write(folder / "report.html")
    whole.save_text(str(folder / "report.txt"))
    brief.print(*pieces[:2], sep="\n")
    brief.print(*tables(results, beside), sep="\n")
    brief.save_svg(str(folder / "report.svg"), title="python -m benchmarks")
    # What the README repeats as text; the picture has all of them.
    shown = (table for table in tables(results, beside) if _titled(table, *IN_README))
    brief.print(*shown, sep="\n")
    brief.save_text(str(folder / "tables.txt"))


def _titled(piece: RenderableType, *beginnings: str) -> bool:
    return isinstance(piece, Table) and str(piece.title).startswith(beginnings)


def _write(path: Path, content: dict[str, Any]) -> None:
    write_whole(path, json.dumps(content, indent=2, default=str) + "\n")


if __name__ == "__main__":
    run_command(main)
