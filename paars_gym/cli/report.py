"""``paars report`` and ``paars view``: a run as a page to open, and all of its sessions in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paars_gym.cli.app import app, console, errors
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import HUMAN, PEOPLE, SHOP, SHOPPERS

if TYPE_CHECKING:
    from paars_gym.report.pages.run_page import Findings
    from paars_gym.report.pages.session_book import SessionBook

RunArgument = Annotated[Path, typer.Argument(help="Folder of a run, or of an A/B test.", show_default=False)]
CatalogOfRun = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        help="Catalog of the run, where its settings do not say where it lies; to rebuild pages.",
        rich_help_panel=SHOP,
    ),
]
PersonasOfRun = Annotated[
    Path | None,
    typer.Option(
        "--personas", help="Personas of the run, where its settings do not say which.", rich_help_panel=SHOPPERS
    ),
]


@app.command()
@with_outputs(out="file")
def report(
    run: RunArgument,
    human: Annotated[
        str | None, typer.Option(help=f"{HUMAN}; or a file of paars reference export.", rich_help_panel=PEOPLE)
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(help="Another run in the same catalog: which is nearer to people? Repeatable; needs --human."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Also by segment: goal or category.")] = None,
    embedder: Annotated[
        str,
        typer.Option(help="Text vectors: auto, minilm, minilm-int8, lexical, a model's name; none compares no words."),
    ] = "auto",
    catalog: CatalogOfRun = None,
    personas: PersonasOfRun = None,
    show: Annotated[int, typer.Option(min=0, help="Sessions that the page holds step by step, at most.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw of the comparison.")] = 0,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
) -> None:
    """Writes a run, or an A/B test, as one HTML file: what it says, its plots and tables, and sessions step by step.

    The file loads nothing from anywhere and opens from disk. With --human the run is compared with people first, as
    paars score does.
    """
    from paars_gym.report.pages.run_page import run_page
    from paars_gym.report.progress import Progress

    if compare and human is None:
        raise ValueError("--compare asks which run is nearer to people; say which people: --human NAME, STORE or RUN.")
    if by is not None and human is None:
        raise ValueError(f"--by {by} is of a comparison with people; say which people: --human NAME, STORE or RUN.")
    with Progress(errors, "reading the sessions") as status:
        book = _book(run, catalog, personas)
        results = _results(book)
        if human is not None:
            status.update("comparing with people")
            results = _compared(book, results, human, tuple(compare or ()), (by, embedder, seed))
        status.update("writing the page")
        page = run_page(book, results, shown=show)
        size = page.write(out)
    for line in page.headline:
        console.print(f"- {line}")
    shown = sum(len(each.chosen) for each in page.sessions)
    console.print(f"{out}: {shown} of {len(book):,} sessions step by step, {size / 1e6:.1f} MB. Open it in a browser.")
    console.print(f"All sessions: paars view {run}")


@app.command()
def view(
    run: RunArgument,
    catalog: CatalogOfRun = None,
    personas: PersonasOfRun = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; 0 for any that is free.")] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Shows all sessions of a run, or of an A/B test, in the browser of this machine; Ctrl-C ends it.

    Sessions are read when they are opened. Nobody gets in without the token in the address, and nothing is written.
    """
    from paars_gym.report.progress import Progress
    from paars_gym.serve.view import serve_view

    with Progress(errors, "reading the sessions"):
        book = _book(run, catalog, personas)
    what = "pairs of visits" if len(book.arms) > 1 else "sessions"
    said = f"{len(book):,} {what} of {run}; Ctrl-C ends this. Open"
    serve_view(book, port=port, open_browser=open_browser, tell=lambda address: console.write(f"{said} {address}"))


def _book(run: Path, catalog: str | None, personas: Path | None) -> SessionBook:
    from paars_gym.report.pages.session_book import Beside, SessionBook

    book = SessionBook(run, Beside(catalog, personas))
    if not book.rows:
        raise ValueError(f"{str(run)!r} holds no session yet; go on with it: paars simulate … --resume.")
    return book


def _results(book: SessionBook) -> Findings:
    from paars_gym.abtest.result import RESULT_FILE, ABTestResult
    from paars_gym.report.pages.run_page import Findings

    is_there = len(book.arms) > 1 and (book.folder / RESULT_FILE).is_file()
    return Findings(test=ABTestResult.read(book.folder) if is_there else None)


def _compared(
    book: SessionBook, results: Findings, human: str, others: tuple[Path, ...], options: tuple[str | None, str, int]
) -> Findings:
    """The run, or the control arm of a test, beside people, once for each other run."""
    from paars_gym.alignment.private import Reference
    from paars_gym.alignment.scoring import score
    from paars_gym.alignment.session_log import SessionLog, open_log
    from paars_gym.tasks.people import reference_people

    by, embedder, seed = options
    people: SessionLog | Reference
    if Path(human).exists():
        people = Reference.read(Path(human)) if Path(human).suffix == ".json" else open_log(human)
    else:
        people = reference_people(human).log()
    agents = open_log(book.folder / book.arms[0])
    baselines: list[SessionLog | None] = [open_log(other) for other in others]
    names = [log.name for log in (agents, *baselines) if log is not None]
    if len(set(names)) < len(names):  # runs that call themselves the same are told apart by their folders
        agents = open_log(agents, name=f"{agents.name} ({book.folder.name})")
        pairs = zip(baselines, others, strict=True)
        baselines = [open_log(log, name=f"{log.name} ({folder.name})") for log, folder in pairs if log is not None]
    alignments = tuple(
        score(
            people,
            agents,
            baseline=baseline,
            by=by,
            embedder=None if embedder == "none" else embedder,
            seed=seed,
        )
        for baseline in (baselines or [None])
    )
    return results._replace(alignments=alignments)
