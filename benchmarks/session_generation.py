"""``python -m benchmarks.session_generation``: do agents' sessions look like people's? (PAARS Tables 2 and 4.)

No language model runs: the shoppers are the offline `behavioural` one, with and without its persona. The people of
`mini` are synthetic; those of `journey` are the households of a log, which knows what was bought and no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from benchmarks.mini_people import mini_people
from benchmarks.report import table_2
from benchmarks.report.cells import cell, estimate
from benchmarks.report.console import wide_console
from benchmarks.report.table_2 import mark
from benchmarks.settings import SESSION_SEED, SESSIONS, SHOPPERS
from paars_gym.alignment.paper import PAPER
from paars_gym.alignment.report import AlignmentReport
from paars_gym.alignment.scoring import score
from paars_gym.catalog.load import load_catalog
from paars_gym.cli.running import run_command
from paars_gym.config import Condition, RunConfig, ShopConfig
from paars_gym.report.alignment import number, render
from paars_gym.sessions.importing import household_baskets
from paars_gym.sessions.split import split_by_time
from paars_gym.sessions.store import Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.simulation.default_people import HELD_OUT_FROM, default_people
from paars_gym.simulation.run import run as simulate

HEADLINE = "No language model ran: the shoppers are behavioural (an offline choice model), with and without a persona."
CONDITIONS: dict[str, Condition] = {"baseline": "base", "agents": "persona"}
VARIETY = {"queries": "Query", "titles viewed": "Product"}
RAREFIED = "TTR rarefied to "
Variety = tuple[float, float, float]
"""A ratio and the ends of its interval."""


class SessionResults(BaseModel):
    """Sessions of agents against those of people, in two shops.

    Attributes:
        headline: What ran, and what did not.
        mini: Against synthetic people, in every respect.
        journey: Against the baskets of a purchase log, whose searches and views nobody recorded.
    """

    model_config = ConfigDict(frozen=True)

    headline: str
    mini: AlignmentReport
    journey: AlignmentReport


def run(
    out: Path,
    *,
    sessions: int = SESSIONS,
    seed: int = SESSION_SEED,
    embedder: str = "minilm-int8",
    progress: Callable[[str], None] = lambda _: None,
) -> SessionResults:
    """Simulates both populations in both shops, and scores them.

    Args:
        out: Folder for the runs and the people's sessions; made if absent, and a run in it is resumed.
        sessions: Of each population.
        seed: Of people and agents.
        embedder: Name for `load_embedder`.
        progress: Told what is going on.

    Raises:
        ImportError: The households' package or the embedder is missing.
        ValueError: ``out`` holds runs with other settings.
    """
    out.mkdir(parents=True, exist_ok=True)
    progress("mini: its synthetic people shop")
    mini = mini_people(sessions, seed)
    world = mini.world
    people = write_sessions(out / "mini-people", mini.sessions, provenance=world.provenance, overwrite=True)
    for condition in CONDITIONS.values():
        progress(f"mini: {sessions:,} behavioural shoppers, {condition}")
        # The same shoppers with the same needs as the people's: what differs is how they go about them.
        mini_run = RunConfig(
            sessions=sessions,
            condition=condition,
            personas=world.personas,
            intentions=world.mined_intentions(sessions),
            seed=seed,
        )
        simulate(out / f"mini-{condition}", mini_run, resume=True)
    progress("journey: the households' baskets since December")
    held_out = _held_out_baskets(out / "journey-people")
    journey = load_catalog("journey")
    personas, intentions = default_people(journey)
    for condition in CONDITIONS.values():
        progress(f"journey: {sessions:,} behavioural shoppers, {condition}")
        journey_run = RunConfig(
            sessions=sessions, condition=condition, personas=personas, intentions=intentions, seed=seed
        )
        simulate(out / f"journey-{condition}", journey_run, ShopConfig(catalog=journey), resume=True)
    progress("scoring")
    return SessionResults(
        headline=HEADLINE,
        mini=score(people, out / "mini-persona", baseline=out / "mini-base", embedder=embedder),
        journey=score(held_out, out / "journey-persona", baseline=out / "journey-base", embedder=None),
    )


def _held_out_baskets(out: Path) -> Store:
    store = household_baskets()
    if not (out / "test").exists():
        split_by_time(store, out, at=HELD_OUT_FROM)
    return Store(out / "test")


def table_4(results: SessionResults) -> Table:
    """Diversity of queries and of titles viewed, with the people's own as what a faultless population would show."""
    found = Table(title="Table 4, diversity: distinct strings over strings, people synthetic", title_justify="left")
    found.add_column("who", no_wrap=True)
    for of, label in VARIETY.items():
        found.add_column(f"{label}-TTR", justify="right", no_wrap=True)
        found.add_column(f"rarefied\nto {_common(results, of):,}", justify="right", no_wrap=True)
        found.add_column("paper", justify="right")
    names = {
        "baseline": f"{SHOPPERS}, base",
        "agents": f"{SHOPPERS}, persona",
        "human": "floor: synthetic people",
    }
    for role, name in names.items():
        cells = []
        for of in VARIETY:
            paper = PAPER[of, "TTR"]
            beside = {"baseline": paper.base, "agents": paper.persona, "human": paper.human}[role]
            plain, (value, low, high) = results.mini.find(of, "TTR", population=role), rarefied(results, of, role)
            cells += [cell(plain), estimate(value, low, high), number(beside)]
        found.add_row(name, *cells, end_section=role == "human")
    marks = [[mark(PAPER[of, "TTR"].compares), "", ""] for of in VARIETY]
    found.add_row("beside the paper's?", *(text for three in marks for text in three))
    return found


def rarefied(results: SessionResults, of: str, role: str) -> Variety:
    """A population's type-token ratio at the size common to all, with its interval.

    The smallest population is at that size already: its plain ratio is the rarefied one, and has an interval.
    """
    common = results.mini.find(of, f"{RAREFIED}{_common(results, of)}", population=role)
    estimate = common.estimate
    if estimate.interval is None:
        estimate = results.mini.find(of, "TTR", population=role).estimate
    assert estimate.value is not None
    assert estimate.interval is not None
    return estimate.value, estimate.interval.low, estimate.interval.high


def _common(results: SessionResults, of: str) -> int:
    metrics = [found.metric for found in results.mini.measures if found.of == of]
    return int(next(metric for metric in metrics if metric.startswith(RAREFIED)).removeprefix(RAREFIED))


def variety_told(results: SessionResults) -> list[str]:
    """What the people's own variety makes of each number of Table 4, one sentence a column."""
    said = []
    for of, label in VARIETY.items():
        people = rarefied(results, of, "human")
        told = [
            f"{condition} {number(value[0])} {beside(value, people)}"
            for role, condition in CONDITIONS.items()
            for value in [rarefied(results, of, role)]
        ]
        said.append(
            f"{label}-TTR at {_common(results, of):,} strings each, where the people have {number(people[0])}: "
            f"{', '.join(told)}."
        )
    return said


def beside(agents: Variety, people: Variety) -> str:
    """Whether the difference of two independent ratios is beyond chance."""
    difference = agents[0] - people[0]
    margin = math.hypot(*((high - low) / 2 for _, low, high in (agents, people)))
    if abs(difference) <= margin:
        return "is not told apart from them"
    return f"is {'less' if difference < 0 else 'more'} varied, beyond chance"


def notes(results: SessionResults) -> list[str]:
    """What the floors make of Table 4, and what else its reader has to know."""
    return [
        *variety_told(results),
        f"Beside the paper's? {PAPER['queries', 'TTR'].compares}",
        "The people of mini are synthetic: nothing measured against them says anything about real ones.",
    ]


def main(
    out: Annotated[Path, typer.Option(help="Folder for the runs; one that was interrupted goes on.")] = Path(
        "runs/session_generation"
    ),
    sessions: Annotated[int, typer.Option(min=2, help="Sessions of each population.")] = SESSIONS,
    seed: Annotated[int, typer.Option(min=0, help="Of people and agents.")] = SESSION_SEED,
    full: Annotated[bool, typer.Option(help="Print every measure, not the tables alone.")] = False,
) -> None:
    """Lets behavioural shoppers shop in two catalogs and compares their sessions with people's."""
    console = wide_console()
    console.print(HEADLINE)
    with console.status("starting") as status:
        results = run(out, sessions=sessions, seed=seed, progress=status.update)
    columns = table_2.columns(mini=results.mini, journey=results.journey)
    console.print(table_2.table(columns), *table_2.remarks(columns), table_4(results), *notes(results), sep="\n")
    if full:
        console.print(render(results.mini), render(results.journey))
    (out / "results.json").write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
    console.print(f"Everything: {out / 'results.json'}")


if __name__ == "__main__":
    run_command(main)
