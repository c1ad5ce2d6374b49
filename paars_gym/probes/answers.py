"""The result of a survey: how answers spread, by segment, and how far they are from people's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.estimate import LEVEL, NO_SPREAD, Detail, Estimate, Interval, Tabular
from paars_gym.personas.persona import Persona
from paars_gym.probes.segments import EVERYONE, VALUES, segment_name, segment_of
from paars_gym.probes.survey import Answer, Question
from paars_gym.sessions.event import session_rng

EXAMPLES = 3
RESAMPLES = 1_000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClosedAnswer(_Frozen):
    """How many of a segment gave an answer to a closed question.

    Attributes:
        question: Its id.
        segment: Of the personas.
        answer: One of the choices.
        share: Of the personas who answered, their number in its sizes, those who gave this answer; personas are taken
            for independent. Its detail ``given`` counts them.
        human: Share of people who gave it; None where it is unknown.
    """

    question: str
    segment: str
    answer: str
    share: Estimate
    human: float | None = None


class OpenAnswers(_Frozen):
    """What a segment said to an open question.

    Attributes:
        question: Its id.
        segment: Of the personas.
        answered: Personas who answered.
        distinct: Share of different answers among them, in (0, 1], without regard to case, spaces and the full stop.
            Near 0 the model gives everybody the same answer.
        examples: Up to three different answers, the most frequent first.
    """

    question: str
    segment: str
    answered: int
    distinct: float
    examples: tuple[str, ...]


class AnswerDivergence(_Frozen):
    """How far a segment's answers to a closed question are from people's.

    Attributes:
        question: Its id.
        segment: Of the personas; it is compared with all people, whose segments are not known.
        js: Jensen-Shannon divergence, in nats: 0 alike, log 2 nothing in common. The interval is a basic bootstrap over
            the personas, and over the people where their number is known (else their shares are taken as exact); the
            note says why there is none.
        total_variation: Half the sum of the absolute differences of shares.
    """

    question: str
    segment: str
    js: Estimate
    total_variation: float


class SurveyResult(Tabular, _Frozen):
    """A finished survey.

    Attributes:
        questions: How many were asked.
        personas: How many were asked them.
        failed: Questions to a persona that got no usable answer.
        failures: Why, with how often, the most frequent first.
        segment: What the segments are segments of; None without segments.
        shares: Of closed questions.
        open: Answers to open questions.
        divergences: From people, where their answers are given.
        notes: What a reader has to know of whoever answered.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("question", "segment", "quantity", "answer", "estimate", "unit", "human")

    questions: int
    personas: int
    failed: int
    failures: dict[str, int]
    segment: str | None
    shares: tuple[ClosedAnswer, ...]
    open: tuple[OpenAnswers, ...]
    divergences: tuple[AnswerDivergence, ...]
    notes: tuple[str, ...] = ()

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a share of a closed question, then the distinct answers to open ones, then the divergences."""
        rows: list[dict[str, Detail]] = [
            _row(one, "share", one.share, answer=one.answer, human=one.human) for one in self.shares
        ]
        for answers in self.open:
            distinct = Estimate(answers.distinct, unit="share", sizes={"answered": answers.answered})
            rows.append(_row(answers, "distinct answers", distinct, answer=" | ".join(answers.examples)))
        return rows + [_row(one, "divergence from people", one.js) for one in self.divergences]

    def summary(self) -> str:
        """How many were asked how much."""
        return f"Survey of {self.personas:,} personas, {self.questions:,} questions each, {self.failed:,} failed"


def summarise(
    questions: Sequence[Question],
    answers: Sequence[Answer],
    personas: Sequence[Persona],
    segment: str | None = None,
    *,
    seed: int = 0,
) -> SurveyResult:
    """Everything that the answers to a survey show.

    Args:
        questions: As asked.
        answers: As given; those that failed are counted and left out.
        personas: Who gave them.
        segment: A preference or a trait, as for `paars_gym.probes.segments.segment_of`; None for everyone alone.
        seed: Of the resamples.

    Raises:
        ValueError: An unknown segment.
    """
    why = Counter(answer.failure.partition(":")[0] for answer in answers if answer.answer is None)
    return SurveyResult(
        questions=len(questions),
        personas=len(personas),
        failed=why.total(),
        failures=dict(why.most_common()),
        segment=None if segment is None else segment_name(segment),
        shares=tuple(shares(questions, answers, personas, segment)),
        open=tuple(open_answers(questions, answers, personas, segment)),
        divergences=tuple(divergences(questions, answers, personas, segment, seed=seed)),
    )


def shares(
    questions: Sequence[Question], answers: Sequence[Answer], personas: Sequence[Persona], segment: str | None = None
) -> list[ClosedAnswer]:
    """Answers to the closed questions, for everyone and for each segment; arguments as for `summarise`."""
    from scipy.stats import binomtest

    closed = []
    for question, name, answered in _by_segment(questions, answers, personas, segment):
        counts, total = Counter(answered), len(answered)
        people = None if question.human is None else sum(question.human.values())
        for choice in question.choices:
            ends = binomtest(counts[choice], total).proportion_ci(method="wilson")
            share = Estimate(
                counts[choice] / total,
                Interval(float(ends.low), float(ends.high), LEVEL, "Wilson (1927)"),
                unit="share",
                sizes={"answered": total},
                details={"given": counts[choice]},
            )
            closed.append(
                ClosedAnswer(
                    question=question.id,
                    segment=name,
                    answer=choice,
                    share=share,
                    human=None if people is None else (question.human or {}).get(choice, 0.0) / people,
                )
            )
    return closed


def open_answers(
    questions: Sequence[Question], answers: Sequence[Answer], personas: Sequence[Persona], segment: str | None = None
) -> list[OpenAnswers]:
    """Answers to the open questions, for everyone and for each segment; arguments as for `summarise`."""
    by_segment = []
    for question, name, answered in _by_segment(questions, answers, personas, segment):
        if question.choices:
            continue
        first: dict[str, str] = {}
        for text in answered:
            first.setdefault(_plain(text), text)
        common = Counter(map(_plain, answered)).most_common(EXAMPLES)
        examples = tuple(first[plain] for plain, _ in common)
        by_segment.append(
            OpenAnswers(
                question=question.id,
                segment=name,
                answered=len(answered),
                distinct=len(first) / len(answered),
                examples=examples,
            )
        )
    return by_segment


def divergences(
    questions: Sequence[Question],
    answers: Sequence[Answer],
    personas: Sequence[Persona],
    segment: str | None = None,
    *,
    seed: int = 0,
) -> list[AnswerDivergence]:
    """Personas against people, for each closed question with human answers; arguments as for `summarise`.

    The interval is a bootstrap of the personas' answers, and of the people's where ``human_answers`` says how many they
    are. It assumes that both are independent draws.
    """
    from paars_gym.alignment.divergences import jensen_shannon
    from paars_gym.alignment.resampling import basic_interval, resample_counts

    distances = []
    for question, name, answered in _by_segment(questions, answers, personas, segment):
        if question.human is None:
            continue
        counts = Counter(answered)
        agent = np.array([counts[choice] for choice in question.choices], dtype=np.float64)
        human = np.array([question.human.get(choice, 0.0) for choice in question.choices])
        human /= human.sum()
        estimate, interval, note = float(jensen_shannon(human, agent)), None, ""
        if agent.max() == agent.sum():
            note = "no interval: all gave the same answer, and resamples of it say nothing of others"
        else:
            rng = session_rng(seed, f"divergence {question.id} {name}")
            of_agents = resample_counts(agent, RESAMPLES, rng)
            of_people = np.broadcast_to(human, of_agents.shape)
            if question.human_answers is not None:
                of_people = rng.multinomial(question.human_answers, human, size=RESAMPLES).astype(np.float64)
            interval = basic_interval(estimate, jensen_shannon(of_people, of_agents), "over personas")
            note = "" if interval else NO_SPREAD
        distances.append(
            AnswerDivergence(
                question=question.id,
                segment=name,
                js=Estimate(estimate, interval, unit="nats", sizes={"answered": len(answered)}, note=note),
                total_variation=0.5 * float(np.abs(human - agent / agent.sum()).sum()),
            )
        )
    return distances


def _by_segment(
    questions: Sequence[Question], answers: Sequence[Answer], personas: Sequence[Persona], segment: str | None
) -> Iterator[tuple[Question, str, list[str]]]:
    """Each question and segment with the usable answers, where there are any."""
    of = {persona.shopper: segment_of(persona, segment) if segment else EVERYONE for persona in personas}
    ordered = [f"{full} {value}" for full in [segment_name(segment)] for value in VALUES[full]] if segment else []
    for question in questions:
        given = [answer for answer in answers if answer.question == question.id and answer.answer is not None]
        for name in (EVERYONE, *ordered):
            answered = [str(answer.answer) for answer in given if name in (EVERYONE, of[answer.shopper])]
            if answered:
                yield question, name, answered


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".! ")


def _row(
    of: ClosedAnswer | OpenAnswers | AnswerDivergence,
    quantity: str,
    estimate: Estimate,
    *,
    answer: str = "",
    human: float | None = None,
) -> dict[str, Detail]:
    where: dict[str, Detail] = {"question": of.question, "segment": of.segment, "quantity": quantity}
    return where | {"answer": answer, "human": human} | estimate.to_dict()
