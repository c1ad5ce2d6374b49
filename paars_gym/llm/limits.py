"""Calls at once and tokens a minute, as far as the provider lets us, and another try where one failed.

This is the only retry loop: the SDKs' own are switched off.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper, expected_tokens
from paars_gym.llm.errors import ModelTimeoutError, RateLimitError, TransientError, UnreachableError

UNREACHED_ATTEMPTS = 2
"""Most calls for one request of a server that has never said anything."""


class CallLimits:
    """Calls at once and tokens a minute: additive increase, multiplicative decrease.

    A refused call (429, 503, 529) halves the calls that may run at once and takes a third off the tokens a minute, once
    for all the calls that were under way then, and a ``Retry-After`` stops new calls for that long. Every full round of
    successes lets one more call run, and gives back a twentieth of the tokens a minute, up to what was asked for.

    Args:
        concurrency: Most calls at once.
        tokens_per_minute: Input and output together; None for no limit.
        clock: Seconds, monotonic; for tests.

    Attributes:
        concurrency: Calls that may run at once now.
        tokens_per_minute: What may be used now.
    """

    def __init__(
        self,
        *,
        concurrency: int = 16,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency == {concurrency}, must be at least 1.")
        if tokens_per_minute is not None and tokens_per_minute <= 0:
            raise ValueError(f"tokens_per_minute == {tokens_per_minute}, must be > 0.")
        self.concurrency = float(concurrency)
        self.tokens_per_minute = tokens_per_minute
        self._most_calls = float(concurrency)
        self._most_tokens = tokens_per_minute
        self._clock = clock
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        # Tokens owed: it drains at the allowed rate, and a call may start when it is at most nought.
        self._owed = 0.0
        self._drained_at = clock()
        self._closed_until = 0.0
        self._decreased_at = -1.0

    async def begin(self, expected: float) -> CallTurn:
        """Waits until a call may go out.

        Args:
            expected: Tokens that it will take, about; what it really took is settled at its end.
        """
        await self._enter()
        try:
            while (wait := self._wait()) > 0:
                # Not less than the clock can tell: rounding leaves waits of 1e-15 s, which would never end.
                await asyncio.sleep(max(wait, 0.01))
        except BaseException:
            self._leave()
            raise
        if self.tokens_per_minute is not None:
            self._owed += expected
        return CallTurn(expected, self._clock())

    def end(self, turn: CallTurn, taken: float | None = None, refused: RateLimitError | None = None) -> None:
        """The end of a call: another one may go out.

        Args:
            turn: As `begin` gave it.
            taken: Tokens of an answered call, 0 where it did not tell; None for one that failed.
            refused: What the server said when it was asked too much.
        """
        if refused is not None:
            self._decrease(turn.started, refused.retry_after)
        elif taken is not None:
            self._increase()
            if taken > 0 and self.tokens_per_minute is not None:
                self._owed += taken - turn.expected
        self._leave()

    async def _enter(self) -> None:
        if self._running < int(self.concurrency) and not self._waiting:
            self._running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # Woken and cancelled at once: the place goes to the next.
                self._leave()
            raise

    def _leave(self) -> None:
        self._running -= 1
        while self._waiting and self._running < int(self.concurrency):
            turn = self._waiting.popleft()
            if not turn.done():
                self._running += 1
                turn.set_result(None)

    def _wait(self) -> float:
        now = self._clock()
        wait = self._closed_until - now
        if self.tokens_per_minute is not None:
            self._owed = max(0.0, self._owed - (now - self._drained_at) * self.tokens_per_minute / 60)
            self._drained_at = now
            wait = max(wait, self._owed * 60 / self.tokens_per_minute)
        return wait

    def _decrease(self, started: float, retry_after: float | None) -> None:
        now = self._clock()
        if retry_after is not None:
            self._closed_until = max(self._closed_until, now + min(retry_after, 120.0))
        if started <= self._decreased_at:
            return
        self._decreased_at = now
        self.concurrency = max(1.0, self.concurrency / 2)
        if self.tokens_per_minute is not None:
            self.tokens_per_minute *= 2 / 3

    def _increase(self) -> None:
        share = 1 / self.concurrency
        self.concurrency = min(self._most_calls, self.concurrency + share)
        if self.tokens_per_minute is not None and self._most_tokens is not None:
            self.tokens_per_minute = min(self._most_tokens, self.tokens_per_minute + share * self._most_tokens / 20)


class CallTurn(NamedTuple):
    """A call that may go out.

    Attributes:
        expected: Tokens that it was let in for.
        started: When, by the clock of the limits.
    """

    expected: float
    started: float


class SharedLimits(Protocol):
    """What `RateLimited` asks: `CallLimits` of this process, or what speaks to those of another."""

    async def begin(self, expected: float) -> Any:
        """See `CallLimits.begin`."""
        ...

    def end(self, turn: Any, taken: float | None = None, refused: RateLimitError | None = None) -> None:
        """See `CallLimits.end`."""
        ...


class RateLimited(Wrapper):
    """Holds calls back so that the provider seldom has to.

    Args:
        model: What to call.
        limits: Of all calls that share them.
    """

    def __init__(self, model: ChatModel, limits: SharedLimits) -> None:
        super().__init__(model)
        self._limits = limits

    async def complete(self, request: Request) -> Reply:
        """Answers, when its turn has come."""
        # Answers are mostly far shorter than they may be.
        turn = await self._limits.begin(expected_tokens(request) + min(request.max_tokens, 256))
        try:
            reply = await self.model.complete(request)
        except RateLimitError as error:
            self._limits.end(turn, refused=error)
            raise
        except BaseException:
            self._limits.end(turn)
            raise
        self._limits.end(turn, taken=reply.usage.all_input + reply.usage.output)
        return reply


class Retrying(Wrapper):
    """Tries transient failures again, after a random wait that grows.

    The wait is uniform between half of and all of ``base_seconds * 2**n``, at most ``cap_seconds``; when the server
    names a time, the wait is at least that, up to ``retry_after_cap_seconds``. What is not transient (a context that is
    too long, a wrong key, a refusal) is raised at once. As long as the server has said nothing at all, a connection
    that fails or a time that runs out is tried once more, and not for minutes: most likely nobody is there.

    Args:
        model: What to call.
        attempts: Most calls for one request.
        base_seconds: Wait before the second call.
        cap_seconds: Longest wait of our own choosing.
        retry_after_cap_seconds: Longest wait that a server may impose.
        rng: For the jitter; it has no influence on any result.
        sleep: For tests.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        attempts: int = 6,
        base_seconds: float = 1.0,
        cap_seconds: float = 60.0,
        retry_after_cap_seconds: float = 120.0,
        rng: np.random.Generator | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(model)
        if attempts < 1:
            raise ValueError(f"attempts == {attempts}, must be at least 1.")
        self.retries = 0
        self._reached = False
        self._attempts = attempts
        self._base = base_seconds
        self._cap = cap_seconds
        self._retry_after_cap = retry_after_cap_seconds
        self._rng = rng or np.random.default_rng()
        self._sleep = sleep

    async def complete(self, request: Request) -> Reply:
        """Answers; raises the last attempt's error."""
        for attempt in range(1, self._attempts + 1):
            try:
                reply = await self.model.complete(request)
            except TransientError as error:
                self._reached = self._reached or not isinstance(error, UnreachableError | ModelTimeoutError)
                if attempt >= (self._attempts if self._reached else min(self._attempts, UNREACHED_ATTEMPTS)):
                    raise
                wait = self._wait(attempt, error.retry_after)
            else:
                self._reached = True
                return reply
            self.retries += 1
            await self._sleep(wait)
        raise AssertionError("unreachable")

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        longest = min(self._cap, self._base * 2 ** (attempt - 1))
        own = float(self._rng.uniform(longest / 2, longest))
        if retry_after is None:
            return own
        # The jitter on top keeps callers that were refused together from coming back together.
        return min(retry_after, self._retry_after_cap) + own / 10
