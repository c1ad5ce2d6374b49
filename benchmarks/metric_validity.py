"""``python -m benchmarks.metric_validity``: how often the metrics' intervals hold a known truth, and what they notice.

Both can be known where the populations are made. *Intervals*: views of a session, of the invented people of `mini` and
of agents who are as they are but for a known change: how often does a 95% interval hold the distance of the two
populations? *Queries*: of the same people on both sides, but a known share of the agents' are words drawn at random
from the title that was opened: how often does each metric tell the two apart?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.table import Table

from benchmarks.reference import everybody
from paars_gym.alignment import js_divergence, kl_divergence, wasserstein1
from paars_gym.alignment.comparison import compare_embeddings, embedding_measures
from paars_gym.alignment.histograms import Counts, count_bins, histogram
from paars_gym.alignment.individual import wilson_interval
from paars_gym.alignment.query_generation import mine_query_pairs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.embedding.load import load_embedder
from paars_gym.embedding.protocol import Embedder, Vectors
from paars_gym.estimate import Estimate
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.shoppers.queries import content_words, draw_query
from paars_gym.tasks.people import MiniPeople

SIZES = (240, 2_400)
"""Sessions of either side."""
METRICS: Mapping[str, Callable[..., Estimate]] = {"KL": kl_divergence, "JS": js_divergence, "W1": wasserstein1}
QUERIES, PERMUTATIONS = 500, 199
SHARES = (0.0, 0.2, 0.5, 1.0)
"""Of the agents' queries, those that no person typed."""
KEPT_WORDS = 0.7
NOTICED = ("differs", "below people")


class Share(NamedTuple):
    """How often something happened in how many runs."""

    hits: int
    runs: int

    def __str__(self) -> str:
        interval = wilson_interval(self.hits, self.runs)
        return f"{self.hits / self.runs:.0%} [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


def changed(people: Counts) -> dict[str, Counts]:
    """Agents who are as these people but for something: shares of each bin, every bin used."""
    more = np.append(0, people[:-1])
    more[-1] += people[-1]
    return {f"{share:.0%} view one more": (1 - share) * people + share * more for share in (0.0, 0.1, 0.5, 0.95)}


def intervals_hold(people: Counts, agents: Counts, size: int, runs: int, rng: np.random.Generator) -> dict[str, Share]:
    """How often each metric's interval holds the distance of two populations.

    Args:
        people: Shares of each bin, shape (bins,).
        agents: Likewise; none of people's bins is empty.
        size: Sessions drawn from either.
        runs: Pairs of samples.
        rng: Source of every draw.
    """
    truths = {name: metric(people, agents, n_resamples=0).value or 0.0 for name, metric in METRICS.items()}
    # Smoothing would be most of a KL of shares, which sum to 1.
    truths["KL"] = kl_divergence(people, agents, pseudocount=0, n_resamples=0).value or 0.0
    hits = dict.fromkeys(METRICS, 0)
    for _ in range(runs):
        sample = rng.multinomial(size, people), rng.multinomial(size, agents)
        for name, metric in METRICS.items():
            interval = metric(*sample, n_resamples=400, rng=rng).interval
            hits[name] += interval is not None and interval.low <= truths[name] <= interval.high
    return {name: Share(count, runs) for name, count in hits.items()}


def noticed(typed: Vectors, drawn: Vectors, share: float, runs: int, rng: np.random.Generator) -> dict[str, Share]:
    """How often each metric tells people's queries from others of which a share are no person's.

    Args:
        typed: Embeddings of people's queries, shape (n, dim).
        drawn: Of words drawn for the same products, shape (n, dim).
        share: Of the agents' queries, those out of ``drawn``.
        runs: Pairs of samples of `QUERIES` each.
        rng: Source of every draw.
    """
    hits: dict[str, int] = {}
    for _ in range(runs):
        rows = rng.permutation(len(typed))[: 2 * QUERIES]
        human, others = rows[:QUERIES], rows[QUERIES:]
        no_person = np.arange(QUERIES) < round(share * QUERIES)
        agents = np.where(no_person[:, None], drawn[others], typed[others])
        compared = compare_embeddings(typed[human], agents, rng=rng, n_permutations=PERMUTATIONS, threads=1)
        for one in embedding_measures(compared, of="queries"):
            if one.estimate.verdict != "described":
                hits[one.metric] = hits.get(one.metric, 0) + (one.estimate.verdict in NOTICED)
    return {name: Share(count, runs) for name, count in hits.items()}


@with_page
def main(
    pairs: Annotated[int, typer.Option(min=10, help="Pairs of samples, of queries a tenth of them.")] = 1_000,
    embedder: Annotated[str, typer.Option(help="minilm, minilm-int8, lexical, or a model's name.")] = "minilm-int8",
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """How often intervals hold a known truth, and how often metrics notice a known difference."""
    console, rng = Printer(), np.random.default_rng(seed)
    vectors = load_embedder(embedder)
    with Progress(Printer(stderr=True), "people") as status:
        people = everybody()
        views = [session.count("view") for session in people.source]
        counts = histogram(views, count_bins(10))
        population = (counts + 1) / (counts + 1).sum()
        table = Table("agents", "sessions", *METRICS, title="95% intervals that hold the truth", title_justify="left")
        for name, agents in changed(population).items():
            for size in SIZES:
                status.update(f"intervals: {name}, {size} sessions")
                shares = intervals_hold(population, agents, size, pairs, rng)
                table.add_row(name, f"{size:,}", *map(str, shares.values()))
        typed, drawn = _queries(people, vectors, rng)
        rows: dict[str, list[str]] = {}
        for share in SHARES:
            status.update(f"queries: {share:.0%} of them of no person")
            for name, one in noticed(typed, drawn, share, max(pairs // 10, 10), rng).items():
                rows.setdefault(name, []).append(str(one))
    told = Table(
        "metric", *(f"{share:.0%}" for share in SHARES), title_justify="left",
        title=f"Noticed, by the share of the agents' {QUERIES} queries that are words drawn at random",
    )  # fmt: skip
    for name, cells in rows.items():
        told.add_row(name, *cells)
    console.print(
        table, told, f"Wilson 95%; {pairs:,} and {max(pairs // 10, 10):,} pairs of samples, seed {seed}.", sep="\n"
    )


def _queries(people: MiniPeople, vectors: Embedder, rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """Embeddings of people's queries, and of words drawn from the titles that they opened."""
    mined = mine_query_pairs(people.source, titles=people.titles()).pairs
    drawn = [draw_query(content_words(pair.title) or (pair.title,), KEPT_WORDS, rng.random) for pair in mined]
    return vectors.embed([pair.query for pair in mined]), vectors.embed(drawn)


if __name__ == "__main__":
    run_command(main)
