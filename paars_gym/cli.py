"""The ``paars`` command: one thin function a verb, each calling the room that does the work."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import click
import typer
from rich.console import Console
from rich.markup import escape

app = typer.Typer(
    name="paars",
    help="Simulated shoppers: build a shop, fill it, measure them against people, and test before you ship.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
catalog_app = typer.Typer(help="Product catalogs.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")
console = Console()
errors = Console(stderr=True)


@app.command()
def play(
    catalog: Annotated[str, typer.Option(help="mini, journey, or the folder of a built catalog.")] = "mini",
    ranking: Annotated[str, typer.Option(help='Ranking policy, such as bm25 or "bm25+rating:0.3".')] = "bm25",
    intention: Annotated[str | None, typer.Option(help="What you come for, shown at the entrance.")] = None,
    max_steps: Annotated[int, typer.Option(min=1, help="The visit ends after this many actions.")] = 50,
    log: Annotated[Path | None, typer.Option(help="Append each step to this JSONL file.")] = None,
) -> None:
    """Play one visit in the terminal: the pages and actions that agents get."""
    import gymnasium

    from paars_gym.shop.play import play as play_visit
    from paars_gym.shop.wrappers import RecordSteps

    env = gymnasium.make("PAARS-Retail-v0", catalog=catalog, ranking=ranking, max_steps=max_steps)
    if log is not None:
        env = RecordSteps(env, log)
    options = {"intention": {"text": intention}} if intention else None
    bought = play_visit(env, lambda: input("\n> "), typer.echo, options=options)
    env.close()
    typer.echo(f"You bought {bought} product lines.")


def main() -> None:
    """Runs the command; a user's mistake ends as one line on stderr and exit code 2, never as a traceback."""
    try:
        app(standalone_mode=False)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)
    except (click.Abort, KeyboardInterrupt):
        errors.print("Stopped.")
        sys.exit(130)
    except (ValueError, LookupError, OSError, ImportError) as mistake:
        text = mistake.args[0] if isinstance(mistake, KeyError) and mistake.args else mistake
        errors.print(f"[red]error:[/red] {escape(str(text))}", highlight=False, soft_wrap=True)
        sys.exit(2)


@catalog_app.command("build")
def catalog_build(
    feed: Annotated[Path, typer.Argument(help="CSV, TSV, JSON lines, JSON array or Parquet; plain, gzip or zstd.")],
    out: Annotated[Path, typer.Option(help="Folder of the catalog; a catalog there is replaced whole or not at all.")],
    format: Annotated[  # noqa: A002
        str, typer.Option(help="generic, webshop, amazon-reviews-2023, esci or wands.")
    ] = "generic",
    map: Annotated[  # noqa: A002
        list[str] | None, typer.Option(help="Which column is which field: title=product_name,price=cost. Repeatable.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Take only rows with this value: locale=us.")] = None,
    name: Annotated[str | None, typer.Option(help="How reports call it; the folder's name by default.")] = None,
    currency: Annotated[str | None, typer.Option(help="Such as EUR; by default that of the first price.")] = None,
    encoding: Annotated[str | None, typer.Option(help="If neither UTF-8, UTF-16 nor Windows-1252.")] = None,
) -> None:
    """Builds a catalog from a product feed, and says what became of every row."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    from paars_gym.catalog.build import build_catalog

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}")
    with Progress(*columns, console=errors, transient=True) as bar:
        tasks = {stage: bar.add_task(stage, total=1.0, told="", start=False) for stage in ("reading", "sorting")}

        def progress(stage: str, rows: int, fraction: float) -> None:
            task = tasks[stage]
            bar.start_task(task)
            rate = rows / max(bar.tasks[task].elapsed or 0.0, 0.1)
            bar.update(task, completed=fraction, told=f"{rows:,} rows, {rate:,.0f}/s")

        report = build_catalog(
            feed,
            out,
            format=format,
            mapping=_assignments("--map", map),
            only=_assignments("--only", only) or None,
            name=name,
            currency=currency,
            encoding=encoding,
            progress=progress,
        )
    counts = {name.replace("_", " "): f"{count:,}" for name, count in report.card.counts.items()}
    _facts(f"Catalog {report.card.name!r} in {out}", counts.items())
    console.print(f"{report.seconds:.1f} s. Prices are in {report.card.currency}.", highlight=False)
    if report.currency_assumed:
        console.print(f"No price named its currency: {report.card.currency} is assumed; --currency says another.")
    if report.card.counts["price_ranges"]:
        console.print("Of price ranges the low end was taken.")
    if report.damage:
        console.print(f"[yellow]The feed is incomplete:[/yellow] {escape(report.damage)}. What was read is kept.")
    if (out / "rejected.jsonl").stat().st_size:
        console.print(f"Every row and field that could not be used: {escape(str(out / 'rejected.jsonl'))}")


@catalog_app.command("describe")
def catalog_describe(
    catalog: Annotated[str, typer.Argument(help="Folder of a catalog, or the name of a built-in one.")],
) -> None:
    """Says what is in a catalog."""
    from paars_gym.catalog.describe import describe
    from paars_gym.catalog.load import load_catalog

    _facts("Catalog", describe(load_catalog(catalog)))


def _assignments(option: str, texts: Iterable[str] | None) -> dict[str, str]:
    pairs = [pair.partition("=") for text in texts or () for pair in text.split(",")]
    for name, equals, value in pairs:
        if not (name.strip() and equals and value.strip()):
            raise ValueError(f"{option} {name}{equals}{value}: must be NAME=VALUE, several with commas between.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    from rich.table import Table

    table = Table(title=escape(title), show_header=False, title_justify="left")
    for name, text in facts:
        table.add_row(escape(name), escape(text))
    console.print(table)
