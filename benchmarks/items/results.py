"""How often was each shopper right, against chance, popularity and each other? Table 3's numbers (PAARS section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from benchmarks.items.answers import FAILED, NOT_ASKED, UNANSWERED, Answers
from benchmarks.items.scorers import Choices
from benchmarks.settings import PAPER_ITEM_SELECTION
from paars_gym.alignment.individual import accuracy, accuracy_difference, position_bias, wilson_interval
from paars_gym.alignment.item_selection import OPTIONS, ItemCases, Protocol
from paars_gym.alignment.strata import groups
from paars_gym.config import CONDITIONS
from paars_gym.estimate import Estimate

Bounds = tuple[float, float]
POPULARITY = "popularity"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Contrast(_Frozen):
    """Accuracy of one less that of another on the cases that both were asked: 95% interval, McNemar's exact p."""

    cases: int
    difference: float
    interval: Bounds
    p_value: float


class Position(_Frozen):
    """Is it the place in the list that is chosen, rather than the item? Of the cases with a usable answer.

    Attributes:
        bias: Share of choices that a place, not the item, must have drawn: total variation.
        p_value: Chi-square test that places are chosen as often as they are right.
        chosen: Share of choices on each place.
        balanced: Accuracy that does not depend on where the right answers stood; None where some place had none.
    """

    bias: float
    p_value: float
    chosen: tuple[float, ...]
    balanced: float | None


class ItemRow(_Frozen):
    """How often one shopper was right on one set of cases.

    Attributes:
        shopper: Who chose, with the condition: ``embedding, profile``.
        condition: Of the paper's Table 3; None where it has no such row.
        protocol: How the distractors were drawn.
        cases: Number that it was asked; the failed ones are none of them.
        unanswered: Of these, without a usable answer: the shopper gave up, refused or answered no number. They count
            as wrong.
        failed: Cases that could not be put to it: its model, or the mining of the persona, failed.
        not_asked: Cases that it was not asked before the run ended.
        causes: Why there was no usable answer, and why cases failed, with numbers.
        accuracy: Share right; None, as all that follows, when it was asked nothing.
        wilson: 95% interval that takes the cases as independent.
        clustered: 95% interval that resamples households.
        p_value: Against chance, cases as independent.
        position: Whether it chose by place.
        over_popularity: Against the item that the other households bought most.
        paper: The paper's accuracy, of a language model and other shoppers.
    """

    shopper: str
    condition: str | None
    protocol: Protocol
    cases: int
    unanswered: int
    failed: int
    not_asked: int
    causes: dict[str, dict[str, int]]
    accuracy: float | None
    wilson: Bounds | None
    clustered: Bounds | None
    p_value: float | None
    position: Position | None
    over_popularity: Contrast | None
    paper: float | None


class CaseCounts(_Frozen):
    """The cases of one protocol: how many, of how many households, and how many baskets could give none."""

    protocol: Protocol
    cases: int
    households: int
    without_history: int
    without_distractors: int


class Gain(_Frozen):
    """What the second condition adds to the first, for one shopper on the same cases, and the paper's difference."""

    shopper: str
    first: str
    second: str
    protocol: Protocol
    contrast: Contrast
    paper: float


class GroupRow(_Frozen):
    """One shopper's accuracy on the cases of one group of households.

    Attributes:
        group: Its label; households that did not tell are none.
        rest: Against all other groups together: difference, 95% interval and p, two independent proportions.
    """

    shopper: str
    protocol: Protocol
    group: str
    cases: int
    households: int
    accuracy: float
    interval: Bounds
    rest: Contrast | None


class ByGroup(_Frozen):
    """Accuracy by what households told about themselves; small groups are pooled or left out."""

    attribute: str
    rows: tuple[GroupRow, ...]
    pooled: tuple[str, ...]
    suppressed: int
    did_not_tell: int


class ItemSelectionResults(_Frozen):
    """Table 3 on real households.

    Attributes:
        headline: What ran, and what did not.
        humans: Whose choices they are.
        rows: One for each shopper and protocol.
        cases: One for each protocol.
        gains: What one condition adds to another, for each shopper with several.
        groups: Accuracy by a trait of the households, where that was asked for.
        embedder: What made the vectors.
        settings: Numbers that decide the cases, and under ``asked`` those of every shopper asked.
        paid: Calls, tokens and dollars of each language model.
        stopped: Why the run ended before all cases were asked; or "".
    """

    headline: str
    humans: str
    rows: tuple[ItemRow, ...]
    cases: tuple[CaseCounts, ...]
    gains: tuple[Gain, ...]
    groups: tuple[ByGroup, ...] = ()
    embedder: str
    settings: dict[str, Any]
    paid: tuple[dict[str, Any], ...] = ()
    stopped: str = ""


def counts_of(cases: ItemCases) -> CaseCounts:
    """How many cases there are."""
    return CaseCounts(
        protocol=cases.protocol,
        cases=len(cases),
        households=len(np.unique(cases.shopper)),
        without_history=cases.without_history,
        without_distractors=cases.without_distractors,
    )


def asked_of(choices: Choices) -> np.ndarray:
    """Which cases the shopper was asked: all but the failed ones, shape (cases,)."""
    return ~np.isin(choices, (FAILED, NOT_ASKED))


def row_of(name: str, answers: Answers, popular: Choices, cases: ItemCases) -> ItemRow:
    """Everything about one shopper on one set of cases."""
    choices, asked = answers.choices, asked_of(answers.choices)
    right = (choices == cases.answer)[asked]
    condition = name.rpartition(", ")[2] if ", " in name else None
    paper = PAPER_ITEM_SELECTION.get(condition or "")
    causes = {"no usable answer": dict(answers.unusable), "failed": dict(answers.failures)}
    row: dict[str, Any] = dict.fromkeys(("accuracy", "wilson", "clustered", "p_value", "position", "over_popularity"))
    if len(right):
        measured = accuracy(right, options=OPTIONS, shoppers=cases.shopper[asked])
        wilson = wilson_interval(int(right.sum()), len(right))
        row |= {
            "accuracy": measured.value,
            "wilson": (wilson.low, wilson.high),
            "clustered": _bounds(measured),
            "p_value": measured.p_value,
            "position": _position(choices, cases.answer),
        }
        if name != POPULARITY:
            row["over_popularity"] = contrast(popular, choices, cases)
    return ItemRow(
        shopper=name,
        condition=condition,
        protocol=cases.protocol,
        cases=len(right),
        unanswered=int((choices == UNANSWERED).sum()),
        failed=int((choices == FAILED).sum()),
        not_asked=int((choices == NOT_ASKED).sum()),
        causes={kind: found for kind, found in causes.items() if found},
        paper=None if paper is None else paper / 100,
        **row,
    )


def contrast(first: Choices, second: Choices, cases: ItemCases) -> Contrast | None:
    """Accuracy of the second less that of the first on the cases that both were asked; None without any."""
    both = asked_of(first) & asked_of(second)
    if not both.any():
        return None
    found = accuracy_difference((first == cases.answer)[both], (second == cases.answer)[both])
    return _contrast(found, int(both.sum()))


def gains_of(chosen: Mapping[str, Answers], cases: ItemCases) -> Iterator[Gain]:
    """Every pair of Table 3's conditions of every shopper, the richer one second."""
    by_shopper: dict[str, dict[str, Choices]] = {}
    for name, answers in chosen.items():
        shopper, _, condition = name.rpartition(", ")
        if condition in CONDITIONS:
            by_shopper.setdefault(shopper, {})[condition] = answers.choices
    for shopper, under in by_shopper.items():
        for first, second in combinations([name for name in CONDITIONS if name in under], 2):
            found = contrast(under[first], under[second], cases)
            if found is not None:
                paper = (PAPER_ITEM_SELECTION[second] - PAPER_ITEM_SELECTION[first]) / 100
                yield Gain(
                    shopper=shopper, first=first, second=second, protocol=cases.protocol, contrast=found, paper=paper
                )


def by_group(
    attribute: str, told: Mapping[str, str], chosen: Mapping[str, Answers], cases: ItemCases, *, minimum: int = 20
) -> ByGroup:
    """Accuracy of every shopper in each group of households.

    Args:
        attribute: Its name.
        told: Label by household; who is absent did not tell.
        chosen: The answers.
        cases: The cases.
        minimum: Cases of a group; smaller ones are pooled, and left out if even that is too little.
    """
    labels = np.array([told.get(cases.log.shoppers[shopper], "") for shopper in cases.shopper.tolist()])
    known = np.flatnonzero(labels != "")
    found = groups(labels[known], minimum=minimum)
    rows = []
    for name, answers in chosen.items():
        asked, right = asked_of(answers.choices), answers.choices == cases.answer
        for group, inside in found.rows.items():
            here = np.intersect1d(known[inside], np.flatnonzero(asked))
            rest = np.setdiff1d(np.intersect1d(known, np.flatnonzero(asked)), here)
            if not len(here):
                continue
            measured = accuracy(right[here], options=OPTIONS, shoppers=cases.shopper[here])
            against = None
            if len(rest):
                apart = accuracy_difference(right[rest], right[here], paired=False)
                against = _contrast(apart, len(rest))
            rows.append(
                GroupRow(
                    shopper=name,
                    protocol=cases.protocol,
                    group=group,
                    cases=len(here),
                    households=len(np.unique(cases.shopper[here])),
                    accuracy=measured.value or 0.0,
                    interval=_bounds(measured),
                    rest=against,
                )
            )
    return ByGroup(
        attribute=attribute,
        rows=tuple(rows),
        pooled=found.pooled,
        suppressed=found.suppressed,
        did_not_tell=len(labels) - len(known),
    )


def worst_served(rows: Sequence[GroupRow]) -> GroupRow | None:
    """The group with the least accuracy; None where there is but one."""
    return min(rows, key=lambda row: row.accuracy) if len(rows) > 1 else None


def _position(choices: Choices, answers: Choices) -> Position | None:
    usable = choices >= 0
    if not usable.any():
        return None
    found = position_bias(choices[usable], answers[usable], options=OPTIONS)
    balanced = None if np.isnan(found.accuracy).any() else found.balanced
    return Position(
        bias=found.bias.value or 0.0, p_value=found.bias.p_value or 0.0, chosen=found.chosen, balanced=balanced
    )


def _contrast(difference: Estimate, cases: int) -> Contrast:
    assert difference.value is not None
    assert difference.p_value is not None
    bounds = _bounds(difference)
    return Contrast(cases=cases, difference=difference.value, interval=bounds, p_value=difference.p_value)


def _bounds(estimate: Estimate) -> Bounds:
    assert estimate.interval is not None
    return estimate.interval.low, estimate.interval.high
