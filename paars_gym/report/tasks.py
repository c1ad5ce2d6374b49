"""Tables and sentences of query generation and view selection: Figures 2 and 3, Appendix D (PAARS section 5)."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from rich.table import Table

from paars_gym.alignment.kde import BANDWIDTHS
from paars_gym.alignment.rank_selection import RANK_CHOSEN
from paars_gym.alignment.report import Measure
from paars_gym.estimate import Estimate
from paars_gym.llm.prices import money
from paars_gym.report.alignment import measure_sentence
from paars_gym.report.alignment_tables import number
from paars_gym.report.paper import PAPER
from paars_gym.tasks.persona_validity import PersonaValidity
from paars_gym.tasks.query_results import BY_CHANCE, OF, QueryResults
from paars_gym.tasks.view_selection import PEOPLE_ROW, ViewResults

APPENDIX_D = {0.001: (410_026.0, 334_170.0), 0.01: (2236.0, 1871.0), 0.1: (18.81, 17.51), 1.0: (0.42, 0.18)}
"""The paper's KL of base and persona by bandwidth, where `PAPER` does not hold it."""
GROUP = ("KDE-KL h = 0.1", "KDE-KL leave-one-out", "energy distance", "C2ST AUC", "coverage")
BAR, BAR_ROOM = 24, 110
"""Characters of the longest bar at most, and those that all columns of bars share."""


def interval(low: float | None, high: float | None, *, percent: bool = False) -> str:
    """``[low, high]``; nothing where there is none, for empty brackets say nothing.

    >>> interval(0.06321, 0.1421), interval(0.051, 0.173, percent=True), interval(None, None)
    ('[0.063, 0.14]', '[+5.1%, +17.3%]', '')
    """
    if low is None or high is None:
        return ""
    # Two digits of an interval's ends are more than they can be trusted with.
    ends = [f"{end:+.1%}" if percent else number(float(f"{end:.2g}")) for end in (low, high)]
    return f"[{', '.join(ends)}]"


def stacked(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A number over its interval; a dash where there is no number."""
    if value is None:
        return "–"
    return "\n".join(filter(None, (number(value), interval(low, high))))


def cell(result: Measure | Estimate) -> str:
    """A measure or an estimate over its interval."""
    estimate = result if isinstance(result, Estimate) else result.estimate
    return stacked(estimate.value, estimate.low, estimate.high)


def paid_in_words(report: dict[str, Any]) -> str:
    """Calls, tokens and dollars of a language model."""
    tokens = report["tokens"]
    kinds = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in tokens.items())
    unpriced = report["calls_without_price"]
    usd = f"{report['usd']:.4f} US dollars" + (f" ({unpriced:,} calls without a known price)" if unpriced else "")
    return (
        f"{report['model']}: {report['calls']:,} calls, {report['from_cache']:,} answers from the cache, "
        f"{report['retries']:,} retries; tokens: {kinds}; {report['prompt_cache_share']:.0%} of the input from the "
        f"provider's cache; {usd}{in_all(report)}."
    )


def in_all(report: dict[str, Any]) -> str:
    """What all tries of an output took, after a semicolon; empty where this one was the first, and all answered."""
    whole = report["in_all"]
    if whole["calls"] == report["calls"] and not whole["open_calls"]:
        return ""
    unanswered = f", and {whole['open_calls']:,} without an answer ({money(whole['open_usd'])} at most)"
    return (
        f"; in the ledger of all tries {whole['calls']:,} calls for {money(whole['usd'])} US dollars"
        f"{unanswered if whole['open_calls'] else ''}"
    )


def query_tables(results: QueryResults) -> list[Table]:
    """Similarity with Figure 2's quartiles, the group metrics with their floors, and the sweep."""
    return [one_by_one(results), as_groups(results), sweep(results)]


def one_by_one(results: QueryResults) -> Table:
    """Mean cosine with the person's own query, in all and by quartile of difficulty."""
    shown = Table(title=f"Mean cosine with the person's own query, by {results.difficulty}", title_justify="left")
    strata = dict.fromkeys(s.stratum for s in results.strata)
    whose = results.people.partition(" of ")[0].partition(" (")[0]
    for column in ("shopper", f"all\n{whose}", "with others'\nqueries", "gain", *strata):
        shown.add_column(column, justify="left" if column == "shopper" else "right", no_wrap=True)
    numbers, gains = _by_name(results), {gain.shopper: gain for gain in results.gains}
    for name in shoppers_of(results):
        mean, gain = numbers[name, "mean cosine"], gains.get(name)
        improved = "none: the\nsame queries" if name in results.same else ""
        if not improved and gain is not None and gain.gain.value is not None:
            ends = interval(gain.gain.low, gain.gain.high, percent=True)
            improved = "\n".join(filter(None, (f"{gain.gain.value:+.1%}", ends, f"over {_short(gain.over, name)}")))
        quartiles = [cell(stratum.similarity) for stratum in results.strata if stratum.shopper == name]
        shown.add_row(name, cell(mean), number(mean.estimate.number(BY_CHANCE)), improved, *quartiles)
    paper = PAPER[OF, "mean cosine"]
    shown.add_row("paper (LLM), base", f"{paper.base:.2f}")
    shown.add_row("paper (LLM), persona", f"{paper.persona:.2f}", "", f"{paper.persona / paper.base - 1:+.0%}")
    return shown


def as_groups(results: QueryResults) -> Table:
    """Table 2's column and what is better than it, with the people's halves beside."""
    shown = Table(title=f"As groups: KL between kernel densities, nats (n = {results.pairs:,})", title_justify="left")
    for column in ("shopper", *GROUP, "halves:\nunpaired", "halves:\nown pair", "halves:\npeople (floor)"):
        shown.add_column(column, justify="left" if column == "shopper" else "right")
    numbers = _by_name(results)
    for name in shoppers_of(results):
        halves = numbers[name, "KDE-KL of halves"].estimate if (name, "KDE-KL of halves") in numbers else None
        cells = [number(numbers[name, metric].estimate.value) for metric in GROUP]
        split = [] if halves is None else [halves.value, halves.number("own_pair"), halves.floor]
        shown.add_row(name, *cells, *map(number, split))
    value = PAPER[OF, "KDE-KL h = 0.1"]
    shown.add_row("paper (LLM), base", f"{value.base}")
    shown.add_row("paper (LLM), persona", f"{value.persona}")
    return shown


def sweep(results: QueryResults) -> Table:
    """Appendix D, with the fingerprint of an exact density."""
    shown = Table(title=f"Appendix D: the same KL by bandwidth, nats (n = {results.pairs:,})", title_justify="left")
    for column in ("shopper", *(f"h = {h:g}" for h in BANDWIDTHS), "KL(.001) / KL(.01)\nexact: near 100"):
        shown.add_column(column, justify="left" if column == "shopper" else "right")
    numbers = _by_name(results)
    rows = {
        name: {h: numbers[name, f"KDE-KL h = {h:g}"].estimate.value for h in BANDWIDTHS}
        for name in shoppers_of(results)
    }
    rows |= {
        f"paper (LLM), {condition}": {h: _paper(h)[side] for h in BANDWIDTHS}
        for side, condition in enumerate(("base", "persona"))
    }
    for name, values in rows.items():
        ratio = fingerprint(values[0.001], values[0.01])
        shown.add_row(name, *(number(values[h]) for h in BANDWIDTHS), "" if ratio is None else f"{ratio:.1f}")
    return shown


def fingerprint(narrow: float | None, wide: float | None) -> float | None:
    """KL(.001) / KL(.01): near 100 for exact densities, for both are a squared distance over twice a squared bandwidth.

    The paper's 183 and 179 are what a density shows that errs by hundreds of nats in 384 dimensions.
    """
    return None if not narrow or not wide else narrow / wide


def query_remarks(results: QueryResults) -> list[str]:
    """What the floors make of the numbers, and what they cannot say."""
    floored = ("KDE-KL leave-one-out", "KDE-KL of halves")
    sentences = [twin_said(name, twin) for name, twin in results.same.items()]
    judged = (m for m in results.measures if m.metric in floored and m.population not in results.same)
    sentences += [measure_sentence(m) for m in judged]
    sentences += [f"{metric}: does it stand beside the paper's? {PAPER[OF, metric].compares}"
             for metric in ("mean cosine", "KDE-KL h = 0.1")]  # fmt: skip
    sentences += [f"Vectors: {results.embedder}. People: {results.people}.", *results.notes]
    return sentences + [paid_in_words(report) for report in results.paid]


def query_examples(results: QueryResults) -> list[str]:
    """Table 1: a few titles with everybody's query."""
    return ["; ".join(f"{who}: {text!r}" for who, text in example.items()) for example in results.examples]


def similarity_remarks(results: QueryResults) -> list[str]:
    """Beside the similarity alone: what a persona did, and whether it stands beside the paper's."""
    numbers = _by_name(results)
    sentences = [twin_said(name, twin) for name, twin in results.same.items()]
    for name in shoppers_of(results):
        mean = numbers[name, "mean cosine"].estimate
        if name not in results.same and mean.low is not None:
            chance = mean.number(BY_CHANCE) or 0.0
            apart = "beyond chance" if mean.low > chance else "not numbers apart from it"
            sentences.append(
                f"{name}: mean cosine {number(mean.value)}, with other people's queries {number(chance)}: {apart}."
            )
    return [*sentences, f"Beside the paper's? {PAPER[OF, 'mean cosine'].compares}", *results.notes]


def twin_said(name: str, twin: str) -> str:
    """That two shoppers are one, as far as queries go."""
    return f"{name!r} writes the very queries of {twin!r}: nothing of the persona goes into them, so no gain can show."


def shoppers_of(results: QueryResults) -> list[str]:
    """In their order."""
    return list(dict.fromkeys(measure.population for measure in results.measures))


def _short(over: str, name: str) -> str:
    """Only the condition, where both are one shopper."""
    shopper, _, condition = over.rpartition(", ")
    # In two lines otherwise: the table is wide as it is.
    return condition if name.rpartition(", ")[0] == shopper else f"{shopper},\n{condition}"


def _by_name(results: QueryResults) -> dict[tuple[str, str], Measure]:
    return {(measure.population, measure.metric): measure for measure in results.measures}


def _paper(bandwidth: float) -> tuple[float, float]:
    paper = PAPER.get((OF, f"KDE-KL h = {bandwidth:g}"))
    return APPENDIX_D[bandwidth] if paper is None else (paper.base, paper.persona)


def view_table(results: ViewResults) -> Table:
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
    paper = PAPER[RANK_CHOSEN, "KL"]
    shown.add_row("paper (LLM), base", f"{paper.base:.2f}")
    shown.add_row("paper (LLM), persona", f"{paper.persona:.2f}")
    return shown


def figure_3(results: ViewResults) -> Table:
    """Figure 3: how often each rank is opened, by people and by every shopper."""
    title = f"Figure 3: rank opened, share of {results.cases:,} lists ({results.people})"
    shown = Table(title=title, title_justify="left")
    shown.add_column("rank", justify="right")
    for name in results.ranks:
        whose, _, condition = name.rpartition(", ")
        head = results.people.partition(" of ")[0] if name == PEOPLE_ROW else f"{whose},\n{condition}"
        shown.add_column(head, no_wrap=True)
    # A share takes 6 characters, and the frame 3.
    width = min(BAR, BAR_ROOM // len(results.ranks) - 9)
    longest = max(max(counts) for counts in results.ranks.values())
    for rank in range(len(results.ranks[PEOPLE_ROW])):
        bars = (_bar(counts[rank], longest, results.cases, width) for counts in results.ranks.values())
        shown.add_row(str(rank + 1), *bars)
    return shown


def _bar(count: int, longest: int, cases: int, width: int) -> str:
    share = f"{count / cases:5.1%}"
    return f"{share} {'█' * max(round(width * count / longest), 1 if count else 0)}"


def view_remarks(results: ViewResults) -> list[str]:
    """What the floor makes of each number, and what it cannot say."""
    sentences = [measure_sentence(measure) for measure in results.measures if measure.metric in ("KL", "W1")]
    return [
        *sentences,
        f"Do these stand beside the paper's? {PAPER[RANK_CHOSEN, 'KL'].compares}",
        f"{results.cases:,} of {results.searches:,} searches give a case: what follows is a view of a result.",
        *results.notes,
        *(paid_in_words(report) for report in results.paid),
    ]


def figure_3_remarks(results: ViewResults) -> list[str]:
    """Beside Table 2's sentence: how to read the figure."""
    firsts = ", ".join(f"{name} {counts[0] / results.cases:.0%}" for name, counts in results.ranks.items())
    return [
        f"The first result is the one opened by: {firsts}.",
        f"{results.cases:,} of {results.searches:,} searches give a case: what follows is a view of a result.",
        *results.notes,
    ]


VALIDITY_NOTES = (
    "commonest: the value that most of the other shoppers gave. counted: ridge regression on sizes, prices and "
    "categories of the purchases. Neither predicts a shopper from its own answer (10 folds).",
    "A profile says something about a shopper where it beats both.",
)


def validity_table(results: PersonaValidity) -> Table:
    """How true profiles are, a row for each field and way of filling it in."""
    shown = Table()
    for name in ("field", "filled in by", "shoppers", "answered", "right, %\n(Wilson 95%)", "steps\noff"):
        shown.add_column(name, justify="left" if name in ("field", "filled in by") else "right", no_wrap=True)
    for row, following in zip_longest(results.rows, results.rows[1:]):
        right, steps = row.accuracy, row.accuracy.number("steps_off")
        assert right.value is not None
        assert right.interval is not None
        low, high = (100 * end for end in right.interval.ends)
        shown.add_row(
            row.field,
            row.way,
            f"{right.sizes['shoppers']:,}",
            f"{right.details['answered']:.0%}",
            f"{100 * right.value:.1f} ({low:.0f}–{high:.0f})",
            "" if steps is None else f"{steps:.2f}",
            end_section=following is None or following.field != row.field,
        )
    return shown
