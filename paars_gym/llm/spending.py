"""What calls took: sums of replies, and of the entries of a ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from paars_gym.llm.chat import Reply, Usage


@dataclass
class Spending:
    """What was used so far.

    Attributes:
        calls: Answered and paid for.
        usage: By kind of token.
        usd: Of the calls with a known price.
        unpriced: Calls without one.
        unpriced_tokens: Of those calls, input and output.
        estimated: Calls whose answer did not say its tokens: they are booked at the most that they may have taken.
        dropped: How many calls went without a parameter that the model does not accept, by its name.
    """

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    usd: float = 0.0
    unpriced: int = 0
    unpriced_tokens: int = 0
    estimated: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, reply: Reply) -> None:
        """Counts a reply, unless it came from our cache."""
        if reply.cached:
            return
        self.calls += 1
        self.usage = self.usage + reply.usage
        self.dropped.update(reply.dropped)
        if reply.usd is None:
            self.unpriced += 1
            self.unpriced_tokens += reply.usage.all_input + reply.usage.output
        else:
            self.usd += reply.usd

    def __iadd__(self, other: Spending) -> Spending:
        """Adds what others used."""
        self.calls += other.calls
        self.usage = self.usage + other.usage
        self.usd += other.usd
        self.unpriced += other.unpriced
        self.unpriced_tokens += other.unpriced_tokens
        self.estimated += other.estimated
        self.dropped += other.dropped
        return self


class OpenCall(NamedTuple):
    """A call without an end: under way, or cut off by a kill, or never answered.

    Attributes:
        id: Of its entry.
        part: Of the output that it was made for.
        model: Spec.
        pid: Process that made it.
        at: Seconds since 1970.
        reserve: The most tokens that it may take, by kind.
        usd: What these cost; None without a known price.
        key: Of the request, for calls that outlive their process.
        lost: It ended without an answer of the server, which may have been paid for it or not.
    """

    id: str
    part: str
    model: str
    pid: int
    at: float
    reserve: Mapping[str, int]
    usd: float | None
    key: str = ""
    lost: bool = False


@dataclass
class Taken:
    """Sums over calls.

    Attributes:
        calls: Answered, and so paid for.
        tokens: Theirs, by kind.
        usd: Of those with a known price.
        unpriced: Calls without one.
        unpriced_tokens: Of those calls, by kind.
        estimated: Calls whose answer did not tell its tokens, or could not be read: they stand at their reserve.
        open: Calls without an end, by id.
        open_usd: The most that these cost, as far as a price is known.
        open_unpriced: The most tokens of the others, by kind.
    """

    calls: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    usd: float = 0.0
    unpriced: int = 0
    unpriced_tokens: Counter[str] = field(default_factory=Counter)
    estimated: int = 0
    open: dict[str, OpenCall] = field(default_factory=dict)
    open_usd: float = 0.0
    open_unpriced: Counter[str] = field(default_factory=Counter)

    @property
    def usage(self) -> Usage:
        """Tokens of the paid calls."""
        return Usage(**self.tokens)

    def most_usd(self, price: Callable[[Usage], float | None]) -> float:
        """The most that was spent, open calls included; what has no price of its own at this one."""
        unpriced = self.unpriced_tokens + self.open_unpriced
        return self.usd + self.open_usd + ((price(Usage(**unpriced)) or 0.0) if unpriced else 0.0)

    def begin(self, call: OpenCall) -> None:
        """Takes a call that goes out."""
        self.open[call.id] = call
        self.open_usd += call.usd or 0.0
        if call.usd is None:
            self.open_unpriced.update(call.reserve)

    def end(self, call: OpenCall) -> None:
        """Takes the end of a call, without what it took."""
        del self.open[call.id]
        self.open_usd -= call.usd or 0.0
        if call.usd is None:
            self.open_unpriced.subtract(call.reserve)
        if not self.open:  # what rounding left behind would be waited for
            self.open_usd = 0.0

    def pay(self, tokens: Mapping[str, int], usd: float | None, *, estimated: bool) -> None:
        """Takes what an answered call took."""
        self.calls += 1
        self.tokens.update(tokens)
        self.estimated += estimated
        if usd is None:
            self.unpriced += 1
            self.unpriced_tokens.update(tokens)
        else:
            self.usd += usd
