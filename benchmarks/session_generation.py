"""``python -m benchmarks.session_generation``: do agents' sessions look like people's? (PAARS Tables 2 and 4.)

No language model runs: the shoppers are the offline `behavioural` one, with and without its persona. The people of
`mini` are synthetic; those of `journey` are the households of a log, which knows what was bought and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from benchmarks.settings import PEOPLE, SESSION_SEED, SESSIONS, SHOPPERS
from paars_gym.alignment.measure import Measure
from paars_gym.alignment.paper import PAPER
from paars_gym.alignment.report import AlignmentReport
from paars_gym.alignment.scoring import score
from paars_gym.catalog.load import load_catalog
from paars_gym.personas.persona import Condition
from paars_gym.report.alignment import number, render
from paars_gym.sessions.households import household_baskets
from paars_gym.sessions.split import split_by_time
from paars_gym.sessions.store import Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.simulation.inhabitants import HELD_OUT_FROM, own_people
from paars_gym.simulation.population import run_population
from paars_gym.simulation.world import mini_world

HEADLINE = "No language model ran: the shoppers are behavioural (an offline choice model), with and without a persona."
CONDITIONS: dict[str, Condition] = {"baseline": "base", "agents": "persona"}
COUNTS = {"searches": "#searches", "views": "#clicks", "purchases": "#purchases"}


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
    world = mini_world(n_shoppers=PEOPLE, seed=seed)
    people = write_sessions(out / "mini-people", world.humans(sessions), provenance=world.provenance, overwrite=True)
    for condition in CONDITIONS.values():
        progress(f"mini: {sessions:,} behavioural shoppers, {condition}")
        run_population(
            out=out / f"mini-{condition}",
            catalog="mini",
            sessions=sessions,
            condition=condition,
            personas=world.personas,
            # The same shoppers with the same needs as the people's: what differs is how they go about them.
            intentions=world.errands(sessions),
            seed=seed,
            resume=True,
        )
    progress("journey: the households' baskets since December")
    held_out = _held_out_baskets(out / "journey-people")
    journey = load_catalog("journey")
    personas, errands = own_people(journey)
    for condition in CONDITIONS.values():
        progress(f"journey: {sessions:,} behavioural shoppers, {condition}")
        run_population(
            out=out / f"journey-{condition}",
            catalog=journey,
            sessions=sessions,
            condition=condition,
            personas=personas,
            intentions=errands,
            seed=seed,
            resume=True,
        )
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


def table_2(results: SessionResults) -> Table:
    """The session columns of Table 2: KL(people||agents) in nats with interval and floor."""
    found = Table(title="Table 2, session generation: KL(people‖agents), nats", title_justify="left")
    found.add_column("shopper", no_wrap=True)
    for label in COUNTS.values():
        found.add_column(f"{label}\nsynthetic people", justify="right")
    found.add_column("#purchases\nJourney log", justify="right")
    for role, condition in CONDITIONS.items():
        cells = [_cell(results.mini.find(of, "KL", population=role)) for of in COUNTS]
        cells.append(_cell(results.journey.find("purchases", "KL", population=role)))
        found.add_row(f"{SHOPPERS}, {condition}", *cells)
    floors = [results.mini.find(of, "KL").null_floor for of in COUNTS]
    floors.append(results.journey.find("purchases", "KL").null_floor)
    found.add_row("floor: people themselves", *map(number, floors))
    for condition in CONDITIONS.values():
        values = [PAPER[of, "KL"].persona if condition == "persona" else PAPER[of, "KL"].base for of in COUNTS]
        found.add_row(f"paper (LLM), {condition}", *(f"{value:.2f}" for value in values), "")
    return found


def table_4(results: SessionResults) -> Table:
    """Diversity of queries and of titles viewed, beside the paper's."""
    found = Table(title="Table 4, diversity: distinct strings over strings, mini", title_justify="left")
    found.add_column("who", no_wrap=True)
    columns = {"queries": "Query-TTR", "titles viewed": "Product-TTR"}
    for label in columns.values():
        found.add_column(label, justify="right")
        found.add_column("paper", justify="right")
    names = {"baseline": f"{SHOPPERS}, base", "agents": f"{SHOPPERS}, persona", "human": "synthetic people"}
    for role, name in names.items():
        cells = []
        for of in columns:
            paper = PAPER[of, "TTR"]
            beside = {"baseline": paper.base, "agents": paper.persona, "human": paper.human}[role]
            cells += [number(results.mini.find(of, "TTR", population=role).estimate), number(beside)]
        found.add_row(name, *cells)
    return found


def notes(results: SessionResults) -> list[str]:
    """What the null floor makes of each number of Table 2, and what else a reader has to know."""
    said = [results.mini.find(of, "KL").sentence for of in COUNTS]
    said.append(f"Journey log: {results.journey.find('purchases', 'KL').sentence}")
    said += [found.sentence for found in results.mini.improvements if found.of in COUNTS and found.metric == "KL"]
    return [
        *said,
        f"Do these stand beside the paper's? {PAPER['searches', 'KL'].compares}",
        "The people of mini are synthetic: nothing measured against them says anything about real ones.",
    ]


def _cell(found: Measure) -> str:
    return f"{number(found.estimate)}\n[{number(found.low)}, {number(found.high)}]"


def main(
    out: Annotated[Path, typer.Option(help="Folder for the runs; one that was interrupted goes on.")] = Path(
        "runs/session_generation"
    ),
    sessions: Annotated[int, typer.Option(min=2, help="Sessions of each population.")] = SESSIONS,
    seed: Annotated[int, typer.Option(min=0, help="Of people and agents.")] = SESSION_SEED,
    full: Annotated[bool, typer.Option(help="Print every measure, not the tables alone.")] = False,
) -> None:
    """Lets behavioural shoppers shop in two catalogs and compares their sessions with people's."""
    console = Console()
    console.print(HEADLINE)
    with console.status("starting") as status:
        results = run(out, sessions=sessions, seed=seed, progress=status.update)
    console.print(table_2(results), table_4(results))
    for line in notes(results):
        console.print(line)
    if full:
        console.print(render(results.mini), render(results.journey))
    (out / "results.json").write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
    console.print(f"Everything: {out / 'results.json'}")


if __name__ == "__main__":
    typer.run(main)
