"""``paars probe`` and ``survey``: what shoppers do about one thing changed, and answer to a question."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from paars_gym.cli.app import app, console, errors, print_facts, survey_app
from paars_gym.cli.batch_options import NO_BATCHES, BatchOptions, with_batch_options
from paars_gym.cli.elsewhere import NOWHERE, ElsewhereOptions, print_exported, with_elsewhere
from paars_gym.cli.model_options import NOTHING_ASKED, CallsAtOnce, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import (
    PEOPLE,
    AsJson,
    CatalogName,
    ConditionName,
    EnvName,
    PeopleFile,
    PolicyName,
    Records,
    Seed,
    Segment,
    SessionsAtOnce,
    ShopperFile,
    with_shopper,
)
from paars_gym.config import Condition
from paars_gym.exit_codes import ExitCode
from paars_gym.files import write_whole

if TYPE_CHECKING:
    from paars_gym.catalog.store import Catalog
    from paars_gym.config import RunConfig
    from paars_gym.llm.stack import Stack

REHEARSED = 24
"""Personas that a dry run of a survey puts its questions to, at most."""


@app.command()
@with_model_options
@with_batch_options
@with_outputs(out="folder")
def probe(
    attribute: Annotated[str, typer.Argument(help="brand, rating, price, position or review (sentiment).")],
    catalog: CatalogName = "mini",
    env: EnvName = "PAARS-Retail-v0",
    personas: PeopleFile = None,
    policy: PolicyName = "behavioural",
    shopper: ShopperFile = None,
    asking: ModelOptions = NOTHING_ASKED,
    batching: BatchOptions = NO_BATCHES,
    condition: ConditionName = "persona",
    trials: Annotated[int, typer.Option(help="Shopper × page pairs, each played at every level.")] = 1_000,
    pages: Annotated[int, typer.Option(help="Number of different pages.")] = 40,
    human: Annotated[
        str | None,
        typer.Option(
            help="With price: households of a scanner panel to compare with, on the same shelves: panel:catsup, "
            "panel:cracker, panel:yogurt, panel:tuna or panel:ketchup (extra panels).",
            rich_help_panel=PEOPLE,
        ),
    ] = None,
    choice: Annotated[
        str | None,
        typer.Option(
            help="With --human: buy or open, what shoppers are asked; by default buy where a language model answers.",
            rich_help_panel=PEOPLE,
        ),
    ] = None,
    segment: Segment = None,
    brand: Annotated[
        str | None, typer.Option(help="Brand that the brand probe swaps in; by default a name that nobody knows.")
    ] = None,
    seed: Seed = 0,
    concurrency: SessionsAtOnce = 8,
    out: Annotated[Path | None, typer.Option(help="Folder that gets the result, and the records of steps.")] = None,
    record: Records = "auto",
    json: AsJson = False,
) -> None:
    """Probes for a bias: changes one attribute of one product, and says what that causes."""
    from paars_gym.catalog.load import load_catalog
    from paars_gym.config import RunConfig, ShopConfig
    from paars_gym.probes.levels import ALIASES, probes
    from paars_gym.probes.probe import PROBE_RUN, run_probe
    from paars_gym.report.probe import probe_notes, probe_table
    from paars_gym.report.progress import Progress
    from paars_gym.simulation.forecast import forecast_run
    from paars_gym.simulation.result import PolicyFailedError

    if human is None and any(batching.flags.values()):
        raise ValueError("--batch and --ray-data are for single questions: those of --human.")
    asked = asking.asked(
        policy=policy,
        concurrency=concurrency,
        default_cache=None if out is None else out.with_name(f"{out.name}.replies.sqlite"),
        batches=None if out is None else out.with_name(f"{out.name}.batches.jsonl"),
        batching=batching,
    )
    run = RunConfig(
        sessions=trials,
        policy=policy,
        options=asked.policy_options,
        condition=condition,
        personas=personas,
        seed=seed,
        max_steps=PROBE_RUN.max_steps,
        concurrency=concurrency,
        record=record,
        model=asked.model,
        budget=asked.budget,
    )
    run = with_shopper(run, shopper, catalog)
    if human is not None:
        if attribute != "price":
            raise ValueError(f"--human is for the probe price: panels say nothing of {attribute}.")
        _probe_panel(human, run, load_catalog(catalog), choice=choice, dry_run=asking.dry_run, out=out, json=json)
        return
    if choice is not None:
        raise ValueError("--choice is for --human.")
    shop = ShopConfig(catalog=catalog, env=env)
    if asking.dry_run:
        known = probes().get(ALIASES.get(attribute, attribute))
        levels = 2 if known is None else 1 + len(known.levels)
        all_levels = run.model_copy(update={"sessions": trials * levels})
        print_facts("A dry run: it would take about", forecast_run(all_levels, shop).facts())
        return
    with Progress(errors, "shopping"):
        result = run_probe(attribute, run, shop, pages=pages, segment=segment, brand=brand, out=out)
    if json:
        console.write_json(result.model_dump_json(indent=2))
    else:
        console.print(probe_table(result))
        for note in probe_notes(result):
            console.print(note)
        if result.account.calls or result.account.from_cache:
            print_facts("", result.account.facts())
    if result.complaint:
        raise PolicyFailedError(f"{result.complaint}: these trials are left out.")


def _probe_panel(
    human: str, run: RunConfig, catalog: Catalog, *, choice: str | None, dry_run: bool, out: Path | None, json: bool
) -> None:
    from paars_gym.cli.task_options import print_forecasts
    from paars_gym.datasets.panels import panel_name, read_panel
    from paars_gym.probes.panel import Choice, forecast_panel, probe_panel
    from paars_gym.report.panel import panel_notes, panel_table
    from paars_gym.report.progress import Progress

    panel, asked = read_panel(panel_name(human)), cast("Choice | None", choice)
    if dry_run:
        print_forecasts(forecast_panel(panel, run, catalog, choice=asked))
        return
    with Progress(errors, "showing shelves") as status:
        result = probe_panel(panel, run, catalog, choice=asked, out=out, progress=status.update)
    if json:
        console.write_json(result.model_dump_json(indent=2))
        return
    console.print(panel_table(result))
    for note in panel_notes(result):
        console.print(note)


@survey_app.command("ask")
@with_model_options
@with_batch_options
@with_outputs(out="folder", export_questions="file")
@with_elsewhere
def survey(
    questions: Annotated[Path, typer.Argument(help="YAML: a list of questions with id, text, choices, human.")],
    elsewhere: ElsewhereOptions = NOWHERE,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batching: BatchOptions = NO_BATCHES,
    personas: Annotated[Path | None, typer.Option(help="File of personas.")] = None,
    condition: ConditionName = "persona",
    segment: Segment = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder that gets every answer, the result, and the records of the questions.")
    ] = None,
    record: Records = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the order of choices.")] = 0,
    json: AsJson = False,
) -> None:
    """Puts a questionnaire to each persona, and says how the answers spread."""
    import asyncio
    from contextlib import ExitStack

    from paars_gym.llm.ledger import LEDGER_FILE, sharing
    from paars_gym.llm.stack import open_model
    from paars_gym.personas.store import read_personas
    from paars_gym.probes import survey as room
    from paars_gym.probes.answers import summarise
    from paars_gym.probes.segments import segment_name
    from paars_gym.report.progress import Progress
    from paars_gym.report.survey import survey_notes, survey_tables
    from paars_gym.report.tasks import paid_in_words
    from paars_gym.sessions.store import STEPS_FILE
    from paars_gym.simulation.result import RunStoppedError
    from paars_gym.simulation.steps import StepWriter

    away = elsewhere.asked("survey", asking, seed=seed, out=out, others=batching.flags)
    if asking.model is None and not away.policies:
        raise ValueError("A survey needs --model, who plays the personas, such as anthropic:NAME.")
    if personas is None:
        raise ValueError("A survey needs --personas, a file of them; mine some with: paars personas mine.")
    if segment is not None:
        segment = segment_name(segment)  # before anything is paid for
    form, people = room.read_questions(questions), list(read_personas(personas))
    stack: Stack | None = None
    if not away.policies:
        asked = asking.asked(
            concurrency=concurrency,
            default_cache=None if out is None else out.with_name(f"{out.name}.replies.sqlite"),
            batches=None if out is None else out.with_name(f"{out.name}.batches.jsonl"),
            batching=batching,
        )
        assert asked.model is not None, "a survey asks a model"
        stack = open_model(asked.model, sharing(asked.budget, None if out is None else out / LEDGER_FILE))
    model = away.policies[0].model() if stack is None else stack
    rehearsed = min(len(people), REHEARSED)

    async def put(steps: StepWriter | None) -> list[room.Answer]:
        try:
            return await room.conduct(
                form,
                people[:rehearsed] if asking.dry_run else people,
                model,
                condition=cast(Condition, condition),
                seed=seed,
                concurrency=concurrency if stack is None else stack.at_once,
                progress=lambda done: status.update(f"{done:,} answers"),
                record=None if steps is None else lambda step: steps.add(step.session, [step]),
            )
        finally:
            await model.aclose()

    with Progress(errors, "asking") as status, ExitStack() as files:
        steps = None
        if out is not None and record != "none" and not asking.dry_run:
            steps = files.enter_context(StepWriter(out / STEPS_FILE))
        answers = asyncio.run(put(steps))
    if away.writer is not None:
        print_exported(away.writer.write(), json=json)
        return
    if stack is not None and asking.dry_run:
        basis = f"{len(form)} questions to {rehearsed} personas"
        print_facts("A dry run: it would take about", stack.forecast(basis, times=len(people) / rehearsed).facts())
        return
    if stack is not None and stack.unanswered and not any(answer.answer for answer in answers):
        raise RunStoppedError(stack.unanswered, ExitCode.MODEL_FAILED)
    notes = () if away.reader is None else tuple(away.reader.finished())
    result = summarise(form, answers, people, segment, seed=seed).model_copy(update={"notes": notes})
    if out is not None:
        write_whole(out / "answers.jsonl", "".join(answer.model_dump_json() + "\n" for answer in answers))
        write_whole(out / "result.json", result.model_dump_json(indent=2) + "\n")
    if json:
        console.write_json(result.model_dump_json(indent=2))
        return
    for table in survey_tables(result):
        console.print(table)
    paid = [] if stack is None else [paid_in_words(stack.report())]
    for note in (*survey_notes(result), *paid):
        console.print(note)
