"""Item selection: one of four items was bought by the shopper. Cases from real baskets (PAARS section 4.3, Table 3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from paars_gym.sessions.event import History, session_rng
from paars_gym.sessions.purchases import Ints, ProductLog
from paars_gym.sessions.rows import EPOCH

Protocol = Literal["interests", "popularity"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
OPTIONS = 4


class ItemCase(NamedTuple):
    """One question.

    Attributes:
        key: Unique; seeds whatever is drawn for the case.
        shopper: Who bought.
        as_of: When the held-out basket began; the history ends before it.
        options: Product ids, in the order shown.
        answer: Index of the one that was bought.
    """

    key: str
    shopper: str
    as_of: datetime
    options: tuple[str, ...]
    answer: int


class ItemCases:
    """Cases as arrays. ``cases[i]`` is an `ItemCase`, ``cases.history(i)`` what may be known when it is answered.

    Attributes:
        log: What all shoppers did.
        protocol: How the distractors were drawn.
        seed: Of every draw.
        shopper: Index into ``log.shoppers``, shape (cases,).
        entry: First log entry of the held-out basket, shape (cases,).
        options: Catalog rows in the order shown, shape (cases, 4).
        answer: Column of the bought one, shape (cases,).
        without_history: Baskets passed over, for too little was known before.
        without_distractors: Baskets passed over, for the protocol found fewer than three distractors.
    """

    def __init__(
        self,
        log: ProductLog,
        protocol: Protocol,
        seed: int,
        cases: list[_Chosen],
        *,
        without_history: int,
        without_distractors: int,
    ) -> None:
        self.log, self.protocol, self.seed = log, protocol, seed
        self.shopper: Ints = np.array([case.shopper for case in cases], dtype=np.int64)
        self.entry: Ints = np.array([case.entry for case in cases], dtype=np.int64)
        self.options: Ints = np.array([case.options for case in cases], dtype=np.int64).reshape(-1, OPTIONS)
        self.answer: Ints = np.array([case.answer for case in cases], dtype=np.int64)
        self.without_history, self.without_distractors = without_history, without_distractors

    def __len__(self) -> int:
        return len(self.answer)

    def __getitem__(self, index: int) -> ItemCase:
        shopper = self.log.shoppers[self.shopper[index]]
        ids = tuple(self.log.catalog.listing(int(row))[0] for row in self.options[index])
        key = f"{self.protocol}/{shopper}/{self.log.session[self.entry[index]]}"
        return ItemCase(key, shopper, self._as_of(index), ids, int(self.answer[index]))

    def __iter__(self) -> Iterator[ItemCase]:
        return (self[index] for index in range(len(self)))

    def known(self, index: int) -> Ints:
        """Entries of the log that the agent may know: before the basket, and without any of the four titles."""
        log = self.log
        first, end = int(log.bounds[self.shopper[index]]), int(self.entry[index])
        return first + _others(log.title[log.row[first:end]], log.title[self.options[index]])

    def history(self, index: int) -> History:
        """The same as sessions: what profile, preferences and history of the persona are made from."""
        return self.log.history(self.log.shoppers[self.shopper[index]], self.known(index), self._as_of(index))

    @cached_property
    def others_purchases(self) -> Ints:
        """How often everybody else bought each option, before or after: popularity without the case's own shopper."""
        total = np.bincount(self.log.row[self.log.bought], minlength=len(self.log.catalog))
        return np.stack(
            [
                total[options] - _own(self.log, shopper)[options]
                for shopper, options in zip(self.shopper.tolist(), self.options, strict=True)
            ]
        )

    def _as_of(self, index: int) -> datetime:
        return EPOCH + timedelta(microseconds=int(self.log.start[self.entry[index]]))


class _Chosen(NamedTuple):
    shopper: int
    entry: int
    options: list[int]
    answer: int


class _Basket(NamedTuple):
    shopper: int
    first: int
    entry: int
    end: int
    bought: Ints


class DistractorOptions(NamedTuple):
    """How widely distractors are looked for.

    Attributes:
        pool: Random products drawn for ``interests``.
        depth: How many levels of the category path make a category of interest.
        window: For ``popularity``, products looked at on each side of the bought one in the order of popularity.
    """

    pool: int = 1000
    depth: int = 2
    window: int = 50


def mine_item_cases(
    log: ProductLog,
    *,
    protocol: Protocol = "interests",
    n_cases: int = 4600,
    per_shopper: int = 2,
    min_known: int = 20,
    distractors: DistractorOptions | None = None,
    seed: int = 0,
) -> ItemCases:
    """Cases from the last baskets of each shopper: one item each, and three distractors.

    A case knows only what lies before its own basket. Every shopper's last basket comes first, then the ones before, of
    shoppers in random order, until there are enough. The order of the four is random. All draws depend on the seed, the
    shopper and the basket alone.

    Args:
        log: What everybody bought.
        protocol: ``interests`` is the paper's: of ``pool`` random products, those of categories in which the shopper
            never bought or looked. ``popularity``: products that others buy about as often, some more and some less
            often than the one bought, so that popularity tells nothing; never one the shopper bought.
        n_cases: At most.
        per_shopper: At most, each of another basket.
        min_known: Purchases that must be left in the history after the four titles are gone.
        distractors: How widely each protocol looks for them.
        seed: Of every draw.

    Raises:
        ValueError: An unknown protocol, or a number out of range.
    """
    distractors = distractors or DistractorOptions()
    if protocol not in PROTOCOLS:
        raise ValueError(f"Unknown protocol {protocol!r}. Available: {', '.join(PROTOCOLS)}.")
    numbers = {"n_cases": n_cases, "per_shopper": per_shopper, **distractors._asdict()}
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} == {number}, must be >= 1.")
    draw = _Interests(log, distractors) if protocol == "interests" else _Matched(log, distractors)
    cases: list[_Chosen] = []
    no_history = no_distractors = 0
    order = session_rng(seed, "item selection: shoppers").permutation(len(log.shoppers)).tolist()
    for turn in range(per_shopper):
        for shopper in order:
            if len(cases) == n_cases:
                break
            basket = _basket(log, shopper, turn)
            if basket is None:
                continue
            rng = session_rng(seed, f"{protocol}/{log.shoppers[shopper]}/{log.session[basket.entry]}")
            truth = int(rng.choice(basket.bought))
            others = draw(basket, truth, rng)
            if len(others) < OPTIONS - 1:
                no_distractors += 1
                continue
            options = rng.permutation([truth, *others])
            before = slice(basket.first, basket.entry)
            left = _others(log.title[log.row[before]], log.title[options])
            if log.bought[before][left].sum() < min_known:
                no_history += 1
                continue
            cases.append(_Chosen(shopper, basket.entry, options.tolist(), options.tolist().index(truth)))
    cases.sort(key=lambda case: (case.shopper, case.entry))
    return ItemCases(log, protocol, seed, cases, without_history=no_history, without_distractors=no_distractors)


class _Interests:
    """The paper's distractors: random products whose category is none of the shopper's."""

    def __init__(self, log: ProductLog, options: DistractorOptions) -> None:
        import polars as pl

        self._log, self._pool = log, options.pool
        paths = log.catalog.frame("category")["category"].list.head(options.depth).list.join(" > ")
        self._category: Ints = paths.cast(pl.Categorical).to_physical().to_numpy().astype(np.int64)
        self._for_sale = np.flatnonzero(log.catalog.available)

    def __call__(self, basket: _Basket, truth: int, rng: np.random.Generator) -> list[int]:
        log = self._log
        drawn = rng.choice(self._for_sale, min(self._pool, len(self._for_sale)), replace=False)
        # The held-out basket belongs to the interests: what was bought in it is no wrong answer.
        theirs = np.zeros(int(self._category.max()) + 1, dtype=bool)
        theirs[self._category[log.row[basket.first : basket.end]]] = True
        return _three(drawn[~theirs[self._category[drawn]]], log.title, truth)


class _Matched:
    """Products that others buy about as often as the right one: how many of them more often is drawn from 0 to 3."""

    def __init__(self, log: ProductLog, options: DistractorOptions) -> None:
        self._log, self._window = log, options.window
        self._total = np.bincount(log.row[log.bought], minlength=len(log.catalog))
        jitter = session_rng(0, "item selection: ties of popularity").random(len(self._total))
        self._by_rank = np.lexsort((jitter, self._total))
        self._by_rank = self._by_rank[log.catalog.available[self._by_rank] & (self._total[self._by_rank] > 0)]
        self._sorted = self._total[self._by_rank]

    def __call__(self, basket: _Basket, truth: int, rng: np.random.Generator) -> list[int]:
        log = self._log
        own = np.zeros(len(self._total), dtype=bool)
        own[log.row[log.bounds[basket.shopper] : log.bounds[basket.shopper + 1]]] = True
        demand = self._total[truth] - _own(log, basket.shopper)[truth]
        low, high = np.searchsorted(self._sorted, demand, "left"), np.searchsorted(self._sorted, demand, "right")
        place = int(rng.integers(low, high + 1))  # among products of equal demand, anywhere
        below, above = self._by_rank[:place][::-1], self._by_rank[place:]
        sides = [side[~own[side]][: self._window] for side in (above, below)]
        more = int(rng.integers(OPTIONS))
        chosen: list[int] = []
        for side, count in zip(sides, (more, OPTIONS - 1 - more), strict=True):
            chosen += _three(rng.permutation(side), log.title, truth, *chosen)[:count]
        if len(chosen) < OPTIONS - 1:  # at either end of the order there is one side only
            chosen += _three(rng.permutation(np.concatenate(sides)), log.title, truth, *chosen)
        return chosen[: OPTIONS - 1]


def _basket(log: ProductLog, shopper: int, back: int) -> _Basket | None:
    """The shopper's last basket in which something was bought, or one some baskets further back."""
    first, end = int(log.bounds[shopper]), int(log.bounds[shopper + 1])
    sessions = log.session[first:end]
    shops = np.flatnonzero(log.bought[first:end])
    # Sessions lie in order, so that the last purchases are those of the last baskets.
    changes = np.flatnonzero(np.diff(sessions[shops], prepend=-1))
    if back >= len(changes):
        return None
    session = sessions[shops[changes[-1 - back]]]
    inside = first + np.flatnonzero(sessions == session)
    bought = np.unique(log.row[inside[log.bought[inside]]])
    return _Basket(shopper, first, int(inside[0]), int(inside[-1]) + 1, bought)


def _own(log: ProductLog, shopper: int) -> Ints:
    """How often a shopper bought each product, shape (products,)."""
    mine = slice(int(log.bounds[shopper]), int(log.bounds[shopper + 1]))
    return np.bincount(log.row[mine][log.bought[mine]], minlength=len(log.catalog))


def _others(titles: Ints, banned: Ints) -> Ints:
    """Positions of the titles that are none of the banned ones."""
    hit = np.zeros(len(titles), dtype=bool)
    for title in banned:
        hit |= titles == title
    return np.flatnonzero(~hit)


def _three(candidates: npt.NDArray[np.int64], title: Ints, *taken: int) -> list[int]:
    """The first three candidates of different titles, none of them taken."""
    titles = {int(title[row]) for row in taken}
    chosen: list[int] = []
    for row in candidates.tolist():
        if len(chosen) == OPTIONS - 1:
            break
        if int(title[row]) not in titles:
            titles.add(int(title[row]))
            chosen.append(row)
    return chosen
