"""The numbers of Table 3: how often each shopper was right, against chance, popularity and each other (section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.individual import accuracy, accuracy_difference, position_bias, wilson_interval
from paars_gym.alignment.item_selection import OPTIONS, ItemCases, Protocol
from paars_gym.config import CONDITIONS
from paars_gym.estimate import Detail, Estimate, Interval, Tabular
from paars_gym.tasks.answers import FAILED, NOT_ASKED, UNANSWERED, Answers, Choices, asked_of
from paars_gym.tasks.items.groups import AccuracyByGroup
from paars_gym.tasks.run_noise import RunNoise

POPULARITY, LEARNED = "popularity", "learned"
PAPER_ACCURACY = {"base": 0.2546, "profile": 0.3595, "preferences": 0.3901, "history": 0.4111, "persona": 0.4726}
"""PAARS Table 3: Claude Sonnet 3.0 on a retailer's own customers."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlaceBias(_Frozen):
    """Is it the place in the list that is chosen, rather than the item? Of the cases with a usable answer.

    Attributes:
        bias: Share of choices that a place, not the item, must have drawn (total variation), and the chi-square test
            that places are chosen as often as they are right.
        chosen: Share of choices on each place.
        balanced: Accuracy that does not depend on where the right answers stood; None where some place had none.
    """

    bias: Estimate
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
        accuracy: Share right, with an interval that resamples shoppers, chance as the floor, and the test against it,
            which takes cases as independent. No value when it was asked nothing.
        wilson: Interval that takes the cases as independent.
        position: Whether it chose by place.
        over_popularity: Accuracy less that of choosing the item that the others bought most, on the same cases.
        over_learned: Accuracy less that of the learned scorer with all that is known, on the same cases.
        bar: True for what asks nobody and is there to be beaten: popularity, counts, the learned scorer.
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
    accuracy: Estimate
    wilson: Interval | None
    position: PlaceBias | None
    over_popularity: Estimate | None
    over_learned: Estimate | None = None
    bar: bool = False
    paper: float | None


class CaseCounts(_Frozen):
    """The cases of one protocol: how many, of how many shoppers, and how many baskets could give none.

    Attributes:
        told_by_category: Share in which the right item, and no other, is of a category that the household is known to
            have bought before; None where the catalog does not tell categories apart.
    """

    protocol: Protocol
    cases: int
    shoppers: int
    without_history: int
    without_distractors: int
    told_by_category: float | None = None


class LearnedCoefficient(_Frozen):
    """A weight of the learned scorer.

    Attributes:
        protocol: How the distractors were drawn.
        term: Feature that it multiplies.
        known: Part of the persona that the feature needs; ``base`` for none.
        estimate: Mean of the two fits, each on half of the households.
    """

    protocol: Protocol
    term: str
    known: str
    estimate: Estimate


class ConditionGain(_Frozen):
    """What the second condition adds to the first, for one shopper on the same cases, and the paper's difference."""

    shopper: str
    first: str
    second: str
    protocol: Protocol
    gain: Estimate
    paper: float


class ItemResults(Tabular, _Frozen):
    """Table 3.

    Attributes:
        headline: What ran, and what did not.
        humans: Whose choices they are.
        synthetic: True when nobody made these choices.
        rows: One for each shopper and protocol.
        cases: One for each protocol.
        gains: What one condition adds to another, for each shopper with several.
        coefficients: Of the learned scorer with all that is known.
        left_out: Bars that could not be had, a sentence each.
        groups: Accuracy by a trait of the people, where that was asked for.
        embedder: What made the vectors.
        settings: Numbers that decide the cases, and under ``asked`` those of every shopper asked.
        paid: Calls, tokens and dollars of each language model.
        stopped: Why the run ended before all cases were asked; or "".
        noise: What differs between repeats, where there were several; all else is of the first.
        notes: What a reader has to know of these people.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("shopper", "protocol", "measure", "estimate", "floor", "p_value")

    headline: str
    humans: str
    synthetic: bool = False
    rows: tuple[ItemRow, ...]
    cases: tuple[CaseCounts, ...]
    gains: tuple[ConditionGain, ...]
    coefficients: tuple[LearnedCoefficient, ...] = ()
    left_out: tuple[str, ...] = ()
    groups: tuple[AccuracyByGroup, ...] = ()
    embedder: str
    settings: dict[str, Any]
    paid: tuple[dict[str, Any], ...] = ()
    stopped: str = ""
    noise: RunNoise | None = None
    notes: tuple[str, ...] = ()

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row for each accuracy, each gain, each weight of the learned scorer and each group."""
        rows: list[dict[str, Detail]] = []
        for row in self.rows:
            about: dict[str, Detail] = {"shopper": row.shopper, "protocol": row.protocol}
            counts = {"unanswered": row.unanswered, "failed": row.failed, "not_asked": row.not_asked}
            told = {**counts, "bar": row.bar}
            rows.append({**about, "measure": "accuracy", **row.accuracy.to_dict(), "paper": row.paper, **told})
            for measure, over in (("over popularity", row.over_popularity), ("over learned", row.over_learned)):
                if over is not None:
                    rows.append({**about, "measure": measure, **over.to_dict()})
            if row.position is not None:
                rows.append({**about, "measure": "place bias", **row.position.bias.to_dict()})
        for gain in self.gains:
            about = {"shopper": gain.shopper, "protocol": gain.protocol, "measure": f"{gain.second} over {gain.first}"}
            rows.append({**about, **gain.gain.to_dict(), "paper": gain.paper})
        for weight in self.coefficients:
            about = {"shopper": f"{LEARNED}, persona", "protocol": weight.protocol}
            rows.append({**about, "measure": f"weight of {weight.term}", **weight.estimate.to_dict()})
        for group in self.groups:
            for each in group.rows:
                about = {"shopper": each.shopper, "protocol": each.protocol}
                measured = f"accuracy, {group.attribute} {each.group}"
                rows.append({**about, "measure": measured, **each.accuracy.to_dict()})
        return rows

    def bars(self) -> list[dict[str, Detail]]:
        """Those rows of `to_dicts` that are accuracies of bars."""
        return [row for row in self.to_dicts() if row.get("bar") is True]

    def summary(self) -> str:
        """Whose choices, and how many."""
        return f"Item selection, {sum(each.cases for each in self.cases):,} cases, {self.humans}"


def counts_of(cases: ItemCases, told_by_category: float | None = None) -> CaseCounts:
    """How many cases there are, and in how many the category tells the right item."""
    return CaseCounts(
        protocol=cases.protocol,
        cases=len(cases),
        shoppers=len(np.unique(cases.shopper)),
        without_history=cases.without_history,
        without_distractors=cases.without_distractors,
        told_by_category=told_by_category,
    )


def row_of(
    name: str,
    answers: Answers,
    popular: Choices,
    cases: ItemCases,
    *,
    learned: Choices | None = None,
    bar: bool = False,
) -> ItemRow:
    """Everything about one shopper on one set of cases.

    Args:
        name: Of the shopper, with its condition.
        answers: Its own.
        popular: What popularity alone chooses.
        cases: The cases.
        learned: What the learned scorer chooses from all that is known; None where there is none.
        bar: Whether it asks nobody and is there to be beaten.
    """
    choices = answers.choices
    asked = asked_of(choices)
    right = (choices == cases.answer)[asked]
    condition = name.rpartition(", ")[2] if ", " in name else None
    causes = {"no usable answer": dict(answers.unusable), "failed": dict(answers.failures)}
    measured = Estimate(None, unit="share", sizes={"cases": 0}, floor=1 / OPTIONS, note="it was asked nothing")
    if len(right):
        measured = accuracy(right, options=OPTIONS, shoppers=cases.shopper[asked])
    return ItemRow(
        shopper=name,
        condition=condition,
        protocol=cases.protocol,
        cases=len(right),
        unanswered=int((choices == UNANSWERED).sum()),
        failed=int((choices == FAILED).sum()),
        not_asked=int((choices == NOT_ASKED).sum()),
        causes={kind: counts for kind, counts in causes.items() if counts},
        accuracy=measured,
        wilson=wilson_interval(int(right.sum()), len(right)) if len(right) else None,
        position=_position(choices, cases.answer),
        over_popularity=None if name == POPULARITY else contrast(popular, choices, cases),
        over_learned=None if learned is None or bar else contrast(learned, choices, cases),
        bar=bar,
        paper=None if bar else PAPER_ACCURACY.get(condition or ""),
    )


def contrast(first: Choices, second: Choices, cases: ItemCases) -> Estimate | None:
    """Accuracy of the second less that of the first on the cases that both were asked; None without any."""
    both = asked_of(first) & asked_of(second)
    if not both.any():
        return None
    return accuracy_difference(
        (first == cases.answer)[both], (second == cases.answer)[both], shoppers=cases.shopper[both]
    )


def gains_of(chosen: Mapping[str, Answers], cases: ItemCases) -> Iterator[ConditionGain]:
    """What each of Table 3's conditions adds to each before it, for every shopper."""
    shoppers: dict[str, dict[str, Choices]] = {}
    for name, answers in chosen.items():
        shopper, _, condition = name.rpartition(", ")
        shoppers.setdefault(shopper, {})[condition] = answers.choices
    for shopper, under in shoppers.items():
        for first, second in combinations([name for name in CONDITIONS if name in under], 2):
            gain = contrast(under[first], under[second], cases)
            if gain is not None:
                yield ConditionGain(
                    shopper=shopper,
                    first=first,
                    second=second,
                    protocol=cases.protocol,
                    gain=gain,
                    paper=PAPER_ACCURACY[second] - PAPER_ACCURACY[first],
                )


def _position(choices: Choices, answers: Choices) -> PlaceBias | None:
    usable = choices >= 0
    if not usable.any():
        return None
    by_place = position_bias(choices[usable], answers[usable], options=OPTIONS)
    balanced = None if np.isnan(by_place.accuracy).any() else by_place.balanced
    return PlaceBias(bias=by_place.bias, chosen=by_place.chosen, balanced=balanced)
