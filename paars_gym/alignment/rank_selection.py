"""Rank selection: result lists from a log, and the positions of them that agents open (PAARS Table 2, Figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import check_rng
from paars_gym.alignment.histograms import Bins, histogram, rank_bins
from paars_gym.alignment.paired import PairedDifference, differences
from paars_gym.alignment.segments import groups_of
from paars_gym.alignment.session_generation import HistogramComparison, SessionBins, compare_histograms
from paars_gym.alignment.session_log import UNSCORED
from paars_gym.sessions.opening import Source, open_frames

RANK_CHOSEN = "rank chosen"


class RankCase(NamedTuple):
    """A result list that somebody saw, and what they opened.

    Attributes:
        key: Of the session.
        shopper: Who.
        query: What was searched for.
        results: Product ids as shown, in order.
        chosen: 1-based position of the product that was opened.
    """

    key: str
    shopper: str
    query: str
    results: tuple[str, ...]
    chosen: int


class RankCases(NamedTuple):
    """The cases of a log.

    Attributes:
        cases: One a search that was followed by a view of one of its results.
        searches: Searches with a logged result list.
        notes: What this log cannot tell, in sentences.
    """

    cases: tuple[RankCase, ...]
    searches: int
    notes: tuple[str, ...]


def mine_rank_cases(source: Source, *, most: int | None = None, rng: np.random.Generator | None = None) -> RankCases:
    """Searches whose result list was logged and whose next event is a view of one of its products.

    Only the first page is used, and only the first view: what is opened after it depends on what that page said.

    Args:
        source: A store, the folder of one or of a run, or sessions.
        most: Cases at most, drawn at random.
        rng: Source of that draw.

    Raises:
        FileNotFoundError: There is no such store.
        ValueError: The log holds no result lists, or a draw is wanted without ``rng``.
    """
    if most is not None and rng is None:
        raise ValueError("A draw of some cases needs rng.")
    events, sessions, *_ = open_frames(source)
    searches = (
        events.select("session", "kind", "query", "results", "product")
        .with_columns(pl.col("session", "kind", "product").shift(-1).name.prefix("next_"))
        .filter((pl.col("kind") == "search") & (pl.col("results").list.len() > 0))
        .join(sessions.select("session", "key", "shopper", "end"), on="session", how="inner", maintain_order="left")
        .filter(~pl.col("end").cast(pl.String).is_in(UNSCORED))
    )
    total = searches.select(pl.len()).collect().item()
    if not total:
        raise ValueError("This log holds no result lists: which of them were opened cannot be known.")
    opened = searches.filter((pl.col("next_session") == pl.col("session")) & (pl.col("next_kind") == "view")).collect()
    cases = []
    for key, shopper, query, results, product in opened.select(
        "key", "shopper", "query", "results", "next_product"
    ).iter_rows():
        if product in results:
            cases.append(RankCase(key, shopper, query or "", tuple(results), results.index(product) + 1))
    notes = []
    if len(cases) < len(opened):
        notes.append(f"{len(opened) - len(cases):,} views were not of a product on the page before, and left out.")
    if most is not None and len(cases) > most and rng is not None:
        cases = [cases[i] for i in np.sort(rng.permutation(len(cases))[:most])]
    return RankCases(tuple(cases), total, tuple(notes))


class RankSelection(NamedTuple):
    """Ranks chosen by agents against those chosen by people.

    Attributes:
        whole: Of all cases.
        groups: Of each group that may be shown, largest first; empty without labels.
        pooled: Labels too small to be shown alone.
        suppressed: Cases left out of the groups, since even pooled they are too few.
    """

    whole: HistogramComparison
    groups: dict[str, HistogramComparison]
    pooled: tuple[str, ...]
    suppressed: int


def score_ranks(
    cases: Sequence[RankCase],
    chosen: ArrayLike,
    *,
    by: ArrayLike | None = None,
    minimum: int = 20,
    positions: int | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> RankSelection:
    """Compares the positions that agents chose with those that people chose, in the same lists.

    The intervals take the cases as independent, or resample shoppers where they repeat.

    Args:
        cases: Of people.
        chosen: 1-based position that the agent chose in each case, shape (cases,).
        by: Any attribute of each case, such as its shopper's age, shape (cases,): every metric for each group too.
        minimum: Cases that a group needs; smaller ones are pooled, or left out.
        positions: One bin for each position up to here; by default the length of the longest list.
        n_resamples: Of the bootstrap.
        rng: Its source.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: No cases, another number of choices or labels, or a choice outside its list.
    """
    check_rng(rng)
    picks = _picks(cases, chosen)
    lengths = [len(case.results) for case in cases]
    bins: Bins = rank_bins(max(lengths) if positions is None else positions)
    ranks = np.array([case.chosen for case in cases])
    shoppers = np.array([case.shopper for case in cases])

    def compare(rows: NDArray[np.intp]) -> HistogramComparison:
        names, shopper = np.unique(shoppers[rows], return_inverse=True)
        owners = shopper if len(names) < len(rows) else None
        human, agent = histogram(ranks[rows], bins, owners), histogram(picks[rows], bins, owners)
        compared = compare_histograms(
            {RANK_CHOSEN: human},
            {RANK_CHOSEN: agent},
            bins=SessionBins(ranks=bins, counts=bins),
            n_resamples=n_resamples,
            rng=rng,
        )
        return compared[RANK_CHOSEN]

    whole = compare(np.arange(len(cases)))
    grouped = groups_of(by, len(cases), minimum)
    return RankSelection(
        whole, {name: compare(rows) for name, rows in grouped.rows.items()}, grouped.pooled, grouped.suppressed
    )


def compare_ranks(
    cases: Sequence[RankCase],
    first: ArrayLike,
    second: ArrayLike,
    *,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> list[PairedDifference]:
    """Whose choices in the same lists are nearer to people's, and by how much: the first's distance less the second's.

    People and both agents chose in the same lists, so that each resample draws a shopper's lists once for all three.

    Args:
        cases: Of people.
        first: 1-based positions that an agent chose, shape (cases,).
        second: Those of another one.
        n_resamples: Of the bootstrap.
        rng: Its source.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: No cases, another number of choices, or a choice outside its list.
    """
    check_rng(rng)
    picks = [_picks(cases, chosen) for chosen in (first, second)]
    bins = rank_bins(max(len(case.results) for case in cases))
    names, shopper = np.unique([case.shopper for case in cases], return_inverse=True)
    ranks = [np.array([case.chosen for case in cases]), *picks]
    tables = [histogram(each, bins, shopper, rows=len(names)) for each in ranks]
    return differences(RANK_CHOSEN, tables, bins, people_too=True, n_resamples=n_resamples, rng=rng)


def _picks(cases: Sequence[RankCase], chosen: ArrayLike) -> NDArray[np.intp]:
    picks: NDArray[np.intp] = np.asarray(chosen, dtype=np.intp).ravel()
    if not cases or len(picks) != len(cases):
        raise ValueError(f"{len(picks)} choices for {len(cases)} cases, must be as many and at least one.")
    lengths = np.array([len(case.results) for case in cases])
    outside = np.flatnonzero((picks < 1) | (picks > lengths))
    if len(outside):
        case = int(outside[0])
        raise ValueError(f"choice {picks[case]} in case {case}, must lie in 1 .. {lengths[case]}.")
    return picks
