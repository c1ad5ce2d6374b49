"""Query generation: pairs of a query and a product from a log, and the score of agents' queries.

PAARS section 4.3, Figure 2, Tables 1 and 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import check_rng
from paars_gym.alignment.comparison import EmbeddingComparison, compare_embeddings
from paars_gym.alignment.difficulty import (
    Stratum,
    by_stratum,
    conditional_perplexity,
    overlap_difficulty,
)
from paars_gym.alignment.individual import Similarity, relative_gain, similarity
from paars_gym.alignment.kde import BANDWIDTHS
from paars_gym.alignment.language_model import LanguageModel
from paars_gym.alignment.segments import groups_of
from paars_gym.alignment.session_log import UNSCORED
from paars_gym.embedding.protocol import Embedder, embedder_label
from paars_gym.estimate import Estimate
from paars_gym.sessions.opening import Source, open_frames

Array = NDArray[np.float64]
WITHIN_SECONDS = 60


class QueryPair(NamedTuple):
    """What somebody searched for, and what they looked at next.

    Attributes:
        key: Of the session.
        shopper: Who.
        query: The first search of the session.
        product: Id of the product viewed; None when the log has none.
        title: Of that product.
    """

    key: str
    shopper: str
    query: str
    product: str | None
    title: str


class QueryPairs(NamedTuple):
    """The pairs of a log.

    Attributes:
        pairs: In the order of the log, one a session at most.
        sessions: Sessions looked at.
        searched: Sessions with a search that says what for.
        followed: Of these, those whose next event was a view.
        timed: Of these, those that have a time on both.
        in_time: Of these, those within 60 s.
        notes: What this log cannot tell, in sentences.
    """

    pairs: tuple[QueryPair, ...]
    sessions: int
    searched: int
    followed: int
    timed: int
    in_time: int
    notes: tuple[str, ...]


def mine_query_pairs(
    source: Source,
    *,
    titles: Mapping[str, str] | None = None,
    within_seconds: float = WITHIN_SECONDS,
) -> QueryPairs:
    """Pairs of the first query of a session and the product viewed next, as section 4.3 mines them.

    The first search counts, if the event right after it in the log is a view, at most 60 s later. The rest of the
    session is discarded: later queries are hard to guess without what went before. Sessions that ended in
    ``policy_error`` or ``gave_up`` give none.

    Args:
        source: A store, the folder of one or of a run, or sessions.
        titles: By product id, for logs that have none.
        within_seconds: Longest wait from the search to the view.

    Raises:
        FileNotFoundError: There is no such store.
        ValueError: The log has no times or records no searches or views, so that no such pair can be known.
    """
    if not within_seconds >= 0:
        raise ValueError(f"within_seconds == {within_seconds}, must be >= 0.")
    notes: list[str] = []
    events, sessions, _, provenance = open_frames(source)
    recorded = set(provenance.what_is_known)
    missing = [] if recorded & {"searches", "queries"} else ["searches"]
    missing += [] if "views" in recorded else ["views"]
    if missing:
        raise ValueError(
            f"{provenance.name!r} does not record {' or '.join(missing)}: it holds no pairs of a query and a view."
        )
    if provenance.time_resolution in ("day", "hour"):
        raise ValueError(
            f"Times of {provenance.name!r} are whole {provenance.time_resolution}s: which views came within "
            f"{within_seconds:g} s of a search cannot be known."
        )
    if provenance.time_resolution == "minute":
        notes.append("Times are whole minutes: a view within 60 s is one in the same minute or the next.")
    if not {"carts", "purchases"} & recorded:
        notes.append(
            "This log holds searches and views only: an event in between that it does not record (such as adding "
            "to the cart) would have discarded the pair."
        )
    first = (
        events.select("session", "position", "kind", "time", "query", "product", "title")
        .with_columns(
            pl.col("session", "kind", "time", "product", "title").shift(-1).name.prefix("next_"),
            (pl.col("kind") == "search").cum_sum().over("session").alias("nth"),
        )
        .filter((pl.col("kind") == "search") & (pl.col("nth") == 1))
        .join(sessions.select("session", "key", "shopper", "end"), on="session", how="inner", maintain_order="left")
        .filter(~pl.col("end").cast(pl.String).is_in(UNSCORED))
        .collect()
    )
    searched = first.filter(pl.col("query").fill_null("").str.strip_chars() != "")
    followed = searched.filter((pl.col("next_session") == pl.col("session")) & (pl.col("next_kind") == "view"))
    wait = (pl.col("next_time") - pl.col("time")).dt.total_microseconds() / 1e6
    timed = followed.filter(wait.is_not_null())
    if len(followed) and not len(timed):
        raise ValueError("This log has no times: which views came within 60 s of a search cannot be known.")
    in_time = timed.filter(wait.is_between(0, within_seconds))
    if titles:
        known = pl.col("next_product").replace_strict(dict(titles), default=None, return_dtype=pl.String)
        in_time = in_time.with_columns(pl.coalesce("next_title", known).alias("next_title"))
    titled = in_time.filter(pl.col("next_title").fill_null("").str.strip_chars() != "")
    if len(timed) < len(followed):
        notes.append(f"{len(followed) - len(timed):,} pairs lack a time and were left out.")
    if len(titled) < len(in_time):
        notes.append(f"{len(in_time) - len(titled):,} views have no title: give one by product id.")
    pairs = titled.select("key", "shopper", "query", "next_product", "next_title").iter_rows()
    total = sessions.select(pl.len()).collect().item()
    return QueryPairs(
        tuple(QueryPair(*row) for row in pairs),
        total,
        len(searched),
        len(followed),
        len(timed),
        len(in_time),
        tuple(notes),
    )


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
    gains: dict[str, Estimate]
    difficulty: str
    embedder: str
    examples: tuple[Example, ...]
    pooled: tuple[str, ...]
    suppressed: int


class QueryOptions(NamedTuple):
    """How queries are scored.

    Section 4.3 speaks of the perplexity of the predicted query, Figure 2 of the human query's. The human's is the
    default: strata then hold the same items in every condition, which makes conditions comparable.

    Attributes:
        perplexity_of: Whose query's perplexity, given the title, makes the strata.
        strata: How many quantiles at most; ties make fewer.
        minimum: Pairs that a group needs; smaller ones are pooled, or left out.
        examples: Items shown, drawn at random.
        n_permutations: Of the energy distance's test.
        threads: All available cores by default.
    """

    perplexity_of: Literal["human", "agent"] = "human"
    strata: int = 4
    minimum: int = 20
    examples: int = 5
    n_permutations: int = 999
    threads: int | None = None


def score_queries(
    pairs: Sequence[QueryPair],
    agents: Mapping[str, Sequence[str]],
    *,
    embedder: Embedder,
    language_model: LanguageModel | None = None,
    by: ArrayLike | None = None,
    options: QueryOptions | None = None,
    rng: np.random.Generator,
) -> QueryGeneration:
    """Individual and group alignment of generated queries (PAARS sections 4.3 and 5, Figure 2, Tables 1 and 2).

    Args:
        pairs: Of people.
        agents: Queries by condition, one a pair in the same order; the first condition is the one to gain on.
        embedder: Of all queries.
        language_model: Of the perplexity; without one the strata are of word overlap, and say so.
        by: Any attribute of each pair, such as its shopper's age, shape (pairs,): every metric for each group too.
        options: Strata, sizes; see there.
        rng: Source of every draw.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: No pairs or conditions, a condition with another number of queries, or an empty query; another
            number of labels than pairs.
    """
    check_rng(rng)
    options = options or QueryOptions()
    grouped = groups_of(by, len(pairs), options.minimum)
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
    judged = agents if options.perplexity_of == "agent" else {"human": human}
    hard = {name: _difficulty(pairs, queries, language_model) for name, queries in judged.items()}
    conditions = []
    for name, queries in agents.items():
        theirs = embedder.embed(list(queries))
        close = similarity(points, theirs)
        difficulty = hard[name if options.perplexity_of == "agent" else "human"]
        asked = np.isfinite(difficulty)
        group = compare_embeddings(
            points,
            theirs,
            paired=True,
            bandwidths=BANDWIDTHS,
            n_permutations=options.n_permutations,
            rng=rng,
            threads=options.threads,
        )
        by_group = {
            label: QueryGroup(
                similarity(points[rows], theirs[rows]),
                compare_embeddings(
                    points[rows],
                    theirs[rows],
                    paired=True,
                    n_permutations=options.n_permutations,
                    rng=rng,
                    threads=options.threads,
                ),
            )
            for label, rows in grouped.rows.items()
        }
        levels = by_stratum(close.values[asked], difficulty[asked], strata=options.strata)
        conditions.append(QueryCondition(name, close, levels, group, by_group))
    base = conditions[0].similarity.values
    shown = np.sort(rng.permutation(len(pairs))[: options.examples])
    return QueryGeneration(
        len(pairs),
        tuple(conditions),
        {each.name: relative_gain(base, each.similarity.values) for each in conditions[1:]},
        "word overlap (not perplexity)"
        if language_model is None
        else f"perplexity of the {options.perplexity_of}'s query by {language_model.name}",
        embedder_label(embedder),
        tuple(Example(pairs[i].title, human[i], {name: queries[i] for name, queries in agents.items()}) for i in shown),
        grouped.pooled,
        grouped.suppressed,
    )


def _difficulty(pairs: Sequence[QueryPair], queries: Sequence[str], model: LanguageModel | None) -> Array:
    titles = [pair.title for pair in pairs]
    if model is None:
        return overlap_difficulty(titles, queries)
    return conditional_perplexity(model, [f"{title}\n" for title in titles], queries)
