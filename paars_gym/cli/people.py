"""``paars personas``: personas of shoppers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import (
    console,
    errors,
    personas_app,
    print_facts,
    split_regions,
)
from paars_gym.cli.shared_options import (
    PRIVACY,
    Batch,
    CacheFile,
    CallsAtOnce,
    DryRun,
    MaxUsd,
    ModelSpec,
    Offline,
    Options,
    PriceText,
    Recognisers,
    Regions,
    TokensPerMinute,
    asked_model,
)

AsOf = Annotated[datetime | None, typer.Option(help="Use only what happened before; UTC.")]
Limit = Annotated[int | None, typer.Option(help="Most shoppers; by default all.", min=1)]
HistoryTokens = Annotated[int, typer.Option(help="Most tokens of a history.", min=100)]
NamesFile = Annotated[Path | None, typer.Option(help="File of names to redact, a line each.", rich_help_panel=PRIVACY)]
ShoppersFile = Annotated[Path | None, typer.Option(help="File of shoppers, an id a line; by default all.")]


@personas_app.command("mine")
def personas_mine(
    sessions: Annotated[Path, typer.Option(help="Folder of imported sessions.")],
    model: ModelSpec = None,
    out: Annotated[Path, typer.Option(help="File of personas; those in it already are kept.")] = Path("personas.jsonl"),
    catalog: Annotated[str | None, typer.Option(help="Catalog with the titles, if the sessions have none.")] = None,
    as_of: AsOf = None,
    limit: Limit = None,
    tokens: HistoryTokens = 6000,
    shoppers: ShoppersFile = None,
    names: NamesFile = None,
    recogniser: Recognisers = None,
    regions: Regions = None,
    price: PriceText = None,
    option: Options = None,
    max_usd: MaxUsd = None,
    tokens_per_minute: TokensPerMinute = None,
    concurrency: CallsAtOnce = 16,
    cache: CacheFile = None,
    offline: Offline = False,
    batch: Batch = False,
    dry_run: DryRun = False,
) -> None:
    """Mines a persona from each shopper's history, with two questions to a model."""
    from paars_gym.personas.command import expect, mine
    from paars_gym.personas.settings import Mining

    asked = asked_model(
        model,
        price=price,
        option=option,
        max_usd=max_usd,
        tokens_per_minute=tokens_per_minute,
        concurrency=concurrency,
        cache=cache,
        default_cache=out.with_name(f"{out.stem}.replies.sqlite"),
        offline=offline,
        batches=out.with_name(f"{out.stem}.batches.jsonl") if batch else None,
        dry_run=dry_run,
    )
    assert asked.model is not None
    mining = Mining(
        sessions=sessions,
        out=out,
        model=asked.model,
        budget=asked.budget,
        catalog=catalog,
        as_of=as_of.replace(tzinfo=UTC) if as_of else None,
        limit=limit,
        shoppers=shoppers,
        token_budget=tokens,
        names=names,
        recognisers=tuple(recogniser or ()),
        regions=split_regions(regions),
    )
    if dry_run:
        print_facts("A dry run: mining would take about", expect(mining).facts())
        return
    with console.status("mining") as status:
        done = mine(
            mining,
            progress=lambda mined, failed: status.update(f"{mined} mined, {failed} failed"),
            announce=lambda text: errors.print(text, highlight=False, soft_wrap=True),
        )
    print_facts(f"Personas in {out}", done.facts)
    if done.stopped:
        raise ValueError(f"stopped early, everything so far is kept: {done.stopped}")
    if done.nothing:
        raise ValueError(done.nothing)


@personas_app.command("count")
def personas_count(
    sessions: Annotated[Path, typer.Option(help="Folder of imported sessions.")],
    catalog: Annotated[str, typer.Option(help="Catalog with the same product ids: a name or a folder.")],
    out: Annotated[Path, typer.Option(help="File of personas; counted ones in it are replaced.")] = Path(
        "personas.jsonl"
    ),
    as_of: AsOf = None,
    limit: Limit = None,
    tokens: HistoryTokens = 6000,
    names: NamesFile = None,
    recogniser: Recognisers = None,
    regions: Regions = None,
    shoppers: ShoppersFile = None,
) -> None:
    """Counts a persona from each shopper's purchases, without a model."""
    from paars_gym.catalog.load import load_catalog
    from paars_gym.personas.counting_many import CountingOptions, count_personas
    from paars_gym.personas.redaction import make_redactor
    from paars_gym.personas.store import read_shoppers
    from paars_gym.sessions.opening import open_store

    options = CountingOptions(
        as_of=as_of.replace(tzinfo=UTC) if as_of else None,
        shoppers=read_shoppers(shoppers) if shoppers else None,
        limit=limit,
        token_budget=tokens,
        redactor=make_redactor(names_file=names, recognisers=recogniser or (), regions=split_regions(regions)),
    )
    with errors.status("counting"):
        summary = count_personas(open_store(sessions), load_catalog(catalog), out, options)
    average = f"the average of {summary.averaged:,} shoppers" if summary.averaged else "unknown: too few purchases"
    facts = [
        ("counted", f"{summary.counted:,}"),
        ("of them without a purchase in the catalog", f"{summary.without_purchases:,}"),
        ("shoppers who did nothing", f"{summary.empty:,}"),
        ("middle of the scales", average),
        *((f"redacted: {kind}", f"{count:,}") for kind, count in summary.redacted.most_common()),
    ]
    print_facts(f"Personas in {out}", facts)
