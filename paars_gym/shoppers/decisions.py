"""Reads the decisions behind the events of sessions, as `Evidence`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from paars_gym.catalog.language import DEFAULT
from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Event, Session
from paars_gym.shoppers.evidence import (
    AGAIN,
    LEAVE,
    NEXT,
    OUTSIDE,
    SKIPPED,
    TAKEN,
    VIEWED,
    Evidence,
    Moves,
    Offers,
    Pages,
    Queries,
)
from paars_gym.shoppers.queries import content_words, kept_words
from paars_gym.shoppers.reference_prices import ReferencePrices
from paars_gym.shoppers.taste import FEATURES, REMEMBERED, Taste, taste_of
from paars_gym.shoppers.utility import REVIEWS_SHOWN, Display, Seen, display_of, seen, traits_of


class _Page:
    """A page of results while its events are read."""

    def __init__(self, display: Display, ids: tuple[str, ...], viewed: set[str]) -> None:
        self.display = display
        self.ids = ids
        self.fresh = [product not in viewed for product in ids]
        self.outcome = [SKIPPED] * len(ids)
        self.last = 0


def read_evidence(
    sessions: Iterable[Session],
    find: Callable[[str], Product | None],
    *,
    personas: Mapping[str, Persona] | None = None,
    condition: Condition = "persona",
    page_size: int | None = None,
    reviews_shown: int = REVIEWS_SHOWN,
    remembered: ReferencePrices | None = None,
    language: str = DEFAULT,
) -> Evidence:
    """The decisions behind the events of sessions.

    Args:
        sessions: The log; searches and next pages with their results, or their pages do not count.
        find: The product of an id, or None.
        personas: By shopper, where known.
        condition: What of them was used.
        page_size: Results on a full page; by default the most that any page has.
        reviews_shown: Reviews on a detail page.
        remembered: Reference prices of the shoppers.
        language: Of the catalog.
    """
    sessions = list(sessions)
    if page_size is None:
        page_size = max((len(event.results or ()) for session in sessions for event in session.events), default=0)
    reader = _Reader(find, page_size, reviews_shown, remembered, language)
    for session in sessions:
        reader.read(session, taste_of((personas or {}).get(session.shopper), condition, language))
    return reader.evidence(len(sessions))


class _Reader:
    """Collects decisions, session by session; each method named after an event follows the shopper through it."""

    def __init__(
        self,
        find: Callable[[str], Product | None],
        page_size: int,
        reviews_shown: int,
        remembered: ReferencePrices | None,
        language: str,
    ) -> None:
        self.traits = lru_cache(maxsize=REMEMBERED)(
            lambda product_id: traits_of(find(product_id), reviews_shown, language)
        )
        self.display = lru_cache(maxsize=REMEMBERED // 2)(self._display)
        self.page_size = page_size
        self.remembered, self.language = remembered, language
        self.pages: list[tuple[Any, ...]] = []
        self.offers: list[tuple[Any, ...]] = []
        self.moves: list[tuple[Any, ...]] = []
        self.queries: list[tuple[int, int, int]] = []
        self.checkouts: list[bool] = []
        self.unexplained = 0

    def _display(self, ids: tuple[str, ...], wanted: str) -> Display:
        return display_of([self.traits(product_id) for product_id in ids], wanted, self.remembered, self.language)

    def read(self, session: Session, taste: Taste) -> None:
        self.taste = taste
        self.intention = session.intention
        self.goal = None if self.intention is None else self.intention.goal
        self.budget = None if self.intention is None else self.intention.budget
        self.page: _Page | None = None
        self.query: str | None = None
        self.viewed: set[str] = set()
        self.taken: set[str] = set()
        self.seen_pages = self.cart = 0
        self.open: tuple[str, Seen, bool] | None = None
        for event in session.events:
            match event.kind:
                case "search":
                    self.settle()
                    self.done(AGAIN)
                    self.search(event)
                case "next_page":
                    self.settle()
                    self.done(NEXT)
                    self.begin(event)
                case "view":
                    self.settle()
                    self.view(str(event.product))
                case "add" | "purchase" if event.product not in self.taken:
                    self.take(str(event.product))
                case "remove":
                    self.unexplained += 1
            if event.kind in ("purchase", "stop"):
                self.settle()
                self.done(LEAVE)
                if self.cart:
                    self.checkouts.append(event.kind == "purchase")
                    self.cart = 0
        if session.end == "stop":  # some logs have no event for it
            self.settle()
            self.done(LEAVE)
            if self.cart:
                self.checkouts.append(False)
        elif self.page is not None:
            self.keep_page(finished=False)

    def search(self, event: Event) -> None:
        if self.intention is not None and event.query != self.query:
            words = content_words(self.intention.text)
            if kept := kept_words(words, event.query):
                self.queries.append((len(words), kept, kept_words(words, self.query) if self.query else 0))
        self.query = event.query
        self.begin(event)

    def begin(self, event: Event) -> None:
        self.seen_pages += 1
        self.page = None
        if event.results is not None:
            self.words = len(content_words(self.wanted))
            self.page = _Page(self.display(event.results, self.wanted), event.results, self.viewed)

    @property
    def wanted(self) -> str:
        return self.intention.text if self.intention is not None else self.query or ""

    def view(self, product: str) -> None:
        page = self.page
        if page is not None and product in page.ids[page.last :] and product not in self.viewed:
            position = page.ids.index(product)
            page.last = position + 1
            page.outcome[position] = VIEWED
            display = page.display
        else:
            self.unexplained += 1
            position, display = 0, display_of([self.traits(product)], self.wanted, self.remembered, self.language)
        self.viewed.add(product)
        features = seen(display, position, self.taste, self.budget, reading=True)
        available = display.items[position].available
        self.open = (product, features, position + 1 == page.last if page is not None else False) if available else None

    def take(self, product: str) -> None:
        if self.open is not None and self.open[0] == product:
            if self.open[2] and self.page is not None:
                self.page.outcome[self.page.last - 1] = TAKEN
            self.offer(taken=True)
        else:
            self.unexplained += 1
        self.cart += 1
        self.taken.add(product)

    def settle(self) -> None:
        """The product that was open has not been taken."""
        if self.open is not None:
            self.offer(taken=False)

    def offer(self, *, taken: bool) -> None:
        assert self.open is not None
        goal, taste = self.goal, self.taste
        features = self.open[1]
        outside = (1.0, goal == "compare", goal == "browse", -taste.impulse, self.cart)
        self.offers.append((features, taste.leanings, outside, taken))
        self.open = None

    def done(self, choice: int) -> None:
        page = self.page
        if page is None:
            return
        self.keep_page(finished=True)
        full, wordy = len(page.ids) == self.page_size, self.words > 1
        if choice == LEAVE or (full if choice == NEXT else wordy):
            self.moves.append((self.seen_pages - 1, self.cart > 0, page.display.lacking, full, wordy, choice))
        else:
            self.unexplained += 1

    def keep_page(self, *, finished: bool) -> None:
        page, self.page = self.page, None
        assert page is not None
        if page.ids:
            self.pages.append((page, self.taste, self.budget, finished))

    def evidence(self, n_sessions: int) -> Evidence:
        moves = _columns(self.moves, 6)
        offers = _columns(self.offers, 4)
        queries = _columns(self.queries, 3)
        return Evidence(
            pages=_stacked(self.pages),
            offers=Offers(
                np.array(offers[0], dtype=float).reshape(-1, len(FEATURES)),
                np.array(offers[1], dtype=float).reshape(-1, len(FEATURES)),
                np.array(offers[2], dtype=float).reshape(-1, len(OUTSIDE)),
                np.array(offers[3], dtype=bool),
            ),
            moves=Moves(
                before=np.array(moves[0], dtype=float),
                filled=np.array(moves[1], dtype=float),
                lacking=np.array(moves[2], dtype=float),
                full=np.array(moves[3], dtype=bool),
                wordy=np.array(moves[4], dtype=bool),
                choice=np.array(moves[5], dtype=np.int64),
            ),
            queries=Queries(*(np.array(column, dtype=float) for column in queries)),
            checkouts=np.array(self.checkouts, dtype=bool),
            n_sessions=n_sessions,
            unexplained=self.unexplained,
        )


def _columns(rows: list[Any], width: int) -> list[list[Any]]:
    return [[row[index] for row in rows] for index in range(width)]


def _stacked(rows: list[tuple[Any, ...]]) -> Pages:
    longest = max((len(page.ids) for page, *_ in rows), default=1)
    features = np.zeros((len(rows), longest, len(FEATURES)))
    fresh = np.zeros((len(rows), longest), dtype=bool)
    outcome = np.zeros((len(rows), longest), dtype=np.int64)
    for index, (page, taste, budget, _) in enumerate(rows):
        length = len(page.ids)
        features[index, :length] = [seen(page.display, position, taste, budget) for position in range(length)]
        fresh[index, :length] = page.fresh
        outcome[index, :length] = page.outcome
    return Pages(
        features=features,
        leanings=np.array([taste.leanings for _, taste, _, _ in rows], dtype=float).reshape(-1, len(FEATURES)),
        comparing=np.array([taste.comparing for _, taste, _, _ in rows], dtype=float),
        length=np.array([len(page.ids) for page, *_ in rows], dtype=np.int64),
        fresh=fresh,
        outcome=outcome,
        last=np.array([page.last for page, *_ in rows], dtype=np.int64),
        finished=np.array([finished for *_, finished in rows], dtype=bool),
    )
