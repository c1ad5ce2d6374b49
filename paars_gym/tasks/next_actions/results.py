"""Predicted beside real next actions: exact match, F1 of the type, F1 of the outcome, with intervals by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.resampling import percentile_interval, resample_counts
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.tasks.answers import Choices, asked_of
from paars_gym.tasks.next_actions.baselines import COMMONEST
from paars_gym.tasks.next_actions.cases import NextCase

Floats = npt.NDArray[np.float64]
RESAMPLES = 2_000
OUTCOMES = ("purchase", "stop")
SHUFFLED = "persona of another"
"""Condition of a shopper who is told another person's persona."""
QUANTITIES = ("exact", "type_f1", "outcome_f1")
METHOD = "people resampled"


class NextScore(BaseModel):
    """One row. Every session counts the same, however long it is.

    Attributes:
        name: Of the shopper or the baseline.
        exact: Share of a session's actions that were predicted as they were, mean of the sessions.
        type_f1: F1 of each type of action, mean of the types that people took.
        outcome_f1: F1 of a session's last action, purchase or leaving, weighted by how many sessions end so, as in
            OPeRA; whoever predicts another action there has predicted neither. None where no session's end is known.
        gained: ``exact`` less that of the commonest action, paired; None for the latter.
        unanswered: Cases without a usable answer: they count as wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    exact: Estimate
    type_f1: Estimate
    outcome_f1: Estimate | None
    gained: Estimate | None
    unanswered: int = 0


class NextResults(Tabular, BaseModel):
    """The task's numbers.

    Attributes:
        people: Whose sessions.
        persons: How many they are.
        sessions: Theirs, with a second action.
        most_of_one: Sessions of the person who has most.
        cases: Actions to predict.
        types: How many there are of each type.
        outcomes: Sessions that end with a purchase, and others.
        scores: Rows.
        paired: By shopper, ``exact`` with its persona less that without, and less that with another person's.
        notes: What a reader has to know.
        paid: Calls, tokens and dollars of each language model.
        stopped: Why the run ended before all cases were asked; or "".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    SHOWN: ClassVar[tuple[str, ...]] = ("name", "quantity", "estimate", "unit")

    people: str
    persons: int
    sessions: int
    most_of_one: int
    cases: int
    types: dict[str, int]
    outcomes: dict[str, int]
    scores: tuple[NextScore, ...]
    paired: dict[str, dict[str, Estimate]] = {}
    notes: tuple[str, ...] = ()
    paid: tuple[dict[str, Any], ...] = ()
    stopped: str = ""

    def find(self, name: str) -> NextScore:
        """A row; raises KeyError where there is none."""
        for score in self.scores:
            if score.name == name:
                return score
        raise KeyError(f"No row {name!r}; there are {', '.join(score.name for score in self.scores)}.")

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a predictor and quantity, and a row a difference."""
        rows = [
            {"name": score.name, "quantity": quantity, **estimate.to_dict()}
            for score in self.scores
            for quantity in (*QUANTITIES, "gained")
            if (estimate := getattr(score, quantity)) is not None
        ]
        for name, differences in self.paired.items():
            rows += [{"name": name, "quantity": what, **one.to_dict()} for what, one in differences.items()]
        return rows

    def summary(self) -> str:
        """How many."""
        return f"Next action, {self.cases:,} actions of {self.sessions:,} sessions, {self.persons:,} of {self.people}"


def score_next(
    cases: Sequence[NextCase], predicted: Mapping[str, Choices], *, people: str = "people", seed: int = 0
) -> NextResults:
    """Scores predictions.

    Args:
        cases: What there was to predict.
        predicted: By row, the index of an option, or why there is none (`paars_gym.tasks.answers`), shape (cases,).
        people: How reports call them.
        seed: Of the resamples.

    Raises:
        ValueError: No case was put to every row.
    """
    known = np.logical_and.reduce([asked_of(choices) for choices in predicted.values()])
    kept = [case for case, keep in zip(cases, known, strict=True) if keep]
    if not kept:
        raise ValueError("No case was put to every shopper: nothing can be compared.")
    tables = {name: _Table(kept, choices[known]) for name, choices in predicted.items()}
    drawn = _weights(len(tables[next(iter(tables))].persons), seed)
    scores = []
    for name, table in tables.items():
        rest = tables[COMMONEST] if COMMONEST in tables and name != COMMONEST else None
        scores.append(
            NextScore(
                name=name,
                exact=table.estimate("exact", drawn),
                type_f1=table.estimate("type_f1", drawn),
                outcome_f1=table.estimate("outcome_f1", drawn) if table.outcome.any() else None,
                gained=None if rest is None else table.difference(rest, drawn),
                unanswered=int((predicted[name][known] < 0).sum()),
            )
        )
    paired: dict[str, dict[str, Estimate]] = {}
    for name, table in tables.items():
        whose, _, condition = name.rpartition(", ")
        if condition == "persona":
            others = [(other, tables.get(f"{whose}, {other}")) for other in ("base", SHUFFLED)]
            paired[whose] = {f"less {other}": table.difference(one, drawn) for other, one in others if one is not None}
    per_person = Counter(shopper for shopper, _ in {(case.shopper, case.session) for case in kept})
    notes = []
    if lost := len(cases) - len(kept):
        notes.append(f"{lost:,} cases could not be put to every shopper, and are left out for all.")
    return NextResults(
        people=people,
        persons=len(per_person),
        sessions=sum(per_person.values()),
        most_of_one=max(per_person.values()),
        cases=len(kept),
        types=dict(Counter(case.kind for case in kept).most_common()),
        outcomes=dict(Counter(case.kind for case in kept if case.last)),
        scores=tuple(scores),
        paired=paired,
        notes=tuple(notes),
    )


def _weights(persons: int, seed: int) -> Floats:
    """How often each person is drawn in each resample, shape (resamples, persons); the same for all rows."""
    return np.asarray(resample_counts(np.eye(persons), RESAMPLES, np.random.default_rng(seed)))


class _Table:
    """What one row predicted, added up by person, so that people can be resampled.

    Args:
        cases: What there was.
        choices: Indices of options, below 0 for no usable answer.
    """

    def __init__(self, cases: Sequence[NextCase], choices: Choices) -> None:
        self.persons = sorted({case.shopper for case in cases})
        place = {name: at for at, name in enumerate(self.persons)}
        kinds = sorted({case.kind for case in cases})
        index = {kind: at for at, kind in enumerate(kinds)}
        lengths = Counter((case.shopper, case.session) for case in cases)
        self.sizes = {"people": len(place), "sessions": len(lengths), "actions": len(cases)}
        self.exact = np.zeros((len(place), 2))
        self.types = np.zeros((len(place), len(kinds), len(kinds) + 1))
        """By person, type that was and type predicted; the last column for types that nobody took, and no answer."""
        self.outcome = np.zeros((len(place), len(OUTCOMES), len(OUTCOMES) + 1))
        for case, choice in zip(cases, choices, strict=True):
            who, weight = place[case.shopper], 1 / lengths[case.shopper, case.session]
            said = case.options[choice].kind if choice >= 0 else None
            self.exact[who] += (weight * (choice == case.right), weight)
            self.types[who, index[case.kind], index.get(said, len(kinds)) if said else len(kinds)] += weight
            if case.last:
                column = OUTCOMES.index(said) if said in OUTCOMES else len(OUTCOMES)
                self.outcome[who, OUTCOMES.index(case.kind), column] += 1

    def values(self, quantity: str, weights: Floats) -> Floats:
        """A quantity in each resample; NaN where it does not exist, shape (resamples,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            if quantity == "exact":
                hits, total = (weights @ self.exact).T
                return np.asarray(hits / total)
            confusion = np.tensordot(weights, self.types if quantity == "type_f1" else self.outcome, 1)
            support, f1 = _f1(confusion)
            shares = (support > 0) if quantity == "type_f1" else support
            return np.asarray((f1 * shares).sum(1) / shares.sum(1))

    def estimate(self, quantity: str, drawn: Floats) -> Estimate:
        """With its interval."""
        return self._with_interval(
            float(self.values(quantity, np.ones((1, len(self.persons))))[0]), self.values(quantity, drawn)
        )

    def difference(self, other: _Table, drawn: Floats) -> Estimate:
        """Exact match less that of another row, in the same resamples."""
        one = np.ones((1, len(self.persons)))
        whole = float((self.values("exact", one) - other.values("exact", one))[0])
        return self._with_interval(whole, self.values("exact", drawn) - other.values("exact", drawn))

    def _with_interval(self, value: float, draws: Floats) -> Estimate:
        if len(self.persons) < 2:
            return Estimate(value, unit="share", sizes=self.sizes, note="One person: there is no interval by person.")
        interval = percentile_interval(draws[np.isfinite(draws)], METHOD).if_wide()
        return Estimate(value, interval=interval, unit="share", sizes=self.sizes)


def _f1(confusion: Floats) -> tuple[Floats, Floats]:
    """Support and F1 of each class, shape (resamples, classes); 0 for a class that is never met.

    Args:
        confusion: Shape (resamples, classes, classes + 1), the last column for predictions of no class.
    """
    right = np.diagonal(confusion, axis1=1, axis2=2)
    support, said = confusion.sum(2), confusion[:, :, :-1].sum(1)
    both = support + said
    return support, np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
