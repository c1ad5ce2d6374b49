"""``paars tasks query|item|view``: single questions to any policy or model, beside what people did (Tables 1 to 3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paars_gym.cli.app import app, errors
from paars_gym.cli.batch_options import NO_BATCHES, BatchOptions, with_batch_options
from paars_gym.cli.elsewhere import NOWHERE, ElsewhereOptions, print_exported, with_elsewhere
from paars_gym.cli.model_options import NOTHING_ASKED, CallsAtOnce, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import (
    MODEL,
    PEOPLE,
    SHOPPERS,
    AsJson,
    BackendName,
    HumanReference,
    RayAddress,
    Seed,
)
from paars_gym.cli.task_options import (
    Cases,
    EmbedderName,
    Fitted,
    Out,
    OwnCatalog,
    OwnPersonas,
    Policies,
    Repeats,
    print_forecasts,
    read_shoppers,
    show_results,
    task_run,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

tasks_app = typer.Typer(
    help="The paper's four tasks and the next action, for any policy or model.", no_args_is_help=True
)
app.add_typer(tasks_app, name="tasks")


@tasks_app.command("query")
@with_model_options
@with_batch_options
@with_outputs(out="file", export_questions="file")
@with_elsewhere
def query(
    human: HumanReference = "mini",
    policy: Policies = None,
    shopper: Fitted = None,
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
    elsewhere: ElsewhereOptions = NOWHERE,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batching: BatchOptions = NO_BATCHES,
    backend: BackendName = "local",
    address: RayAddress = None,
    repeats: Repeats = 1,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Query generation: which words would have led a person to a title? (Table 1, Figure 2, Table 2, Appendix D.)

    People's first query of a session and the title viewed next; each shopper writes its own query for the title, alone
    and with the person's persona.
    """
    from paars_gym.report.progress import Progress
    from paars_gym.report.run_noise import noise_remarks, noise_tables
    from paars_gym.report.tasks import query_examples, query_remarks, query_tables
    from paars_gym.tasks.elsewhere import export_questions
    from paars_gym.tasks.people import reference_people
    from paars_gym.tasks.query_generation import asked_queries, forecast_queries, generate_queries, query_questions
    from paars_gym.tasks.repeats import play_repeats

    others = {
        "--policy": policy,
        "--shopper": shopper,
        **batching.flags,
        "--repeats": repeats > 1,
        "--backend": backend != "local",
    }
    away = elsewhere.asked("query", asking, seed=seed, out=out, others=others)
    asking = away.here(asking)
    run = task_run(
        cases, seed, policy, out, asking=asking, concurrency=concurrency, batching=batching,
        backend=backend, address=address,
    )  # fmt: skip
    with Progress(errors) as status:
        people = reference_people(human, catalog=catalog, personas=personas)
        if asking.dry_run:
            print_forecasts(forecast_queries(people, run, policy or ()), repeats)
            return
        policies = (*away.policies, *(policy or ()), *read_shoppers(shopper))
        if away.writer is not None:
            to = asked_queries(people, run, policies)
            print_exported(
                export_questions([query_questions(people, run)], to, away.writer, progress=status.update), json=json
            )
            return
        judging: dict[str, Any] = {"embedder": embedder, "scored": scored, "progress": status.update}
        results = play_repeats(
            lambda one, number: generate_queries(
                people, one, policies=policies, language_model=perplexity if number == 1 else "none", **judging
            ),
            run,
            repeats,
            progress=status.update,
        )
    heads = (results.headline, f"People: {results.people}.")
    remarks = (*query_examples(results), *query_remarks(results), *noise_remarks(results))
    show_results(results, [*heads, *query_tables(results), *noise_tables(results.noise)], remarks, out=out, json=json)


@tasks_app.command("item")
@with_model_options
@with_batch_options
@with_outputs(out="file", export_questions="file")
@with_elsewhere
def item(
    human: HumanReference = "journey",
    policy: Policies = None,
    shopper: Fitted = None,
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
    elsewhere: ElsewhereOptions = NOWHERE,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batching: BatchOptions = NO_BATCHES,
    backend: BackendName = "local",
    address: RayAddress = None,
    repeats: Repeats = 1,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Item selection: of four items, which one did a person buy? (Table 3.)

    Uniform, embedding and the bars (popularity, counts, a learned scorer) always choose; any policy or model is asked
    case by case.
    """
    from paars_gym.report.item_selection import table_3, table_3_remarks
    from paars_gym.report.progress import Progress
    from paars_gym.report.run_noise import noise_remarks, noise_tables
    from paars_gym.shoppers.protocol import check_condition
    from paars_gym.tasks.elsewhere import export_questions
    from paars_gym.tasks.items.questions import ItemDesign
    from paars_gym.tasks.items.selection import asked_items, forecast_items, item_questions, select_items
    from paars_gym.tasks.people import reference_people
    from paars_gym.tasks.repeats import play_repeats

    others = {"--policy": policy, "--shopper": shopper, **batching.flags, "--personas mined": personas == "mined"}
    others |= {"--repeats": repeats > 1, "--backend": backend != "local"}
    away = elsewhere.asked("item", asking, seed=seed, out=out, others=others)
    asking = away.here(asking)
    run = task_run(
        cases, seed, policy, out, asking=asking, concurrency=concurrency, batching=batching,
        backend=backend, address=address,
    ).model_copy(update={"personas": personas})  # fmt: skip
    design = ItemDesign(per_shopper=per_shopper, min_known=min_known, history_tokens=history_tokens)
    for name in conditions.split(","):
        check_condition(name)  # type: ignore[arg-type]  # that is what is checked
    if protocol:
        design = design._replace(protocols=protocol)  # type: ignore[arg-type]  # checked there
    policies = (*away.policies, *(policy or ()), *read_shoppers(shopper))
    asked: dict[str, Any] = {"policies": policies, "conditions": conditions.split(","), "design": design}
    with Progress(errors) as status:
        people = reference_people(human, catalog=catalog, attributes=attributes)
        if asking.dry_run:
            print_forecasts(forecast_items(people, run, **asked), repeats)
            return
        if away.writer is not None:
            to = asked_items(
                people, run, policies=policies, conditions=asked["conditions"], history_tokens=history_tokens
            )
            print_exported(
                export_questions(item_questions(people, run, design), to, away.writer, progress=status.update),
                json=json,
            )
            return
        asked |= {"embedder": embedder, "progress": status.update}
        results = play_repeats(
            lambda one, number: select_items(people, one, **asked, by=by if number == 1 else None),
            run,
            repeats,
            progress=status.update,
        )
    pieces: list[RenderableType] = [results.headline, table_3(results), *noise_tables(results.noise)]
    show_results(results, pieces, (*table_3_remarks(results), *noise_remarks(results)), out=out, json=json)


@tasks_app.command("view")
@with_model_options
@with_batch_options
@with_outputs(out="file", export_questions="file")
@with_elsewhere
def view(
    human: HumanReference = "mini",
    policy: Policies = None,
    shopper: Fitted = None,
    catalog: OwnCatalog = None,
    personas: OwnPersonas = None,
    cases: Cases = 3_000,
    seed: Seed = 0,
    elsewhere: ElsewhereOptions = NOWHERE,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batching: BatchOptions = NO_BATCHES,
    backend: BackendName = "local",
    address: RayAddress = None,
    repeats: Repeats = 1,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """View selection: which result of a page is opened? (Table 2, Figure 3.)

    Shoppers see the pages that people saw, alone and with the person's persona.
    """
    from paars_gym.report.progress import Progress
    from paars_gym.report.run_noise import noise_remarks, noise_tables
    from paars_gym.report.tasks import figure_3, view_remarks, view_table
    from paars_gym.tasks.elsewhere import export_questions
    from paars_gym.tasks.people import reference_people
    from paars_gym.tasks.repeats import play_repeats
    from paars_gym.tasks.view_selection import asked_views, forecast_views, select_views, view_questions

    others = {
        "--policy": policy,
        "--shopper": shopper,
        **batching.flags,
        "--repeats": repeats > 1,
        "--backend": backend != "local",
    }
    away = elsewhere.asked("view", asking, seed=seed, out=out, others=others)
    asking = away.here(asking)
    run = task_run(
        cases, seed, policy, out, asking=asking, concurrency=concurrency, batching=batching,
        backend=backend, address=address,
    )  # fmt: skip
    with Progress(errors) as status:
        people = reference_people(human, catalog=catalog, personas=personas)
        if asking.dry_run:
            print_forecasts(forecast_views(people, run, policy or ()), repeats)
            return
        policies = (*away.policies, *(policy or ()), *read_shoppers(shopper))
        if away.writer is not None:
            to = asked_views(people, run, policies)
            print_exported(
                export_questions([view_questions(people, run)], to, away.writer, progress=status.update), json=json
            )
            return
        results = play_repeats(
            lambda one, _: select_views(people, one, policies=policies, progress=status.update),
            run,
            repeats,
            progress=status.update,
        )
    pieces = [view_table(results), figure_3(results), *noise_tables(results.noise)]
    show_results(results, pieces, (*view_remarks(results), *noise_remarks(results)), out=out, json=json)
