"""The limit on what calls may cost, and who counts what they did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from paars_gym.llm.chat import ChatModel, Reply, Request, Usage, Wrapper, expected_tokens
from paars_gym.llm.errors import BudgetSpentError, ModelError
from paars_gym.llm.ledger import CallLedger
from paars_gym.llm.prices import Price, usd_of
from paars_gym.llm.redacted import as_sent, redacting
from paars_gym.llm.spending import Spending
from paars_gym.sessions.step import ModelTurn

POLL_SECONDS = 0.2
"""How often to look whether another process of the output has come to the end of a call."""


_ASKER: ContextVar[Spending | None] = ContextVar("_ASKER", default=None)
"""Whose call it is: what failed attempts cost is counted there too, since no reply carries it."""


def most_of(request: Request) -> Usage:
    """The most that an answer may take: about the input that it has, and all of ``max_tokens``."""
    return Usage(input=expected_tokens(request), output=request.max_tokens)


@dataclass(frozen=True)
class Pricing:
    """What tokens of a model cost; a small thing, that a ledger on another machine is told too.

    Attributes:
        spec: Of the model.
        price: Instead of the one that genai-prices knows.
        discount: Factor on every price, for batches.
    """

    spec: str
    price: Price | None = None
    discount: float = 1.0

    def __call__(self, usage: Usage) -> float | None:
        """US dollars; None when no price is known."""
        usd = usd_of(self.spec, usage, self.price)
        return None if usd is None else usd * self.discount


class Budgeted(Wrapper):
    """Prices every call, enters it into a ledger, and makes none that could exceed the limit.

    A call is entered at its worst, all of ``max_tokens`` used, before it goes out, and at its true price when it is
    back. When it does not fit it waits for the calls under way; when it does not fit without them either,
    :class:`BudgetSpentError` is raised, so that the limit holds at any concurrency, for all that share the ledger. It
    stands inside the retries: each attempt that was answered is paid for, read or not. One that was sent and never
    answered stays open in the ledger, at its worst.

    Args:
        model: What to call.
        max_usd: The limit; None for none.
        price: Instead of the one that genai-prices knows.
        discount: Factor on every price, for batches.
        ledger: By default one of its own, in memory.
        part: Of the output, in the ledger.
        handed_in: The key of a request that goes on at the provider whatever becomes of this process.

    Attributes:
        usd_of: Price of tokens, any discount taken off; None when none is known.

    Raises:
        ValueError: There is a limit, and no price is known for the model.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        max_usd: float | None = None,
        price: Price | None = None,
        discount: float = 1.0,
        ledger: CallLedger | None = None,
        part: str = "",
        handed_in: Callable[[Request], str] = lambda _: "",
    ) -> None:
        super().__init__(model)
        if max_usd is not None:
            if not max_usd >= 0:
                raise ValueError(f"max_usd == {max_usd}, must be at least 0.")
            if usd_of(self.spec, Usage(input=1, output=1), price) is None:
                raise ValueError(
                    f"max_usd needs a price for {self.spec!r}, and none is known: give one as "
                    "--price IN,OUT[,READ,WRITE], US dollars per million tokens (price= in Python)."
                )
        self.spending = Spending()
        self.ledger = ledger or CallLedger()
        self.usd_of = Pricing(self.spec, price, discount)
        self._max_usd = max_usd
        self._part = part
        self._handed_in = handed_in
        self._under_way = 0
        self._freed = asyncio.Condition()

    async def complete(self, request: Request) -> Reply:
        """Answers, with the price in the reply.

        Raises:
            BudgetSpentError: The call might exceed the limit.
            StorageError: The ledger cannot be written.
        """
        call = await self._entered(request)
        try:
            return await self._settled(call, request)
        finally:
            self._under_way -= 1
            async with self._freed:
                if self._under_way:
                    # Not all: thousands that wait would each look at every end of a call.
                    self._freed.notify()
                else:
                    self._freed.notify_all()

    async def aclose(self) -> None:
        """Closes the ledger's file and the wrapped model."""
        self.ledger.close()
        await super().aclose()

    async def _entered(self, request: Request) -> str:
        """The entry of a call that may go out."""
        worst, key = most_of(request), self._handed_in(request)
        async with self._freed:
            while True:
                call = self.ledger.reserve(
                    self.spec, worst, self.usd_of, part=self._part, limit=self._max_usd, key=key
                )  # fmt: skip
                if call:
                    self._under_way += 1
                    self._freed.notify()  # there may be room for another
                    return call
                if call is None:
                    raise BudgetSpentError(self._spent_in_words(worst))
                if self._under_way:
                    await self._freed.wait()
                else:  # those of others are
                    await asyncio.sleep(POLL_SECONDS)

    def _spent_in_words(self, worst: Usage) -> str:
        taken = self.ledger.taken()
        unanswered = f", {taken.open_usd:.4f} of them for {len(taken.open):,} calls without an answer"
        return (
            f"{taken.most_usd(self.usd_of):.4f} USD of {self._max_usd:g} are spent{unanswered if taken.open else ''}; "
            f"the next call may cost {self.usd_of(worst) or 0.0:.4f}."
        )

    async def _settled(self, call: str, request: Request) -> Reply:
        """The answer, booked; an answer that could not be read is booked too, since the provider has given it."""
        try:
            reply = await self.model.complete(request)
        except ModelError as error:
            if error.answered:
                lost = self._count(call, Reply(usage=error.usage or Usage()), request)
                if (asker := _ASKER.get()) is not None:
                    asker.add(lost)
            elif error.lost:
                self.ledger.lose(call)
            else:
                self.ledger.release(call)
            raise
        except BaseException:
            # Cancelled, or a fault of the adapter: the server may have answered.
            with suppress(OSError):
                self.ledger.lose(call)
            raise
        return self._count(call, reply, request)

    def _count(self, call: str, reply: Reply, request: Request) -> Reply:
        if reply.cached:
            self.ledger.release(call)
            return reply
        if estimated := reply.usage == Usage():
            reply = reply.model_copy(update={"usage": most_of(request)})
        if reply.usd is None:
            reply = reply.model_copy(update={"usd": self.usd_of(reply.usage)})
        self.ledger.settle(call, reply.usage, reply.usd, estimated=estimated)
        self.spending.estimated += estimated
        self.spending.add(reply)
        return reply


class Metered(Wrapper):
    """Counts the replies of a model that several shoppers may share, for one of them, and tells of the last request.

    What it tells is what was sent, without personal data; a model that is behind no door gets one here.
    """

    def __init__(self, model: ChatModel) -> None:
        super().__init__(redacting(model))
        self.begin()

    def begin(self) -> None:
        """Starts from nothing."""
        self._last: tuple[Request, Reply | None, float] | None = None
        self._spending = Spending()
        self._from_cache = 0
        self._not_sent: set[str] = set()

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        request = as_sent(self.model, request)
        reply, started = None, time.perf_counter()
        token = _ASKER.set(self._spending)
        try:
            reply = await self.model.complete(request)
        finally:
            _ASKER.reset(token)
            # What is written down is what was sent.
            told = getattr(self.model, "told", None)
            self._last = request if told is None else told(request), reply, time.perf_counter() - started
        self._spending.add(reply)
        self._from_cache += reply.cached
        self._not_sent.update(reply.dropped)
        return reply

    def trace(self) -> ModelTurn | None:
        """The last request and its reply, for the record of a step: told once, None when there was none since."""
        if self._last is None:
            return None
        (request, reply, seconds), self._last = self._last, None
        turn = ModelTurn(
            prompt=tuple(message.model_dump(exclude_defaults=True) for message in request.messages),
            parameters=request.model_dump(mode="json", exclude={"messages"}, exclude_defaults=True),
            latency_seconds=round(seconds, 6),
        )
        if reply is None:
            return turn
        answered = {
            "said": reply.message().model_dump(exclude_defaults=True),
            "tokens": reply.usage.model_dump(exclude_defaults=True),
            "from_cache": reply.cached,
            "not_sent": reply.dropped,
        }
        return turn.model_copy(update=answered)

    def report(self) -> dict[str, Any]:
        """Calls paid for, answers from our cache, tokens by kind, usd, and what the model did not accept.

        ``usd`` is that of the calls with a known price; ``unpriced`` counts the others, and ``unpriced_tokens`` what
        they took. ``not_sent`` names what the replies went without, whether a server or our table refused it.
        """
        spending = self._spending
        return {
            "calls": spending.calls,
            "from_cache": self._from_cache,
            **spending.usage.model_dump(),
            "usd": spending.usd,
            "unpriced": spending.unpriced,
            "unpriced_tokens": spending.unpriced_tokens,
            "not_sent": sorted(self._not_sent),
        }
