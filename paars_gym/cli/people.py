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
from paars_gym.cli.batch_options import NO_BATCHES, BatchOptions, with_batch_options
from paars_gym.cli.model_options import NOTHING_ASKED, CallsAtOnce, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import (
    DATA,
    PRIVACY,
    AsJson,
    BackendName,
    RayAddress,
    Recognisers,
    Regions,
)

AsOf = Annotated[datetime | None, typer.Option(help="Use only what happened before this time, UTC.")]
Limit = Annotated[int | None, typer.Option(help="Shoppers at most; by default all.", min=1)]
HistoryTokens = Annotated[int, typer.Option(help="Tokens of a history, at most.", min=100)]
NamesFile = Annotated[Path | None, typer.Option(help="File of names to redact, a line each.", rich_help_panel=PRIVACY)]
ShoppersFile = Annotated[Path | None, typer.Option(help="File of shoppers, an id a line; by default all.")]


@personas_app.command("mine")
@with_model_options
@with_batch_options
@with_outputs(out="file")
def personas_mine(
    sessions: Annotated[Path, typer.Option(help="Folder of imported sessions.", rich_help_panel=DATA)],
    out: Annotated[Path, typer.Option(help="File of personas; those in it already are kept.")] = Path("personas.jsonl"),
    catalog: Annotated[str | None, typer.Option(help="Catalog with the titles, if the sessions have none.")] = None,
    as_of: AsOf = None,
    limit: Limit = None,
    tokens: HistoryTokens = 6000,
    shoppers: ShoppersFile = None,
    names: NamesFile = None,
    recogniser: Recognisers = None,
    regions: Regions = None,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batching: BatchOptions = NO_BATCHES,
    backend: BackendName = "local",
    address: RayAddress = None,
) -> None:
    """Mines a persona from each shopper's history, with two questions to a model."""
    from paars_gym.config import check_backend
    from paars_gym.personas.command import expect, mine
    from paars_gym.personas.settings import Mining
    from paars_gym.report.progress import Progress
    from paars_gym.simulation.result import RunStoppedError

    asked = asking.asked(
        concurrency=concurrency,
        default_cache=out.with_name(f"{out.stem}.replies.sqlite"),
        batches=out.with_name(f"{out.stem}.batches.jsonl"),
        batching=batching,
        ledger=out.with_name(f"{out.stem}.ledger.jsonl"),
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
        backend=check_backend(backend, address),
        address=address,
    )
    if asking.dry_run:
        print_facts("A dry run: mining would take about", expect(mining).facts())
        return
    with Progress(errors, "mining") as status:
        done = mine(
            mining,
            progress=lambda mined, failed: status.update(f"{mined} mined, {failed} failed"),
            announce=lambda text: errors.print(text, soft_wrap=True),
        )
    print_facts(f"Personas in {out}", done.facts)
    if done.stopped:
        reason = done.stopped.rstrip(".")
        raise RunStoppedError(
            f"stopped early, everything so far is kept, go on by the same command: {reason}.", done.exit_code
        )
    if done.nothing:
        raise RunStoppedError(done.nothing, done.exit_code)


@personas_app.command("count")
@with_outputs(out="file")
def personas_count(
    sessions: Annotated[Path, typer.Option(help="Folder of imported sessions.", rich_help_panel=DATA)],
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
    from paars_gym.report.progress import Progress
    from paars_gym.sessions.opening import open_store

    options = CountingOptions(
        as_of=as_of.replace(tzinfo=UTC) if as_of else None,
        shoppers=read_shoppers(shoppers) if shoppers else None,
        limit=limit,
        token_budget=tokens,
        redactor=make_redactor(names_file=names, recognisers=recogniser or (), regions=split_regions(regions)),
    )
    with Progress(errors, "counting"):
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


@personas_app.command("check")
def personas_check(
    personas: Annotated[Path, typer.Argument(help="File of personas.")],
    attributes: Annotated[
        Path,
        typer.Option(
            help="What shoppers told about themselves: CSV, JSONL or Parquet with a column shopper and one or more of "
            "age_range, income_band, household_size, children, marital_status and home, in the values of a profile."
        ),
    ],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the folds of the baseline.")] = 0,
    json: AsJson = False,
) -> None:
    """Compares the profiles of personas with what their shoppers told about themselves."""
    from paars_gym.personas.store import read_attributes, read_personas
    from paars_gym.report.tasks import validity_table
    from paars_gym.tasks.persona_validity import validate_personas

    results = validate_personas(read_personas(personas), read_attributes(attributes), seed=seed)
    if json:
        console.write_json(results.model_dump_json(indent=2))
        return
    console.print(validity_table(results))
    console.print("commonest: the value that most of the other shoppers told. A profile says something beyond that.")


@personas_app.command("sample")
@with_outputs(out="file")
def personas_sample(
    source: Annotated[Path, typer.Option("--from", help="File of personas to draw from.", rich_help_panel=DATA)],
    out: Annotated[Path, typer.Option(help="File that gets the population; it must not exist.")],
    quota: Annotated[
        list[str],
        typer.Option(
            help='Shares of a trait\'s values, such as "age_range=65+:0.3"; the other values keep their proportions. '
            "Repeat for other traits.",
            rich_help_panel=DATA,
        ),
    ],
    number: Annotated[
        int | None, typer.Option(min=1, help="Personas to draw; as many as there are by default.")
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(help="What shoppers told about themselves, in place of what was guessed: a column shopper."),
    ] = None,
    least: Annotated[int, typer.Option(min=1, help="A group of fewer people is composed.", rich_help_panel=DATA)] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
) -> None:
    """Draws a population to given shares; groups of few people are composed of people like them, and say so."""
    from paars_gym.personas.sampling import parse_quota, sample_personas, with_traits
    from paars_gym.personas.store import read_attributes, read_personas, write_personas
    from paars_gym.sessions.event import session_rng

    if out.exists():
        raise FileExistsError(f"{out} exists; name another file with --out.")
    quotas = [parse_quota(text) for text in quota]
    personas = list(read_personas(source))
    if attributes is not None:
        personas = with_traits(personas, read_attributes(attributes))
    rng = session_rng(seed, "personas sample")
    sample = sample_personas(personas, quotas, number or len(personas), rng=rng, least=least)
    write_personas(out, sample.personas)
    composed = sum(one.source == "composed" for one in sample.personas)
    facts = [
        (
            "drawn",
            f"{len(sample.personas):,} of {len(personas):,} people, worth {sample.effective:,.0f} weighted alike",
        ),
        ("composed of several people", f"{composed:,}, and each says so"),
    ]
    for group in sample.groups:
        share = f"{group.drawn / len(sample.personas):.1%} of {group.wanted:.1%} wanted"
        behind = f"{group.composed:,} of {group.drawn:,} composed, histories of {group.people:,} people"
        facts.append((f"{group.trait} {group.value}", f"{share}; {group.given:,} people have it; {behind}"))
    print_facts(f"Personas in {out}", facts)
