"""What did one session, or the questions since the last reset, take? A model that keeps the account."""

from __future__ import annotations

from typing import Any

from paars_gym.llm.budget import Tally
from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper


class Account(Wrapper):
    """Counts the replies of a model that several shoppers may share, for one of them."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.begin()

    def begin(self) -> None:
        """Starts from nothing."""
        self._tally = Tally()
        self._from_cache = 0
        self._not_sent: set[str] = set()

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        reply = await self.model.complete(request)
        self._tally.add(reply)
        self._from_cache += reply.cached
        self._not_sent.update(reply.dropped)
        return reply

    def report(self) -> dict[str, Any]:
        """Calls paid for, answers from our cache, tokens by kind, usd, and what the model did not accept.

        ``usd`` is that of the calls with a known price; ``unpriced`` counts the others, and ``unpriced_tokens`` what
        they took. ``not_sent`` names what the replies went without, whether a server or our table refused it.
        """
        tally = self._tally
        return {
            "calls": tally.calls,
            "from_cache": self._from_cache,
            **tally.usage.model_dump(),
            "usd": tally.usd,
            "unpriced": tally.unpriced,
            "unpriced_tokens": tally.unpriced_tokens,
            "not_sent": sorted(self._not_sent),
        }
