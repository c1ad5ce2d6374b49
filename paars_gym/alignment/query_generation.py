"""How close do agents come to the query that led a person to a product (PAARS section 4.3, Figure 2, Tables 1, 2)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.cosine import Gain, Similarity, relative_gain, similarity
from paars_gym.alignment.density import BANDWIDTHS
from paars_gym.alignment.perplexity import LanguageModel, conditional_perplexity, overlap_difficulty
from paars_gym.alignment.query_pairs import QueryPair
from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.stratify import Stratum, by_stratum, groups_of
from paars_gym.alignment.text_comparison import EmbeddingComparison, compare_embeddings
from paars_gym.embedding.protocol import Embedder, embedder_label

Array = NDArray[np.float64]


class QueryGroup(NamedTuple):
    """One condition's queries against those of one group of people.

    Attributes:
        similarity: Mean cosine with the person's own query.
        group: As groups, at the size of this one.
    """

    similarity: Similarity
    group: EmbeddingComparison


class QueryCondition(NamedTuple):
    """One condition's queries against people's.

    Attributes:
        name: Such as ``persona``.
        similarity: Mean cosine with the person's own query.
        strata: The same by quartile of difficulty: Figure 2.
        group: As groups: Table 2, with both splits.
        by: Similarity and group metrics of each group of pairs that may be shown, largest first.
    """

    name: str
    similarity: Similarity
    strata: tuple[Stratum, ...]
    group: EmbeddingComparison
    by: dict[str, QueryGroup]


class Example(NamedTuple):
    """One item with everybody's query: Table 1."""

    title: str
    human: str
    agents: dict[str, str]


class QueryGeneration(NamedTuple):
    """The result of the task.

    Attributes:
        n: Pairs.
        conditions: In the order given.
        gains: Relative gain of each later condition's mean similarity over the first's; the paper's is 17%.
        difficulty: What the strata are of: ``perplexity by MODEL`` or ``word overlap (not perplexity)``.
        embedder: How the embedder is named in reports.
        examples: A few items.
        pooled: Labels too small to be shown alone.
        suppressed: Pairs left out of the groups, since even pooled they are too few.
    """

    n: int
    conditions: tuple[QueryCondition, ...]
    gains: dict[str, Gain]
    difficulty: str
    embedder: str
    examples: tuple[Example, ...]
    pooled: tuple[str, ...]
    suppressed: int


def score_queries(
    pairs: Sequence[QueryPair],
    agents: Mapping[str, Sequence[str]],
    *,
    embedder: Embedder,
    language_model: LanguageModel | None = None,
    perplexity_of: Literal["human", "agent"] = "human",
    strata: int = 4,
    by: ArrayLike | None = None,
    minimum: int = 20,
    examples: int = 5,
    n_permutations: int = 999,
    rng: np.random.Generator,
    threads: int | None = None,
) -> QueryGeneration:
    """Individual and group alignment of generated queries (PAARS sections 4.3 and 5, Figure 2, Tables 1 and 2).

    Section 4.3 speaks of the perplexity of the predicted query, Figure 2 of the human query's. The human's is the
    default: strata then hold the same items in every condition, which makes conditions comparable.

    Args:
        pairs: Of people.
        agents: Queries by condition, one a pair in the same order; the first condition is the one to gain on.
        embedder: Of all queries.
        language_model: Of the perplexity; without one the strata are of word overlap, and say so.
        perplexity_of: Whose query's perplexity, given the title, makes the strata.
        strata: How many quantiles at most; ties make fewer.
        by: Any attribute of each pair, such as its shopper's age, shape (pairs,): every metric for each group too.
        minimum: Pairs that a group needs; smaller ones are pooled, or left out.
        examples: Items shown, drawn at random.
        n_permutations: Of the energy distance's test.
        rng: Source of every draw.
        threads: All available cores by default.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: No pairs or conditions, a condition with another number of queries, or an empty query; another
            number of labels than pairs.
    """
    check_rng(rng)
    made = groups_of(by, len(pairs), minimum)
    if not pairs or not agents:
        raise ValueError(f"{len(pairs)} pairs and {len(agents)} conditions, must be at least one of each.")
    for name, queries in agents.items():
        if len(queries) != len(pairs):
            raise ValueError(f"{name!r} has {len(queries)} queries for {len(pairs)} pairs, must be as many.")
        empty = [i for i, query in enumerate(queries) if not query.strip()]
        if empty:
            raise ValueError(
                f"{name!r} has an empty query for {pairs[empty[0]].title!r} (of {len(empty)} such); leave the pair out."
            )
    human = [pair.query for pair in pairs]
    points = embedder.embed(human)
    hard = {name: _difficulty(pairs, human if perplexity_of == "human" else queries, language_model)
            for name, queries in (agents.items() if perplexity_of == "agent" else [("human", human)])}  # fmt: skip
    conditions = []
    for name, queries in agents.items():
        theirs = embedder.embed(list(queries))
        close = similarity(points, theirs)
        difficulty = hard[name if perplexity_of == "agent" else "human"]
        asked = np.isfinite(difficulty)
        group = compare_embeddings(
            points, theirs, paired=True, bandwidths=BANDWIDTHS, n_permutations=n_permutations, rng=rng, threads=threads
        )
        told = {
            label: QueryGroup(
                similarity(points[rows], theirs[rows]),
                compare_embeddings(
                    points[rows], theirs[rows], paired=True, n_permutations=n_permutations, rng=rng, threads=threads
                ),
            )
            for label, rows in made.rows.items()
        }
        levels = by_stratum(close.values[asked], difficulty[asked], strata=strata)
        conditions.append(QueryCondition(name, close, levels, group, told))
    base = conditions[0].similarity.values
    shown = np.sort(rng.permutation(len(pairs))[:examples])
    return QueryGeneration(
        len(pairs),
        tuple(conditions),
        {each.name: relative_gain(base, each.similarity.values) for each in conditions[1:]},
        "word overlap (not perplexity)"
        if language_model is None
        else f"perplexity of the {perplexity_of}'s query by {language_model.name}",
        embedder_label(embedder),
        tuple(Example(pairs[i].title, human[i], {name: queries[i] for name, queries in agents.items()}) for i in shown),
        made.pooled,
        made.suppressed,
    )


def _difficulty(pairs: Sequence[QueryPair], queries: Sequence[str], model: LanguageModel | None) -> Array:
    titles = [pair.title for pair in pairs]
    if model is None:
        return overlap_difficulty(titles, queries)
    return conditional_perplexity(model, [f"{title}\n" for title in titles], queries)
