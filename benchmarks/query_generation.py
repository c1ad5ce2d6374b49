"""``python -m benchmarks.query_generation``: how close do shoppers come to a person's own query? (PAARS section 5.)

Each shopper is told a title and writes the query that would have led to it: alone, and with the persona of whoever
viewed it where there is one. By default the people are real, if their data lies beside the checkout: 1,506 shopping
goals of the WebShop demonstrations with the queries that were typed for them. A goal stands for the title there, and
nobody has a persona. Otherwise, and in the main job, they are the synthetic people of `mini`, who have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.asking import ask_all
from benchmarks.queries.people import QueryPeople, find_people
from benchmarks.queries.results import QueryResults, gains_of, measures_of, strata_of
from benchmarks.queries.tables import remarks, tables
from benchmarks.report.console import wide_console
from benchmarks.settings import QUERY_SCORED, QUERY_SEED, QUERY_SHOPPERS, SESSION_SEED, SESSIONS
from paars_gym.alignment import LanguageModel, load_language_model, score_queries, similarity
from paars_gym.alignment.query_generation import QueryGeneration, QueryOptions, QueryPair
from paars_gym.catalog.product import Product
from paars_gym.cli.running import run_command
from paars_gym.config import Condition, RunConfig
from paars_gym.embedding.load import load_embedder
from paars_gym.embedding.protocol import Embedder
from paars_gym.personas.persona import Persona
from paars_gym.shoppers.protocol import Answerer
from paars_gym.shoppers.registry import SHOPPERS, answerer_factory

OFFLINE = set(SHOPPERS) - {"llm"}


def write_queries(
    pairs: Sequence[QueryPair],
    make: Callable[[], Answerer],
    *,
    seed: int,
    personas: Mapping[str, Persona] | None = None,
    concurrency: int = 16,
) -> list[str]:
    """The query of a shopper for each pair's title; each is asked with the pair's own random generator.

    Args:
        pairs: With the titles.
        make: Of the shopper.
        seed: Of the answers.
        personas: By the pairs' shoppers; None to ask nobody in particular.
        concurrency: Pairs asked at once.
    """
    askings = [(pair.key, None if personas is None else personas[pair.shopper]) for pair in pairs]

    def question(shopper: Answerer, number: int) -> str | Awaitable[str]:
        return shopper.write_query(Product(id="item", title=pairs[number].title))

    return [str(answer) for answer in ask_all(make, askings, question, seed=seed, concurrency=concurrency)]


def run(
    human: str | Path | None = None,
    *,
    personas: Path | None = None,
    shoppers: Sequence[str] = QUERY_SHOPPERS,
    model: str = "",
    embedder: str = "minilm-int8",
    language_model: str | LanguageModel = "none",
    scored: int = QUERY_SCORED,
    limit: int | None = None,
    sessions: int = SESSIONS,
    people_seed: int = SESSION_SEED,
    seed: int = QUERY_SEED,
    progress: Callable[[str], None] = lambda _: None,
) -> QueryResults:
    """Asks every shopper for a query for every item, and compares them with people's.

    Args:
        human: See `find_people`.
        personas: See `find_people`. Where people have personas, each shopper writes with them as well as without.
        shoppers: Names for `answerer_factory`; the first is the one to gain on.
        model: Of the shopper ``llm``.
        embedder: Name for `load_embedder`.
        language_model: Of the perplexity; or a name for `load_language_model`.
        scored: Pairs whose perplexity is computed, at most, drawn at random: it is slow.
        limit: Pairs at most, drawn at random.
        sessions: Of mini's people.
        people_seed: Of mini's people.
        seed: Of every draw.
        progress: Told what is going on.

    Raises:
        FileNotFoundError: The people's data is not there.
        ImportError: A model's package is missing.
        ValueError: The log holds no pairs, or a name is unknown.
    """
    rng = np.random.default_rng(seed)
    progress("finding pairs of a query and a title")
    people = find_people(human, personas=personas, sessions=sessions, seed=people_seed)
    if limit is not None and limit < len(people.pairs):
        people = people._replace(pairs=[people.pairs[i] for i in np.sort(rng.permutation(len(people.pairs))[:limit])])
    pairs = list(people.pairs)
    conditions: tuple[Condition, ...] = ("base", "persona") if people.personas else ("base",)
    # Before any model is loaded: a name that nobody bears should not take half a minute to be found out.
    makers = {
        (spec, condition): answerer_factory(
            RunConfig(policy=spec, condition=condition, options={"model": model} if spec == "llm" and model else {})
        )
        for spec in shoppers
        for condition in conditions
    }
    progress(f"{len(pairs):,} pairs; loading models")
    judge = load_language_model(language_model) if isinstance(language_model, str) else language_model
    vectors = load_embedder(embedder, corpus=[pair.title for pair in pairs])
    queries = {}
    for (spec, condition), make in makers.items():
        progress(f"{spec}, {condition}, writes queries")
        known = people.personas if condition == "persona" else None
        queries[f"{spec}, {condition}"] = write_queries(pairs, make, seed=seed, personas=known)
    progress("scoring")
    # Who writes the same words is scored once: other draws for them would look like a difference.
    same = {name: twin for name in queries if (twin := _first_alike(name, queries)) != name}
    distinct = {name: asked for name, asked in queries.items() if name not in same}
    found = score_queries(pairs, distinct, embedder=vectors, rng=rng)
    hard = found if judge is None else _by_perplexity(pairs, distinct, vectors, judge, scored, rng)
    whole = {each.name: each for each in found.conditions}
    strata = {each.name: each for each in hard.conditions}
    return QueryResults(
        headline=_headline(shoppers, judge),
        people=people.name,
        pairs=len(pairs),
        measures=tuple(m for name in queries for m in measures_of(whole[same.get(name, name)], name)),
        strata=tuple(s for name in queries for s in strata_of(strata[same.get(name, name)], name)),
        difficulty=hard.difficulty if hard.n == found.n else f"{hard.difficulty}, {hard.n:,} of {found.n:,} pairs",
        gains=tuple(gains_of({name: whole[same.get(name, name)] for name in queries})),
        same=same,
        second_query=_second(people, vectors),
        examples=tuple(
            {"title": e.title, "person": e.human, **{name: e.agents[same.get(name, name)] for name in queries}}
            for e in found.examples
        ),
        embedder=found.embedder,
        notes=tuple(people.notes),
    )


def _headline(shoppers: Sequence[str], judge: LanguageModel | None) -> str:
    wrote = (
        "No language model wrote queries: offline shoppers did, from a title or a text that stands for one."
        if set(shoppers) <= OFFLINE
        else f"Queries were written by {', '.join(shoppers)}, from a title or a text that stands for one."
    )
    return wrote if judge is None else f"{wrote} {judge.name} judged how hard people's are to predict."


def _first_alike(name: str, queries: Mapping[str, list[str]]) -> str:
    return next(other for other, asked in queries.items() if asked == queries[name])


def _by_perplexity(
    pairs: Sequence[QueryPair],
    queries: Mapping[str, list[str]],
    vectors: Embedder,
    judge: LanguageModel,
    most: int,
    rng: np.random.Generator,
) -> QueryGeneration:
    """The same on as many pairs as the language model has time for; only its strata are used."""
    rows = np.sort(rng.permutation(len(pairs))[:most])
    some = {name: [asked[i] for i in rows] for name, asked in queries.items()}
    return score_queries(
        [pairs[i] for i in rows],
        some,
        embedder=vectors,
        language_model=judge,
        options=QueryOptions(n_permutations=99),
        rng=rng,
    )


def _second(people: QueryPeople, embedder: Embedder) -> float | None:
    if not people.twice:
        return None
    return similarity(*(embedder.embed([pair[side] for pair in people.twice]) for side in (0, 1))).mean.value


def main(
    human: Annotated[
        str | None, typer.Option(help="webshop (the default if at hand), mini (synthetic), or the store of a log.")
    ] = None,
    personas: Annotated[Path | None, typer.Option(help="Personas of the log's shoppers, by `paars personas`.")] = None,
    shopper: Annotated[
        list[str] | None, typer.Option(help="uniform, embedding, behavioural, llm or module:Class; repeat for several.")
    ] = None,
    model: Annotated[str, typer.Option(help="Of the shopper llm.")] = "",
    embedder: Annotated[str, typer.Option(help="minilm, minilm-int8, lexical, or a model's name.")] = "minilm-int8",
    language_model: Annotated[
        str,
        typer.Option(
            help="Whose perplexity makes Figure 2's quartiles: gpt2, smollm2, a name, none; auto takes what is "
            "installed, and word overlap (not perplexity) where nothing is."
        ),
    ] = "auto",
    scored: Annotated[
        int, typer.Option(min=8, help="Pairs whose perplexity is computed, at most: a small model does 4 a second.")
    ] = QUERY_SCORED,
    limit: Annotated[int | None, typer.Option(min=20, help="Pairs at most.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of every draw.")] = QUERY_SEED,
    out: Annotated[Path | None, typer.Option(help="Write everything here as JSON.")] = None,
) -> None:
    """Compares the queries that shoppers write for a title with those that led people to it.

    One by one (cosine similarity, Figure 2) and as groups (kernel densities, Table 2 and Appendix D).
    """
    console = wide_console()
    with console.status("starting") as status:
        results = run(
            human,
            personas=personas,
            shoppers=shopper or QUERY_SHOPPERS,
            model=model,
            embedder=embedder,
            language_model=language_model,
            scored=scored,
            limit=limit,
            seed=seed,
            progress=status.update,
        )
    console.print(results.headline, f"People: {results.people}.", sep="\n", markup=False)
    console.print(*tables(results))
    for example in results.examples:
        console.print("; ".join(f"{who}: {text!r}" for who, text in example.items()), markup=False)
    for line in remarks(results):
        console.print(f"- {line}", markup=False)
    if out is not None:
        out.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
