"""One session: a policy plays an episode of an environment, which leaves a `Session` (PAARS section 4.3).

The environment may be any that has Gymnasium's ``reset`` and ``step`` and the ``info`` keys of `RetailEnv`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta
from inspect import isawaitable, iscoroutine
from typing import Any, NamedTuple, TypeVar

import gymnasium
import numpy as np
from pydantic import BaseModel

from paars_gym.llm.errors import RUN_ENDING
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import End, Event, Intention, Session
from paars_gym.sessions.step import StepRecord
from paars_gym.shop.actions import Mistake, parse_action, to_text
from paars_gym.shop.env import INFO_KEYS
from paars_gym.shoppers.protocol import GaveUp, Policy
from paars_gym.simulation.recording import PolicyFailure, StepRecorder

FAILURES = (Exception, SystemExit)
"""Of a policy: they end its session. A policy that calls ``sys.exit`` ends no run."""
MAX_CAUSE = 500
MEDIAN_DWELL_SECONDS = {"home": 6.0, "results": 15.0, "product": 30.0}
"""Round figures for reading a page, assumed and not fitted: no metric measured against people depends on them."""
OTHER_DWELL_SECONDS = 15.0
"""On pages that only environments of one's own have."""
DWELL_SPREAD = 0.8
"""Standard deviation of the logarithm of a dwell time."""
MAX_DWELL_SECONDS = 1_500
"""Below the 30 minutes of inactivity that separate sessions in a log."""
_DWELLS = [timedelta(seconds=seconds) for seconds in range(MAX_DWELL_SECONDS + 1)]
_EVENT_FIELDS, _SESSION_FIELDS = set(Event.model_fields), set(Session.model_fields)
_REQUIRED = frozenset(INFO_KEYS)
Env = gymnasium.Env[Any, Any]
T = TypeVar("T", bound=BaseModel)


class AsynchronousPolicyError(TypeError):
    """A policy gave something to be awaited where nobody can wait."""


class ScheduledVisit(NamedTuple):
    """A shopper about to enter the shop.

    Attributes:
        key: The session's key, unique in its population.
        shopper: Whose session it is.
        persona: Whom the policy plays; None for nobody in particular.
        intention: What for.
        start: Zoned time of arrival.
        rng: The session's generator.
    """

    key: str
    shopper: str
    persona: Persona | None
    intention: Intention | None
    start: datetime
    rng: np.random.Generator


class Played(NamedTuple):
    """A finished session.

    Attributes:
        session: What happened, in simulated time.
        cause: Why it ended, for ``gave_up`` and ``policy_error``; else None.
        steps: Actions taken.
        invalid: How many of them the shop refused.
        seconds: Wall-clock time it took.
        spent: The policy's telemetry: tokens, usd.
        failure: What the policy raised, for ``policy_error``; else None.
        records: Of its steps; empty where they are not recorded.
    """

    session: Session
    cause: str | None
    steps: int
    invalid: int
    seconds: float = 0.0
    spent: Mapping[str, Any] = {}
    failure: PolicyFailure | None = None
    records: Sequence[StepRecord] = ()


def play(policy: Policy, env: Env, visit: ScheduledVisit, *, max_steps: int = 50, record: bool = False) -> Played:
    """Plays one session with a policy that computes.

    Args:
        policy: Its exceptions, and actions that are no text, end the session as ``gave_up`` or ``policy_error``, with
            the cause.
        env: Reset with a seed of the session's own, and with its persona, intention and key as options.
        visit: Who comes. Its generator is used up.
        max_steps: Actions until the session is cut off, where the environment does not truncate it earlier.
        record: Whether to keep the records of its steps.

    Raises:
        AsynchronousPolicyError: The policy is asynchronous.
        BudgetSpentError, MissingKeyError, OutOfCreditError, LostCauseError, StorageError: No further session could be
            played either.
        ValueError: The environment's ``info`` lacks a key.
    """
    started = time.perf_counter()
    turns = episode(policy, env, visit, max_steps, StepRecorder(visit.key, policy) if record else None)
    try:
        answer = next(turns)
        while True:
            if answer is not None and type(answer) is not str and isawaitable(answer):
                if iscoroutine(answer):
                    answer.close()
                raise AsynchronousPolicyError(
                    f"Policy {policy.name!r} is asynchronous: declare its methods async def, and use play_async."
                )
            answer = turns.send(answer)
    except StopIteration as done:
        return _accounted(policy, done.value, started)


async def play_async(
    policy: Policy, env: Env, visit: ScheduledVisit, *, max_steps: int = 50, record: bool = False
) -> Played:
    """The same as `play`, with a policy that may wait."""
    started = time.perf_counter()
    turns = episode(policy, env, visit, max_steps, StepRecorder(visit.key, policy) if record else None)
    try:
        answer = next(turns)
        while True:
            try:
                if isawaitable(answer):
                    answer = await answer
            except FAILURES as error:
                answer = turns.throw(error)
            else:
                answer = turns.send(answer)
    except StopIteration as done:
        return _accounted(policy, done.value, started)


def episode(
    policy: Policy, env: Env, visit: ScheduledVisit, max_steps: int, recorder: StepRecorder | None = None
) -> Generator[Any, Any, Played]:
    """One session as a dialogue: yields what the policy answered, and is sent it back once it has been awaited."""
    key, shopper, persona, intention, start, rng = visit
    # Drawn before the policy draws anything: two policies with the same session dwell alike.
    clock = Clock(start, max_steps, rng)
    options = {"persona": persona, "intention": intention, "session_key": key}
    observation, info = env.reset(seed=_env_seed(rng), options=options)
    _check_keys(info, "reset")
    events: list[Event] = []
    end: End = "max_steps"
    cause, failure, steps, invalid, over = None, None, 0, 0, False
    while not over and steps < max_steps:
        page: str = info["page"]
        try:
            if not steps:
                yield policy.reset(persona, intention, rng)
            asked = time.perf_counter()
            action = yield policy.act(observation, info)
            latency = time.perf_counter() - asked
            if type(action) is not str:
                action = _as_text(action)
        except RUN_ENDING:
            raise
        except GaveUp as reason:
            end, cause = "gave_up", str(reason)[:MAX_CAUSE]
        except FAILURES as error:
            failure = PolicyFailure.of(error, policy)
            end, cause = "policy_error", f"{type(error).__name__}: {error}"[:MAX_CAUSE]
        if cause is not None:
            if recorder is not None:
                recorder.failed(observation, info, cause if failure is None else failure.traceback)
            break
        now = clock.leave(page)
        shown = observation
        observation, reward, terminated, truncated, info = env.step(action)
        steps += 1
        if not info.keys() >= _REQUIRED:
            _check_keys(info, "step")
        if recorder is not None:
            recorder.acted(shown, action, info, reward=reward, time=now, latency_seconds=latency)
        invalid += not info["action_valid"]
        for event in info["events"]:
            events.append(_made(Event, {**event.__dict__, "time": now}, _EVENT_FIELDS))
        if terminated:
            end = "stop"
        over = terminated or truncated
    happened = {
        "shopper": shopper,
        "key": key,
        "start": start,
        "events": tuple(events),
        "intention": intention,
        "end": end,
    }
    records = () if recorder is None else recorder.records
    session = _made(Session, happened, _SESSION_FIELDS)
    return Played(session, cause, steps, invalid, failure=failure, records=records)


class Clock:
    """Simulated time of one session, in whole seconds, strictly increasing: log-normal dwells on its pages."""

    def __init__(self, start: datetime, steps: int, rng: np.random.Generator) -> None:
        """Args:
        start: Of the session, zoned.
        steps: Most that can follow; a dwell for each is drawn at once.
        rng: The session's generator.
        """
        self.now = start
        self._haste = iter(rng.lognormal(sigma=DWELL_SPREAD, size=steps).tolist())

    def leave(self, page: str) -> datetime:
        """The time after dwelling on a page (home, results, product), when the shopper acts."""
        seconds = int(MEDIAN_DWELL_SECONDS.get(page, OTHER_DWELL_SECONDS) * next(self._haste)) + 1
        self.now = now = self.now + (_DWELLS[seconds] if seconds < MAX_DWELL_SECONDS else _DWELLS[-1])
        return now


def _as_text(action: object) -> str:
    """An action as text; raises TypeError on what is none."""
    if isinstance(action, Mapping):
        parsed = parse_action(action)
        return json.dumps(dict(action), default=str) if isinstance(parsed, Mistake) else to_text(parsed)
    # A forgotten return is a fault of the policy, not an action of a shopper who did nothing.
    if not isinstance(action, str):
        raise TypeError(f"act returned {type(action).__name__}, must be text or a mapping")
    return action


def _env_seed(rng: np.random.Generator) -> int:
    """A seed of the session's own for the environment, which takes no draw from its generator."""
    return int(rng.bit_generator.seed_seq.generate_state(1)[0])


def _check_keys(info: Mapping[str, Any], where: str) -> None:
    """Raises ValueError where an environment's info lacks a key."""
    if missing := [key for key in INFO_KEYS if key not in info]:
        raise ValueError(
            f"The environment's info lacks {missing[0]!r} after {where}. Policies need the keys of RetailEnv's info: "
            f"{', '.join(INFO_KEYS)}; see paars_gym.shop.env."
        )


def _made(kind: type[T], values: dict[str, Any], fields: set[str]) -> T:
    # What model_construct does, at a fifth of its price: the shop's events are valid, shared, and have no time.
    made = kind.__new__(kind)
    object.__setattr__(made, "__dict__", values)
    object.__setattr__(made, "__pydantic_fields_set__", fields)
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def _accounted(policy: Policy, played: Played, started: float) -> Played:
    telemetry = getattr(policy, "telemetry", None)
    spent = {} if telemetry is None else dict(telemetry())
    return played._replace(seconds=time.perf_counter() - started, spent=spent)
