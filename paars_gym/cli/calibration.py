"""``paars calibrate``: fits a simulated population to people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paars_gym.cli.app import app, console, errors, print_facts
from paars_gym.cli.model_options import NOTHING_ASKED, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import (
    AsJson,
    CatalogName,
    ConditionName,
    EnvName,
    HumanReference,
    PeopleFile,
    PolicyName,
    Seed,
    SessionsAtOnce,
    ShopperFile,
    with_shopper,
)

if TYPE_CHECKING:
    from paars_gym.abtest.fit.fitted_population import FittedPopulation


@app.command()
@with_model_options
@with_outputs(out="file")
def calibrate(
    human: HumanReference,
    out: Annotated[Path, typer.Option(help="File to write the population to, as JSON.")],
    marginals: Annotated[
        Path | None, typer.Option(help="Shares of customers by trait: JSON, or CSV with trait, value, share.")
    ] = None,
    catalog: CatalogName = "mini",
    ranking: Annotated[str, typer.Option(help="Ranking in which the people saw the products.")] = "bm25",
    env: EnvName = "PAARS-Retail-v0",
    personas: PeopleFile = None,
    policy: PolicyName = "behavioural",
    shopper: ShopperFile = None,
    asking: ModelOptions = NOTHING_ASKED,
    condition: ConditionName = "persona",
    sessions: Annotated[int, typer.Option(help="Sessions simulated in each run of the calibration.")] = 1_000,
    seed: Seed = 0,
    concurrency: SessionsAtOnce = 8,
    json: AsJson = False,
) -> None:
    """Fits a simulated population to people: how they choose, what they come for, who comes how often.

    Each of the three is kept only if it brings simulated sessions nearer to people who are set aside for that choice.
    Half of all people judge what comes out.
    """
    from paars_gym.abtest.fit.population import fit_population
    from paars_gym.abtest.fit.weights import read_marginals
    from paars_gym.catalog.load import load_catalog
    from paars_gym.config import RunConfig, ShopConfig
    from paars_gym.report.progress import Progress
    from paars_gym.simulation.forecast import forecast_run
    from paars_gym.tasks.people import personas_of, reference_people

    people = reference_people(human)
    asked = asking.asked(policy=policy, concurrency=concurrency)
    run = RunConfig(
        sessions=sessions,
        policy=policy,
        options=asked.policy_options,
        condition=condition,
        personas=personas,
        seed=seed,
        concurrency=concurrency,
        model=asked.model,
        budget=asked.budget,
    )
    run = with_shopper(run, shopper, catalog)
    shop = ShopConfig(catalog=catalog, ranking=ranking, env=env)
    if asking.dry_run:
        # The choices of a language model are not fitted: six runs, and one more with weights.
        all_runs = run.model_copy(update={"sessions": sessions * (6 if marginals is None else 7)})
        print_facts("A dry run: it would take about", forecast_run(all_runs, shop).facts())
        return
    with Progress(errors, "reading people's sessions") as status:
        calibrated = fit_population(
            people.source,
            run,
            shop,
            marginals=None if marginals is None else read_marginals(marginals),
            what_is_known=people.known,
            known_people=personas_of(people, load_catalog(catalog)),
            progress=status.update,
        )
    calibrated.write(out)
    console.write_json(calibrated.model_dump_json(indent=2)) if json else _show(calibrated)


def _show(calibrated: FittedPopulation) -> None:
    from paars_gym.report.abtest import population_table, stage_notes

    console.print(population_table(calibrated))
    for note in stage_notes(calibrated):
        console.print(note)
