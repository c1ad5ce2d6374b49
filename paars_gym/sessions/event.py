"""Sessions and their events: one type for human and agent logs (PAARS section 4.3)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from paars_gym.catalog.filters import Filters, Sort

EventKind = Literal["search", "next_page", "view", "add", "remove", "purchase", "stop"]
End = Literal["stop", "max_steps", "gave_up", "policy_error"]
ANONYMOUS = "anonymous-"
"""Begins the shopper of a session whose log names none; the session's own id follows."""


class Event(BaseModel):
    """One thing that a shopper did. Fields that a kind does not use stay None.

    Attributes:
        kind: ``search`` and ``next_page`` show results; ``view`` opens a product; ``add`` and ``remove`` change the
            cart; ``purchase`` buys one product line (a cart of three lines gives three events); ``stop`` leaves.
        time: Zoned; None in a log without times and in the shop itself, which has no clock.
        query: Text searched for (search, next_page).
        filters: Conditions of the search; None when there were none or the log does not say, an empty `Filters` when
            the log says only that there were some.
        sort: Order asked for; None when the log does not say.
        results: Product ids shown, in order (search, next_page); None when the log does not say.
        page: 1-based page of results (search, next_page).
        product: Product id (view, add, remove, purchase).
        title: The product's title when the log gives it.
        rank: 1-based position of the viewed product in the whole result list; None when it did not come from one.
        units: How many (add, remove, purchase).
        price: Price of one unit (purchase), None when unknown.
        options: Options chosen, as sorted (name, value) pairs (add, remove, purchase).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: EventKind
    time: AwareDatetime | None = None
    query: str | None = None
    filters: Filters | None = None
    sort: Sort | None = None
    results: tuple[str, ...] | None = None
    page: int | None = Field(default=None, ge=1)
    product: str | None = None
    title: str | None = None
    rank: int | None = Field(default=None, ge=1)
    units: int | None = Field(default=None, ge=1)
    price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    options: tuple[tuple[str, str], ...] = ()


class Intention(BaseModel):
    """What a session is about, known before it begins; never its outcome.

    Attributes:
        text: What for, in words: "a quiet fan for the bedroom".
        goal: Whether the shopper came to buy, to compare, or to browse.
        budget: Most that may be spent, in the catalog's currency.
        category: Category name the need falls in.
        target: Id of a product that would satisfy it exactly; only for goal rewards, never shown to a shopper.
        attributes: Words that a fitting product's text contains.
        options: Options that have to be chosen.
        source: Key of the session whose words it has; empty when it was invented. `paars_gym.alignment.score` looks
            here, and no shopper is told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1)
    goal: Literal["buy", "compare", "browse"] = "buy"
    budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    category: str | None = None
    target: str | None = None
    attributes: tuple[str, ...] = ()
    options: dict[str, str] = Field(default_factory=dict)
    source: str = ""


class Session(BaseModel):
    """One visit of one shopper.

    Attributes:
        shopper: Whose session it is.
        key: Unique within its population; seeds the session's random generator.
        start: Zoned time of arrival; None in a log without times.
        events: In order.
        intention: None when unknown (most human logs).
        end: How it ended. Human sessions end with ``stop``; ``max_steps``, ``gave_up`` and ``policy_error``
            happen to agents only. Sessions that ended in ``policy_error`` or ``gave_up`` are counted, never scored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shopper: str
    key: str
    start: AwareDatetime | None = None
    events: tuple[Event, ...] = ()
    intention: Intention | None = None
    end: End = "stop"

    def count(self, kind: EventKind) -> int:
        """Number of events of one kind: ``search`` is the paper's #searches, ``view`` its #clicks, and
        ``purchase`` its #purchases (product lines bought)."""
        return sum(event.kind == kind for event in self.events)


class History(BaseModel):
    """A shopper's sessions before a date, oldest first.

    Attributes:
        shopper: Whose history it is.
        as_of: Nothing at or after this time is in it; None for a log without times.
        sessions: Oldest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shopper: str
    as_of: datetime | None = None
    sessions: tuple[Session, ...] = ()


def session_rng(seed: int, key: str) -> np.random.Generator:
    """The generator of a session: neither concurrency, order, resume nor the number of machines changes its draws.

    Args:
        seed: The run's seed, >= 0.
        key: The session's key, unique in its run.

    Raises:
        ValueError: A negative seed.
    """
    if seed < 0:
        raise ValueError(f"seed == {seed}, must be >= 0.")
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    words = np.frombuffer(digest, dtype="<u4")  # as NumPy would make of integers, which takes twice as long
    seeds = np.random.SeedSequence(seed, spawn_key=(words,))  # type: ignore[arg-type]
    return np.random.Generator(np.random.PCG64(seeds))
