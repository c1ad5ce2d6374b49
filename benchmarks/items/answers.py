"""What would any shopper answer, a language model included? Each case is put to an `Answerer` (PAARS section 4.3).

Three things can come of a case. An answer is right or wrong. Without a usable answer (the model refuses, gives up, or
answers no number) the case is wrong as well. When the model could not be asked at all, nothing is known about the
shopper: the case is no case, and is counted apart with its cause.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.items.personas import PersonaSource
from benchmarks.items.scorers import Choices
from paars_gym.alignment.item_selection import OPTIONS, ItemCase, ItemCases
from paars_gym.config import Condition
from paars_gym.llm.errors import MalformedAnswerError, ModelError, RefusedError
from paars_gym.personas.mining import EmptyHistoryError
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.protocol import Answerer, GaveUp
from paars_gym.simulation.episode import RUN_ENDING

UNANSWERED, FAILED, NOT_ASKED = -1, -2, -3
"""No usable answer, which is wrong; no answer for a failure that is not the shopper's; the run ended before."""
UNUSABLE = (GaveUp, MalformedAnswerError, RefusedError)
HOPELESS = 20
"""Failures before any answer at all from which on a shopper's model is taken to be down."""
MAX_CAUSE, MAX_CAUSES = 300, 20


class MiningError(ModelError):
    """There is no persona for a case, for the reason that is told."""


class NobodyAnswersError(ModelError):
    """Not one case could be put to a shopper: there is nothing to report but the cause."""


class Asked(NamedTuple):
    """A shopper under a condition.

    Attributes:
        name: ``llm, profile``.
        policy: ``llm``: what its conditions have in common.
        condition: What of the persona it may use.
        make: Makes one.
        personas: Where its personas come from.
        settings: To be stored with the results.
    """

    name: str
    policy: str
    condition: Condition
    make: Callable[[], Answerer]
    personas: PersonaSource
    settings: dict[str, Any] = {}  # noqa: RUF012 (never changed)


@dataclass
class Answers:
    """What one shopper said to one set of cases.

    Attributes:
        choices: Column chosen, or one of the three above, shape (cases,).
        unusable: Why there was no usable answer, with numbers.
        failures: Why the shopper could not be asked, with numbers, the first one first.
    """

    choices: Choices
    unusable: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


class Asking(NamedTuple):
    """All answers: a dictionary by `Asked.name` for each set of cases, and why the run ended early, or ""."""

    answers: list[dict[str, Answers]]
    stopped: str


async def ask_cases(
    sets: Sequence[ItemCases],
    asked: Sequence[Asked],
    *,
    concurrency: int = 16,
    together: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Asking:
    """Puts every case to every shopper, case by case: a run that ends early has asked all of them the same cases.

    A case's persona is made once for all conditions, from what the case may know. A spent budget or a key that is not
    accepted ends the run, with the answers so far.

    Args:
        sets: The cases.
        asked: The shoppers.
        concurrency: Cases under way at once.
        together: Put a case to all shoppers at once; one after another, a server with one place finds what two
            questions begin with in its memory.
        progress: Told how far it is.

    Raises:
        NobodyAnswersError: Every case of a shopper failed, or the first `HOPELESS` did.
    """
    run = _Run(sets, asked, progress, together=together)
    waiting = iter([(cases, index) for cases in range(len(sets)) for index in range(len(sets[cases]))])

    async def work() -> None:
        for number, index in waiting:
            if run.stopped or run.hopeless():
                return
            await run.case(number, index)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    finally:
        for make in {id(shopper.make): shopper.make for shopper in asked}.values():
            if (aclose := getattr(make, "aclose", None)) is not None:
                await aclose()
    for policy in {shopper.policy for shopper in asked}:
        if run.tried[policy] and not run.answered[policy]:
            cause = next(iter(run.first[policy]))
            raise NobodyAnswersError(f"{policy} could not be asked in any of {run.tried[policy]:,} tries: {cause}")
    if run.stopped and not any(run.answered.values()):
        raise NobodyAnswersError(run.stopped)
    return Asking(run.answers, run.stopped)


class _Run:
    """What is known so far."""

    def __init__(
        self, sets: Sequence[ItemCases], asked: Sequence[Asked], progress: Callable[[str], None], *, together: bool
    ) -> None:
        self._sets, self._asked, self._progress, self._together = sets, asked, progress, together
        self._total = sum(map(len, sets))
        self._done = 0
        self.answers = [
            {shopper.name: Answers(np.full(len(cases), NOT_ASKED, dtype=np.int64)) for shopper in asked}
            for cases in sets
        ]
        self.stopped = ""
        self.tried: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.first: dict[str, list[str]] = {}

    def hopeless(self) -> bool:
        """Whether some shopper never answered, and was asked often enough."""
        return any(count >= HOPELESS and not self.answered[policy] for policy, count in self.tried.items())

    async def case(self, number: int, index: int) -> None:
        """One case, under all conditions at once."""
        cases = self._sets[number]
        case = cases[index]
        made: dict[int, asyncio.Task[Persona]] = {}

        async def persona_for(shopper: Asked) -> Persona | None:
            if shopper.condition == "base":
                return None
            source = shopper.personas
            if id(source) not in made:
                made[id(source)] = asyncio.ensure_future(source(cases, index))
            try:
                return await made[id(source)]
            except RUN_ENDING:
                raise
            except (ModelError, EmptyHistoryError) as error:
                raise MiningError(f"no persona was mined: {_cause(error)}") from error

        async def ask(shopper: Asked) -> None:
            answers = self.answers[number][shopper.name]
            try:
                choice = await _ask(cases, case, shopper.make(), await persona_for(shopper))
                if choice not in range(OPTIONS):
                    raise GaveUp(f"it answered {choice!r}, must be 0 to {OPTIONS - 1}")
                answers.choices[index] = choice
            except RUN_ENDING as error:
                self.stopped = self.stopped or str(error)
                return
            except UNUSABLE as error:
                answers.choices[index] = UNANSWERED
                _count(answers.unusable, _cause(error))
            except Exception as error:  # whatever it is, it is not the shopper's choice
                answers.choices[index] = FAILED
                self.tried[shopper.policy] += 1
                self.first.setdefault(shopper.policy, []).append(_cause(error))
                _count(answers.failures, _cause(error))
                return
            self.tried[shopper.policy] += 1
            self.answered[shopper.policy] += 1

        if self._together:
            await asyncio.gather(*map(ask, self._asked))
        else:
            for shopper in self._asked:
                await ask(shopper)
        self._done += 1
        failed = sum(answers.failures.total() for one in self.answers for answers in one.values())
        self._progress(f"{self._done:,} of {self._total:,} cases asked; {failed:,} questions failed")


async def _ask(cases: ItemCases, case: ItemCase, shopper: Answerer, persona: Persona | None) -> int:
    started = shopper.reset(persona, None, session_rng(cases.seed, case.key))
    if isawaitable(started):
        await started
    answer = shopper.choose_item([cases.log.catalog[product] for product in case.options])
    return int(await answer if isawaitable(answer) else answer)


def _cause(error: Exception) -> str:
    return str(error)[:MAX_CAUSE] if isinstance(error, MiningError) else f"{type(error).__name__}: {error}"[:MAX_CAUSE]


def _count(causes: Counter[str], cause: str) -> None:
    causes[cause if cause in causes or len(causes) < MAX_CAUSES else "other causes"] += 1
