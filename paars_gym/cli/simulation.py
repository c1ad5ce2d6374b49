"""``paars simulate``: a population shops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import (
    app,
    assignments,
    errors,
    print_facts,
    split_regions,
)
from paars_gym.cli.model_options import NOTHING_ASKED, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.plan_options import NOTHING_PLANNED, PlanOptions, with_plan_options
from paars_gym.cli.shared_options import (
    BackendName,
    CatalogName,
    ConditionName,
    EnvName,
    NeedsFrom,
    PeopleFile,
    PolicyName,
    RankingName,
    RayAddress,
    Recognisers,
    Records,
    Regions,
    Seed,
    SessionsAtOnce,
    ShopperFile,
    with_shopper,
)
from paars_gym.exit_codes import ExitCode


def _shares(mix: str | None) -> dict[str, float]:
    shares = assignments("--mix", None if mix is None else [mix])
    try:
        return {goal: float(share) for goal, share in shares.items()}
    except ValueError:
        raise ValueError(f"--mix {mix}: shares must be numbers, as in buy=0.5,compare=0.3,browse=0.2.") from None


@app.command()
@with_model_options
@with_plan_options
@with_outputs(out="run")
def simulate(
    out: Annotated[Path, typer.Option(help="Folder of the run, made if absent.")],
    sessions: Annotated[int, typer.Option(min=1, help="Number of sessions.")] = 100,
    catalog: CatalogName = "mini",
    ranking: RankingName = "bm25",
    env: EnvName = "PAARS-Retail-v0",
    policy: PolicyName = "behavioural",
    shopper: ShopperFile = None,
    condition: ConditionName = "persona",
    personas: PeopleFile = None,
    intentions: NeedsFrom = None,
    mix: Annotated[
        str | None, typer.Option(help="Shares of goals among drawn intentions: buy=0.5,compare=0.3,browse=0.2.")
    ] = None,
    seed: Seed = 0,
    max_steps: Annotated[int, typer.Option(min=1, help="A session is cut off after this many actions.")] = 50,
    concurrency: SessionsAtOnce = 8,
    record: Records = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in OUT, or begin one.")] = False,
    names: Annotated[Path | None, typer.Option(help="Names to redact in intentions, a line each.")] = None,
    recogniser: Recognisers = None,
    regions: Regions = None,
    backend: BackendName = "local",
    address: RayAddress = None,
    asking: ModelOptions = NOTHING_ASKED,
    planning: PlanOptions = NOTHING_PLANNED,
) -> None:
    """Lets a population of shoppers shop, and keeps what they did."""
    from paars_gym.config import RunConfig, ShopConfig, check_backend
    from paars_gym.personas.redaction import make_redactor
    from paars_gym.remote import is_remote, url_of
    from paars_gym.remote.working import work_path
    from paars_gym.report.progress import Progress
    from paars_gym.shoppers.registry import is_uncalibrated
    from paars_gym.simulation.plan import plan_run
    from paars_gym.simulation.result import PolicyFailedError, RunStoppedError
    from paars_gym.simulation.run import run

    terms = planning.terms(dry_run=asking.dry_run)
    place = url_of(out) or str(out)
    here = work_path(place) if is_remote(place) else out
    asked = asking.asked(
        # Beside the run folder, whatever comes: a run that goes on pays for no finished call again.
        policy=policy,
        concurrency=concurrency,
        default_cache=here.with_name(f"{here.name}.replies.sqlite"),
    )
    config = RunConfig(
        sessions=sessions,
        policy=policy,
        options=asked.policy_options,
        condition=condition,
        personas=personas,
        intentions=intentions,
        mix=_shares(mix),
        seed=seed,
        max_steps=max_steps,
        concurrency=concurrency,
        record=record,
        model=asked.model,
        budget=asked.budget,
        backend=check_backend(backend, address),
        address=address,
    )
    config = with_shopper(config, shopper, catalog)
    shop = ShopConfig(catalog=catalog, ranking=ranking, env=env)
    if asking.dry_run:
        print_facts("A dry run: it would take about", plan_run(config, shop, terms).facts())
        return
    redactor = make_redactor(names_file=names, recognisers=recogniser or (), regions=split_regions(regions))
    with Progress(errors, "getting ready") as progress:
        result = run(place, config, shop, resume=resume, redactor=redactor, progress=progress.sessions)
    for damaged in result.damaged:
        errors.notice("Damaged:", f"{damaged} of the log was set aside, its session played again.")
    for damaged in result.mended:
        errors.notice("Damaged:", f"sessions/{damaged}; written again from the log.")
    for damaged in result.damaged_steps:
        errors.notice(
            "Damaged:",
            f"{damaged} of the step records were set aside. The sessions are kept, without what these parts held.",
        )
    if result.stopped:
        kept = f"{result.done:,} of {result.planned:,} sessions are kept; go on by the same command with --resume"
        if result.stopped == "interrupted":
            errors.notice("Stopped:", f"{kept}.")
            raise typer.Exit(result.exit_code)
        raise RunStoppedError(f"{result.stopped.rstrip('.')}. {kept}.", result.exit_code)
    ends = ", ".join(f"{count:,} {end}" for end, count in result.ends.most_common())
    print_facts(
        f"Run in {place}",
        {
            "sessions": f"{result.done:,}, {result.played:,} of them now",
            **({"shopper": "behavioural, uncalibrated"} if is_uncalibrated(config) else {}),
            "ended by": ends,
            "needs": result.needs,
            "now": f"{result.seconds:.1f} s",
            **dict(result.account.facts()),
            "store": f"{place}/sessions",
        }.items(),
    )
    if result.complaint:
        again = "Mend it, and go on by the same command with --resume: failed sessions are played again."
        if result.unanswered:  # too few sessions to end it earlier
            raise RunStoppedError(f"{result.unanswered} {again}", ExitCode.MODEL_FAILED)
        raise PolicyFailedError(f"{result.complaint}. {again}")
