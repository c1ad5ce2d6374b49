"""``python -m benchmarks.rank_selection``: which result of a list is opened? (PAARS section 4.3, Table 2, Figure 3.)

People searched, saw a page of results and opened one. Shoppers are shown the same query and the same page, and asked
which result that person would open: alone, and with the person's persona. By default the people are the synthetic ones
of `mini`; a log of your own serves if it holds the result lists (`--human STORE`, with its `--catalog`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from benchmarks.asking import ask_all
from benchmarks.mini_people import mini_people
from benchmarks.report.cells import cell
from benchmarks.report.console import wide_console
from benchmarks.settings import RANK_SEED, SESSION_SEED, SESSIONS, SHOPPERS
from paars_gym.alignment import mine_rank_cases, score_ranks
from paars_gym.alignment.comparison import histogram_measures
from paars_gym.alignment.paper import PAPER
from paars_gym.alignment.rank_selection import RANK_CHOSEN, RankCase
from paars_gym.alignment.report import Measure
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.cli.running import run_command
from paars_gym.config import Condition, RunConfig
from paars_gym.personas.persona import Persona
from paars_gym.personas.store import read_personas
from paars_gym.report.alignment import measure_sentence, number
from paars_gym.shoppers.protocol import Answerer
from paars_gym.shoppers.registry import answerer_factory

OF, PEOPLE_ROW = RANK_CHOSEN, "people"
BAR = 24


class RankResults(BaseModel):
    """The task's numbers.

    Attributes:
        people: Whose choices they are.
        searches: Searches with a logged result list.
        cases: Of these, those followed by a view of a result.
        measures: KL, JS and W1 of the ranks, the shopper as ``population``.
        ranks: Cases by rank chosen, from the first on; of ``people`` and of each shopper.
        notes: What a reader has to know.
    """

    model_config = ConfigDict(frozen=True)

    people: str
    searches: int
    cases: int
    measures: tuple[Measure, ...]
    ranks: dict[str, tuple[int, ...]]
    notes: tuple[str, ...]

    def find(self, shopper: str, metric: str) -> Measure:
        """One measure.

        Raises:
            KeyError: It is not there.
        """
        for found in self.measures:
            if (found.population, found.metric) == (shopper, metric):
                return found
        raise KeyError(f"No {metric} of {shopper!r}; there are {', '.join(self.ranks)}.")


def choose_ranks(
    cases: Sequence[RankCase],
    make: Callable[[], Answerer],
    *,
    products: Mapping[str, Product],
    personas: Mapping[str, Persona] | None = None,
    seed: int,
    concurrency: int = 16,
) -> list[int]:
    """The 1-based position that a shopper opens in each list; each case is asked with a random generator of its own.

    Args:
        cases: With the lists.
        make: Of the shopper.
        products: By id, all that are in the lists.
        personas: By the cases' shoppers; None to ask nobody in particular.
        seed: Of the answers.
        concurrency: Cases asked at once.
    """
    occurrence = Counter[str]()
    askings = []
    for case in cases:  # a session has several lists
        persona = None if personas is None else personas[case.shopper]
        askings.append((f"{case.key}/{occurrence[case.key]}", persona))
        occurrence[case.key] += 1

    def question(shopper: Answerer, number: int) -> int | Awaitable[int]:
        case = cases[number]
        return shopper.choose_view(case.query, [products[key] for key in case.results])

    answers = ask_all(make, askings, question, seed=seed, concurrency=concurrency)
    return [1 + int(answer) for answer in answers]


def run(
    human: Path | None = None,
    *,
    catalog: str = "mini",
    personas: Path | None = None,
    shoppers: Sequence[str] = (SHOPPERS,),
    model: str = "",
    most: int | None = None,
    sessions: int = SESSIONS,
    people_seed: int = SESSION_SEED,
    seed: int = RANK_SEED,
    progress: Callable[[str], None] = lambda _: None,
) -> RankResults:
    """Shows every shopper every list, and compares the ranks opened with people's.

    Args:
        human: Store of a log with result lists; by default mini's synthetic people.
        catalog: Of the products in a log's lists.
        personas: File of the log's shoppers' personas; cases of those without one are left out.
        shoppers: Names for `answerer_factory`.
        model: Of the shopper ``llm``.
        most: Cases at most, drawn at random.
        sessions: Of mini's people.
        people_seed: Of mini's people.
        seed: Of every draw.
        progress: Told what is going on.

    Raises:
        FileNotFoundError: There is no such store.
        ValueError: The log holds no result lists or no cases, or a name is unknown.
    """
    rng = np.random.default_rng(seed)
    progress("finding lists with a result that was opened")
    known: Mapping[str, Persona] = {}
    if human is None:
        mini = mini_people(sessions, people_seed)
        people, known, shown = mini.name, mini.personas, mini.world.shop.catalog
        mined = mine_rank_cases(mini.sessions, most=most, rng=rng)
        notes = ["The people of mini are invented: a fifth of their views fall anywhere on a page, most near its top."]
    else:
        people, shown, notes = f"the log {human.name}", load_catalog(catalog), []
        mined = mine_rank_cases(human, most=most, rng=rng)
    cases = list(mined.cases)
    if personas is not None:
        known = {persona.shopper: persona for persona in read_personas(personas)}
        cases = [case for case in cases if case.shopper in known]
        if lost := len(mined.cases) - len(cases):
            notes.append(f"{lost:,} cases of shoppers without a persona were left out.")
    if not cases:
        raise ValueError(f"No view of a result right after its search in {people}: there is nothing to compare.")
    products = _products(cases, shown)
    conditions: tuple[Condition, ...] = ("base", "persona") if known else ("base",)
    measures: list[Measure] = []
    ranks: dict[str, tuple[int, ...]] = {}
    for spec in shoppers:
        options: dict[str, Any] = {"model": model} if spec == "llm" and model else {}
        for condition in conditions:
            name = f"{spec}, {condition}"
            progress(f"{name}, looks at {len(cases):,} lists")
            make = answerer_factory(RunConfig(policy=spec, condition=condition, options=options))
            whose = known if condition == "persona" else None
            picks = choose_ranks(cases, make, products=products, personas=whose, seed=seed)
            found = score_ranks(cases, picks, rng=rng)
            measures += histogram_measures({OF: found.whole}, name)
            ranks.setdefault(PEOPLE_ROW, _whole(found.whole.human))
            ranks[name] = _whole(found.whole.agent)
    return RankResults(
        people=people,
        searches=mined.searches,
        cases=len(cases),
        measures=tuple(measures),
        ranks=ranks,
        notes=(*notes, *mined.notes),
    )


def _products(cases: Sequence[RankCase], catalog: Catalog) -> dict[str, Product]:
    wanted = dict.fromkeys(key for case in cases for key in case.results)
    try:
        return {key: catalog[key] for key in wanted}
    except KeyError as missing:
        raise ValueError(f"{missing.args[0]} Name the log's own catalog with --catalog.") from None


def _whole(counts: Any) -> tuple[int, ...]:
    # The last bin is for ranks beyond the longest list: there are none.
    return tuple(int(count) for count in counts[:-1])


def table(results: RankResults) -> Table:
    """KL of the ranks with its floor, the paper's values beside, and two distances that need no smoothing."""
    title = f"Ranks opened in {results.cases:,} lists: distance from {results.people}"
    shown = Table(title=title, title_justify="left")
    for column in ("shopper", "KL(people‖agents), nats", "JS", "W1, ranks"):
        shown.add_column(column, justify="left" if column == "shopper" else "right")
    shoppers = [name for name in results.ranks if name != PEOPLE_ROW]
    for name in shoppers:
        shown.add_row(name, *(cell(results.find(name, metric)) for metric in ("KL", "JS", "W1")))
    floors = [results.find(shoppers[0], metric).estimate.floor for metric in ("KL", "JS", "W1")]
    shown.add_row("floor: people themselves", *map(number, floors))
    paper = PAPER[OF, "KL"]
    shown.add_row("paper (LLM), base", f"{paper.base:.2f}")
    shown.add_row("paper (LLM), persona", f"{paper.persona:.2f}")
    return shown


def figure_3(results: RankResults) -> Table:
    """Figure 3: how often each rank is opened, by people and by every shopper."""
    title = f"Figure 3: rank opened, share of {results.cases:,} lists ({results.people})"
    shown = Table(title=title, title_justify="left")
    shown.add_column("rank", justify="right")
    for name in results.ranks:
        shown.add_column(results.people.partition(" of ")[0] if name == PEOPLE_ROW else name, no_wrap=True)
    longest = max(max(counts) for counts in results.ranks.values())
    for rank in range(len(results.ranks[PEOPLE_ROW])):
        shown.add_row(str(rank + 1), *(_bar(counts[rank], longest, results.cases) for counts in results.ranks.values()))
    return shown


def _bar(count: int, longest: int, cases: int) -> str:
    share = f"{count / cases:5.1%}"
    return f"{share} {'█' * max(round(BAR * count / longest), 1 if count else 0)}"


def remarks(results: RankResults) -> list[str]:
    """What the floor makes of each number, and what it cannot say."""
    said = [measure_sentence(found) for found in results.measures if found.metric in ("KL", "W1")]
    return [
        *said,
        f"Do these stand beside the paper's? {PAPER[OF, 'KL'].compares}",
        f"{results.cases:,} of {results.searches:,} searches give a case: what follows is a view of a result.",
        *results.notes,
    ]


def main_remarks(results: RankResults) -> list[str]:
    """Beside Table 2's sentence: how to read the figure."""
    return [
        f"Asked for one result, the {SHOPPERS} shopper draws a first click, mostly near the top; people's spread more.",
        f"{results.cases:,} of {results.searches:,} searches give a case: what follows is a view of a result.",
        *results.notes,
    ]


def main(
    human: Annotated[
        Path | None, typer.Option(help="Store of a log with result lists; by default mini's synthetic people.")
    ] = None,
    catalog: Annotated[str, typer.Option(help="Of the products in the log's lists.")] = "mini",
    personas: Annotated[Path | None, typer.Option(help="Personas of the log's shoppers, by `paars personas`.")] = None,
    shopper: Annotated[
        list[str] | None, typer.Option(help="uniform, embedding, behavioural, llm or module:Class; repeat for several.")
    ] = None,
    model: Annotated[str, typer.Option(help="Of the shopper llm.")] = "",
    most: Annotated[int | None, typer.Option(min=1, help="Lists at most, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of every draw.")] = RANK_SEED,
    out: Annotated[Path | None, typer.Option(help="Write everything here as JSON.")] = None,
) -> None:
    """Shows shoppers the result lists that people saw, and compares which rank is opened (Table 2, Figure 3)."""
    console = wide_console()
    with console.status("starting") as status:
        results = run(
            human,
            catalog=catalog,
            personas=personas,
            shoppers=shopper or (SHOPPERS,),
            model=model,
            most=most,
            seed=seed,
            progress=status.update,
        )
    console.print(
        f"People: {results.people}. Shoppers: {', '.join(name for name in results.ranks if name != 'people')}."
    )
    console.print(table(results), figure_3(results))
    for line in remarks(results):
        console.print(f"- {line}", markup=False)
    if out is not None:
        out.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
