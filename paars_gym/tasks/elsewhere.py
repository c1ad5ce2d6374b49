"""Questions written to a file instead of asked, and answers that came back from elsewhere, by the question's id.

Both stand where a language model stands, so that requests, redaction, tables and intervals are those of any model. A
question's id is a keyed hash of task, case, condition and the words of the request: who answers cannot tell which case
it is, and an answer to a question that has changed since has an id that no question has.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.config import Condition, ModelConfig
from paars_gym.files import written_whole
from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper
from paars_gym.llm.errors import MalformedAnswerError, RefusedError
from paars_gym.llm.families import SCRIPTED
from paars_gym.llm.redacted import Redacted
from paars_gym.llm.turns import with_instructions
from paars_gym.personas.redaction import pseudonym
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.tasks.answer_files import GivenAnswer, as_asked_for, date_of, fields_of, read_answer_file
from paars_gym.tasks.asking import CASE, ask_shoppers
from paars_gym.tasks.questions import PersonaSource, Questions, TaskShopper, TaskShoppers

ROWS = frozenset({"uniform", "embedding", "behavioural", "replay", "llm", "popularity", "counts", "learned", "people"})
"""Names that rows of the tables have already."""
MOST_NAMED = 10
"""Of those who answered, in a note."""
LONGEST_NAME = 60
"""Characters."""


class UnansweredError(RefusedError):
    """Nobody has answered this question, as far as the file says."""


class _Elsewhere(ABC):
    """A `ChatModel` that asks nobody.

    Attributes:
        name: How tables call who answers.
        spec: The same.
        prompt: Words that are added to the instructions of every request.
    """

    family = SCRIPTED

    def __init__(self, task: str, name: str, prompt: str) -> None:
        self.task, self.name, self.spec, self.prompt = task, name, name, prompt

    @abstractmethod
    async def complete(self, request: Request) -> Reply:
        """See `ChatModel.complete`."""

    async def aclose(self) -> None:  # noqa: B027 (nothing is open)
        """Nothing to close."""

    def model(self) -> ChatModel:
        """The model, which gets every request with the prompt and without personal data."""
        return _Prompted(Redacted(self), self.prompt)

    def shopper(self, condition: Condition, personas: PersonaSource) -> TaskShopper:
        """Who is asked under a condition."""
        model = self.model()

        def make() -> LLMShopper:
            return LLMShopper(None, ModelConfig(spec=model), condition=condition)

        about = {
            "policy": self.name,
            "condition": condition,
            "personas": "none" if condition == "base" else personas.source,
            **self.settings(),
        }
        return TaskShopper(f"{self.name}, {condition}", self.name, condition, make, personas, about)

    def settings(self) -> dict[str, Any]:
        """To be stored with the results."""
        return {"prompt": self.prompt} if self.prompt else {}

    def finished(self) -> Sequence[str]:
        """See `TaskShoppers.finished`."""
        return ()

    def _key(self, request: Request) -> str:
        return question_id(self.task, CASE.get(), request)


class _Prompted(Wrapper):
    """A model whose requests have more words in their instructions."""

    def __init__(self, model: ChatModel, words: str) -> None:
        super().__init__(model)
        self._words = words

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        told = with_instructions(request.messages, self._words)
        return await self.model.complete(request.model_copy(update={"messages": told}))


class QuestionWriter(_Elsewhere):
    """A `ChatModel` that keeps the requests it gets, without personal data, and answers none.

    Args:
        task: Whose questions they are, such as ``item``.
        path: Of the file.
        seed: Of the order of the questions.
        prompt: See `_Elsewhere`.
    """

    def __init__(self, task: str, path: Path, *, seed: int = 0, prompt: str = "") -> None:
        super().__init__(task, "exported", prompt)
        self._path, self._seed = path, seed
        self._questions: dict[tuple[str, str], dict[str, Any]] = {}

    async def complete(self, request: Request) -> Reply:
        """Keeps it, and raises an UnansweredError."""
        key = self._key(request)
        self._questions[CASE.get(), key] = {"id": key, "task": self.task, **fields_of(request)}
        raise UnansweredError("the question was written to a file, and nobody was asked")

    def write(self) -> Exported:
        """Writes what was kept, a JSON object a line, in a random order that the seed fixes."""
        rows = [self._questions[key] for key in sorted(self._questions)]
        # Neighbours in the order of the cases are of one person, and its conditions stand side by side.
        order = session_rng(self._seed, f"{self.task}: questions for elsewhere").permutation(len(rows))
        with written_whole(self._path, private=True) as file:
            file.writelines(json.dumps(rows[row], ensure_ascii=False) + "\n" for row in order)
        return Exported(len(rows), self._path)


class AnswerReader(_Elsewhere):
    """A `ChatModel` that gives the answers of a file, by the id of the question.

    Args:
        task: Whose questions they are, such as ``item``.
        path: JSON lines with ``id`` and ``answer``, and who answered in ``by`` and when in ``at``; other fields, those
            of the question among them, are passed over.
        by_whom: Who answered; None for what the file says.
        prompt: With which the questions were exported.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no answer, a question has two, or it is not said who answered; says which and what to do.
    """

    def __init__(self, task: str, path: Path, by_whom: str | None = None, *, prompt: str = "") -> None:
        self._path = path
        self._answers: dict[str, GivenAnswer] = read_answer_file(path)
        self._people = Counter(one.by for one in self._answers.values() if one.by and one.given)
        nameless = next((one for one in self._answers.values() if one.given and not one.by), None)
        if by_whom is None and nameless is not None:
            raise ValueError(
                f"--answers {path}, line {nameless.line} does not say who answered: give it a field by, or --by-whom."
            )
        super().__init__(task, _row_name(by_whom if by_whom is not None else _together(self._people)), prompt)
        self._outcomes: dict[str, str] = {}

    async def complete(self, request: Request) -> Reply:
        """The answer in the form that is asked for.

        Raises:
            UnansweredError: There is none.
            MalformedAnswerError: It is none that can be used; says why.
        """
        key = self._key(request)
        given = self._answers.get(key)
        if given is None or not given.given:
            self._outcomes[key] = "unanswered"
            raise UnansweredError("there is no answer to it in the file")
        try:
            text = as_asked_for(given.answer, request.output_schema or {})
        except ValueError as error:
            self._outcomes[key] = "unusable"
            raise MalformedAnswerError(str(error)) from None
        self._outcomes[key] = "answered"
        return Reply(text=text, model=self.name)

    def settings(self) -> dict[str, Any]:
        """Who answered how many, and the first and last day."""
        return {**super().settings(), "by": dict(self._people) or {self.name: self._given}, "at": self._days()}

    def finished(self) -> Sequence[str]:
        """Who answered, when, and how many.

        Raises:
            ValueError: Some answers are to no question that was put; says how many, and which is the first.
        """
        strange = [one for key, one in self._answers.items() if key not in self._outcomes]
        if strange:
            raise ValueError(
                f"{len(strange):,} of the {len(self._answers):,} lines of --answers {self._path} are of no question of "
                f"this run, the first in line {strange[0].line}: id {strange[0].id[:40]!r}. A question keeps its "
                "id while people, catalog, personas, --prompt, --cases, --seed and the key of the hashes "
                "($PAARS_HASH_KEY) stay the same: give what --export-questions was given, or export anew."
            )
        counts = Counter(self._outcomes.values())
        days = self._days()
        when = "on days that are not told"
        if days:
            when = f"on {days[0]}" if days[0] == days[1] else f"from {days[0]} to {days[1]}"
        who = self.name
        if self._people and self.name not in self._people:
            named = [f"{name[:LONGEST_NAME]} {count:,}" for name, count in self._people.most_common(MOST_NAMED)]
            more = len(self._people) - len(named)
            who += f" ({', '.join(named)}{f' and {more:,} more' if more else ''})"
        return (
            f"Answers came from elsewhere: by {who}, {when}. Of {len(self._outcomes):,} questions "
            f"{counts['answered']:,} were answered, {counts['unanswered']:,} unanswered, "
            f"{counts['unusable']:,} answered unusably.",
        )

    @property
    def _given(self) -> int:
        return sum(one.given for one in self._answers.values())

    def _days(self) -> list[str]:
        """The first and the last, as ISO dates; none where no answer tells."""
        days = sorted(date_of(one.at) for one in self._answers.values() if one.at and one.given)
        return [days[0], days[-1]] if days else []


class Exported(NamedTuple):
    """What was written: how many questions, and into which file."""

    questions: int
    path: Path


def question_id(task: str, case: str, request: Request) -> str:
    """A keyed hash of what a question is; see `paars_gym.personas.redaction.pseudonym`.

    Args:
        task: Such as ``item``.
        case: Key of the case and the condition.
        request: As it leaves, without personal data.
    """
    words = [[message.role, message.text] for message in request.messages]
    return pseudonym(json.dumps([task, case, words, request.output_schema], sort_keys=True))


def asked_elsewhere(
    asked: TaskShoppers, policies: Sequence[object], conditions: Sequence[Condition], personas: PersonaSource
) -> TaskShoppers:
    """The shoppers with those among the policies who are asked elsewhere, under every condition.

    Args:
        asked: The others.
        policies: Of any kind.
        conditions: Rows of Table 3.
        personas: What those elsewhere are told.
    """
    for policy in policies:
        if isinstance(policy, QuestionWriter | AnswerReader):
            if policy.name in {shopper.policy for shopper in asked.shoppers}:
                raise ValueError(f"Two of those asked are called {policy.name!r}: give one another name.")
            added = tuple(policy.shopper(condition, personas) for condition in conditions)
            asked = asked._replace(shoppers=(*asked.shoppers, *added), finished=_both(asked.finished, policy.finished))
    return asked


def export_questions(
    sets: Sequence[Questions],
    asked: TaskShoppers,
    writer: QuestionWriter,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Writes every question that the writer would be asked.

    Args:
        sets: The questions.
        asked: The writer as shoppers, by `asked_elsewhere`.
        writer: The same writer.
        progress: Told how far it is.
    """
    ask_shoppers(sets, asked, progress=progress)
    return writer.write()


def _both(first: Callable[[], Sequence[str]], second: Callable[[], Sequence[str]]) -> Callable[[], Sequence[str]]:
    return lambda: (*first(), *second())


def _row_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(
            f"Who answered is called {name[:80]!r}, must be 1 to {LONGEST_NAME} printable characters: give --by-whom."
        )
    if name.partition(",")[0].strip().lower() in ROWS:
        raise ValueError(f"Who answered is called {name!r}, as a row of the tables is: give another name by --by-whom.")
    return name


def _together(people: Counter[str]) -> str:
    """One name for all."""
    name = " and ".join(sorted(people))
    return name if len(people) == 1 or (len(people) == 2 and len(name) <= LONGEST_NAME) else f"{len(people):,} people"
