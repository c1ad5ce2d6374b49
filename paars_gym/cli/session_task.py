"""``paars tasks session``: whole sessions of agents beside people's (Tables 2 and 4)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paars_gym.cli.app import errors
from paars_gym.cli.model_options import NOTHING_ASKED, CallsAtOnce, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import MODEL, OUTPUT, SHOPPERS, AsJson, BackendName, HumanReference, RayAddress, Seed
from paars_gym.cli.task_options import (
    Out,
    OwnCatalog,
    OwnPersonas,
    Repeats,
    print_forecasts,
    read_shoppers,
    show_results,
    task_run,
)
from paars_gym.cli.tasks import tasks_app

if TYPE_CHECKING:
    from rich.console import RenderableType

    from paars_gym.config import RunConfig
    from paars_gym.tasks.session_results import SessionResults


@tasks_app.command("session")
@with_model_options
@with_outputs(out="file", runs="folder")
def session(
    human: HumanReference = "mini",
    policy: Annotated[
        str, typer.Option(help="Who shops: behavioural, uniform, llm or module:Class.", rich_help_panel=SHOPPERS)
    ] = "behavioural",
    shopper: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files of two behavioural shoppers that paars fit has fitted, for base and persona; give it twice.",
            rich_help_panel=SHOPPERS,
        ),
    ] = None,
    catalog: OwnCatalog = None,
    personas: OwnPersonas = None,
    sessions: Annotated[
        int,
        typer.Option(
            min=2, help="Sessions of the shopper with its persona, and as many without.", rich_help_panel=SHOPPERS
        ),
    ] = 2_400,
    fit: Annotated[
        bool,
        typer.Option(
            "--fit",
            help="Fit the behavioural shopper first: to one half of the people, and the other half judges it; where "
            "their products are in no catalog here, to their counts, crossed over five folds of people.",
            rich_help_panel=SHOPPERS,
        ),
    ] = False,
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
    backend: BackendName = "local",
    address: RayAddress = None,
    repeats: Repeats = 1,
    runs: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps the runs; one that was interrupted goes on.", rich_help_panel=OUTPUT),
    ] = None,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Session generation: whole sessions with and without personas against people's. (Tables 2 and 4.)

    Judged on one half of the people, by shopper; the needs that shoppers are told come from the other half. People
    whose products are in no catalog here (opera) judge whole: agents visit mini, and fits are crossed over people.
    """
    from paars_gym.llm.ledger import LEDGER_FILE, sharing
    from paars_gym.report.diversity import table_4, table_4_remarks, varied
    from paars_gym.report.persona_gain import persona_answers, persona_table
    from paars_gym.report.progress import Progress
    from paars_gym.report.run_noise import noise_remarks, noise_tables
    from paars_gym.report.session_generation import (
        columns,
        further_columns,
        further_remarks,
        further_table,
        table_2,
        table_2_remarks,
    )
    from paars_gym.tasks.fitting import by_condition, fit_conditions
    from paars_gym.tasks.people import reference_people
    from paars_gym.tasks.repeats import play_repeats
    from paars_gym.tasks.session_generation import forecast_sessions, generate_sessions

    if (fit or shopper) and policy.strip().lower() != "behavioural":
        raise ValueError(f"--fit and --shopper are for --policy behavioural: {policy} has no parameters to fit.")
    if fit and shopper:
        raise ValueError("--fit fits the shoppers here, --shopper takes fitted ones: give one of them.")
    fitted = by_condition(read_shoppers(shopper)) if shopper else None
    run = task_run(
        sessions, seed, [policy], runs or out, asking=asking, concurrency=concurrency, backend=backend, address=address,
    )  # fmt: skip
    if runs is not None:  # where the runs look for it
        run = run.model_copy(update={"budget": run.budget.model_copy(update={"ledger": runs / LEDGER_FILE})})
    with Progress(errors) as status, TemporaryDirectory() as temporary:
        people = reference_people(human, catalog=catalog, personas=personas)
        if asking.dry_run:
            print_forecasts(forecast_sessions(people, run), repeats)
            return
        folder = Path(temporary) if runs is None else runs
        words = None if embedder == "none" else embedder
        crossed = fit and people.shops_elsewhere
        if fit and not crossed:
            fitted = fit_conditions(people, progress=status.update)

        def play(one: RunConfig, number: int) -> SessionResults:
            # Beyond the first repeat only the numbers of sessions are compared.
            more: dict[str, Any] = {"embedder": words} if number == 1 else {"embedder": None, "same_sessions": 0}
            place = folder if number == 1 else folder / f"repeat-{number}"
            return generate_sessions(
                people, one, place, fitted=fitted, cross_fit=crossed, progress=status.update, **more
            )

        budget = sharing(run.budget, folder / LEDGER_FILE)
        results = play_repeats(play, run.model_copy(update={"budget": budget}), repeats, progress=status.update)
    shown = columns(sessions=(results,))
    pieces: list[RenderableType] = [results.headline, table_2(shown)]
    further = further_columns((results,))
    pieces += [further_table(further)] if further else []
    pieces += filter(None, [persona_table(shown)])
    pieces += [*([table_4((results,))] if varied(results) else []), *noise_tables(results.noise)]
    cost = (f"{name}: {text}." for name, text in results.account.facts())
    remarks = dict.fromkeys(
        (
            *table_2_remarks(shown, (results,)),
            *further_remarks(further),
            *persona_answers(shown),
            *table_4_remarks((results,)),
            *noise_remarks(results),
            *cost,
        )
    )
    show_results(results, pieces, remarks, out=out, json=json)
