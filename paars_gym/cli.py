"""The ``paars`` command: one thin function a verb, each calling the room that does the work."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import click
import typer
from rich.console import Console
from rich.markup import escape

from paars_gym.llm.errors import ModelError

if TYPE_CHECKING:
    from paars_gym.personas.persona import Condition

app = typer.Typer(
    name="paars",
    help="Simulated shoppers: build a shop, fill it, measure them against people, and test before you ship.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
catalog_app = typer.Typer(help="Product catalogs.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")
sessions_app = typer.Typer(help="Logs of sessions, of people and of agents.", no_args_is_help=True)
app.add_typer(sessions_app, name="sessions")
personas_app = typer.Typer(help="Personas of shoppers.", no_args_is_help=True)
app.add_typer(personas_app, name="personas")
reference_app = typer.Typer(help="People's histograms without the people.", no_args_is_help=True)
app.add_typer(reference_app, name="reference")
console = Console()
errors = Console(stderr=True)


@app.command()
def play(
    catalog: Annotated[str, typer.Option(help="mini, journey, or the folder of a built catalog.")] = "mini",
    ranking: Annotated[str, typer.Option(help='Ranking policy, such as bm25 or "bm25+rating:0.3".')] = "bm25",
    intention: Annotated[str | None, typer.Option(help="What you come for, shown at the entrance.")] = None,
    max_steps: Annotated[int, typer.Option(min=1, help="The visit ends after this many actions.")] = 50,
    log: Annotated[Path | None, typer.Option(help="Append each step to this JSONL file.")] = None,
) -> None:
    """Play one visit in the terminal: the pages and actions that agents get."""
    import gymnasium

    from paars_gym.shop.play import play as play_visit
    from paars_gym.shop.wrappers import RecordSteps

    env = gymnasium.make("PAARS-Retail-v0", catalog=catalog, ranking=ranking, max_steps=max_steps)
    if log is not None:
        env = RecordSteps(env, log)
    options = {"intention": {"text": intention}} if intention else None
    bought = play_visit(env, lambda: input("\n> "), typer.echo, options=options)
    env.close()
    typer.echo(f"Product lines bought: {bought}.")


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder of the run, made if absent.")],
    sessions: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    catalog: Annotated[str, typer.Option(help="mini, journey, or the folder of a built catalog.")] = "mini",
    ranking: Annotated[str, typer.Option(help='Ranking policy, such as bm25 or "bm25+rating:0.3".')] = "bm25",
    policy: Annotated[str, typer.Option(help="Who shops: behavioural, uniform, embedding, llm or module:Class.")] = (
        "behavioural"
    ),
    condition: Annotated[
        str, typer.Option(help="What of its persona a shopper gets: base, profile, preferences, history or persona.")
    ] = "persona",
    personas: Annotated[
        Path | None, typer.Option(help="File of personas; by default the catalog's own generated ones.")
    ] = None,
    intentions: Annotated[
        Path | None, typer.Option(help="Store of held-out human sessions to mine intentions from, dates included.")
    ] = None,
    mix: Annotated[str | None, typer.Option(help="Shares of intentions: buy=0.5,compare=0.3,browse=0.2.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    max_steps: Annotated[int, typer.Option(min=1, help="A session is cut off after this many actions.")] = 50,
    concurrency: Annotated[int, typer.Option(min=1, help="Sessions at once, for policies that wait.")] = 8,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in OUT, or begin one.")] = False,
    model: Annotated[
        str | None,
        typer.Option(help="For llm: anthropic:NAME, openai:NAME, openai:NAME@BASE_URL or scripted:FILE."),
    ] = None,
    max_usd: Annotated[float | None, typer.Option(help="For llm: stop before more than this is spent.")] = None,
    cache: Annotated[Path | None, typer.Option(help="For llm: file of replies; OUT.replies.sqlite by default.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="For llm: use the file of replies, make no call.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="For llm: say what it would take, and stop.")] = False,
) -> None:
    """Lets a population of shoppers shop, and keeps what they did."""
    from paars_gym.simulation.command import Simulation, expect, simulate_population
    from paars_gym.simulation.progress import SessionsProgress

    simulation = Simulation(
        out=out,
        sessions=sessions,
        catalog=catalog,
        ranking=ranking,
        policy=policy,
        condition=condition,
        personas=personas,
        intentions=intentions,
        mix={goal: float(share) for goal, share in _assignments("--mix", [mix] if mix else None).items()},
        seed=seed,
        max_steps=max_steps,
        concurrency=concurrency,
        resume=resume,
        options={"model": model, "max_usd": max_usd, "cache": cache, "offline": offline or None},
    )
    if dry_run:
        _facts("A dry run: it would take about", expect(simulation))
        return
    with SessionsProgress(errors) as progress:
        tally = simulate_population(simulation, progress=progress)
    for damaged in tally.damaged:
        errors.print(f"[yellow]Damaged:[/yellow] {damaged} of the log was set aside, its session played again.")
    if tally.stopped:
        kept = f"{tally.done:,} of {tally.planned:,} sessions are kept; go on by the same command with --resume"
        if tally.stopped == "interrupted":
            errors.print(f"Stopped: {kept}.", highlight=False, soft_wrap=True)
            sys.exit(130)
        raise ValueError(f"{tally.stopped} {kept}.")
    ends = ", ".join(f"{count:,} {end}" for end, count in tally.ends.most_common())
    _facts(
        f"Run in {out}",
        {
            "sessions": f"{tally.done:,}, {tally.played:,} of them now",
            "ended by": ends,
            "now": f"{tally.seconds:.1f} s, {tally.usd:.2f} USD",
            "store": str(out / "sessions"),
        }.items(),
    )


@app.command()
def abtest(
    control: Annotated[str, typer.Option(help="Ranking now, such as bm25 or logged:lists.parquet.")] = "bm25",
    treatment: Annotated[str | None, typer.Option(help='Ranking to try, such as "bm25+rating:0.3".')] = None,
    control_patch: Annotated[Path | None, typer.Option(help="Content changes of the control arm.")] = None,
    treatment_patch: Annotated[Path | None, typer.Option(help="JSONL or CSV of content changes.")] = None,
    catalog: Annotated[str, typer.Option(help="mini, journey, or the folder of a built catalog.")] = "mini",
    personas: Annotated[Path | None, typer.Option(help="File; by default the catalog's own people.")] = None,
    policy: Annotated[str, typer.Option(help="Who shops: behavioural, llm, … or module:Class.")] = "behavioural",
    model: Annotated[str | None, typer.Option(help="For the policy llm, such as anthropic:NAME.")] = None,
    condition: Annotated[str, typer.Option(help="What of their persona they know.")] = "persona",
    sessions: Annotated[int, typer.Option(help="Persona × intention pairs in each arm.")] = 1_000,
    draws: Annotated[int, typer.Option(help="Sessions of each pair in each arm.")] = 1,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    independent_noise: Annotated[
        bool, typer.Option("--independent-noise", help="Draw each arm's seeds apart, to check the estimators.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what a test takes, from a pilot of --sessions.")] = False,
    mde: Annotated[str, typer.Option(help="With --plan: relative change to be found.")] = "2%",
    backtest: Annotated[
        Path | None, typer.Option(help="Output of paars backtest --json: predicts the effect on people.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that keeps both arms' sessions and the result.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the test in --out.")] = False,
    concurrency: Annotated[int, typer.Option(help="Sessions at once, for shoppers that wait.", min=1)] = 8,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Simulates an A/B test: the same shoppers in both arms, and by how much the arms differ."""
    from paars_gym.abtest import ABTest, Arm
    from paars_gym.abtest.backtest import human_effect, read_backtest
    from paars_gym.abtest.planning import plan_test
    from paars_gym.personas.store import read_personas
    from paars_gym.report import abtest as report

    smallest, past = _share("--mde", mde), None if backtest is None else read_backtest(backtest)
    if treatment is None and treatment_patch is None and control_patch is None:
        raise ValueError("The arms do not differ: give --treatment RANKING, or a --treatment-patch FILE.")
    test = ABTest(Arm(control, control_patch), Arm(treatment or control, treatment_patch))
    with errors.status("shopping") as status:
        result = test.run(
            catalog=catalog,
            personas=None if personas is None else list(read_personas(personas)),
            policy=policy,
            policy_options={} if model is None else {"model": model},
            condition=cast("Condition", condition),
            sessions=sessions,
            draws=draws,
            seed=seed,
            level=level,
            independent_noise=independent_noise,
            concurrency=concurrency,
            out=out,
            resume=resume,
            progress=lambda arm, done, planned: status.update(f"{arm}: {done:,} of {planned:,} sessions"),
        )
    if past is not None:
        result = result.model_copy(update={"human_effect": human_effect(result, past)})
    if plan:
        planned = plan_test(result, mde=smallest)
        typer.echo(planned.model_dump_json(indent=2)) if json else console.print(report.plan_table(planned))
        return
    if json:
        typer.echo(result.model_dump_json(indent=2))
        return
    console.print(report.outcome_table(result))
    console.print(report.result_forest(result), no_wrap=True)
    for note in report.notes(result):
        console.print(note, highlight=False, markup=False)


@app.command("backtest")
def backtest_verb(
    tests: Annotated[Path, typer.Argument(help="CSV of past tests of people; see the README.")],
    catalog: Annotated[str, typer.Option(help="Of tests that have to be simulated.")] = "mini",
    personas: Annotated[Path | None, typer.Option(help="File; by default the catalog's own people.")] = None,
    policy: Annotated[str, typer.Option(help="Who shops: behavioural, llm, … or module:Class.")] = "behavioural",
    sessions: Annotated[int, typer.Option(help="Persona × intention pairs in each arm.")] = 1_000,
    draws: Annotated[int, typer.Option(help="Sessions of each pair in each arm.")] = 1,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    outcome: Annotated[str, typer.Option(help="Of which the human effects are.")] = "sales_units",
    out: Annotated[Path | None, typer.Option(help="Keeps each simulated test in a folder here; resumes.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Says how far simulated tests agreed with past tests of people, and what calibration makes of them."""
    from paars_gym.abtest import ABTest, ABTestResult, Arm
    from paars_gym.abtest.backtest import backtest, read_tests
    from paars_gym.personas.store import read_personas
    from paars_gym.report.abtest import backtest_plot, backtest_table

    people = None if personas is None else list(read_personas(personas))
    with errors.status("shopping") as status:

        def simulate(control: Arm, treatment: Arm, name: str) -> ABTestResult:
            status.update(name)
            return ABTest(control, treatment).run(
                catalog=catalog,
                personas=people,
                policy=policy,
                sessions=sessions,
                draws=draws,
                seed=seed,
                out=None if out is None else out / name,
                resume=True,
            )

        result = backtest(read_tests(tests, simulate, outcome=outcome), outcome=outcome)
    if json:
        typer.echo(result.model_dump_json(indent=2))
        return
    console.print(backtest_table(result))
    console.print(backtest_plot(result), no_wrap=True)


@app.command()
def probe(
    attribute: Annotated[str, typer.Argument(help="brand, rating, price, position or review.")],
    catalog: Annotated[str, typer.Option(help="mini, journey, or the folder of a built catalog.")] = "mini",
    personas: Annotated[Path | None, typer.Option(help="File; by default the catalog's own people.")] = None,
    policy: Annotated[str, typer.Option(help="Who shops: behavioural, llm, … or module:Class.")] = "behavioural",
    model: Annotated[str | None, typer.Option(help="For the policy llm, such as anthropic:NAME.")] = None,
    condition: Annotated[str, typer.Option(help="What of their persona they know.")] = "persona",
    trials: Annotated[int, typer.Option(help="Shopper × page pairs, each played at every level.")] = 1_000,
    pages: Annotated[int, typer.Option(help="Different pages.")] = 40,
    segment: Annotated[str | None, typer.Option(help="A preference or a trait, such as age_range.")] = None,
    brand: Annotated[str, typer.Option(help="What the brand probe swaps in.")] = "Qorvane",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Probes for a bias: changes one attribute of one product, and says what that causes."""
    from paars_gym.catalog.load import load_catalog
    from paars_gym.personas.store import read_personas
    from paars_gym.probes.probe import run_probe
    from paars_gym.report.probe import probe_table
    from paars_gym.simulation.inhabitants import own_people

    loaded = load_catalog(catalog)
    with errors.status("shopping"):
        result = run_probe(
            attribute,
            personas=own_people(loaded)[0] if personas is None else list(read_personas(personas)),
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


@app.command()
def survey(
    questions: Annotated[Path, typer.Argument(help="YAML: a list of questions with id, text, choices, human.")],
    model: Annotated[str, typer.Option(help="Who plays the personas, such as anthropic:NAME.")],
    personas: Annotated[Path, typer.Option(help="File of personas.")],
    condition: Annotated[str, typer.Option(help="What of their persona is told.")] = "persona",
    segment: Annotated[str | None, typer.Option(help="A preference or a trait, such as age_range.")] = None,
    out: Annotated[Path | None, typer.Option(help="File that gets every answer, a JSON line each.")] = None,
    cache: Annotated[Path | None, typer.Option(help="SQLite file of replies.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Make no call: answer from the cache.")] = False,
    max_usd: Annotated[float | None, typer.Option(help="Most that may be spent.")] = None,
    concurrency: Annotated[int, typer.Option(help="Calls at once.", min=1)] = 16,
    seed: Annotated[int, typer.Option(help="Of the order of choices.")] = 0,
) -> None:
    """Puts a questionnaire to each persona, and says how the answers spread."""
    import asyncio

    from rich.table import Table

    from paars_gym.llm.stack import payable
    from paars_gym.personas.store import read_personas
    from paars_gym.probes import survey as room

    asked, people = room.read_questions(questions), list(read_personas(personas))
    stack = payable(model, cache=cache, offline=offline, max_usd=max_usd, concurrency=concurrency)

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
    table = Table("question", "segment", "answer", "share, 95%", "people")
    for row in room.table_rows(room.shares(asked, answers, people, segment), {one.id: one for one in asked}):
        table.add_row(*map(escape, row))
    console.print(table)
    for found in room.divergences(asked, answers, seed=seed):
        around = "" if found.interval is None else f" [{found.interval[0]:.3f}, {found.interval[1]:.3f}]"
        console.print(f"{found.question}: JS {found.js:.3f}{around} nats from people", highlight=False, markup=False)
    failed = sum(answer.answer is None for answer in answers)
    if failed:
        console.print(f"{failed:,} of {len(answers):,} questions got no usable answer.")


def main() -> None:
    """Runs the command; a user's mistake ends as one line on stderr and exit code 2, never as a traceback."""
    try:
        app(standalone_mode=False)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)
    except (click.Abort, KeyboardInterrupt):
        errors.print("Stopped.")
        sys.exit(130)
    except (ValueError, LookupError, OSError, ImportError, ModelError) as mistake:
        text = mistake.args[0] if isinstance(mistake, KeyError) and mistake.args else mistake
        errors.print(f"[red]error:[/red] {escape(str(text))}", highlight=False, soft_wrap=True)
        sys.exit(2)


@catalog_app.command("build")
def catalog_build(
    feed: Annotated[Path, typer.Argument(help="CSV, TSV, JSON lines, JSON array or Parquet; plain, gzip or zstd.")],
    out: Annotated[Path, typer.Option(help="Folder of the catalog; a catalog there is replaced whole or not at all.")],
    format: Annotated[  # noqa: A002
        str, typer.Option(help="generic, webshop, amazon-reviews-2023, esci, wands, or catalog.")
    ] = "generic",
    map: Annotated[  # noqa: A002
        list[str] | None, typer.Option(help="Which column is which field: title=product_name,price=cost. Repeatable.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Take only rows with this value: locale=us.")] = None,
    name: Annotated[str | None, typer.Option(help="How reports call it; the folder's name by default.")] = None,
    currency: Annotated[str | None, typer.Option(help="Such as EUR; by default that of the first price.")] = None,
    encoding: Annotated[str | None, typer.Option(help="If neither UTF-8, UTF-16 nor Windows-1252.")] = None,
) -> None:
    """Builds a catalog from a product feed, and says what became of every row."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    from paars_gym.catalog.build import build_catalog

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}")
    with Progress(*columns, console=errors, transient=True) as bar:
        tasks = {stage: bar.add_task(stage, total=1.0, told="", start=False) for stage in ("reading", "sorting")}

        def progress(stage: str, rows: int, fraction: float) -> None:
            task = tasks[stage]
            bar.start_task(task)
            rate = rows / max(bar.tasks[task].elapsed or 0.0, 0.1)
            bar.update(task, completed=fraction, told=f"{rows:,} rows, {rate:,.0f}/s")

        report = build_catalog(
            feed,
            out,
            format=format,
            mapping=_assignments("--map", map),
            only=_assignments("--only", only) or None,
            name=name,
            currency=currency,
            encoding=encoding,
            progress=progress,
        )
    counts = {name.replace("_", " "): f"{count:,}" for name, count in report.card.counts.items()}
    _facts(f"Catalog {report.card.name!r} in {out}", counts.items())
    console.print(f"{report.seconds:.1f} s. Prices are in {report.card.currency}.", highlight=False)
    if report.currency_assumed:
        console.print(f"No price named its currency: {report.card.currency} is assumed; --currency says another.")
    if report.card.counts["price_ranges"]:
        console.print("Of price ranges the low end was taken.")
    if report.damage:
        console.print(f"[yellow]The feed is incomplete:[/yellow] {escape(report.damage)}. What was read is kept.")
    if (out / "rejected.jsonl").stat().st_size:
        console.print(f"Every row and field that could not be used: {escape(str(out / 'rejected.jsonl'))}")


@catalog_app.command("describe")
def catalog_describe(
    catalog: Annotated[str, typer.Argument(help="Folder of a catalog, or the name of a built-in one.")],
) -> None:
    """Says what is in a catalog."""
    from paars_gym.catalog.describe import describe
    from paars_gym.catalog.load import load_catalog

    _facts("Catalog", describe(load_catalog(catalog)))


@personas_app.command("mine")
def personas_mine(
    sessions: Annotated[Path, typer.Option(help="Folder of imported sessions.")],
    model: Annotated[str, typer.Option(help="anthropic:<model>, openai:<model>[@<base_url>] or scripted:<file>.")],
    out: Annotated[Path, typer.Option(help="File of personas; those in it already are kept.")] = Path("personas.jsonl"),
    catalog: Annotated[str | None, typer.Option(help="Catalog with the titles, if the sessions have none.")] = None,
    as_of: Annotated[datetime | None, typer.Option(help="Use only what happened before; UTC.")] = None,
    limit: Annotated[int | None, typer.Option(help="Most shoppers.", min=1)] = None,
    tokens: Annotated[int, typer.Option(help="Most tokens of a history.", min=100)] = 6000,
    names: Annotated[Path | None, typer.Option(help="File of names to redact, a line each.")] = None,
    cache: Annotated[Path | None, typer.Option(help="SQLite file of replies; by default beside OUT.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Make no call: answer from the cache.")] = False,
    max_usd: Annotated[float | None, typer.Option(help="Most that may be spent.")] = None,
    concurrency: Annotated[int, typer.Option(help="Calls at once.", min=1)] = 16,
    batch: Annotated[
        bool, typer.Option("--batch", help="Through the provider's batches: slow, half the price.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = False,
) -> None:
    """Mines a persona from each shopper's history, with two questions to a model."""
    from paars_gym.personas.command import Mining, expect, mine

    mining = Mining(
        sessions=sessions,
        model=model,
        out=out,
        catalog=catalog,
        as_of=as_of.replace(tzinfo=UTC) if as_of else None,
        limit=limit,
        token_budget=tokens,
        names=names,
        cache=cache,
        offline=offline,
        max_usd=max_usd,
        concurrency=concurrency,
        batch=batch,
    )
    if dry_run:
        _facts("Mining would take, about", expect(mining))
        return
    with console.status("mining") as status:
        facts, stopped = mine(mining, progress=lambda mined, failed: status.update(f"{mined} mined, {failed} failed"))
    _facts(f"Personas in {out}", facts)
    if stopped:
        raise ValueError(f"stopped early, everything so far is kept: {stopped}")


@sessions_app.command("import")
def sessions_import(
    log: Annotated[Path, typer.Argument(help='Log file, folder of a named format, or "installed" (journey).')],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the store; a store there is replaced whole or not at all.")
    ] = None,
    format: Annotated[  # noqa: A002
        str,
        typer.Option(
            help="generic, journey, diginetica, retailrocket, yoochoose, rees46, otto, amazon-m2, opera, bestbuy or "
            "uci-shoppers."
        ),
    ] = "generic",
    map: Annotated[  # noqa: A002
        str | None, typer.Option(help="TOML or JSON mapping, or pairs: shopper=user,kind=event,kinds.buy=purchase.")
    ] = None,
    gap_minutes: Annotated[
        float | None, typer.Option(help="Inactivity that ends a session; by default the log's ids, else 30.")
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Of times without a zone; UTC by default.")] = None,
    name: Annotated[str | None, typer.Option(help="How reports call these sessions.")] = None,
    wizard: Annotated[bool, typer.Option(help="Look at the first rows and settle the mapping together.")] = False,
    propose: Annotated[
        bool, typer.Option(help="Print the mapping that the wizard would propose, import nothing.")
    ] = False,
) -> None:
    """Imports a log, and says what became of every record."""
    from paars_gym.sessions.ingest import wizard as guide
    from paars_gym.sessions.ingest.importing import import_log
    from paars_gym.sessions.ingest.mapping import LogMapping

    if propose:
        found = guide.propose(log)
        console.print(found.head.head(5))
        if found.mapping is None:
            raise ValueError(f"No column of {str(log)!r} looks like {' or '.join(found.missing)}; map it by --map.")
        typer.echo(found.mapping.toml(), nl=False)
        for word in found.unplaced:
            errors.print(f"Event {word!r} has no kind yet: add it to [kinds], or it is quarantined.", highlight=False)
        return
    if out is None:
        raise ValueError("Where to? Give --out DIR.")
    mapping = None if map is None else LogMapping.parse(map)
    if wizard:
        console.print(guide.propose(log).head.head(5))
        mapping = guide.ask(log, lambda question, default: typer.prompt(question, default=default))
        typer.echo(f"\n{mapping.toml()}")
        typer.confirm("Import with this mapping?", default=True, abort=True)
    with console.status("reading") as status:
        store = import_log(
            log,
            out,
            format=format,
            mapping=mapping,
            gap_minutes=gap_minutes,
            timezone=timezone,
            name=name,
            overwrite=True,
            progress=lambda records: status.update(f"{records:,} records"),
        )
    told = store.provenance
    _facts(
        f"Sessions {told.name!r} in {out}",
        {
            "sessions": f"{len(store):,}, by {told.sessionised}",
            "events": f"{store.card.events:,}",
            "records read": f"{told.records_read:,}",
            "rejected": f"{told.records_rejected:,}"
            + (f", see {out / 'rejected.jsonl'}" * bool(told.records_rejected)),
            "ignored": f"{told.records_ignored:,}",
            "out of order": f"{told.out_of_order:,}, sorted",
            "known": ", ".join(told.what_is_known),
        }.items(),
    )
    for note in told.notes:
        console.print(note, highlight=False, markup=False)
    for cut in told.cut:
        console.print(f"[yellow]Incomplete:[/yellow] {escape(cut)}", highlight=False)


@sessions_app.command("describe")
def sessions_describe(store: Annotated[Path, typer.Argument(help="Folder of a session store.")]) -> None:
    """Says what is in a store: counts, distributions, and the tasks it can be the human side of."""
    from rich.table import Table

    from paars_gym.sessions.describe import describe, facts
    from paars_gym.sessions.store import Store

    found = describe(Store(store))
    _facts(f"Sessions {found.provenance.name!r}", facts(found))
    table = Table("a session", "mean", "sd", "median", "90%", "most", "none", title_justify="left")
    for row in found.distributions:
        numbers = (f"{row.mean:.2f}", f"{row.std:.2f}", f"{row.median:g}", f"{row.p90:g}", f"{row.most:,}")
        table.add_row(row.statistic, *numbers, f"{row.share_zero:.1%}")
    console.print(table)
    tasks = Table("can be the human side of", "", "", title_justify="left")
    for task in found.tasks:
        tasks.add_row(task.name, "yes" if task.able else "no", task.why)
    console.print(tasks)
    for note in (*found.provenance.notes, *found.provenance.cut):
        console.print(note, highlight=False, markup=False)


@sessions_app.command("split")
def sessions_split(
    store: Annotated[Path, typer.Argument(help="Folder of a session store.")],
    by: Annotated[str, typer.Option(help="time or shopper.")],
    out: Annotated[Path, typer.Option(help="Folder that gets the stores train and test.")],
    at: Annotated[
        str | None, typer.Option(help="By time: the test begins here, 2017-11-01 or with time and zone.")
    ] = None,
    fraction: Annotated[float, typer.Option(help="Of sessions (time) or shoppers to hold out.")] = 0.2,
    seed: Annotated[int, typer.Option(help="By shopper: of the draw.")] = 0,
) -> None:
    """Holds out part of a store, and makes sure that nothing leaks."""
    from datetime import UTC, datetime

    from paars_gym.sessions.split import split_by_shopper, split_by_time
    from paars_gym.sessions.store import Store

    if by == "time":
        date = None if at is None else datetime.fromisoformat(at)
        zoned = date if date is None or date.tzinfo else date.replace(tzinfo=UTC)
        split = split_by_time(Store(store), out, at=zoned, fraction=fraction, overwrite=True)
    elif by == "shopper":
        if at is not None:
            raise ValueError("--at is for --by time.")
        split = split_by_shopper(Store(store), out, fraction=fraction, seed=seed, overwrite=True)
    else:
        raise ValueError(f"--by {by!r}, must be time or shopper.")
    dropped = f"; {split.dropped:,} run across the date and are in neither" if split.dropped else ""
    typer.echo(f"{len(split.train):,} sessions to train, {len(split.test):,} to test{dropped}. Nothing leaks.")


@app.command()
def score(
    human: Annotated[
        Path, typer.Option(help="Store of people's sessions, a run of synthetic ones, or reference.json.")
    ],
    agents: Annotated[Path, typer.Option(help="Folder of a run, or a store.")],
    baseline: Annotated[Path | None, typer.Option(help="Another run, in the same catalog.")] = None,
    by: Annotated[str | None, typer.Option(help="Each segment too: goal, category, or a name in --attributes.")] = None,
    attributes: Annotated[
        Path | None, typer.Option(help="CSV, JSONL or Parquet with a column shopper and others, or personas.jsonl.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the whole report here as JSON.")] = None,
    embedder: Annotated[
        str, typer.Option(help="auto, minilm, minilm-int8, lexical, a model's name, or none.")
    ] = "auto",
    text_sessions: Annotated[int, typer.Option(min=2, help="Sessions whose words are compared.")] = 2400,
    minimum: Annotated[int, typer.Option(min=1, help="Sessions that a segment needs on each side.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of every draw.")] = 0,
) -> None:
    """Compares agents' sessions with people's: every number with its interval and the floor it must be read against."""
    from paars_gym.alignment.scoring import score as compare
    from paars_gym.personas.attributes import read_attributes
    from paars_gym.report.alignment import render

    report = compare(
        human,
        agents,
        baseline=baseline,
        by=by,
        attributes=None if attributes is None else read_attributes(attributes),
        embedder=None if embedder == "none" else embedder,
        text_sessions=text_sessions,
        minimum=minimum,
        seed=seed,
    )
    console.print(render(report), highlight=False)
    if out is not None:
        out.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")


@reference_app.command("export")
def reference_export(
    human: Annotated[Path, typer.Option(help="Store of people's sessions.")],
    out: Annotated[Path, typer.Option(help="File that anyone may see.")] = Path("reference.json"),
    epsilon: Annotated[float, typer.Option(help="Total privacy loss; less is more private.")] = 1.0,
) -> None:
    """Releases the histograms of a log with differential privacy, to score against in place of the log."""
    import numpy as np

    from paars_gym.alignment.reference import export_reference
    from paars_gym.alignment.session_log import open_log

    reference = export_reference(open_log(human), epsilon=epsilon, rng=np.random.default_rng())
    out.write_text(reference.model_dump_json(indent=1) + "\n", encoding="utf-8")
    spent = {f"epsilon of {name}": f"{share:g}" for name, share in reference.spent.items()}
    _facts(f"Reference in {out}", (spent | {"epsilon in total": f"{reference.epsilon:g}"}).items())
    for note in reference.notes():
        console.print(note, highlight=False, markup=False)


def _share(option: str, text: str) -> float:
    """A number, or a percentage."""
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError(f"{option} {text}: must be a number or a percentage, such as 2% or 0.02.") from None


def _assignments(option: str, texts: Iterable[str] | None) -> dict[str, str]:
    pairs = [pair.partition("=") for text in texts or () for pair in text.split(",")]
    for name, equals, value in pairs:
        if not (name.strip() and equals and value.strip()):
            raise ValueError(f"{option} {name}{equals}{value}: must be NAME=VALUE, several with commas between.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    from rich.table import Table

    table = Table(title=escape(title), show_header=False, title_justify="left")
    for name, text in facts:
        table.add_row(escape(name), escape(text))
    console.print(table)
