"""The mining of many personas: several at once, on a budget, and going on after a crash."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

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


async def mine_personas(
    histories: Iterable[History],
    model: ChatModel,
    out: Path,
    options: MiningOptions | None = None,
    *,
    concurrency: int = 16,
    progress: Callable[[MiningSummary], None] | None = None,
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

    Raises:
        ValueError: ``out`` holds personas that another model mined, or cannot be written.
        OutputInUseError: Another process writes to ``out``.
    """
    with writing(out, kind="file"):
        return await _mine(histories, model, out, options or MiningOptions(), concurrency, progress)


async def _mine(
    histories: Iterable[History],
    model: ChatModel,
    out: Path,
    options: MiningOptions,
    concurrency: int,
    progress: Callable[[MiningSummary], None] | None,
) -> MiningSummary:
    redactor = options.redactor or Redactor()
    done = _done(out, model.spec)
    tries = {failure.shopper: failure.tries for failure in read_failures(out)}
    summary = MiningSummary()
    waiting = iter(histories)

    failed = make_private(failures_path(out))
    with make_private(out).open("a", encoding="utf-8") as good, failed.open("a", encoding="utf-8") as bad:

        async def mine_one(history: History) -> None:
            shopper = redactor.pseudonym(history.shopper)
            if shopper in done:
                summary.kept += 1
                return
            done.add(shopper)
            try:
                persona = await mine_persona(
                    history,
                    model,
                    as_of=options.as_of,
                    token_budget=options.token_budget,
                    titles=options.titles,
                    redactor=redactor,
                    temperature=options.temperature,
                    draw=tries.get(shopper, 0),
                )
            except RUN_ENDING:
                raise
            except (ModelError, EmptyHistoryError) as error:
                tried = tries.get(shopper, 0) + isinstance(error, MalformedAnswerError | RefusedError)
                failure = Failure(shopper=shopper, cause=type(error).__name__, reason=str(error), tries=tried)
                _append(bad, failure)
                summary.failed[failure.cause] += 1
            else:
                _append(good, persona)
                summary.mined += 1
                summary.redacted.update(persona.redacted)

        async def work(queue: Iterator[History]) -> None:
            for history in queue:
                if summary.stopped:
                    return
                try:
                    await mine_one(history)
                except RUN_ENDING as error:
                    if not summary.stopped:
                        summary.stopped, summary.exit_code = str(error), getattr(error, "exit_code", ExitCode.WRONG_USE)
                    return
                if progress is not None:
                    progress(summary)

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work(waiting))
    return summary


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
