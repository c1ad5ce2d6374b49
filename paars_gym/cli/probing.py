"""``paars probe`` and ``survey``: what do shoppers answer to one thing changed, or asked?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from paars_gym.config import Condition
from paars_gym.cli.app import app, console, errors
from paars_gym.cli.shared_options import (
    AsJson,
    CallsAtOnce,
    CatalogName,
    ConditionName,
    MaxUsd,
    Offline,
    PeopleFile,
    PolicyModel,
    PolicyName,
    Seed,
    Segment,
)


@app.command()
def probe(
    attribute: Annotated[str, typer.Argument(help="brand, rating, price, position or review (sentiment).")],
    catalog: CatalogName = "mini",
    personas: PeopleFile = None,
    policy: PolicyName = "behavioural",
    model: PolicyModel = None,
    condition: ConditionName = "persona",
    trials: Annotated[int, typer.Option(help="Shopper × page pairs, each played at every level.")] = 1_000,
    pages: Annotated[int, typer.Option(help="Different pages.")] = 40,
    segment: Segment = None,
    brand: Annotated[
        str | None, typer.Option(help="What the brand probe swaps in; by default a name that nobody knows.")
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Probes for a bias: changes one attribute of one product, and says what that causes."""
    from paars_gym.catalog.load import load_catalog
    from paars_gym.personas.store import read_personas
    from paars_gym.probes.probe import run_probe
    from paars_gym.report.probe import probe_notes, probe_table
    from paars_gym.simulation.default_people import default_people

    loaded = load_catalog(catalog)
    with errors.status("shopping"):
        result = run_probe(
            attribute,
            personas=default_people(loaded)[0] if personas is None else list(read_personas(personas)),
            catalog=loaded,
            policy=policy,
            policy_options={} if model is None else {"model": model},
            condition=cast("Condition", condition),
            trials=trials,
            pages=pages,
            segment=segment,
            brand=brand,
            seed=seed,
        )
    if json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        console.print(probe_table(result))
        for note in probe_notes(result):
            console.print(note, highlight=False, markup=False)


@app.command()
def survey(
    questions: Annotated[Path, typer.Argument(help="YAML: a list of questions with id, text, choices, human.")],
    model: Annotated[str | None, typer.Option(help="Who plays the personas, such as anthropic:NAME.")] = None,
    personas: Annotated[Path | None, typer.Option(help="File of personas.")] = None,
    condition: Annotated[str, typer.Option(help="What of their persona is told.")] = "persona",
    segment: Segment = None,
    out: Annotated[Path | None, typer.Option(help="File that gets every answer, a JSON line each.")] = None,
    cache: Annotated[Path | None, typer.Option(help="SQLite file of replies.")] = None,
    offline: Offline = False,
    max_usd: MaxUsd = None,
    concurrency: CallsAtOnce = 16,
    seed: Annotated[int, typer.Option(help="Of the order of choices.")] = 0,
    json: AsJson = False,
) -> None:
    """Puts a questionnaire to each persona, and says how the answers spread."""
    import asyncio

    from paars_gym.config import BudgetConfig
    from paars_gym.llm.stack import open_model
    from paars_gym.personas.store import read_personas
    from paars_gym.probes import survey as room
    from paars_gym.probes.answers import summarise
    from paars_gym.probes.segments import segment_name
    from paars_gym.report.survey import survey_notes, survey_tables

    if model is None:
        raise ValueError("A survey needs --model, who plays the personas, such as anthropic:NAME.")
    if personas is None:
        raise ValueError("A survey needs --personas, a file of them; mine some with: paars personas mine.")
    if segment is not None:
        segment = segment_name(segment)  # before anything is paid for
    asked, people = room.read_questions(questions), list(read_personas(personas))
    stack = open_model(model, BudgetConfig(cache=cache, offline=offline, max_usd=max_usd, concurrency=concurrency))

    async def put() -> list[room.Answer]:
        try:
            return await room.conduct(
                asked,
                people,
                stack,
                condition=cast("Condition", condition),
                seed=seed,
                concurrency=concurrency,
                progress=lambda done: status.update(f"{done:,} answers"),
            )
        finally:
            await stack.aclose()

    with errors.status("asking") as status:
        answers = asyncio.run(put())
    if out is not None:
        out.write_text("".join(answer.model_dump_json() + "\n" for answer in answers), encoding="utf-8")
    result = summarise(asked, answers, people, segment, seed=seed)
    if json:
        typer.echo(result.model_dump_json(indent=2))
        return
    for table in survey_tables(result):
        console.print(table)
    for note in survey_notes(result):
        console.print(note, highlight=False, markup=False)
