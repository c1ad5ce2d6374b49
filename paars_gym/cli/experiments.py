"""``paars abtest`` and ``backtest``: simulated tests of a change of the shop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paars_gym.cli.app import app, console, errors, print_facts, share
from paars_gym.cli.model_options import NOTHING_ASKED, ModelOptions, with_model_options
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import (
    HUMAN,
    AsJson,
    BackendName,
    CatalogName,
    ConditionName,
    Draws,
    EnvName,
    Level,
    NeedsFrom,
    Pairs,
    PeopleFile,
    PolicyName,
    RayAddress,
    Records,
    Seed,
    SessionsAtOnce,
    ShopperFile,
    with_shopper,
)

if TYPE_CHECKING:
    from paars_gym.abtest import Arm
    from paars_gym.abtest.result import ABTestResult
    from paars_gym.config import ShopConfig

FittedFile = Annotated[
    Path | None,
    typer.Option(help="Population that paars calibrate has fitted to people: intentions, choices and weights."),
]
PLANNED = "bm25+rating:0.3"
"""Treatment whose variance a plan is made from, where none is named."""


@app.command()
@with_model_options
@with_outputs(out="folder")
def abtest(
    control: Annotated[str, typer.Option(help="Ranking of today, such as bm25 or logged:lists.parquet.")] = "bm25",
    treatment: Annotated[
        str | None, typer.Option(help=f'Ranking to try, such as "{PLANNED}", which is that of a plan by default.')
    ] = None,
    control_patch: Annotated[
        Path | None, typer.Option(help="JSONL or CSV of content changes in the control arm.")
    ] = None,
    treatment_patch: Annotated[
        Path | None, typer.Option(help="JSONL or CSV of content changes in the treatment arm.")
    ] = None,
    catalog: CatalogName = "mini",
    env: EnvName = "PAARS-Retail-v0",
    treatment_env: Annotated[
        str | None, typer.Option(help="Environment of the treatment alone, such as module:factory of other pages.")
    ] = None,
    personas: PeopleFile = None,
    intentions: NeedsFrom = None,
    policy: PolicyName = "behavioural",
    shopper: ShopperFile = None,
    asking: ModelOptions = NOTHING_ASKED,
    condition: ConditionName = "persona",
    population: FittedFile = None,
    sessions: Pairs = 1_000,
    draws: Draws = 1,
    seed: Seed = 0,
    level: Level = 0.95,
    independent_noise: Annotated[
        bool, typer.Option("--independent-noise", help="Draw each arm's seeds apart, to check the estimators.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what a test takes, from a pilot of --sessions.")] = False,
    mde: Annotated[str, typer.Option(help="With --plan: the smallest relative change to be detected.")] = "2%",
    power: Annotated[
        str | None, typer.Option(help="With --plan: chance to detect it, such as 80%; several by default.")
    ] = None,
    outcome: Annotated[str, typer.Option(help="With --plan: the outcome that changes.")] = "sales_units",
    pilot: Annotated[Path | None, typer.Option(help="With --plan: a finished test, instead of playing one.")] = None,
    human: Annotated[
        str | None,
        typer.Option(
            help="A test of people. Alone: by how much the arms differ in the folder that paars play --web --treatment "
            f"has left. With --plan: how many visits of people it takes, by how these differ. {HUMAN}."
        ),
    ] = None,
    backtest: Annotated[
        Path | None, typer.Option(help="Output of paars backtest --json: predicts the effect on people.")
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            help="Sizes of real effects to shrink by: asos (78 retail experiments), a CSV of past tests as for paars "
            "backtest, or the JSON that it prints; that of --backtest where it is given.",
            show_default="asos",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder that keeps both arms' sessions, the result and report.html.")
    ] = None,
    record: Records = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the test in --out.")] = False,
    concurrency: SessionsAtOnce = 8,
    backend: BackendName = "local",
    address: RayAddress = None,
    json: AsJson = False,
) -> None:
    """Simulates an A/B test: the same shoppers in both arms, and by how much the arms differ."""
    from paars_gym.abtest import ABTest, ABTestResult, Arm
    from paars_gym.abtest.backtest import read_backtest
    from paars_gym.abtest.fit.fitted_population import FittedPopulation
    from paars_gym.abtest.planning import POWERS, check_plan, plan_test
    from paars_gym.abtest.prediction import read_prior, with_human_effect, with_prior
    from paars_gym.config import RunConfig, ShopConfig, check_backend
    from paars_gym.report import abtest as report
    from paars_gym.report.progress import Progress
    from paars_gym.simulation.forecast import forecast_run

    where = check_backend(backend, address)
    smallest, past = share("--mde", mde), None if backtest is None else read_backtest(backtest)
    sizes = None if prior is None else read_prior(prior)
    fitted = None if population is None else FittedPopulation.read(population)
    powers = POWERS if power is None else (share("--power", power),)
    if plan:
        check_plan(smallest, outcome, powers)
    if not plan and (pilot is not None or power is not None):
        raise ValueError("--pilot and --power are for --plan.")
    if human is not None:
        if pilot is not None or treatment is not None or out is not None:
            other = "--pilot" if pilot is not None else "--treatment" if treatment is not None else "--out"
            raise ValueError(f"{other} is for a simulated test, --human for one of people; give one of them.")
        from paars_gym.cli.tests_of_people import compare_arms_of_people, plan_test_of_people

        if plan:
            plan_test_of_people(human, mde=smallest, outcome=outcome, powers=powers, level=level, json=json)
        else:
            compare_arms_of_people(human, level=level, json=json)
        return
    if treatment is None and treatment_patch is None and control_patch is None and treatment_env is None:
        if not plan:
            raise ValueError(
                "The arms do not differ: give --treatment RANKING, a --treatment-patch FILE, or a --treatment-env."
            )
        treatment = PLANNED
    if pilot is not None:
        result = ABTestResult.read(pilot)
    else:
        asked = asking.asked(
            policy=policy,
            concurrency=concurrency,
            default_cache=None if out is None else out.with_name(f"{out.name}.replies.sqlite"),
        )
        arms = Arm(control, control_patch), Arm(treatment or control, treatment_patch, treatment_env)
        run = RunConfig(
            sessions=sessions,
            policy=policy,
            options=asked.policy_options,
            condition=condition,
            personas=personas,
            intentions=intentions,
            seed=seed,
            draws=draws,
            concurrency=concurrency,
            record=record,
            model=asked.model,
            budget=asked.budget,
            backend=where,
            address=address,
        )
        run = with_shopper(run, shopper, catalog)
        shop = ShopConfig(catalog=catalog, ranking=control, env=env)
        if asking.dry_run:
            both = run.model_copy(update={"sessions": 2 * sessions * draws, "draws": 1})
            print_facts("A dry run: both arms would take about", forecast_run(both, shop).facts())
            return
        with Progress(errors, "getting ready") as status:
            result = ABTest(*arms, independent_noise=independent_noise).run(
                run,
                shop,
                out=out,
                resume=resume,
                level=level,
                population=fitted,
                progress=lambda arm, done, planned: status.update(
                    f"{arm}: {done:,} of {planned:,} sessions", done, planned
                ),
            )
    if past is not None:
        result = with_human_effect(result, past)
    if sizes is not None:
        result = with_prior(result, sizes)
    if out is not None and (past is not None or sizes is not None):
        result.write(out)
    page = None if out is None or plan or pilot is not None else _write_page(out, result, arms, shop, personas)
    if plan:
        planned = plan_test(result, mde=smallest, outcome=outcome, powers=powers)
        console.write_json(planned.model_dump_json(indent=2)) if json else console.print(report.plan_table(planned))
    elif json:
        console.write_json(result.model_dump_json(indent=2))
    else:
        console.print(report.outcome_table(result))
        console.print(report.result_forest(result))
        for note in report.notes(result):
            console.print(note)
        if page is not None:
            console.print(f"To open in a browser: {page}")
    _check_policy(result)


def _write_page(
    out: Path, result: ABTestResult, arms: tuple[Arm, Arm], shop: ShopConfig, personas: Path | None
) -> Path:
    """The test as one HTML file, in its folder, with the pages of the arms' own shops."""
    from paars_gym.abtest.arms import open_arm
    from paars_gym.report.pages.run_page import Findings, run_page
    from paars_gym.report.pages.session_book import RUN_ARMS, Beside, SessionBook

    shops = {name: open_arm(arm, shop).shop for name, arm in zip(RUN_ARMS, arms, strict=True)}
    page = run_page(SessionBook(out, Beside(shop.catalog, personas, shops)), Findings(test=result))
    page.write(out / "report.html")
    return out / "report.html"


def _check_policy(result: ABTestResult) -> None:
    """Raises PolicyFailedError where the policy raised in too many sessions of an arm."""
    from paars_gym.simulation.result import PolicyFailedError

    for arm in (result.control, result.treatment):
        if arm.complaint:
            raise PolicyFailedError(f"{arm.complaint}, in the arm {arm.name}: their pairs are left out.")


@app.command("backtest")
@with_model_options
@with_outputs(out="folder")
def backtest_verb(
    tests: Annotated[Path, typer.Argument(help="CSV of past tests of people, columns above.")],
    catalog: Annotated[str, typer.Option(help="Catalog of the tests that have to be simulated.")] = "mini",
    env: EnvName = "PAARS-Retail-v0",
    personas: PeopleFile = None,
    intentions: NeedsFrom = None,
    policy: PolicyName = "behavioural",
    shopper: ShopperFile = None,
    asking: ModelOptions = NOTHING_ASKED,
    condition: ConditionName = "persona",
    population: FittedFile = None,
    sessions: Pairs = 1_000,
    draws: Draws = 1,
    seed: Seed = 0,
    level: Level = 0.95,
    outcome: Annotated[str, typer.Option(help="Outcome that the human effects are of.")] = "sales_units",
    width: Annotated[
        str, typer.Option(help="Half width of the interval that a pilot of people is to reach, in relative change.")
    ] = "1%",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for each simulated test and report.html; one that was interrupted goes on."),
    ] = None,
    record: Records = "auto",
    concurrency: SessionsAtOnce = 8,
    json: AsJson = False,
) -> None:
    """Says how far simulated tests agreed with past tests of people, and what calibration makes of them.

    Columns of TESTS: test, human_effect (relative change, 0.021 or 2.1%), human_low and human_high (both may be empty),
    human_sessions (of both arms, may be empty), and one of: simulated_effect; result (folder of a simulated test); or
    what to simulate: control, treatment, control_patch, treatment_patch.
    """
    from paars_gym.abtest import ABTest
    from paars_gym.abtest.backtest import backtest
    from paars_gym.abtest.fit.fitted_population import FittedPopulation
    from paars_gym.abtest.past_tests import count_simulated, folder_name, read_tests
    from paars_gym.config import RunConfig, ShopConfig
    from paars_gym.llm.ledger import LEDGER_FILE, left_of, sharing
    from paars_gym.report.abtest import backtest_plot, backtest_table
    from paars_gym.report.pages.abtest_page import backtest_page
    from paars_gym.report.progress import Progress
    from paars_gym.shoppers.registry import UNCALIBRATED, is_uncalibrated
    from paars_gym.simulation.forecast import forecast_run

    half_width = share("--width", width)
    fitted = None if population is None else FittedPopulation.read(population)
    asked = asking.asked(
        policy=policy,
        concurrency=concurrency,
        default_cache=None if out is None else out.with_name(f"{out.name}.replies.sqlite"),
    )
    run = RunConfig(
        sessions=sessions,
        policy=policy,
        options=asked.policy_options,
        condition=condition,
        personas=personas,
        intentions=intentions,
        seed=seed,
        draws=draws,
        concurrency=concurrency,
        record=record,
        model=asked.model,
        budget=asked.budget,
    )
    run = with_shopper(run, shopper, catalog)
    shop = ShopConfig(catalog=catalog, env=env)
    if asking.dry_run:
        number = count_simulated(tests)
        all_arms = run.model_copy(update={"sessions": max(2 * sessions * draws * number, 1), "draws": 1})
        print_facts(f"A dry run: {number} tests would take about", forecast_run(all_arms, shop).facts())
        return
    usd, budget = 0.0, sharing(run.budget, None if out is None else out / LEDGER_FILE)
    with Progress(errors, "getting ready") as status:

        def simulate(control: Arm, treatment: Arm, name: str) -> ABTestResult:
            nonlocal usd
            status.update(name)
            tested = ABTest(control, treatment).run(
                run.model_copy(update={"budget": left_of(budget, usd)}),
                shop,
                out=None if out is None else out / folder_name(name),
                resume=True,
                level=level,
                population=fitted,
            )
            usd += tested.control.usd + tested.treatment.usd
            _check_policy(tested)
            return tested

        past = read_tests(tests, simulate, outcome=outcome)
        result = backtest(past, outcome=outcome, level=level, half_width=half_width)
    if out is not None:
        backtest_page(result).write(out / "report.html")
    if json:
        console.write_json(result.model_dump_json(indent=2))
        return
    console.print(backtest_table(result))
    console.print(backtest_plot(result))
    if is_uncalibrated(run) and fitted is None:
        console.print(UNCALIBRATED)
