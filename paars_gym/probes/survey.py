"""What do the personas answer? A questionnaire to each, and how the answers spread, by segment (PAARS section 6)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from paars_gym.abtest.result import Interval
from paars_gym.llm.ask import ask
from paars_gym.llm.chat import ChatModel, Message, Request
from paars_gym.llm.errors import BudgetSpentError, MissingKeyError, ModelError, OutOfCreditError
from paars_gym.personas.persona import Condition, Persona, render
from paars_gym.probes.segments import EVERYONE, segment_of
from paars_gym.sessions.seed import session_rng

MAX_TOKENS = 2_000
_TASK = """\
You answer a survey about shopping as the person described below would, from what that person does and prefers, not as a
polite respondent. Where the description says nothing, answer as seems likeliest for this person. Reply with one JSON
object that has the field "answer"."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(_Frozen):
    """A question of a survey.

    Attributes:
        id: Unique in its questionnaire.
        text: What is asked.
        choices: Possible answers; none makes it an open question.
        human: Shares of people's answers, where they are known; scaled to sum to 1.
        human_answers: How many people these are of; None when unknown.
    """

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    choices: tuple[str, ...] = ()
    human: dict[str, float] | None = None
    human_answers: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.choices) == 1 or len(set(self.choices)) != len(self.choices):
            raise ValueError("choices must be at least two, all different, or left out for an open question")
        if self.human is not None:
            unknown = sorted(self.human.keys() - set(self.choices))
            if unknown:
                raise ValueError(f"human has {unknown[0]!r}, which is none of the choices")
            if min(self.human.values()) < 0 or not 0 < sum(self.human.values()) < float("inf"):
                raise ValueError("human must hold shares >= 0, not all 0")
        return self


class Answer(_Frozen):
    """What one persona said; ``answer`` is None where the model gave no usable one, and ``failure`` says why."""

    question: str
    shopper: str
    answer: str | None
    failure: str = ""


class Share(NamedTuple):
    """How many of a segment gave an answer.

    Attributes:
        question: Its id.
        segment: Of the personas.
        answer: One of the choices.
        given: Personas who gave it.
        answered: Personas who answered.
        interval: 95%, Wilson (1927); personas are taken for independent.
    """

    question: str
    segment: str
    answer: str
    given: int
    answered: int
    interval: Interval


class GroupDivergence(NamedTuple):
    """How far the personas' answers to a closed question are from people's.

    Attributes:
        question: Its id.
        js: Jensen-Shannon divergence, in nats: 0 alike, log 2 nothing in common.
        interval: By bootstrap, where the number of people is known; else None.
        total_variation: Half the sum of the absolute differences of shares.
    """

    question: str
    js: float
    interval: Interval
    total_variation: float


def read_questions(path: str | Path) -> tuple[Question, ...]:
    """A questionnaire from YAML (or JSON): a list of questions, or an object with the key ``questions``.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No YAML, no question, or one that is not as it should be; says which.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No questionnaire {str(path)!r}.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML: {error}.") from None
    rows = content.get("questions") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path} holds no questions; write a list of them, each with id and text.")
    found: list[Question] = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(Question.model_validate(row))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "it"
            raise ValueError(
                f"{path}, question {number}: {where}: {first['msg'].removeprefix('Value error, ')}."
            ) from None
    repeated = [name for name, count in Counter(question.id for question in found).items() if count > 1]
    if repeated:
        raise ValueError(f"{path}: the id {repeated[0]!r} occurs twice; ids must be unique.")
    return tuple(found)


async def conduct(
    questions: Sequence[Question],
    personas: Sequence[Persona],
    model: ChatModel,
    *,
    condition: Condition = "persona",
    seed: int = 0,
    concurrency: int = 16,
    progress: Callable[[int], None] | None = None,
) -> list[Answer]:
    """Asks each persona each question, apart from the others, with the choices in a random order of its own.

    Args:
        questions: What.
        personas: Whom.
        model: Who plays them.
        condition: What of their persona it is given.
        seed: Of the orders of choices.
        concurrency: Questions at once.
        progress: Called with the number of answers so far.

    Returns:
        All answers, by question and persona in their order; those without an answer included.

    Raises:
        ValueError: No personas, or ``concurrency`` < 1.
        BudgetSpentError, MissingKeyError, OutOfCreditError: No further question could be asked either.
    """
    if not personas or concurrency < 1:
        raise ValueError(
            f"{len(personas)} personas and concurrency == {concurrency}: a survey needs at least one each."
        )
    free, done = asyncio.Semaphore(concurrency), 0

    async def put(question: Question, persona: Persona) -> Answer:
        nonlocal done
        async with free:
            request = Request(messages=messages(question, persona, condition, seed), max_tokens=MAX_TOKENS)
            try:
                answer, _ = await ask(model, request, answer_form(question.choices))
                found = Answer(question=question.id, shopper=persona.shopper, answer=answer.model_dump()["answer"])
            except (BudgetSpentError, MissingKeyError, OutOfCreditError):
                raise
            except ModelError as error:
                failure = f"{type(error).__name__}: {error}"
                found = Answer(question=question.id, shopper=persona.shopper, answer=None, failure=failure)
        done += 1
        if progress is not None:
            progress(done)
        return found

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(put(question, persona)) for question in questions for persona in personas]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


def messages(question: Question, persona: Persona, condition: Condition, seed: int) -> tuple[Message, ...]:
    """The task, the person, and the question."""
    text = question.text
    if question.choices:
        # Models favour what stands first: in an order of each persona's own that evens out over the group.
        order = session_rng(seed, f"{question.id} {persona.shopper}").permutation(len(question.choices)).tolist()
        text += "\nAnswer with exactly one of:\n" + "\n".join(f"- {question.choices[index]}" for index in order)
    else:
        text += "\nAnswer in at most three sentences."
    who = render(persona, condition) or "Nothing is known about this person."
    return (
        Message(role="system", text=_TASK),
        Message(role="system", text=who),
        Message(role="user", text=text),
    )


def answer_form(choices: tuple[str, ...]) -> type[BaseModel]:
    """What an answer has to be: one of the choices, or any text."""
    extra: dict[str, Any] = {"enum": list(choices)} if choices else {}

    class SurveyAnswer(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")

        answer: str = Field(min_length=1, json_schema_extra=extra)

        @field_validator("answer")
        @classmethod
        def _possible(cls, answer: str) -> str:
            if choices and answer not in choices:
                raise ValueError(f"must be exactly one of {', '.join(map(repr, choices))}")
            return answer

    return SurveyAnswer


def shares(
    questions: Sequence[Question], answers: Sequence[Answer], personas: Sequence[Persona], segment: str | None = None
) -> list[Share]:
    """Answers to the closed questions, for everyone and for each segment.

    Args:
        questions: As asked.
        answers: As given; those that failed are left out.
        personas: Who gave them.
        segment: A preference or a trait, as for `paars_gym.probes.probe.segment_of`; None for everyone alone.

    Raises:
        ValueError: An unknown segment.
    """
    from scipy.stats import binomtest

    of = {persona.shopper: segment_of(persona, segment) if segment else EVERYONE for persona in personas}
    found = []
    for question in questions:
        given = [answer for answer in answers if answer.question == question.id and answer.answer is not None]
        for name in (EVERYONE, *sorted(set(of.values()) - {EVERYONE})):
            counts = Counter(answer.answer for answer in given if name in (EVERYONE, of[answer.shopper]))
            for choice in question.choices:
                if total := counts.total():
                    ends = binomtest(counts[choice], total).proportion_ci(method="wilson")
                    interval = float(ends.low), float(ends.high)
                    found.append(Share(question.id, name, choice, counts[choice], total, interval))
    return found


def divergences(questions: Sequence[Question], answers: Sequence[Answer], *, seed: int = 0) -> list[GroupDivergence]:
    """Personas against people, for each closed question whose human answers are known."""
    from paars_gym.alignment.divergence import js_divergence

    found = []
    for question in questions:
        counts = Counter(answer.answer for answer in answers if answer.question == question.id and answer.answer)
        if question.human is None or not counts:
            continue
        agent = np.array([counts[choice] for choice in question.choices], dtype=np.float64)
        human = np.array([question.human.get(choice, 0.0) for choice in question.choices])
        human *= (question.human_answers or 1) / human.sum()
        sure = question.human_answers is not None
        rng = session_rng(seed, f"divergence {question.id}")
        result = js_divergence(human, agent, n_resamples=1_000 if sure else 0, rng=rng)
        distance = 0.5 * float(np.abs(human / human.sum() - agent / agent.sum()).sum())
        around = None if result.interval is None or not sure else (result.interval.low, result.interval.high)
        found.append(GroupDivergence(question.id, result.estimate, around, distance))
    return found


def table_rows(found: Sequence[Share], human: Mapping[str, Question]) -> list[tuple[str, ...]]:
    """Shares as text: question, segment, answer, share with interval, people."""
    rows: list[tuple[str, ...]] = []
    for share in found:
        low, high = share.interval or (0.0, 1.0)
        people = human[share.question].human
        told = "" if people is None else f"{people.get(share.answer, 0) / sum(people.values()):.0%}"
        part = f"{share.given / share.answered:.0%} [{low:.0%}, {high:.0%}] of {share.answered:,}"
        rows.append((share.question, share.segment, share.answer, part, told))
    return rows
