"""``paars tasks next``: what comes next in a real session, by baselines and by any policy or model."""

from __future__ import annotations

from typing import Annotated

import typer

from paars_gym.cli.app import errors
from paars_gym.cli.batch_options import NO_BATCHES, BatchOptions, with_batch_options
from paars_gym.cli.model_options import NOTHING_ASKED, CallsAtOnce, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import SHOPPERS, AsJson, BackendName, HumanReference, RayAddress, Seed
from paars_gym.cli.task_options import Out, OwnCatalog, OwnPersonas, print_forecasts, show_results, task_run
from paars_gym.cli.tasks import tasks_app


@tasks_app.command("next")
@with_model_options
@with_batch_options
@with_outputs(out="file")
def next_action(
    human: HumanReference = "mini",
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="Who is asked beside the baselines: embedding, uniform, llm, likelihood:MODEL or module:Class; repeat "
            "for several. Nobody by default, llm where there is a --model.",
            rich_help_panel=SHOPPERS,
        ),
    ] = None,
    catalog: OwnCatalog = None,
    personas: OwnPersonas = None,
    sessions: Annotated[
        int, typer.Option(min=2, help="Sessions of people at most, drawn at random.", rich_help_panel=SHOPPERS)
    ] = 1_000,
    seed: Seed = 0,
    asking: ModelOptions = NOTHING_ASKED,
    concurrency: CallsAtOnce = 16,
    batching: BatchOptions = NO_BATCHES,
    backend: BackendName = "local",
    address: RayAddress = None,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Next action: from the first actions of a session, which comes next? (OPeRA's task.)

    The commonest action and Markov chains of order 1 and 2 always predict, from the sessions of all other people. A
    policy or model is told what was done, and chooses: alone, with the person's persona, and with another person's.
    """
    from paars_gym.report.next_action import next_remarks, next_table
    from paars_gym.report.progress import Progress
    from paars_gym.tasks.next_actions.action import forecast_next, predict_next
    from paars_gym.tasks.people import reference_people

    run = task_run(
        sessions, seed, policy, out, asking=asking, concurrency=concurrency, batching=batching,
        backend=backend, address=address,
    )  # fmt: skip
    policies = tuple(policy or (("llm",) if asking.model else ()))
    with Progress(errors) as status:
        people = reference_people(human, catalog=catalog, personas=personas)
        if asking.dry_run:
            print_forecasts(forecast_next(people, run, policies))
            return
        results = predict_next(people, run, policies=policies, progress=status.update)
    show_results(results, [next_table(results)], next_remarks(results), out=out, json=json)
