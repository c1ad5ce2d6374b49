"""``paars calibrate``: fits a simulated population to people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import app, console, errors, print_facts, share
from paars_gym.cli.model_options import NOTHING_ASKED, ModelOptions, with_model_options
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
)


@app.command()
@with_model_options
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
    asking: ModelOptions = NOTHING_ASKED,
    condition: ConditionName = "persona",
    held_out: Annotated[str, typer.Option(help="Share of the people that the fit is judged on.")] = "50%",
    sessions: Annotated[int, typer.Option(help="Sessions simulated in each run of the fit.")] = 1_000,
    rounds: Annotated[int, typer.Option(help="Rounds of the fit of choices, at most; each takes some six runs.")] = 4,
    seed: Seed = 0,
    concurrency: SessionsAtOnce = 8,
    json: AsJson = False,
) -> None:
    """Fits a simulated population to people: how they choose, what they come for, who comes how often."""
    from paars_gym.abtest.fit.population import fit_population
    from paars_gym.abtest.fit.weights import read_marginals
    from paars_gym.config import RunConfig, ShopConfig
    from paars_gym.report.abtest import population_table
    from paars_gym.simulation.forecast import forecast_run
    from paars_gym.tasks.people import reference_people

    if not out.parent.is_dir():
        raise ValueError(f"--out {out}: there is no folder {str(out.parent)!r}.")
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
    shop = ShopConfig(catalog=catalog, ranking=ranking, env=env)
    if asking.dry_run:
        # The choices of a language model are not fitted: four runs, and one more with weights.
        all_runs = run.model_copy(update={"sessions": sessions * (4 if marginals is None else 5)})
        print_facts("A dry run: it would take about", forecast_run(all_runs, shop).facts())
        return
    with errors.status("reading people's sessions") as status:
        calibrated = fit_population(
            people.source,
            run,
            shop,
            marginals=None if marginals is None else read_marginals(marginals),
            what_is_known=people.known,
            held_out=share("--held-out", held_out),
            rounds=rounds,
            progress=status.update,
        )
    calibrated.write(out)
    typer.echo(calibrated.model_dump_json(indent=2)) if json else console.print(population_table(calibrated))
