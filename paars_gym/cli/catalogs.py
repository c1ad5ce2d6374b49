"""``paars catalog``: product catalogs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paars_gym.cli.app import assignments, catalog_app, check_ratio, console, errors, print_facts
from paars_gym.cli.outputs import with_outputs
from paars_gym.exit_codes import ExitCode

if TYPE_CHECKING:
    from paars_gym.catalog.feeds.layouts import FeedMapping


@catalog_app.command("build")
@with_outputs(out="folder")
def catalog_build(
    feed: Annotated[
        Path,
        typer.Argument(help="CSV, TSV, JSON lines, JSON array, Parquet, or a page with JSON-LD; plain, gzip or zstd."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the catalog; a catalog there is replaced whole or not at all.")],
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option(
            help="shopify, woocommerce, google-merchant, schema-org, webshop, amazon-reviews-2023, esci, wands, "
            "catalog or generic; by default what the columns say."
        ),
    ] = None,
    map: Annotated[  # noqa: A002
        list[str] | None,
        typer.Option(
            help="TOML file of a mapping, or pairs: title=product_name,price=sale|cost (the first that is filled), "
            "options.Size=size, group=parent_sku (rows of one product), explode=data.products. Repeatable."
        ),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Take only rows with this value: locale=us.")] = None,
    name: Annotated[str | None, typer.Option(help="How reports call it; the folder's name by default.")] = None,
    currency: Annotated[str | None, typer.Option(help="Such as EUR; by default that of the first price.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of the titles, such as de; detected by default.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="If neither UTF-8, UTF-16 nor Windows-1252.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Day of which sales with dates are the price, such as 2026-11-29; today by default."),
    ] = None,
    unpack_ratio: Annotated[
        float | None, typer.Option(help="Times its size a packed feed may unpack to; 200 by default.")
    ] = None,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Build a catalog in which nothing has a price.")
    ] = False,
) -> None:
    """Builds a catalog from a product feed, and says what became of every row."""
    from paars_gym.catalog.feeds.account import NOTHING_PRICED
    from paars_gym.catalog.feeds.build import build_catalog
    from paars_gym.catalog.language import language_name
    from paars_gym.cli.accounts import print_account
    from paars_gym.report.progress import Progress

    check_ratio(unpack_ratio)
    told: dict[str, Any] = {
        "format": format,
        "currency": currency,
        "encoding": encoding,
        "as_of": as_of,
        "unpack_ratio": unpack_ratio,
    }
    settings: dict[str, Any] = {key: value for key, value in told.items() if value is not None}
    settings |= {"allow_unpriced": allow_unpriced}
    settings |= {"only": assignments("--only", only)} if only else {}
    mapping = _mapping(map).model_copy(update=settings)
    with Progress(errors, "reading") as status:
        report = build_catalog(
            feed,
            out,
            mapping,
            name=name,
            language=language,
            progress=lambda stage, rows, fraction: status.update(f"{stage}: {rows:,} rows", fraction, 1.0),
        )
    account = report.account
    how = "recognised by its columns" if account.recognised else "as you say" if mapping.format else "by header words"
    console.print(f"Catalog {report.card.name!r} in {out}: {feed.name} read as {account.format}, {how}.")
    print_account(account)
    priced = NOTHING_PRICED not in account.warnings
    console.print(f"{report.seconds:.1f} s.{f' Prices are in {report.card.currency}.' * priced}")
    spoken = language_name(report.card.language)
    console.print(f"Search reads words as {spoken}{'' if language else ', as detected; --language says another'}.")
    if report.currency_assumed and priced:
        console.print(f"No price named its currency: {report.card.currency} is assumed; --currency says another.")
    if report.card.counts["price_ranges"]:
        console.print("Of price ranges the low end was taken.")
    if report.damage:
        console.notice("The feed is incomplete:", f"{report.damage}. What was read is kept.")
    if (out / "variants.jsonl").is_file():
        console.print(f"What each variant is called, costs and has in stock: {out / 'variants.jsonl'}")
    if (out / "rejected.jsonl").stat().st_size:
        console.print(f"Every row and field that could not be used: {out / 'rejected.jsonl'}")


@catalog_app.command("describe")
def catalog_describe(
    catalog: Annotated[str, typer.Argument(help="Folder of a catalog, or the name of a built-in one.")],
) -> None:
    """Says what is in a catalog."""
    from paars_gym.catalog.describe import describe
    from paars_gym.catalog.load import load_catalog

    print_facts("Catalog", describe(load_catalog(catalog)))


def _mapping(texts: list[str] | None) -> FeedMapping:
    """A mapping from files and pairs; later ones go before earlier ones."""
    from paars_gym.catalog.feeds.layouts import FeedMapping

    mapping = FeedMapping()
    for text in texts or ():
        if Path(text).suffix in (".toml", ".json"):
            mapping = FeedMapping.read(text)
            continue
        pairs = assignments("--map", [text])
        settings: dict[str, Any] = {name: pairs.pop(name) for name in ("explode", "group") if name in pairs}
        columns = {field: tuple(column.split("|")) if "|" in column else column for field, column in pairs.items()}
        mapping = mapping.model_copy(update={**settings, "columns": {**mapping.columns, **columns}})
    return mapping


@catalog_app.command("check")
def catalog_check(
    catalog: Annotated[Path, typer.Argument(help="Folder of a catalog.")],
    mend: Annotated[bool, typer.Option(help="Write what is damaged again from what is sound.")] = False,
) -> None:
    """Reads every byte of a catalog and compares it with its checksums; exit code 1 if anything is damaged."""
    from paars_gym.catalog import files

    if not files.is_catalog(catalog):
        raise FileNotFoundError(f"No catalog in {str(catalog)!r}. Build one: {files.BUILD_AGAIN.partition(': ')[2]}")
    found = files.mend(catalog) if mend else files.find_damage(catalog, again=True)
    for name, fault in found.items():
        done = "" if not mend else "; left out" if name in files.TOLD else "; written again"
        console.print(f"{name}: {fault}{done}.")
    if found and not mend:
        errors.print(files.damage_in_words(catalog, found), soft_wrap=True)
        raise typer.Exit(ExitCode.CHECK_FAILED)
    console.print("Every file is as it was written.")
