"""``python -m benchmarks.query_generation``: how close do shoppers come to a person's own query? (PAARS section 5.)

No language model writes queries here: the shoppers are offline ones. The people are real: 1,506 shopping goals of the
WebShop demonstrations with the queries that were typed for them. A goal stands for the title of the viewed product,
which that data does not hold: goals are wordier, and whoever searched had read the goal, not the title.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from inspect import isawaitable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from benchmarks.settings import QUERY_SEED, QUERY_SHOPPERS
from paars_gym.alignment import load_language_model, mine_query_pairs, score_queries, similarity
from paars_gym.alignment.collect import embedding_measures
from paars_gym.alignment.measure import Measure, measure
from paars_gym.alignment.paper import PAPER
from paars_gym.alignment.query_generation import QueryGeneration
from paars_gym.alignment.query_pairs import QueryPair
from paars_gym.catalog.product import Product
from paars_gym.embedding.load import load_embedder
from paars_gym.embedding.protocol import Embedder
from paars_gym.report.alignment import number
from paars_gym.sessions.seed import session_rng
from paars_gym.shoppers.protocol import Answerer
from paars_gym.shoppers.registry import make_answerer

HEADLINE = "No language model wrote queries: offline shoppers did, from a text that stands for a title."
WEBSHOP = Path(__file__).resolve().parents[2] / "shared" / "data" / "webshop_human" / "goal_query_map.json"
OF = "queries for viewed items"


class StratumResult(BaseModel):
    """Mean similarity of one shopper in one quartile of difficulty."""

    model_config = ConfigDict(frozen=True)

    shopper: str
    stratum: str
    cases: int
    similarity: float | None
    low: float | None
    high: float | None


class QueryResults(BaseModel):
    """The task's numbers.

    Attributes:
        headline: What ran, and what did not.
        people: Whose queries they are.
        pairs: How many.
        measures: Similarity and group metrics of each shopper, the shopper as ``population``.
        strata: Figure 2.
        difficulty: What the strata are of.
        gains: Relative gain over the first shopper, with its interval.
        second_query: Mean cosine of people's second query for a goal with their first; None without second ones.
        examples: Table 1: title, the person's query, and each shopper's.
        embedder: What made the vectors.
        notes: What these data cannot say.
    """

    model_config = ConfigDict(frozen=True)

    headline: str
    people: str
    pairs: int
    measures: tuple[Measure, ...]
    strata: tuple[StratumResult, ...]
    difficulty: str
    gains: dict[str, tuple[float, float | None, float | None]]
    second_query: float | None
    examples: tuple[dict[str, str], ...]
    embedder: str
    notes: tuple[str, ...]


def webshop_pairs(path: Path = WEBSHOP) -> tuple[list[QueryPair], list[tuple[str, str]]]:
    """Goals with their first query, and (first, second) query of goals that have two different ones.

    Raises:
        FileNotFoundError: The data is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No WebShop demonstrations in {str(path)!r}; score a log of your own: --human STORE.")
    found: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    asked = {goal: [query for query in queries if query.strip()] for goal, queries in found.items() if goal.strip()}
    pairs = [
        QueryPair(str(i), str(i), queries[0], None, goal) for i, (goal, queries) in enumerate(asked.items()) if queries
    ]
    twice = [(queries[0], queries[1]) for queries in asked.values() if len(queries) > 1 and queries[0] != queries[1]]
    return pairs, twice


def write_queries(
    pairs: Sequence[QueryPair], make: Callable[[], Answerer], *, seed: int, concurrency: int = 16
) -> list[str]:
    """The query of a shopper for each pair's title; each is asked with the pair's own random generator."""
    answers = [""] * len(pairs)
    waiting = iter(range(len(pairs)))

    async def work() -> None:
        for index in waiting:
            pair, shopper = pairs[index], make()
            started = shopper.reset(None, None, session_rng(seed, pair.key))
            if isawaitable(started):
                await started
            answer = shopper.write_query(Product(id="item", title=pair.title))
            answers[index] = str(await answer if isawaitable(answer) else answer)

    async def everybody() -> None:
        try:
            await asyncio.gather(*(work() for _ in range(concurrency)))
        finally:
            if (aclose := getattr(make, "aclose", None)) is not None:
                await aclose()

    asyncio.run(everybody())
    return answers


def run(
    human: Path | None = None,
    *,
    shoppers: Sequence[str] = QUERY_SHOPPERS,
    embedder: str = "minilm-int8",
    language_model: str = "none",
    limit: int | None = None,
    seed: int = QUERY_SEED,
    progress: Callable[[str], None] = lambda _: None,
) -> QueryResults:
    """Asks every shopper for a query for every item, and compares them with people's.

    Args:
        human: Store of a log with searches, views and times; by default the WebShop demonstrations.
        shoppers: Names for `make_answerer`; the first is the one to gain on.
        embedder: Name for `load_embedder`.
        language_model: Name for `load_language_model`.
        limit: Pairs at most, drawn at random.
        seed: Of every draw.
        progress: Told what is going on.

    Raises:
        FileNotFoundError: The people's data is not there.
        ImportError: A model's package is missing.
        ValueError: The log holds no pairs, or a name is unknown.
    """
    rng = np.random.default_rng(seed)
    twice: list[tuple[str, str]] = []
    if human is None:
        pairs, twice = webshop_pairs()
        people = "real people (WebShop demonstrations); goal text stands for the title"
        notes = [
            "Whoever searched had read the goal and could repeat its words: similarity is higher than from titles."
        ]
    else:
        mined = mine_query_pairs(human)
        pairs, notes, people = list(mined.pairs), list(mined.notes), f"the log {human.name}"
    if limit is not None and limit < len(pairs):
        pairs = [pairs[i] for i in np.sort(rng.permutation(len(pairs))[:limit])]
    progress(f"{len(pairs):,} pairs; loading {embedder}")
    model = load_language_model(language_model)
    vectors = load_embedder(embedder, corpus=[pair.title for pair in pairs])
    queries = {}
    for name in shoppers:
        progress(f"{name} writes queries")
        queries[name] = write_queries(pairs, make_answerer(name, condition="base"), seed=seed)
    progress("scoring")
    found = score_queries(pairs, queries, embedder=vectors, language_model=model, rng=rng)
    return QueryResults(
        headline=HEADLINE,
        people=people,
        pairs=len(pairs),
        measures=tuple(_measures(found)),
        strata=tuple(
            StratumResult(
                shopper=condition.name,
                stratum=stratum.label,
                cases=stratum.n,
                similarity=stratum.estimate if stratum.n else None,
                low=stratum.interval.low if stratum.interval else None,
                high=stratum.interval.high if stratum.interval else None,
            )
            for condition in found.conditions
            for stratum in condition.strata
        ),
        difficulty=found.difficulty,
        gains={
            name: (gain.estimate, *((gain.interval.low, gain.interval.high) if gain.interval else (None, None)))
            for name, gain in found.gains.items()
        },
        second_query=_second(twice, vectors),
        examples=tuple({"title": e.title, "person": e.human, **e.agents} for e in found.examples),
        embedder=found.embedder,
        notes=tuple(notes),
    )


def _measures(found: QueryGeneration) -> list[Measure]:
    measures = []
    for condition in found.conditions:
        close = condition.similarity._replace(null_floor=float("nan"))
        told = measure(close, of=OF, metric="mean cosine", population=condition.name)
        by_chance = {"cosine with other people's queries": round(condition.similarity.null_floor, 4)}
        measures.append(told.model_copy(update={"details": by_chance}))
        measures += embedding_measures(condition.group, of=OF, population=condition.name)
    return measures


def _second(twice: list[tuple[str, str]], embedder: Embedder) -> float | None:
    if not twice:
        return None
    return similarity(*(embedder.embed([pair[side] for pair in twice]) for side in (0, 1))).estimate


def tables(results: QueryResults) -> list[Table]:
    """Similarity with Figure 2's quartiles, and the group metrics of Table 2 with their floors."""
    shoppers = list(dict.fromkeys(found.population for found in results.measures))
    told = {(found.population, found.metric): found for found in results.measures}
    close = Table(title=f"Mean cosine with the person's own query, by {results.difficulty}", title_justify="left")
    for column in ("shopper", "all", "with others' queries", "gain", *dict.fromkeys(s.stratum for s in results.strata)):
        close.add_column(column, justify="left" if column == "shopper" else "right")
    for name in shoppers:
        mean = told[name, "mean cosine"]
        gain = results.gains.get(name)
        quartiles = [
            f"{number(s.similarity)}\n[{number(s.low)}, {number(s.high)}]" for s in results.strata if s.shopper == name
        ]
        close.add_row(
            name,
            f"{number(mean.estimate)}\n[{number(mean.low)}, {number(mean.high)}]",
            number(next(iter(mean.details.values()))),
            "" if gain is None else f"{gain[0]:+.1%}\n[{number(gain[1])}, {number(gain[2])}]",
            *quartiles,
        )
    paper = PAPER[OF, "mean cosine"]
    close.add_row("paper, base", f"{paper.base:.2f}")
    close.add_row("paper, persona", f"{paper.persona:.2f}", "", "+17%")
    group = Table(title=f"As groups: KL between kernel densities, nats (n = {results.pairs:,})", title_justify="left")
    metrics = ("KDE-KL h = 0.1", "KDE-KL leave-one-out", "energy distance", "C2ST AUC", "coverage")
    for column in ("shopper", *metrics, "halves: unpaired", "own pair", "people"):
        group.add_column(column, justify="left" if column == "shopper" else "right")
    for name in shoppers:
        halves = told.get((name, "KDE-KL of halves"))
        cells = [number(told[name, metric].estimate) for metric in metrics]
        split = [] if halves is None else [halves.estimate, halves.details.get("paired"), halves.null_floor]
        group.add_row(name, *cells, *map(number, split))
    value = PAPER[OF, "KDE-KL h = 0.1"]
    group.add_row("paper, base", f"{value.base}")
    group.add_row("paper, persona", f"{value.persona}")
    return [close, group]


def remarks(results: QueryResults) -> list[str]:
    """What the floors make of the numbers, and what they cannot say."""
    floored = ("KDE-KL leave-one-out", "KDE-KL of halves")
    said = [found.sentence for found in results.measures if found.metric in floored]
    if results.second_query is not None:
        said.append(
            f"People's own second query for the same goal has a cosine of {results.second_query:.2f} with the first."
        )
    said += [f"{metric}: does it stand beside the paper's? {PAPER[OF, metric].compares}"
             for metric in ("mean cosine", "KDE-KL h = 0.1")]  # fmt: skip
    return [*said, f"Vectors: {results.embedder}. People: {results.people}.", *results.notes]


def main(
    human: Annotated[Path | None, typer.Option(help="Store of a log; by default the WebShop demonstrations.")] = None,
    shopper: Annotated[list[str] | None, typer.Option(help="Shoppers to ask; repeat for several.")] = None,
    embedder: Annotated[str, typer.Option(help="minilm, minilm-int8, lexical, or a model's name.")] = "minilm-int8",
    language_model: Annotated[str, typer.Option(help="For perplexity: auto, smollm2, a name, or none.")] = "none",
    limit: Annotated[int | None, typer.Option(min=20, help="Pairs at most.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write everything here as JSON.")] = None,
) -> None:
    """Compares shoppers' queries with people's."""
    console = Console()
    console.print(HEADLINE)
    with console.status("starting") as status:
        results = run(
            human,
            shoppers=shopper or QUERY_SHOPPERS,
            embedder=embedder,
            language_model=language_model,
            limit=limit,
            progress=status.update,
        )
    console.print(*tables(results))
    for example in results.examples:
        console.print("; ".join(f"{who}: {text!r}" for who, text in example.items()), highlight=False, markup=False)
    for line in remarks(results):
        console.print(f"- {line}", highlight=False, markup=False)
    if out is not None:
        out.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
