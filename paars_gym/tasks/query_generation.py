"""Query generation: a shopper is told a title and writes the query that would have led to it (PAARS section 5).

Similarity with the person's own query by difficulty (Figure 2, Table 1), and queries as groups (Table 2, Appendix D).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paars_gym.alignment import LanguageModel, load_language_model, mine_query_pairs, score_queries
from paars_gym.alignment.query_generation import QueryGeneration, QueryOptions, QueryPair
from paars_gym.catalog.product import Product
from paars_gym.config import Condition, RunConfig
from paars_gym.embedding.load import load_embedder
from paars_gym.embedding.protocol import Embedder
from paars_gym.llm.dry_run import Forecast
from paars_gym.shoppers.protocol import Answerer, GaveUp
from paars_gym.shoppers.registry import SHOPPERS
from paars_gym.tasks.answers import Answers, left_out
from paars_gym.tasks.asking import ask_shoppers
from paars_gym.tasks.elsewhere import asked_elsewhere
from paars_gym.tasks.people import MiniPeople
from paars_gym.tasks.persona_sources import KnownPersonas
from paars_gym.tasks.query_results import QueryResults, gains_over, measures_of, strata_of
from paars_gym.tasks.questions import TaskShoppers
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.shoppers import TaskPolicy, fitted_shoppers, forecast, policies_of, task_shoppers

OFFLINE = set(SHOPPERS) - {"llm"}
SCORED = 300
"""Pairs whose perplexity is computed: a small model does some four a second on two cores."""
QUERY_CONDITIONS: tuple[Condition, ...] = ("base", "persona")


class QueryCases(NamedTuple):
    """People's queries, each with the title viewed next.

    Attributes:
        people: Whose they are, as reports call them.
        pairs: One a session at most.
        notes: What these data cannot say.
    """

    people: str
    pairs: Sequence[QueryPair]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class QueryQuestions:
    """The pairs as questions."""

    pairs: Sequence[QueryPair]
    seed: int

    def __len__(self) -> int:
        return len(self.pairs)

    def key(self, index: int) -> str:
        """Of the pair."""
        return self.pairs[index].key

    def shopper(self, index: int) -> str:
        """Whose query it was."""
        return self.pairs[index].shopper

    def put(self, index: int, shopper: Answerer) -> Awaitable[str] | str:
        """Asks for a query for the title."""
        return shopper.write_query(Product(id="item", title=self.pairs[index].title))

    def usable(self, index: int, answer: Any) -> str:
        """The query; none without a word."""
        query = str(answer)
        if not query.strip():
            raise GaveUp("it wrote an empty query")
        return query


def query_cases(people: ReferencePeople, run: RunConfig) -> QueryCases:
    """The first query of each session, where a view of a product with a title follows within 60 s.

    Args:
        people: Whose sessions.
        run: Its ``sessions`` pairs at most, drawn at random.

    Raises:
        ValueError: The log records no searches or views, or holds no such pair.
    """
    # Queries alone are enough: a log of clicks has none of the searches that led nowhere, and no pair needs them.
    people.require("Query generation", "queries" if "queries" in people.known else "searches", "views")
    titles = people.titles()
    mined = mine_query_pairs(people.source, titles=titles)
    notes = list(mined.notes)
    if isinstance(people, MiniPeople):
        how_many = (
            f"{len(mined.pairs):,} of {mined.sessions:,} sessions give a pair: their first search, if the next "
            "event is a view within 60 s."
        )
        invented = "The people of mini are invented: their queries are cut from titles, which makes them easy to meet."
        notes = [how_many, *notes, invented]
    pairs: Sequence[QueryPair] = mined.pairs
    if people.personas:
        pairs = [pair for pair in mined.pairs if pair.shopper in people.personas]
        if lost := len(mined.pairs) - len(pairs):
            notes.append(f"{lost:,} pairs of shoppers without a persona were left out.")
    if not pairs:
        advice = "" if titles else " Where views have no titles, name the log's own catalog with --catalog."
        raise ValueError(f"No pair of a query and a title in {people.name}: nothing can be compared.{advice}")
    return QueryCases(people.name, some_of(pairs, run), notes)


def some_of(pairs: Sequence[QueryPair], run: RunConfig) -> Sequence[QueryPair]:
    """As many pairs as a run asks for, drawn at random, in their order."""
    if run.sessions >= len(pairs):
        return pairs
    rows = np.sort(np.random.default_rng(run.seed).permutation(len(pairs))[: run.sessions])
    return [pairs[row] for row in rows]


def asked_queries(people: ReferencePeople, run: RunConfig, policies: Sequence[TaskPolicy] = ()) -> TaskShoppers:
    """The shoppers: each policy alone, and with the persona of whoever viewed the item where people have one."""
    conditions = QUERY_CONDITIONS if people.personas else QUERY_CONDITIONS[:1]
    named, fitted = policies_of(run, policies)
    known = KnownPersonas(people.personas)
    asked = task_shoppers(run, named, conditions, personas=known, language=people.language)
    asked = asked._replace(shoppers=(*asked.shoppers, *fitted_shoppers(run, fitted, people, known)))
    return asked_elsewhere(asked, policies, conditions, known)


def forecast_queries(
    people: ReferencePeople, run: RunConfig, policies: Sequence[TaskPolicy] = ()
) -> dict[str, Forecast]:
    """What asking language models would take, by spec; nothing is sent."""
    asked = asked_queries(people, run, policies)
    return forecast([query_questions(people, run)], asked)


def query_questions(people: ReferencePeople, run: RunConfig) -> QueryQuestions:
    """The questions that `generate_queries` puts."""
    return QueryQuestions(query_cases(people, run).pairs, run.seed)


def generate_queries(
    people: ReferencePeople,
    run: RunConfig,
    *,
    policies: Sequence[TaskPolicy] = (),
    embedder: str = "minilm-int8",
    language_model: str | LanguageModel = "none",
    scored: int = SCORED,
    cases: QueryCases | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> QueryResults:
    """Asks every shopper for a query for every item, and compares them with people's.

    Args:
        people: Whose queries; where they have personas, each shopper writes with them as well as without.
        run: Policy, model, budget and seed; ``sessions`` pairs at most.
        policies: Several instead of the run's one, the first being the one to gain on; and shoppers fitted to other
            people, who are asked beside them.
        embedder: Name for `load_embedder`.
        language_model: Of the perplexity; or a name for `load_language_model`.
        scored: Pairs whose perplexity is computed, at most, drawn at random: it is slow.
        cases: Pairs of one's own instead of those of the people's log.
        progress: Told what is going on.

    Raises:
        ImportError: A model's package is missing.
        ValueError: The log holds no pairs, or a name is unknown.
        NobodyAnswersError: A shopper could not be asked at all.
    """
    rng = np.random.default_rng(run.seed)
    # Before any case is mined or model loaded: an unknown name should not take half a minute to be found out.
    asked = asked_queries(people, run, policies)
    progress("finding pairs of a query and a title")
    cases = cases or query_cases(people, run)
    progress(f"{len(cases.pairs):,} pairs; loading models")
    vectors = load_embedder(embedder, corpus=[pair.title for pair in cases.pairs])
    judge = load_language_model(language_model) if isinstance(language_model, str) else language_model
    given = ask_shoppers([QueryQuestions(cases.pairs, run.seed)], asked, progress=progress)
    pairs, queries, lacking = _complete(cases.pairs, given.answers[0])
    progress("scoring")
    # Who writes the same words is scored once: other draws for them would look like a difference.
    same = {name: twin for name in queries if (twin := _first_alike(name, queries)) != name}
    distinct = {name: texts for name, texts in queries.items() if name not in same}
    scores = score_queries(pairs, distinct, embedder=vectors, rng=rng)
    hard = scores if judge is None else _by_perplexity(pairs, distinct, vectors, judge, scored, rng)
    whole = {each.name: each for each in scores.conditions}
    strata = {each.name: each for each in hard.conditions}
    stopped = [f"Stopped early, everything so far is kept: {given.stopped}"] if given.stopped else []
    return QueryResults(
        headline=_headline(asked, judge),
        people=cases.people,
        pairs=len(pairs),
        measures=tuple(m for name in queries for m in measures_of(whole[same.get(name, name)], name)),
        strata=tuple(s for name in queries for s in strata_of(strata[same.get(name, name)], name)),
        difficulty=hard.difficulty if hard.n == scores.n else f"{hard.difficulty}, {hard.n:,} of {scores.n:,} pairs",
        gains=tuple(gains_over({name: whole[same.get(name, name)] for name in queries})),
        same=same,
        examples=tuple(
            {"title": e.title, "person": e.human, **{name: e.agents[same.get(name, name)] for name in queries}}
            for e in scores.examples
        ),
        embedder=scores.embedder,
        notes=(*stopped, *given.notes, *cases.notes, *lacking),
        paid=tuple(model.report() for model in asked.models.values()),
        stopped=given.stopped,
    )


def _complete(
    pairs: Sequence[QueryPair], answers: Mapping[str, Answers]
) -> tuple[list[QueryPair], dict[str, list[str]], list[str]]:
    """The pairs for which every shopper has written a query, the queries, and what was left out, in words."""
    rows = np.flatnonzero(np.logical_and.reduce([given.answered for given in answers.values()])).tolist()
    if not rows:
        raise ValueError("No pair got a query of every shopper: nothing can be compared.")
    notes = left_out(answers, "pairs")
    return [pairs[row] for row in rows], {n: [given.values[row] for row in rows] for n, given in answers.items()}, notes


def _headline(asked: TaskShoppers, judge: LanguageModel | None) -> str:
    policies = list(dict.fromkeys(shopper.policy for shopper in asked.shoppers))
    wrote = (
        "No language model wrote queries: offline shoppers did, from a title or a text that stands for one."
        if set(policies) <= OFFLINE
        else f"Queries were written by {', '.join(policies)}, from a title or a text that stands for one."
    )
    return wrote if judge is None else f"{wrote} {judge.name} judged how hard people's are to predict."


def _first_alike(name: str, queries: Mapping[str, list[str]]) -> str:
    return next(other for other, texts in queries.items() if texts == queries[name])


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
    some = {name: [texts[i] for i in rows] for name, texts in queries.items()}
    return score_queries(
        [pairs[i] for i in rows],
        some,
        embedder=vectors,
        language_model=judge,
        options=QueryOptions(n_permutations=99),
        rng=rng,
    )
