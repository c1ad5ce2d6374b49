"""``paars tasks``: the paper's four tasks, Tables 1 to 4, for any policy or model and any people."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paars_gym.cli.alignment import check_writable
from paars_gym.cli.app import app, errors
from paars_gym.cli.model_options import NOTHING_ASKED, Batch, CallsAtOnce, ModelOptions, with_model_options
from paars_gym.cli.shared_options import (
    MODEL,
    OUTPUT,
    PEOPLE,
    SHOPPERS,
    AsJson,
    HumanReference,
    Seed,
)
from paars_gym.cli.task_options import (
    Cases,
    EmbedderName,
    Out,
    OwnCatalog,
    OwnPersonas,
    Policies,
    print_forecasts,
    show_results,
    task_run,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

tasks_app = typer.Typer(help="The paper's four tasks, for any policy or model.", no_args_is_help=True)
app.add_typer(tasks_app, name="tasks")


@tasks_app.command("query")
@with_model_options
def query(
    human: HumanReference = "mini",
    policy: Policies = None,
    catalog: OwnCatalog = None,
    personas: OwnPersonas = None,
    cases: Cases = 3_000,
    seed: Seed = 0,
    embedder: EmbedderName = "minilm-int8",
    perplexity: Annotated[
        str,
        typer.Option(
            help="Model whose perplexity makes Figure 2's quartiles: gpt2, smollm2, a name, or auto for what is "
            "installed; none takes word overlap.",
            rich_help_panel=MODEL,
        ),
    ] = "none",
    scored: Annotated[
        int, typer.Option(min=8, help="Pairs whose perplexity is computed, at most.", rich_help_panel=MODEL)
    ] = 300,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batch: Batch = False,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Query generation: which words would have led a person to a title? (Table 1, Figure 2, Table 2, Appendix D.)

    People's first query of a session and the title viewed next; each shopper writes its own query for the title, alone
    and with the person's persona.
    """
    check_writable(out)
    from paars_gym.report.tasks import query_examples, query_remarks, query_tables
    from paars_gym.tasks.people import reference_people
    from paars_gym.tasks.query_generation import forecast_queries, generate_queries

    run = task_run(
        cases, seed, policy, out, asking=asking, concurrency=concurrency, batch=batch,
    )  # fmt: skip
    with errors.status("starting") as status:
        people = reference_people(human, catalog=catalog, personas=personas)
        if asking.dry_run:
            print_forecasts(forecast_queries(people, run, policy or ()))
            return
        results = generate_queries(
            people, run, policies=policy or (), embedder=embedder, language_model=perplexity, scored=scored,
            progress=status.update,
        )  # fmt: skip
    heads = (results.headline, f"People: {results.people}.")
    remarks = (*query_examples(results), *query_remarks(results))
    show_results(results, [*heads, *query_tables(results)], remarks, out=out, json=json)


@tasks_app.command("item")
@with_model_options
def item(
    human: HumanReference = "journey",
    policy: Policies = None,
    catalog: OwnCatalog = None,
    conditions: Annotated[
        str, typer.Option(help="Rows of Table 3 for those asked, with commas between.", rich_help_panel=SHOPPERS)
    ] = "base,profile,preferences,history,persona",
    personas: Annotated[
        str | None,
        typer.Option(
            help="mined by the model, or counted from purchases; by default mined where there is a model.",
            rich_help_panel=SHOPPERS,
        ),
    ] = None,
    cases: Annotated[
        int,
        typer.Option("--cases", min=1, help="Cases at most, for each kind of distractors.", rich_help_panel=SHOPPERS),
    ] = 4_600,
    per_shopper: Annotated[
        int, typer.Option(min=1, help="Cases of one person, at most.", rich_help_panel=SHOPPERS)
    ] = 2,
    min_known: Annotated[
        int, typer.Option(min=1, help="Purchase lines that must be known before a case.", rich_help_panel=SHOPPERS)
    ] = 20,
    history_tokens: Annotated[
        int, typer.Option(min=100, help="Tokens of the history in a persona, at most.", rich_help_panel=SHOPPERS)
    ] = 6_000,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            help="Distractors: interests (the paper's), popularity (matched); both by default.",
            rich_help_panel=SHOPPERS,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Also accuracy by a trait, such as income; of STORE's people with --attributes.",
            rich_help_panel=SHOPPERS,
        ),
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            help="What is known of STORE's people: table with a column shopper and others, or personas.jsonl.",
            rich_help_panel=PEOPLE,
        ),
    ] = None,
    seed: Seed = 0,
    embedder: EmbedderName = "minilm-int8",
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batch: Batch = False,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Item selection: of four items, which one did a person buy? (Table 3.)

    Uniform, popularity and embedding always choose; any policy or model is asked case by case.
    """
    check_writable(out)
    from paars_gym.report.item_selection import table_3, table_3_remarks
    from paars_gym.tasks.item_selection import ItemDesign, forecast_items, select_items
    from paars_gym.tasks.people import reference_people

    run = task_run(
        cases, seed, policy, out, asking=asking, concurrency=concurrency, batch=batch,
    ).model_copy(update={"personas": personas})  # fmt: skip
    design = ItemDesign(per_shopper=per_shopper, min_known=min_known, history_tokens=history_tokens)
    if protocol:
        design = design._replace(protocols=protocol)  # type: ignore[arg-type]  # checked there
    asked: dict[str, Any] = {"policies": policy or (), "conditions": conditions.split(","), "design": design}
    with errors.status("starting") as status:
        people = reference_people(human, catalog=catalog, attributes=attributes)
        if asking.dry_run:
            print_forecasts(forecast_items(people, run, **asked))
            return
        results = select_items(people, run, **asked, embedder=embedder, by=by, progress=status.update)
    show_results(results, [results.headline, table_3(results)], table_3_remarks(results), out=out, json=json)


@tasks_app.command("view")
@with_model_options
def view(
    human: HumanReference = "mini",
    policy: Policies = None,
    catalog: OwnCatalog = None,
    personas: OwnPersonas = None,
    cases: Cases = 3_000,
    seed: Seed = 0,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batch: Batch = False,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """View selection: which result of a page is opened? (Table 2, Figure 3.)

    Shoppers see the pages that people saw, alone and with the person's persona.
    """
    check_writable(out)
    from paars_gym.report.tasks import figure_3, view_remarks, view_table
    from paars_gym.tasks.people import reference_people
    from paars_gym.tasks.view_selection import forecast_views, select_views

    run = task_run(
        cases, seed, policy, out, asking=asking, concurrency=concurrency, batch=batch,
    )  # fmt: skip
    with errors.status("starting") as status:
        people = reference_people(human, catalog=catalog, personas=personas)
        if asking.dry_run:
            print_forecasts(forecast_views(people, run, policy or ()))
            return
        results = select_views(people, run, policies=policy or (), progress=status.update)
    show_results(results, [view_table(results), figure_3(results)], view_remarks(results), out=out, json=json)


@tasks_app.command("session")
@with_model_options
def session(
    human: HumanReference = "mini",
    policy: Annotated[
        str, typer.Option(help="Who shops: behavioural, uniform, llm or module:Class.", rich_help_panel=SHOPPERS)
    ] = "behavioural",
    catalog: OwnCatalog = None,
    personas: OwnPersonas = None,
    sessions: Annotated[
        int,
        typer.Option(
            min=2, help="Sessions of the shopper with its persona, and as many without.", rich_help_panel=SHOPPERS
        ),
    ] = 2_400,
    seed: Seed = 0,
    embedder: Annotated[
        str,
        typer.Option(
            help="Model of text vectors: minilm-int8, minilm, lexical, auto; none compares no words.",
            rich_help_panel=MODEL,
        ),
    ] = "minilm-int8",
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    runs: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps the runs; one that was interrupted goes on.", rich_help_panel=OUTPUT),
    ] = None,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Session generation: whole sessions with and without personas against people's. (Tables 2 and 4.)

    The shoppers come for what people came for.
    """
    check_writable(out)
    from paars_gym.report.session_generation import columns, table_2, table_2_remarks, table_4, table_4_remarks, varied
    from paars_gym.tasks.people import reference_people
    from paars_gym.tasks.session_generation import forecast_sessions, generate_sessions

    run = task_run(
        sessions, seed, [policy], runs or out, asking=asking, concurrency=concurrency,
    )  # fmt: skip
    with errors.status("starting") as status, TemporaryDirectory() as temporary:
        people = reference_people(human, catalog=catalog, personas=personas)
        if asking.dry_run:
            print_forecasts(forecast_sessions(people, run))
            return
        folder = Path(temporary) if runs is None else runs
        words = None if embedder == "none" else embedder
        results = generate_sessions(people, run, folder, embedder=words, progress=status.update)
    shown = columns(policy, sessions=(results,))
    pieces: list[RenderableType] = [results.headline, table_2(policy, shown)]
    pieces += [table_4(results)] if varied(results) else []
    show_results(results, pieces, (*table_2_remarks(shown), *table_4_remarks(results)), out=out, json=json)
