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
from paars_gym.cli.shared_options import CallsAtOnce, MaxUsd, Offline, PriceText, Recognisers, Regions


@personas_app.command("mine")
def personas_mine(
    sessions: Annotated[Path, typer.Option(help="Folder of imported sessions.")],
    model: Annotated[str, typer.Option(help="anthropic:<model>, openai:<model>[@<base_url>] or scripted:<file>.")],
    out: Annotated[Path, typer.Option(help="File of personas; those in it already are kept.")] = Path("personas.jsonl"),
    catalog: Annotated[str | None, typer.Option(help="Catalog with the titles, if the sessions have none.")] = None,
    as_of: Annotated[datetime | None, typer.Option(help="Use only what happened before; UTC.")] = None,
    limit: Annotated[int | None, typer.Option(help="Most shoppers.", min=1)] = None,
    tokens: Annotated[int, typer.Option(help="Most tokens of a history.", min=100)] = 6000,
    names: Annotated[Path | None, typer.Option(help="File of names to redact, a line each.")] = None,
    recogniser: Recognisers = None,
    regions: Regions = None,
    price: PriceText = None,
    shoppers: Annotated[Path | None, typer.Option(help="File of shoppers to mine, an id a line; else all.")] = None,
    cache: Annotated[Path | None, typer.Option(help="SQLite file of replies; by default beside OUT.")] = None,
    offline: Offline = False,
    max_usd: MaxUsd = None,
    concurrency: CallsAtOnce = 16,
    batch: Annotated[
        bool, typer.Option("--batch", help="Through the provider's batches: slow, half the price.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = False,
) -> None:
    """Mines a persona from each shopper's history, with two questions to a model."""
    from paars_gym.personas.command import Mining, expect, mine

    mining = Mining(
        sessions=sessions,
        model=model,
        out=out,
        catalog=catalog,
        as_of=as_of.replace(tzinfo=UTC) if as_of else None,
        limit=limit,
        token_budget=tokens,
        names=names,
        recognisers=tuple(recogniser or ()),
        regions=split_regions(regions),
        shoppers=shoppers,
        price=price,
        cache=cache,
        offline=offline,
        max_usd=max_usd,
        concurrency=concurrency,
        batch=batch,
    )
    if dry_run:
        print_facts("Mining would take, about", expect(mining))
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
