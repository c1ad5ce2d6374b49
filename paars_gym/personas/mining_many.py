"""The mining of many personas: several at once, on a budget, and going on after a crash."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple, Self

from pydantic import BaseModel

from paars_gym.exit_codes import ExitCode
from paars_gym.files import StorageError, make_private
from paars_gym.llm.chat import ChatModel, Request, Usage, expected_tokens
from paars_gym.llm.dry_run import Forecast
from paars_gym.llm.errors import RUN_ENDING, MalformedAnswerError, ModelError, RefusedError
from paars_gym.llm.prices import Price, usd_of
from paars_gym.outputs import writing
from paars_gym.personas.history import render_history
from paars_gym.personas.mining import EmptyHistoryError, ProfileAnswer, mine_persona
from paars_gym.personas.persona import Persona
from paars_gym.personas.prompts import profile_messages
from paars_gym.personas.redaction import Redactor
from paars_gym.personas.store import Failure, failures_path, mend, read_failures, read_personas
from paars_gym.sessions.event import History

EXPECTED_OUTPUT = 800
"""Tokens that an answer of either step takes, about."""


@dataclass(frozen=True)
class MiningOptions:
    """How each persona is mined; see `mine_persona`.

    Attributes:
        as_of: Nothing at or after this time is used; by default each history's own date.
        token_budget: Most tokens of a rendered history.
        titles: Titles by product id, for events that have none.
        redactor: With its key, names and recognisers; by default one without names.
        temperature: Where the model takes one.
    """

    as_of: datetime | None = None
    token_budget: int = 6000
    titles: Mapping[str, str] | None = None
    redactor: Redactor | None = None
    temperature: float = 0.0


@dataclass
class MiningSummary:
    """What a run of mining did.

    Attributes:
        mined: Personas made in this run.
        kept: Shoppers that had one already.
        failed: Shoppers without one, by cause.
        redacted: Pieces of text replaced, by kind, in the histories read in this run.
        stopped: Why the run ended early; empty when every shopper is accounted for.
        exit_code: Of a command that ends so.
    """

    mined: int = 0
    kept: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    exit_code: int = ExitCode.WRONG_USE

    def end(self, error: Exception) -> None:
        """Ends the run early, unless something has."""
        if not self.stopped:
            self.stopped, self.exit_code = str(error), int(getattr(error, "exit_code", ExitCode.WRONG_USE))


class Waiting(NamedTuple):
    """A shopper without a persona.

    Attributes:
        history: Theirs.
        tries: How many runs have ended in an unusable answer.
    """

    history: History
    tries: int


Elsewhere = Callable[[Iterator[Waiting], "PersonaFile"], None]
"""Mines all that wait in other processes, and puts what comes of them into the file."""


async def mine_personas(
    histories: Iterable[History],
    model: ChatModel,
    out: Path,
    options: MiningOptions | None = None,
    *,
    concurrency: int = 16,
    progress: Callable[[MiningSummary], None] | None = None,
    elsewhere: Elsewhere | None = None,
) -> MiningSummary:
    """Mines a persona for each history that has none in ``out`` yet, and appends it as soon as it is there.

    A shopper for whom it fails is a line of ``<out>.failed.jsonl`` with the cause, and is tried again by the next run.
    A spent budget or a key that is not accepted ends the run; what is done is kept.

    Args:
        histories: Read as they are needed.
        model: Whom to ask.
        out: File of personas, a JSON line each.
        options: How each is mined; the same key of the redactor is needed to go on with a file.
        concurrency: Histories worked on at once.
        progress: Called after each shopper.
        elsewhere: Where the model is asked; None for here.

    Raises:
        ValueError: ``out`` holds personas that another model mined, or cannot be written.
        OutputInUseError: Another process writes to ``out``.
    """
    options = options or MiningOptions()
    redactor = options.redactor or Redactor()
    options = replace(options, redactor=redactor)
    with writing(out, kind="file"), PersonaFile(out, model.spec, redactor, progress) as file:
        if elsewhere is not None:
            elsewhere(file.waiting(histories), file)  # in this thread, so that an interrupt ends it
        else:
            await mine_waiting(
                file.waiting(histories), model, options, file.take, file.summary, concurrency=concurrency
            )
        return file.summary


async def mine_waiting(
    waiting: Iterator[Waiting],
    model: ChatModel,
    options: MiningOptions,
    take: Callable[[Persona | Failure], None],
    summary: MiningSummary,
    *,
    concurrency: int,
) -> None:
    """Mines all that wait, so many at once, until something ends the run, such as a spent budget.

    Args:
        waiting: Read as they are needed.
        model: Whom to ask.
        options: How each is mined.
        take: Given each persona, or why there is none.
        summary: Told why it ends early, by whomever.
        concurrency: Histories worked on at once.
    """

    async def work() -> None:
        for each in waiting:
            if summary.stopped:
                return
            try:
                take(await _mined(each, model, options))
            except RUN_ENDING as error:
                summary.end(error)
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


async def _mined(waiting: Waiting, model: ChatModel, options: MiningOptions) -> Persona | Failure:
    """A persona, or why there is none."""
    redactor = options.redactor or Redactor()
    try:
        return await mine_persona(
            waiting.history,
            model,
            as_of=options.as_of,
            token_budget=options.token_budget,
            titles=options.titles,
            redactor=redactor,
            temperature=options.temperature,
            draw=waiting.tries,
        )
    except RUN_ENDING:
        raise
    except (ModelError, EmptyHistoryError) as error:
        tried = waiting.tries + isinstance(error, MalformedAnswerError | RefusedError)
        shopper = redactor.pseudonym(waiting.history.shopper)
        return Failure(shopper=shopper, cause=type(error).__name__, reason=str(error), tries=tried)


class PersonaFile:
    """The file of personas and that of failures, open to be appended to, and the sums of this run.

    Args:
        out: Of the personas.
        spec: Of the model.
        redactor: With the key of the pseudonyms.
        progress: Called after each shopper.

    Attributes:
        summary: Of this run.
    """

    def __init__(
        self, out: Path, spec: str, redactor: Redactor, progress: Callable[[MiningSummary], None] | None
    ) -> None:
        self.summary = MiningSummary()
        self._redactor, self._progress = redactor, progress or (lambda _: None)
        self._done = _done(out, spec)
        self._tries = {failure.shopper: failure.tries for failure in read_failures(out)}
        self._paths = make_private(out), make_private(failures_path(out))

    def __enter__(self) -> Self:
        with ExitStack() as files:
            self._good, self._bad = (files.enter_context(path.open("a", encoding="utf-8")) for path in self._paths)
            self._files = files.pop_all()
        return self

    def __exit__(self, *about: object) -> None:
        self._files.close()

    def waiting(self, histories: Iterable[History]) -> Iterator[Waiting]:
        """Those of whom there is no persona yet."""
        for history in histories:
            shopper = self._redactor.pseudonym(history.shopper)
            if shopper in self._done:
                self.summary.kept += 1
                self._progress(self.summary)
            else:
                self._done.add(shopper)
                yield Waiting(history, self._tries.get(shopper, 0))

    def take(self, result: Persona | Failure) -> None:
        """Appends a persona, or why there is none."""
        if isinstance(result, Failure):
            _append(self._bad, result)
            self.summary.failed[result.cause] += 1
        else:
            _append(self._good, result)
            self.summary.mined += 1
            self.summary.redacted.update(result.redacted)
        self._progress(self.summary)


def forecast_mining(
    histories: Iterable[History],
    spec: str,
    *,
    as_of: datetime | None = None,
    token_budget: int = 6000,
    price: Price | None = None,
) -> Forecast:
    """Calls, tokens and dollars that mining would take; nothing is sent, and the provider's prompt cache is ignored."""
    calls = tokens = 0
    for history in histories:
        text = render_history(history, as_of=as_of, token_budget=token_budget).text
        if text:
            request = Request(messages=profile_messages(text), output_schema=ProfileAnswer.model_json_schema())
            # The second step reads the same history, and the first one's answer.
            tokens += 2 * expected_tokens(request) + EXPECTED_OUTPUT
            calls += 2
    usage = Usage(input=tokens, output=calls * EXPECTED_OUTPUT)
    basis = f"{calls // 2:,} histories"
    return Forecast(calls, usage.input, usage.output, usd_of(spec, usage, price), basis)


def _append(file: IO[str], line: BaseModel) -> None:
    try:
        file.write(line.model_dump_json() + "\n")
        file.flush()
    except OSError as error:
        raise StorageError.of(error, Path(file.name)) from error


def _done(out: Path, spec: str) -> set[str]:
    mend(out)
    mend(failures_path(out))
    done = set()
    for persona in read_personas(out) if out.exists() else ():
        if persona.model != spec:
            raise ValueError(f"{out} holds personas mined by {persona.model!r}; write those of {spec!r} elsewhere.")
        done.add(persona.shopper)
    return done
