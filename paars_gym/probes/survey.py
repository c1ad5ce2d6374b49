"""Surveys: a questionnaire is read and put to each persona (PAARS section 6)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from paars_gym import prompts
from paars_gym.config import Condition
from paars_gym.llm.ask import ask
from paars_gym.llm.budget import Metered
from paars_gym.llm.chat import ChatModel, Message, Request
from paars_gym.llm.errors import RUN_ENDING, ModelError
from paars_gym.llm.redacted import redacting, text_as_sent
from paars_gym.personas.persona import Persona, render
from paars_gym.sessions.event import session_rng
from paars_gym.sessions.step import StepRecord
from paars_gym.simulation.recording import answer_record
from paars_gym.tasks.asking import CASE

MAX_TOKENS = 2_000


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


def read_questions(path: str | Path) -> tuple[Question, ...]:
    """A questionnaire from YAML (or JSON): a list of questions, or an object with the key ``questions``.

    Choices are the words that the file has: ``choices: [yes, no]`` needs no quotes.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No YAML, no question, or one that is not as it should be; says which.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No questionnaire {str(path)!r}.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _words_loader())  # noqa: S506 - made from SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is no YAML: {error}.") from None
    rows = content.get("questions") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path} holds no questions; write a list of them, each with id and text.")
    questions: list[Question] = []
    for number, row in enumerate(rows, start=1):
        try:
            questions.append(Question.model_validate(row))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "it"
            raise ValueError(
                f"{path}, question {number}: {where}: {first['msg'].removeprefix('Value error, ')}."
            ) from None
    repeated = [name for name, count in Counter(question.id for question in questions).items() if count > 1]
    if repeated:
        raise ValueError(f"{path}: the id {repeated[0]!r} occurs twice; ids must be unique.")
    return tuple(questions)


def _words_loader() -> type[Any]:
    """A YAML loader that leaves words as they are written.

    YAML 1.1 takes yes, no, on and off for truth values, 1-2 or 2020-01-01 for more than text, and choices are words.
    Numbers come as text too, and the fields that hold them read them.
    """
    import yaml

    class Words(yaml.SafeLoader):  # type: ignore[misc]
        """See `_words_loader`."""

    kept = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
    Words.yaml_implicit_resolvers = {
        first: kept_resolvers
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        if (kept_resolvers := [(tag, pattern) for tag, pattern in resolvers if tag in kept])
    }
    return Words


async def conduct(
    questions: Sequence[Question],
    personas: Sequence[Persona],
    model: ChatModel,
    *,
    condition: Condition = "persona",
    seed: int = 0,
    concurrency: int = 16,
    progress: Callable[[int], None] | None = None,
    record: Callable[[StepRecord], None] | None = None,
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
        record: Given the record of each question: what the model was asked, and said.

    Returns:
        All answers, by question and persona in their order; those without an answer included.

    Raises:
        ValueError: No personas, ``concurrency`` < 1, or choices that differ in personal data alone.
        BudgetSpentError, MissingKeyError, OutOfCreditError, LostCauseError, StorageError: No further question could be
            asked either.
    """
    if not personas or concurrency < 1:
        raise ValueError(
            f"{len(personas)} personas and concurrency == {concurrency}: a survey needs at least one each."
        )
    free, done = asyncio.Semaphore(concurrency), 0
    model = redacting(model)
    # The form of an answer names the choices, and the model can only give those that it was shown.
    shown = {question.id: _as_shown(question, model) for question in questions}

    async def put(question: Question, persona: Persona) -> Answer:
        nonlocal done
        async with free:
            meter, asked = Metered(model), shown[question.id]
            meter.begin()
            CASE.set(f"{condition}/{persona.shopper} {question.id}")
            request = Request(messages=messages(asked, persona, condition, seed), max_tokens=MAX_TOKENS)
            try:
                answer, _ = await ask(meter, request, answer_form(asked.choices))
                said = answer.model_dump()["answer"]
                said = question.choices[asked.choices.index(said)] if question.choices else said
                given = Answer(question=question.id, shopper=persona.shopper, answer=said)
            except RUN_ENDING:
                raise
            except ModelError as error:
                failure = f"{type(error).__name__}: {error}"
                given = Answer(question=question.id, shopper=persona.shopper, answer=None, failure=failure)
        if record is not None:
            step = answer_record(f"{persona.shopper} {question.id}", asked.text, given.answer or "", meter)
            if given.answer is None:
                step = step.model_copy(update={"action": None, "valid": False, "failure": given.failure})
            record(step)
        done += 1
        if progress is not None:
            progress(done)
        return given

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(put(question, persona)) for question in questions for persona in personas]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


def _as_shown(question: Question, model: ChatModel) -> Question:
    choices = tuple(text_as_sent(model, choice) for choice in question.choices)
    if len(set(choices)) != len(choices):
        raise ValueError(
            f"Question {question.id!r}: without personal data two of the choices are the same, {', '.join(choices)}; "
            "write them without names, numbers and addresses."
        )
    return question.model_copy(update={"text": text_as_sent(model, question.text), "choices": choices})


def messages(question: Question, persona: Persona, condition: Condition, seed: int) -> tuple[Message, ...]:
    """The task, the person, and the question."""
    if question.choices:
        # Models favour what stands first: in an order of each persona's own that evens out over the group.
        order = session_rng(seed, f"{question.id} {persona.shopper}").permutation(len(question.choices)).tolist()
        choices = "\n".join(f"- {question.choices[index]}" for index in order)
        text = prompts.SURVEY_CLOSED.format(question=question.text, choices=choices)
    else:
        text = prompts.SURVEY_OPEN.format(question=question.text)
    who = render(persona, condition) or prompts.SURVEY_NOBODY
    return (
        Message(role="system", text=prompts.SURVEY),
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
