"""How are the numbers of query generation shown? Figure 2, the group metrics of Table 2, Appendix D's sweep."""

from __future__ import annotations

from rich.table import Table

from benchmarks.queries.results import BY_CHANCE, OF, QueryResults
from benchmarks.report.cells import cell, estimate, interval
from paars_gym.alignment.kde import BANDWIDTHS
from paars_gym.alignment.paper import PAPER
from paars_gym.alignment.report import Measure
from paars_gym.report.alignment import measure_sentence, number

APPENDIX_D = {0.001: (410_026.0, 334_170.0), 0.01: (2236.0, 1871.0), 0.1: (18.81, 17.51), 1.0: (0.42, 0.18)}
"""The paper's KL of base and persona by bandwidth, where `PAPER` does not hold it."""
GROUP = ("KDE-KL h = 0.1", "KDE-KL leave-one-out", "energy distance", "C2ST AUC", "coverage")


def tables(results: QueryResults) -> list[Table]:
    """Similarity with Figure 2's quartiles, the group metrics with their floors, and the sweep."""
    return [one_by_one(results), as_groups(results), sweep(results)]


def one_by_one(results: QueryResults) -> Table:
    """Mean cosine with the person's own query, in all and by quartile of difficulty."""
    shown = Table(title=f"Mean cosine with the person's own query, by {results.difficulty}", title_justify="left")
    strata = dict.fromkeys(s.stratum for s in results.strata)
    whose = results.people.partition(" of ")[0].partition(" (")[0]
    for column in ("shopper", f"all\n{whose}", "with others'\nqueries", "gain", *strata):
        shown.add_column(column, justify="left" if column == "shopper" else "right", no_wrap=True)
    told, gains = _told(results), {gain.shopper: gain for gain in results.gains}
    for name in shoppers(results):
        mean, gain = told[name, "mean cosine"], gains.get(name)
        improved = "none: the\nsame queries" if name in results.same else ""
        if not improved and gain is not None and gain.gain is not None:
            ends = interval(gain.low, gain.high, percent=True)
            improved = "\n".join(filter(None, (f"{gain.gain:+.1%}", ends, f"over {_short(gain.over, name)}")))
        quartiles = [estimate(s.similarity, s.low, s.high) for s in results.strata if s.shopper == name]
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
    told = _told(results)
    for name in shoppers(results):
        halves = told[name, "KDE-KL of halves"].estimate if (name, "KDE-KL of halves") in told else None
        cells = [number(told[name, metric].estimate.value) for metric in GROUP]
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
    told = _told(results)
    rows = {name: {h: told[name, f"KDE-KL h = {h:g}"].estimate.value for h in BANDWIDTHS} for name in shoppers(results)}
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


def remarks(results: QueryResults) -> list[str]:
    """What the floors make of the numbers, and what they cannot say."""
    floored = ("KDE-KL leave-one-out", "KDE-KL of halves")
    said = [twin_said(name, twin) for name, twin in results.same.items()]
    said += [measure_sentence(m) for m in results.measures if m.metric in floored and m.population not in results.same]
    if results.second_query is not None:
        said.append(
            f"People's own second query for the same goal has a cosine of {results.second_query:.2f} with the first."
        )
    said += [f"{metric}: does it stand beside the paper's? {PAPER[OF, metric].compares}"
             for metric in ("mean cosine", "KDE-KL h = 0.1")]  # fmt: skip
    return [*said, f"Vectors: {results.embedder}. People: {results.people}.", *results.notes]


def main_remarks(results: QueryResults) -> list[str]:
    """Beside the similarity alone: what a persona did, and whether it stands beside the paper's."""
    told = _told(results)
    said = [twin_said(name, twin) for name, twin in results.same.items()]
    for name in shoppers(results):
        mean = told[name, "mean cosine"].estimate
        if name not in results.same and mean.low is not None:
            chance = mean.number(BY_CHANCE) or 0.0
            apart = "beyond chance" if mean.low > chance else "not told apart from it"
            said.append(
                f"{name}: mean cosine {number(mean.value)}, with other people's queries {number(chance)}: {apart}."
            )
    return [*said, f"Beside the paper's? {PAPER[OF, 'mean cosine'].compares}", *results.notes]


def twin_said(name: str, twin: str) -> str:
    """That two shoppers are one, as far as queries go."""
    return f"{name!r} writes the very queries of {twin!r}: nothing of the persona goes into them, so no gain can show."


def shoppers(results: QueryResults) -> list[str]:
    """In their order."""
    return list(dict.fromkeys(found.population for found in results.measures))


def _short(over: str, name: str) -> str:
    """Only the condition, where both are one shopper."""
    shopper, _, condition = over.rpartition(", ")
    return condition if name.startswith(f"{shopper}, ") else over


def _told(results: QueryResults) -> dict[tuple[str, str], Measure]:
    return {(found.population, found.metric): found for found in results.measures}


def _paper(bandwidth: float) -> tuple[float, float]:
    found = PAPER.get((OF, f"KDE-KL h = {bandwidth:g}"))
    return APPENDIX_D[bandwidth] if found is None else (found.base, found.persona)
