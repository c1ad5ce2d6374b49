"""The bars of Table 3 in words, and the weights of the learned scorer (PAARS section 5)."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from paars_gym.alignment.item_selection import Protocol
from paars_gym.estimate import Estimate
from paars_gym.tasks.items.bars import LOOKUP
from paars_gym.tasks.items.results import LEARNED, POPULARITY, ConditionGain, ItemResults, ItemRow, LearnedCoefficient

ON: dict[Protocol, str] = {"interests": "the paper's distractors", "popularity": "matched ones"}
CLEAR = 2.0
"""A weight is printed from so many standard errors on; `ItemResults.coefficients` has them all."""
CAPTION = (
    "First the bars, which ask no shopper. 'a then b': most purchases of a in the history, ties by b.\n"
    "learned: conditional logit; each household is judged by the fit on the other half of the households."
)


def weights(results: ItemResults) -> Table:
    """The clear weights of the learned scorer with all that is known."""
    protocols = [counts.protocol for counts in results.cases]
    by_term: dict[str, dict[Protocol, LearnedCoefficient]] = {}
    for weight in results.coefficients:
        by_term.setdefault(weight.term, {})[weight.protocol] = weight
    clear = {
        term: found for term, found in by_term.items() if any(_clear(weight.estimate) for weight in found.values())
    }
    table = Table(
        title=f"{LEARNED}, persona: weights in nats (standard errors), mean of both halves' fits",
        title_justify="left",
        caption=f"{len(by_term) - len(clear)} more are nowhere further than {CLEAR:g} standard errors from 0.",
        caption_justify="left",
    )
    table.add_column("term")
    table.add_column("told by")
    for protocol in protocols:
        table.add_column(ON[protocol], justify="right", no_wrap=True)
    for term, found in clear.items():
        cells = [_weight(found[protocol].estimate) if protocol in found else "–" for protocol in protocols]
        table.add_row(term, next(iter(found.values())).known.replace("base", "item"), *cells)
    return table


def bars_in_words(results: ItemResults) -> Iterator[str]:
    """What the bars say of the accuracies beside them, and whether the persona adds anything under learned weights."""
    for counts in results.cases:
        here = {row.shopper: row for row in results.rows if row.bar and row.protocol == counts.protocol}
        best = max(here.values(), key=lambda row: row.accuracy.value or 0.0, default=None)
        if best is None or best.shopper == POPULARITY:
            continue
        text = f"Best bar on {ON[counts.protocol]}: {best.shopper}, {_percent(best)}."
        if (item_only := here.get(f"{LEARNED}, base")) is not None:
            text += f" Learned weights with nothing of the household have {_percent(item_only)}."
        if counts.told_by_category is not None:
            text += (
                f" In {counts.told_by_category:.0%} of the cases the right item, and no other, is of a category (first "
                "two levels) that the household is known to have bought before"
            )
            text += ", for the paper's distractors are of none of these" * (counts.protocol == "interests") + "."
            lookup = here.get(LOOKUP)
            if counts.protocol == "interests" and lookup is not None:
                text += (
                    f" Looking the category up, and else taking what is popular, has {_percent(lookup)}: so far an "
                    "accuracy shows the rule by which distractors are drawn, not what a household prefers."
                )
        yield text
    yield from (_persona(gain) for gain in results.gains if _is_persona(gain, LEARNED))
    if any(_is_persona(gain, "embedding") and (gain.gain.high or 0.0) < 0 for gain in results.gains):
        yield (
            "The embedding gives all parts of the persona the same weight: where it is worse than with the history "
            "alone, the weights are bad, which says nothing against the persona."
        )
    yield from results.left_out


def _percent(row: ItemRow) -> str:
    return f"{100 * (row.accuracy.value or 0.0):.1f}%"


def _persona(gain: ConditionGain) -> str:
    """What profile and preferences add to the history, with an interval clustered by household."""
    low, high = 100 * (gain.gain.low or 0.0), 100 * (gain.gain.high or 0.0)
    if low > 0:
        verdict = "add"
    elif high < 0:
        verdict = "cost"
    else:
        verdict = "add nothing that can be measured:"
    return (
        f"On {ON[gain.protocol]}, with learned weights, a counted persona's profile and preferences beside the history "
        f"{verdict} {100 * (gain.gain.value or 0.0):+.1f} points [{low:.1f}, {high:.1f}] "
        "(paired, clustered by household)."
    )


def _is_persona(gain: ConditionGain, shopper: str) -> bool:
    return (gain.shopper, gain.first, gain.second) == (shopper, "history", "persona")


def _clear(estimate: Estimate) -> bool:
    error = estimate.number("standard_error")
    return bool(error) and abs(estimate.value or 0.0) >= CLEAR * (error or 0.0)


def _weight(estimate: Estimate) -> str:
    error = estimate.number("standard_error")
    return f"{estimate.value or 0.0:+.2f}" + ("" if error is None else f" ({error:.2f})")
