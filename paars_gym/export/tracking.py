"""Runs and results in MLflow or Weights & Biases: settings as parameters, estimates as metrics, the report as a file.

Each is one call. Nothing goes anywhere but where the tracker itself was told to put it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.abtest.backtest import BacktestResult
from paars_gym.abtest.result import RESULT_FILE, ABTestResult
from paars_gym.alignment.report import AlignmentReport
from paars_gym.estimate import Detail, Tabular
from paars_gym.report.pages.abtest_page import backtest_page
from paars_gym.report.pages.run_page import Findings, findings_page, run_page
from paars_gym.report.pages.session_book import SessionBook
from paars_gym.simulation.read_run import Run
from paars_gym.simulation.result import RunResult
from paars_gym.version import __version__

REPORT_FILE, TABLE_FILE = "report.html", "results.csv"
PROJECT = "paars_gym"
"""Of Weights & Biases, where no run is going on."""
AT_ONCE = 100
"""Parameters and metrics that MLflow takes in one request."""
LONGEST_VALUE = 500
"""Characters of a parameter."""
_UNFIT = re.compile(r"[^\w\-. ]+")


class Tracked(NamedTuple):
    """What a tracker is given.

    Attributes:
        name: In a line.
        parameters: Settings by dotted name.
        metrics: Numbers; each estimate with its ends as ``NAME.low`` and ``NAME.high``.
        book: Sessions that the report shows; None for the results alone.
        table: Written beside it; None where there is no result.
    """

    name: str
    parameters: Mapping[str, str | int | float | bool]
    metrics: Mapping[str, float]
    book: SessionBook | None = None
    table: Tabular | None = None


def log_to_mlflow(what: str | Path | RunResult | Tabular, *, folder: str | Path | None = None) -> str:
    """Logs a run, an A/B test or any result to MLflow: to the active run, else to one of its own.

    Args:
        what: Folder of a run or of an A/B test, what `run` gave back, or a result: of `ABTest.run`, `score`, a task.
        folder: Of the run or test that a result is of: its settings are logged too, and ``report.html`` then shows
            personas and sessions. Without it that of a test, a backtest or a comparison has the results alone.

    Returns:
        Id of the MLflow run.

    Raises:
        ImportError: MLflow is not installed.
        FileNotFoundError: There is no such run.
    """
    try:
        import mlflow
    except ModuleNotFoundError as missing:
        raise ImportError("log_to_mlflow needs MLflow: python -m pip install 'paars_gym[mlflow]'.") from missing
    tracked = tracked_of(what, folder=folder)
    active = mlflow.active_run()
    with nullcontext(active) if active is not None else mlflow.start_run(run_name=tracked.name) as going_on:
        for some in _parts(tracked.parameters):
            mlflow.log_params(some)
        for some in _parts(tracked.metrics):
            mlflow.log_metrics(some)
        with _files(tracked) as paths:
            for path in paths:
                mlflow.log_artifact(str(path))
        return str(going_on.info.run_id)


def log_to_wandb(what: str | Path | RunResult | Tabular, *, folder: str | Path | None = None) -> str:
    """Logs a run, an A/B test or any result to Weights & Biases: to the active run, else to one of its own.

    Args:
        what: As of `log_to_mlflow`.
        folder: As of `log_to_mlflow`.

    Returns:
        Id of the run of Weights & Biases.

    Raises:
        ImportError: wandb is not installed.
        FileNotFoundError: There is no such run.
    """
    try:
        import wandb
    except ModuleNotFoundError as missing:
        raise ImportError("log_to_wandb needs wandb: python -m pip install 'paars_gym[wandb]'.") from missing
    tracked = tracked_of(what, folder=folder)
    own = wandb.run is None
    going_on = wandb.init(project=PROJECT, name=tracked.name[:LONGEST_NAME]) if own else wandb.run
    try:
        going_on.config.update(dict(tracked.parameters), allow_val_change=True)
        going_on.log(dict(tracked.metrics))
        with _files(tracked) as paths:
            if paths:
                artifact = wandb.Artifact(f"paars_gym-{going_on.id}", type="report")
                for path in paths:
                    artifact.add_file(str(path))  # copied: ours goes away
                going_on.log_artifact(artifact)
        return str(going_on.id)
    finally:
        if own:
            going_on.finish()


LONGEST_NAME = 120
"""Characters of a run's name."""


def tracked_of(what: str | Path | RunResult | Tabular, *, folder: str | Path | None = None) -> Tracked:
    """What a tracker is given of a run or a result.

    Args:
        what: As of `log_to_mlflow`.
        folder: As of `log_to_mlflow`.

    Raises:
        FileNotFoundError: There is no such run.
        TypeError: Neither a run nor a result.
    """
    if not isinstance(what, Tabular):
        if not isinstance(what, str | Path | RunResult):
            raise TypeError(f"what == {what!r}, must be the folder of a run or a test, a RunResult or a result.")
        folder = what.folder if isinstance(what, RunResult) else what
    result = what if isinstance(what, Tabular) else None
    book = None if folder is None else SessionBook(folder)
    if result is None and book is not None and (book.folder / RESULT_FILE).is_file():
        result = ABTestResult.read(book.folder)
    parameters: dict[str, Any] = {"paars_gym": __version__}
    metrics: dict[str, float] = {}
    if book is not None:
        for arm, run in zip(book.arms, book.runs, strict=True):
            before = f"{arm}." if arm else ""
            told = {"catalog": run.settings.shop.catalog, **run.settings.compared()}
            parameters |= {f"{before}{name}": value for name, value in told.items()}
        metrics |= dict(_of_sessions(book))
    if result is not None:
        parameters |= dict(_settings(result))
        metrics |= dict(_estimates(result.to_dicts()))
    if isinstance(result, ABTestResult):
        metrics = dict(_of_arms(result)) | metrics
    name = result.summary() if result is not None else _name(book)
    return Tracked(name, {key: _plain(one) for key, one in parameters.items()}, metrics, book, result)


def _name(book: SessionBook | None) -> str:
    run = None if book is None else book.runs[0]
    return "" if run is None else f"{run.settings.run.policy}, {run.settings.run.condition}"


def _of_sessions(book: SessionBook) -> Iterator[tuple[str, float]]:
    """What became of the sessions, by arm."""
    for number, (arm, run) in enumerate(zip(book.arms, book.runs, strict=True)):
        rows = [row.sessions[number] for row in book.rows]
        usable = [row for row in rows if not row.failed]
        before = f"{arm}." if arm else ""
        yield f"{before}sessions", float(len(rows))
        yield f"{before}failed", float(len(rows) - len(usable))
        for name in ("searches", "views", "units") if usable else ():
            yield f"{before}{name} a session", sum(getattr(row, name) for row in usable) / len(usable)
        yield from _cost(before, run)


def _cost(before: str, run: Run) -> Iterator[tuple[str, float]]:
    account = run.account
    if account.calls:
        yield f"{before}usd", float(account.usd)
        yield f"{before}calls", float(account.calls)
        for kind, count in account.tokens.model_dump().items():
            yield f"{before}tokens.{kind}", float(count)


def _settings(result: Tabular) -> Iterator[tuple[str, Any]]:
    """Of a result, what is no estimate: its plain fields, the arms of a test, the populations of a comparison."""
    yield "result", type(result).__name__
    for name in getattr(type(result), "model_fields", ()):
        value = getattr(result, name)
        if isinstance(value, str | int | float | bool):
            yield name, value
    if isinstance(result, ABTestResult):
        for arm in (result.control, result.treatment):
            side = "control" if arm is result.control else "treatment"
            yield from ((f"{side}.{name}", getattr(arm, name)) for name in ("name", "ranking", "patch"))
    elif isinstance(result, AlignmentReport):
        for one in result.populations:
            yield from ((f"{one.role}.{name}", getattr(one, name)) for name in ("name", "synthetic", "sessions"))
        yield from ((f"settings.{name}", value) for name, value in result.settings.items())


def _of_arms(result: ABTestResult) -> Iterator[tuple[str, float]]:
    """What became of the arms of a test, and what they took."""
    for side in ("control", "treatment"):
        arm = getattr(result, side)
        for name in ("sessions", "failed", "usd", "tokens", "calls"):
            yield f"{side}.{name}", float(getattr(arm, name))
    yield "sample_ratio.p_value", result.sample_ratio.p_value
    for name, outcome in result.outcomes.items():
        for p_value, key in (
            (outcome.difference.p_value, "p_value"),
            (outcome.difference.number("p_adjusted"), "p_fdr"),
        ):
            if p_value is not None:
                yield f"{name}.difference.{key}", p_value


def _estimates(rows: list[dict[str, Detail]]) -> Iterator[tuple[str, float]]:
    """The value of each row, and its ends where it has an interval; rows called alike get numbers."""
    seen: dict[str, int] = {}
    for row in rows:
        told = list(row)
        before = told[: told.index("value")] if "value" in row else []
        texts = [str(row[name]) for name in before if isinstance(row[name], str) and row[name]]
        # Joined by dots: where names hold "/", MLflow's files take "a" and "a/b" for a file and a folder.
        name = ".".join(_UNFIT.sub("_", text).strip() for text in texts) or "estimate"
        seen[name] = seen.get(name, 0) + 1
        name += f" {seen[name]}" if seen[name] > 1 else ""
        for end, key in (("", "value"), (".low", "low"), (".high", "high"), (".floor", "floor")):
            value = row.get(key)
            if isinstance(value, int | float):
                yield name + end, float(value)


def _plain(value: Any) -> str | int | float | bool:
    return value if isinstance(value, int | float | bool) else str(value)[:LONGEST_VALUE]


def _parts(named: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    items = list(named.items())
    for start in range(0, len(items), AT_ONCE):
        yield dict(items[start : start + AT_ONCE])


@contextmanager
def _files(tracked: Tracked) -> Iterator[list[Path]]:
    """The report and the table, for as long as the tracker copies them."""
    with tempfile.TemporaryDirectory() as folder:
        paths, table, page = [], tracked.table, None
        findings = Findings(
            (table,) if isinstance(table, AlignmentReport) else (),
            table if isinstance(table, ABTestResult) else None,
        )
        if tracked.book is not None and tracked.book.rows:
            page = run_page(tracked.book, findings)
        elif findings.test or findings.alignments:
            page = findings_page(findings)
        elif isinstance(table, BacktestResult):
            page = backtest_page(table)
        if page is not None:
            paths.append(Path(folder) / REPORT_FILE)
            page.write(paths[-1])
        if tracked.table is not None:
            paths.append(Path(folder) / TABLE_FILE)
            tracked.table.to_csv(paths[-1])
        yield paths
