"""``paars catalog``: product catalogs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from paars_gym.cli.app import assignments, catalog_app, console, errors, print_facts


@catalog_app.command("build")
def catalog_build(
    feed: Annotated[Path, typer.Argument(help="CSV, TSV, JSON lines, JSON array or Parquet; plain, gzip or zstd.")],
    out: Annotated[Path, typer.Option(help="Folder of the catalog; a catalog there is replaced whole or not at all.")],
    format: Annotated[  # noqa: A002
        str, typer.Option(help="generic, webshop, amazon-reviews-2023, esci, wands, or catalog.")
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
    from paars_gym.catalog.feeds import FeedMapping

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[pace]}")
    with Progress(*columns, console=errors, transient=True) as bar:
        tasks = {stage: bar.add_task(stage, total=1.0, pace="", start=False) for stage in ("reading", "sorting")}

        def progress(stage: str, rows: int, fraction: float) -> None:
            task = tasks[stage]
            bar.start_task(task)
            rate = rows / max(bar.tasks[task].elapsed or 0.0, 0.1)
            bar.update(task, completed=fraction, pace=f"{rows:,} rows, {rate:,.0f}/s")

        report = build_catalog(
            feed,
            out,
            FeedMapping(
                format=format,
                columns=assignments("--map", map),
                only=assignments("--only", only) or None,
                currency=currency,
                encoding=encoding,
            ),
            name=name,
            progress=progress,
        )
    counts = {name.replace("_", " "): f"{count:,}" for name, count in report.card.counts.items()}
    print_facts(f"Catalog {report.card.name!r} in {out}", counts.items())
    console.print(f"{report.seconds:.1f} s. Prices are in {report.card.currency}.", highlight=False)
    if report.currency_assumed:
        console.print(f"No price named its currency: {report.card.currency} is assumed; --currency says another.")
    if report.card.counts["price_ranges"]:
        console.print("Of price ranges the low end was taken.")
    if report.unused:
        console.print(
            f"Columns that are no field of a product: {escape(', '.join(report.unused))}. One that is goes by another "
            "name? --map price=COLUMN.",
            highlight=False,
        )
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

    print_facts("Catalog", describe(load_catalog(catalog)))
