"""Answers of models told who people are, beside these people's own: one by one, and as a group.

The paper's two alignments (PAARS sections 4.1 and 4.2) of answers to closed questions: a twin may answer as its person
does, and the twins together may answer as the people do. Neither follows from the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.divergences import jensen_shannon
from paars_gym.alignment.resampling import basic_interval, percentile_interval
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.probes.answer_tables import AnswerTable
from paars_gym.probes.share_map import fitted_map, mapped, right_after

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats, Floats], Floats]
"""Of shares of people and twins, each (..., questions, choices), to (...)."""
RESAMPLES, SPLITS = 1_000, 100
LEAST_PEOPLE, LEAST_QUESTIONS = 20, 4
QUANTITIES = ("right", "share", "distance", "js", "correlation", "calibrated")


class TwinScore(BaseModel):
    """One way of telling a model who people are; or a bar, which has ``right`` alone.

    Floors of ``distance``, ``js`` and ``correlation`` are one half of the people beside the other half, and their
    detail ``halves`` is one half of the twins beside the other half of the people, which is to be compared with it.
    Intervals resample people, each with all answers and with the twin.

    Attributes:
        construction: Its name.
        right: Share of questions answered as the person did. Details: ``less_commonest``, the difference from always
            giving people's commonest answer, with ``less_commonest_low`` and ``_high``.
        share: Share of answers that are the first choice, twins less people; None for more than two choices.
        distance: Mean absolute difference of shares, over questions and choices.
        js: Mean Jensen-Shannon divergence over questions, in nats.
        correlation: Of people's and twins' shares of the first choice, over questions; None for more than two choices.
        calibrated: ``distance`` once shares are mapped as was fitted on the other half of people and questions, the
            mean of many halvings. Details: ``before``, the same without; ``right`` and ``right_before``, of the same
            questions, where as few twins as possible change their answer, at random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    construction: str
    right: Estimate
    share: Estimate | None = None
    distance: Estimate | None = None
    js: Estimate | None = None
    correlation: Estimate | None = None
    calibrated: Estimate | None = None


class TwinReport(Tabular, BaseModel):
    """Every construction beside the people.

    Attributes:
        people: How many.
        questions: How many.
        first_choice: The answer that ``share`` and ``correlation`` are about.
        people_share: Share of people's answers that are it.
        bars: What needs no model.
        scores: Constructions, the most often right first.
        order: Spearman's rank correlation over constructions of ``right`` and of nearness (``distance`` with its sign
            turned): 1 where the best one by one is the best as a group. None for fewer than 4.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    SHOWN: ClassVar[tuple[str, ...]] = ("construction", "quantity", "estimate", "unit", "floor")

    people: int
    questions: int
    first_choice: str
    people_share: Estimate
    bars: tuple[TwinScore, ...]
    scores: tuple[TwinScore, ...]
    order: float | None

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a construction and quantity."""
        return [
            {"construction": score.construction, "quantity": name, **estimate.to_dict()}
            for score in (*self.bars, *self.scores)
            for name in QUANTITIES
            if (estimate := getattr(score, name)) is not None
        ]

    def summary(self) -> str:
        """How many people and questions."""
        return f"Twins of {self.people:,} people, {self.questions:,} questions"


class _Sides(NamedTuple):
    """Answers of people and twins, one-hot, each (people, questions, choices); zeros where either has none."""

    people: Floats
    twins: Floats

    @property
    def answered(self) -> Floats:
        return np.asarray(self.people.sum((1, 2)))


def score_twins(people: AnswerTable, twins: Mapping[str, AnswerTable], *, seed: int = 0) -> TwinReport:
    """Scores answers of twins beside their own people's.

    Args:
        people: What the people answered.
        twins: What their twins answered, by construction. People and questions that one of the two tables lacks are
            left out of its comparison, and single questions that either did not answer.
        seed: Of resamples and halvings.

    Raises:
        ValueError: Too few people or questions in common, or an answer that no person ever gave.
    """
    whole = _one_hot(people, people.people, people.questions)
    counts = whole.sum((1, 2))
    rng = np.random.default_rng(seed)
    scores = [_score(name, people, table, np.random.default_rng([seed, 1])) for name, table in twins.items()]
    return TwinReport(
        people=len(people.people),
        questions=len(people.questions),
        first_choice=people.choices[0],
        people_share=_ratio(whole[..., 0].sum(1), counts, rng),
        bars=(
            TwinScore(construction="commonest answer", right=_ratio(_commonest(whole), counts, rng)),
            TwinScore(construction="commonest to each question", right=_ratio(_commonest_each(whole), counts, rng)),
        ),
        scores=tuple(sorted(scores, key=lambda one: -(one.right.value or 0.0))),
        order=_order(scores),
    )


def _score(name: str, people: AnswerTable, twins: AnswerTable, rng: np.random.Generator) -> TwinScore:
    if strange := sorted(set(twins.choices) - set(people.choices)):
        raise ValueError(
            f"{name or 'The twins'}: the answer {strange[0]!r} is none that people gave ({', '.join(people.choices)}); "
            "both files must have the same words."
        )
    sides = _both(name, people, twins.with_choices(people.choices))
    n, two = len(sides.people), len(people.choices) == 2
    hits, tries = (sides.people * sides.twins).sum((1, 2)), sides.answered
    less = _ratio(hits - _commonest(sides.people), tries, rng)
    details = {"less_commonest": less.value, "less_commonest_low": less.low, "less_commonest_high": less.high}
    sizes = {"people": n, "questions": sides.people.shape[1], "answers": int(tries.sum())}
    weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)
    halves = np.array([rng.permutation(n) < n // 2 for _ in range(SPLITS)], dtype=np.float64)

    def group(statistic: Statistic, unit: str, *, from_zero: bool = True) -> Estimate:
        value = float(statistic(*_shares(sides, np.ones((1, n))))[0])
        draws = statistic(*_shares(sides, weights))
        made = basic_interval(value, draws, "people") if from_zero else percentile_interval(draws, "people")
        first, second = _shares(sides, halves), _shares(sides, 1 - halves)
        told = {"halves": float(statistic(second[0], first[1]).mean())}
        floor = float(statistic(second[0], first[0]).mean())
        return Estimate(value, made, unit=unit, sizes=sizes, floor=floor, details=told)

    return TwinScore(
        construction=name,
        right=replace(_ratio(hits, tries, rng), sizes=sizes, details=details),
        share=_ratio((sides.twins - sides.people)[..., 0].sum(1), tries, rng) if two else None,
        distance=group(_distance, "difference of shares"),
        js=group(_js, "nats"),
        correlation=group(_correlation, "correlation", from_zero=False) if two else None,
        calibrated=_calibrated(sides, rng),
    )


def _both(name: str, people: AnswerTable, twins: AnswerTable) -> _Sides:
    """What both answered."""
    known, known_questions = set(twins.people), set(twins.questions)
    who = [one for one in people.people if one in known]
    asked = [one for one in people.questions if one in known_questions]
    if len(who) < LEAST_PEOPLE or len(asked) < LEAST_QUESTIONS:
        raise ValueError(
            f"{name or 'The twins'}: {len(who)} people and {len(asked)} questions stand in both files, at least "
            f"{LEAST_PEOPLE} and {LEAST_QUESTIONS} are needed; are they named alike?"
        )
    sides = [_one_hot(table, who, asked) for table in (people, twins)]
    answered = (sides[0].sum(2) * sides[1].sum(2))[..., None]
    if not (answered.sum((0, 2)) >= LEAST_PEOPLE).all():
        short = asked[int(answered.sum((0, 2)).argmin())]
        raise ValueError(f"{name or 'The twins'}: fewer than {LEAST_PEOPLE} people and twins answered {short!r}.")
    return _Sides(sides[0] * answered, sides[1] * answered)


def _one_hot(table: AnswerTable, people: Sequence[str], questions: Sequence[str]) -> Floats:
    """Answers of these people to these questions, shape (people, questions, choices)."""
    rows, columns = ({one: at for at, one in enumerate(names)} for names in (table.people, table.questions))
    codes = table.answers[np.ix_([rows[one] for one in people], [columns[one] for one in questions])]
    return np.asarray(codes[..., None] == np.arange(len(table.choices)), dtype=np.float64)


def _commonest(answers: Floats) -> Floats:
    """How often each person gave the answer that is the commonest over all questions, shape (people,)."""
    return np.asarray(answers[..., int(answers.sum((0, 1)).argmax())].sum(1))


def _commonest_each(answers: Floats) -> Floats:
    """How often each gave the answer that is the commonest of everybody else to that question."""
    others = answers.sum(0)[None] - answers
    best = others.argmax(2)
    return np.asarray(np.take_along_axis(answers, best[..., None], 2)[..., 0].sum(1))


def _ratio(parts: Floats, wholes: Floats, rng: np.random.Generator) -> Estimate:
    """Sum of parts over sum of wholes, people resampled."""
    n = len(parts)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    draws = (weights @ parts) / np.maximum(weights @ wholes, 1)
    return Estimate(
        float(parts.sum() / wholes.sum()),
        percentile_interval(draws, "people").if_wide(),
        unit="share",
        sizes={"people": n, "answers": int(wholes.sum())},
    )


def _shares(sides: _Sides, weights: Floats) -> tuple[Floats, Floats]:
    """Shares of answers of weighted people and their twins, each (weights, questions, choices)."""

    def of(answers: Floats) -> Floats:
        sums = (weights @ answers.reshape(len(answers), -1)).reshape(len(weights), *answers.shape[1:])
        return np.asarray(sums / np.maximum(sums.sum(2, keepdims=True), 1e-12))

    return of(sides.people), of(sides.twins)


def _distance(people: Floats, twins: Floats) -> Floats:
    return np.asarray(np.abs(twins - people).mean((-2, -1)))


def _js(people: Floats, twins: Floats) -> Floats:
    return np.asarray(jensen_shannon(people, twins).mean(-1))


def _correlation(people: Floats, twins: Floats) -> Floats:
    first, second = (side[..., 0] - side[..., 0].mean(-1, keepdims=True) for side in (people, twins))
    spread = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    return np.asarray((first * second).sum(-1) / np.maximum(spread, 1e-12))


def _calibrated(sides: _Sides, rng: np.random.Generator) -> Estimate:
    """See `TwinScore.calibrated`."""
    n, asked = sides.people.shape[:2]
    rows = []
    for _ in range(SPLITS):
        half, questions = rng.permutation(n) < n // 2, rng.permutation(asked) < asked // 2
        people, twins = _shares(sides, np.array([half, ~half], dtype=np.float64))
        shares_map = fitted_map(people[0][questions], twins[0][questions])
        after = mapped(twins[0][~questions], shares_map)
        judged, before = people[1][~questions], twins[0][~questions]
        # Joint answers of the half that judges, by question: rows the person's, columns the twin's.
        joint = np.einsum("pqa,pqb->qab", sides.people[~half][:, ~questions], sides.twins[~half][:, ~questions])
        joint /= joint.sum((1, 2), keepdims=True)
        own = twins[1][~questions]
        rows.append(
            (
                _distance(judged, after),
                _distance(judged, before),
                right_after(joint, own, mapped(own, shares_map)),
                np.trace(joint, axis1=1, axis2=2).mean(),
            )
        )
    values = np.array(rows, dtype=np.float64)
    mapped_distance, distance, right, right_before = (float(one) for one in values.mean(0))
    return Estimate(
        mapped_distance,
        percentile_interval(values[:, 0], "halvings of people and questions"),
        unit="difference of shares",
        sizes={"people": n // 2, "questions": asked - asked // 2},
        details={"before": distance, "right": right, "right_before": right_before},
    )


def _order(scores: Sequence[TwinScore]) -> float | None:
    if len(scores) < 4:
        return None
    from scipy.stats import spearmanr

    right = [one.right.value for one in scores]
    near = [-(one.distance.value or 0.0) for one in scores if one.distance is not None]
    return float(spearmanr(right, near).statistic)
