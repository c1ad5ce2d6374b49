"""When is a failed call tried again? The only retry loop there is: the SDKs' own are switched off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper
from paars_gym.llm.errors import TransientError


class Retrying(Wrapper):
    """Tries transient failures again, after a random wait that grows.

    The wait is uniform between half of and all of ``base_seconds * 2**n``, at most ``cap_seconds``; when the server
    names a time, the wait is at least that, up to ``retry_after_cap_seconds``. What is not transient (a context that is
    too long, a wrong key, a refusal) is raised at once.

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
                return await self.model.complete(request)
            except TransientError as error:
                if attempt == self._attempts:
                    raise
                wait = self._wait(attempt, error.retry_after)
            self.retries += 1
            await self._sleep(wait)
        raise AssertionError("unreachable")

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        longest = min(self._cap, self._base * 2 ** (attempt - 1))
        own = float(self._rng.uniform(longest / 2, longest))
        if retry_after is None:
            return own
        # The jitter on top keeps a crowd that was refused together from coming back together.
        return min(retry_after, self._retry_after_cap) + own / 10
