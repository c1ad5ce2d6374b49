"""Puts the questions of a task to shoppers, and tells a wrong answer from an outage (PAARS section 4.3).

Three things can come of a question. An answer is scored. Without a usable answer (the model refuses, gives up, or
answers no number) it counts as unanswered: where answers are right or wrong, as wrong. When the model could not be
asked at all, nothing is known about the shopper: the case is no case, and is counted apart with its cause.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from inspect import isawaitable
from typing import Any, NamedTuple

import numpy as np

from paars_gym.exit_codes import ExitCode
from paars_gym.llm.errors import RUN_ENDING, MalformedAnswerError, ModelError, RefusedError
from paars_gym.personas.mining import EmptyHistoryError
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.protocol import Answerer, GaveUp
from paars_gym.simulation.concurrency import StopRequest
from paars_gym.simulation.result import RunStoppedError
from paars_gym.tasks.answers import FAILED, NOT_ASKED, UNANSWERED, Answers, add_causes, count_cause
from paars_gym.tasks.questions import Questions, TaskShopper, TaskShoppers

UNUSABLE = (GaveUp, MalformedAnswerError, RefusedError)
HOPELESS = 10
"""Failures before any answer at all from which on a shopper's model is taken to be down."""
MAX_CAUSE = 300
CASE: ContextVar[str] = ContextVar("CASE", default="")
"""Condition and key of the question being put: the words of a request may be those of another case too."""


class MiningError(ModelError):
    """There is no persona for a case, for the reason that is told."""


class NobodyAnswersError(ModelError):
    """Not one question could be put to a shopper: there is nothing to report but the cause."""


class Asking(NamedTuple):
    """What was said to all sets of questions.

    Attributes:
        answers: A dictionary by `TaskShopper.name` for each set.
        stopped: Why the run ended early, or "".
        notes: What has to be said of the answers.
    """

    answers: list[dict[str, Answers]]
    stopped: str
    notes: tuple[str, ...] = ()


def ask_shoppers(
    sets: Sequence[Questions],
    asked: TaskShoppers,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Asking:
    """Puts every question to every shopper, case by case: a run that ends early has asked all of them the same cases.

    A case's persona is made once for all conditions, from what the case may know. A spent budget or a key that is not
    accepted ends the run, with the answers so far.

    Args:
        sets: The questions.
        asked: Whom to ask; each answer comes from a new shopper. Models are closed at the end. With one case at once
            also the shoppers are asked one after another: a server with one place then has in its memory what two
            questions begin with.
        progress: Told how far it is.

    Raises:
        NobodyAnswersError: Every case of a shopper failed, or the first `HOPELESS` did.
        RunStoppedError: Something has to be mended first, such as a key or a full disk.
    """
    run = Round(sets, asked, progress)
    if asked.ask is None:
        asyncio.run(run.put(run.cases))
    else:
        asked.ask(run)
    if run.stop.reason and run.stop.exit_code != ExitCode.CAPPED:
        again = "What was answered is in the cache of replies: go on by the same command."
        raise RunStoppedError(f"{run.stop.reason.rstrip('.')}. {again}", run.stop.exit_code)
    for policy in {shopper.policy for shopper in asked.shoppers}:
        if run.tried[policy] and not run.answered[policy]:
            cause = next(iter(run.first[policy]))
            raise NobodyAnswersError(f"{policy} could not be asked in any of {run.tried[policy]:,} tries: {cause}")
    if run.stop.reason and not any(run.answered.values()):
        nobody = NobodyAnswersError(run.stop.reason)
        nobody.exit_code = run.stop.exit_code
        raise nobody
    return Asking(run.answers, run.stop.reason, tuple(asked.finished()))


class Said(NamedTuple):
    """What came of some cases, wherever they were asked.

    Attributes:
        values: By shopper, of each case.
        unusable: See `Answers`, by set and shopper.
        failures: The same.
        tried: By policy, how many questions were put.
        answered: By policy, how many of them were answered, usably or not.
        first: By policy, its failures.
        stopped: Why the run has to end, or "".
        exit_code: Of a command that ends so.
    """

    values: dict[str, list[Any]]
    unusable: dict[tuple[int, str], Counter[str]]
    failures: dict[tuple[int, str], Counter[str]]
    tried: Counter[str]
    answered: Counter[str]
    first: dict[str, list[str]]
    stopped: str
    exit_code: int


class Round:
    """All questions to all shoppers, and what is known so far.

    Attributes:
        sets: The questions.
        asked: Whom they are put to.
        cases: Number of the set and index in it, of every case.
        answers: See `Asking`.
        stop: Whether the run has to end.
        tried: By policy, how many questions were put.
        answered: By policy, how many of them were answered.
        first: By policy, its failures.
        ended: Looked at before each case, as `stop` is.
    """

    def __init__(
        self,
        sets: Sequence[Questions],
        asked: TaskShoppers,
        progress: Callable[[str], None] = lambda _: None,
        *,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        self.sets, self.asked, self._progress, self.ended = sets, asked, progress, ended
        self.cases = [(number, index) for number, questions in enumerate(sets) for index in range(len(questions))]
        self._done = self._failed = 0
        self.answers = [
            {shopper.name: Answers([NOT_ASKED] * len(questions)) for shopper in asked.shoppers} for questions in sets
        ]
        self.stop = StopRequest()
        self.tried: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.first: dict[str, list[str]] = {}

    async def put(self, cases: Sequence[tuple[int, int]]) -> None:
        """Some cases, as many at once as is allowed; the models are closed then."""
        waiting = iter(cases)

        async def work() -> None:
            for number, index in waiting:
                if self.stop.reason or self.hopeless() or self.ended():
                    return
                await self.case(number, index)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.asked.at_once, len(cases))):
                    group.create_task(work())
        finally:
            makers = {id(shopper.make): shopper.make for shopper in self.asked.shoppers}.values()
            for shared in (*makers, *self.asked.models.values()):
                if (aclose := getattr(shared, "aclose", None)) is not None:
                    await aclose()

    def hopeless(self) -> bool:
        """Whether some shopper never answered, and was asked often enough."""
        return any(count >= HOPELESS and not self.answered[policy] for policy, count in self.tried.items())

    def said(self, cases: Sequence[tuple[int, int]]) -> Said:
        """What came of some cases, where no others were put."""
        names = [shopper.name for shopper in self.asked.shoppers]
        causes = {(n, name): of_set[name] for n, of_set in enumerate(self.answers) for name in names}
        return Said(
            {name: [self.answers[number][name].values[index] for number, index in cases] for name in names},
            {key: answers.unusable for key, answers in causes.items() if answers.unusable},
            {key: answers.failures for key, answers in causes.items() if answers.failures},
            self.tried,
            self.answered,
            self.first,
            self.stop.reason,
            self.stop.exit_code,
        )

    def heard(self, cases: int, said: Said) -> None:
        """Counts what came of so many cases that were put elsewhere, as soon as it is known."""
        self.tried += said.tried
        self.answered += said.answered
        if said.stopped and not self.stop.reason:
            self.stop.reason, self.stop.exit_code = said.stopped, said.exit_code
        self._done += cases
        self._failed += sum(map(len, said.first.values()))
        self._tell()

    def take(self, cases: Sequence[tuple[int, int]], said: Said) -> None:
        """Takes in what came of cases that were put elsewhere; causes are told in the order in which it is called."""
        for name, values in said.values.items():
            for (number, index), value in zip(cases, values, strict=True):
                self.answers[number][name].values[index] = value
        for (number, name), unusable in said.unusable.items():
            add_causes(self.answers[number][name].unusable, unusable)
        for (number, name), failures in said.failures.items():
            add_causes(self.answers[number][name].failures, failures)
        for policy, causes in said.first.items():
            self.first.setdefault(policy, []).extend(causes)

    def _tell(self) -> None:
        self._progress(f"{self._done:,} of {len(self.cases):,} cases asked; {self._failed:,} questions failed")

    async def case(self, number: int, index: int) -> None:
        """One case, under all conditions at once."""
        questions = self.sets[number]
        made: dict[int, asyncio.Task[Persona]] = {}

        async def persona_for(shopper: TaskShopper) -> Persona | None:
            if shopper.condition == "base":
                return None
            source = shopper.personas
            if id(source) not in made:
                made[id(source)] = asyncio.ensure_future(source(questions, index))
            try:
                return await made[id(source)]
            except RUN_ENDING:
                raise
            except (ModelError, EmptyHistoryError) as error:
                raise MiningError(f"no persona was mined: {_cause(error)}") from error

        async def ask(shopper: TaskShopper) -> None:
            answers = self.answers[number][shopper.name]
            try:
                persona = await persona_for(shopper)
                CASE.set(f"{shopper.condition}/{questions.key(index)}")
                noise, key = self.asked.noise, questions.key(index)
                rng = session_rng(questions.seed, f"{noise} {key}" if noise else key)
                answer = await _answer(questions, index, shopper.make(), persona, rng)
                answers.values[index] = questions.usable(index, answer)
            except RUN_ENDING as error:
                self.stop.end(error)
                return
            except UNUSABLE as error:
                answers.values[index] = UNANSWERED
                count_cause(answers.unusable, _cause(error))
            except Exception as error:  # whatever it is, it is not the shopper's answer
                answers.values[index] = FAILED
                self._failed += 1
                self.tried[shopper.policy] += 1
                self.first.setdefault(shopper.policy, []).append(_cause(error))
                count_cause(answers.failures, _cause(error))
                return
            self.tried[shopper.policy] += 1
            self.answered[shopper.policy] += 1

        if self.asked.at_once > 1:
            await asyncio.gather(*map(ask, self.asked.shoppers))
        else:
            for shopper in self.asked.shoppers:
                await ask(shopper)
        self._done += 1
        self._tell()


async def _answer(
    questions: Questions, index: int, shopper: Answerer, persona: Persona | None, rng: np.random.Generator
) -> Any:
    started = shopper.reset(persona, None, rng)
    if isawaitable(started):
        await started
    answer = questions.put(index, shopper)
    return await answer if isawaitable(answer) else answer


def _cause(error: Exception) -> str:
    return str(error)[:MAX_CAUSE] if isinstance(error, MiningError) else f"{type(error).__name__}: {error}"[:MAX_CAUSE]
