"""``python -m benchmarks.prompt_search``: the way of using a persona that comes closest to people (PAARS formula (5)).

The group divergence is the objective: of several candidates the one with the least divergence on a training half of
the people is chosen, and judged on the other half. A candidate here is what of its persona a shopper is given; with a
language model it would be a prompt. No language model runs: the shoppers are the offline `behavioural` one, and the
people are those of `mini`, which are synthetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from benchmarks.settings import PEOPLE, PROMPT_SEED, SHOPPERS
from paars_gym.alignment import Bins, open_log
from paars_gym.alignment.divergences import jensen_shannon
from paars_gym.alignment.session_generation import TABLE_2, SessionBins, session_histograms
from paars_gym.alignment.session_log import SessionLog
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.config import CONDITIONS, Condition, RunConfig
from paars_gym.estimate import Estimate, Interval
from paars_gym.report.alignment_tables import number
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.simulation.run import run as simulate
from paars_gym.synthetic.world import mini_world

HEADLINE = "No language model ran; the people are SYNTHETIC: this shows the procedure, and says nothing of prompts."
BINS = SessionBins(counts=Bins((0, 1, 2, 3, 4, 6, 9, 13)))


class Candidate(BaseModel):
    """One way of using a persona.

    Attributes:
        name: What of its persona the shopper was given.
        train: Mean JS divergence of searches, views and purchases from the training people, nats.
        test: The same from the people held out, with its bootstrap interval.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    train: float
    test: Estimate


class PromptSearch(BaseModel):
    """The search.

    Attributes:
        candidates: Least training divergence first: the first is the one chosen.
        floor: Divergence of the two halves of the people from each other.
        best_on_test: Which would have been best on the other half.
    """

    model_config = ConfigDict(frozen=True)

    candidates: tuple[Candidate, ...]
    floor: float
    best_on_test: str


def objective(people: Mapping[str, np.ndarray], agents: Mapping[str, np.ndarray]) -> float:
    """Mean JS divergence of the three counts of Table 2: arrays in, a number out, no report."""
    return float(np.mean([jensen_shannon(people[name], agents[name]) for name in TABLE_2]))


def search(people: SessionLog, candidates: Mapping[str, SessionLog], *, seed: int = PROMPT_SEED) -> PromptSearch:
    """Chooses on one half of the people's shoppers, judges on the other.

    Args:
        people: The population to be like.
        candidates: Sessions of each candidate.
        seed: Of the halves and the bootstrap.

    Raises:
        ValueError: No candidates, or fewer than two shoppers.
    """
    if not candidates or people.n_shoppers < 2:
        raise ValueError(f"{len(candidates)} candidates and {people.n_shoppers} shoppers, must be >= 1 and >= 2.")
    rng = np.random.default_rng(seed)
    half = rng.permutation(int(people.shoppers.max()) + 1) % 2 == 0
    train, test = (_counts(people.where(side[people.shoppers])) for side in (half, ~half))
    tried = []
    for name, log in candidates.items():
        agents = _counts(log)
        draws = [objective(_again(test, rng), _again(agents, rng)) for _ in range(300)]
        exact = objective(test, agents)
        # The basic bootstrap takes off the upward bias of a divergence of resamples.
        low, high = 2 * exact - np.quantile(draws, [0.975, 0.025])
        interval = Interval(float(low), float(high), method="basic bootstrap").clip()
        judged = Estimate(exact, interval, unit="nats", sizes={"human": len(people.keep), "agent": len(log.keep)})
        tried.append(Candidate(name=name, train=objective(train, agents), test=judged))
    tried.sort(key=lambda candidate: candidate.train)
    best = min(tried, key=lambda candidate: candidate.test.value or 0.0).name
    return PromptSearch(candidates=tuple(tried), floor=objective(train, test), best_on_test=best)


def _counts(log: SessionLog) -> dict[str, np.ndarray]:
    return {name: counts for name, counts in session_histograms(log, bins=BINS, actions=()).items() if name in TABLE_2}


def _again(counts: Mapping[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {name: rng.multinomial(int(of.sum()), of / of.sum()) for name, of in counts.items()}


def run(
    out: Path,
    *,
    sessions: int = 1200,
    conditions: tuple[Condition, ...] = CONDITIONS,
    seed: int = PROMPT_SEED,
    progress: Callable[[str], None] = lambda _: None,
) -> PromptSearch:
    """Simulates every candidate, and searches.

    Args:
        out: Folder for the runs; one that was interrupted goes on.
        sessions: Of each candidate, and of the people.
        conditions: The candidates.
        seed: Of everything.
        progress: Told what is going on.
    """
    out.mkdir(parents=True, exist_ok=True)
    world = mini_world(n_shoppers=PEOPLE, seed=seed)
    for condition in conditions:
        progress(f"{sessions:,} behavioural shoppers, {condition}")
        shoppers = RunConfig(
            policy=SHOPPERS,
            sessions=sessions,
            condition=condition,
            personas=world.personas,
            intentions=world.needs(sessions),
            seed=seed,
        )
        simulate(out / condition, shoppers, resume=True)
    progress("choosing")
    people = open_log(world.humans(sessions), name="mini people")
    return search(people, {condition: open_log(out / condition) for condition in conditions}, seed=seed)


def table(search_results: PromptSearch) -> Table:
    """Candidates, the chosen one first."""
    shown = Table(title="Mean JS divergence of searches, views and purchases, nats", title_justify="left")
    for column in ("given", "training half", "held-out half", "95% interval"):
        shown.add_column(column, justify="left" if column == "given" else "right")
    for candidate in search_results.candidates:
        test = candidate.test
        ends = f"[{number(test.low)}, {number(test.high)}]"
        shown.add_row(candidate.name, number(candidate.train), number(test.value), ends)
    shown.add_row("floor: the halves", "", number(search_results.floor), "")
    return shown


@with_page
@with_outputs(out="folder")
def main(
    out: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/prompt_search"),
    sessions: Annotated[int, typer.Option(min=20, help="Sessions of each candidate.")] = 1200,
) -> None:
    """Chooses a way of using personas on half of the people, and judges it on the other half."""
    console = Printer()
    console.print(HEADLINE)
    with Progress(Printer(stderr=True)) as status:
        results = run(out, sessions=sessions, progress=status.update)
    console.print(table(results))
    chosen, *rest = results.candidates
    others = [candidate for candidate in rest if (candidate.test.low or 0.0) <= (chosen.test.high or 0.0)]
    console.print(f"Chosen on the training half: {chosen.name}; best on the other: {results.best_on_test}.")
    if others:
        console.print(f"Held out, its interval overlaps with that of {', '.join(each.name for each in others)}.")


if __name__ == "__main__":
    run_command(main)
