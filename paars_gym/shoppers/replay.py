"""A shopper who does again what a recorded session did: its events as actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from paars_gym.catalog.filters import NO_FILTERS
from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.shop.actions import AddToCart, Back, NextPage, Purchase, RemoveFromCart, Search, Stop, View, to_text
from paars_gym.shoppers.protocol import check_condition, some
from paars_gym.shoppers.queries import content_words


class ReplayShopper:
    """A `Policy` that does what a session's shopper did, whatever the shop shows; an `Answerer` by the same events.

    Attributes:
        name: ``replay``.
    """

    name = "replay"

    def __init__(self, condition: Condition = "base", *, sessions: Session | Iterable[Session]) -> None:
        """Args:
            condition: Makes no difference.
            sessions: What to replay; of several one that the persona's shopper had, by lot, or any where it had none.

        Raises:
            ValueError: No session.
        """
        check_condition(condition)
        self._sessions = (sessions,) if isinstance(sessions, Session) else tuple(sessions)
        if not self._sessions:
            raise ValueError("A replay needs at least one session; got none.")

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        self._rng = rng
        own = [session for session in self._sessions if persona is not None and session.shopper == persona.shopper]
        choices = own or self._sessions
        self.session = choices[int(rng.integers(len(choices)))]
        self._actions = iter(actions_of(self.session.events))

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        return next(self._actions, "stop[]")

    def write_query(self, product: Product) -> str:
        """The query after which the product was opened; the title's first words if it was not."""
        query = None
        for event in self.session.events:
            query = event.query if event.kind == "search" else query
            if event.product == product.id and query:
                return query
        return " ".join(content_words(product.title)[:3]) or product.title

    def choose_item(self, products: Sequence[Product]) -> int:
        """The product that was bought, or else opened; any if none was."""
        return self._choose(products, [*self._of("purchase"), *self._of("add"), *self._of("view")])

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """The product that was opened first; any if none was."""
        return self._choose(results, self._of("view"))

    def _of(self, kind: str) -> list[str | None]:
        return [event.product for event in self.session.events if event.kind == kind]

    def _choose(self, products: Sequence[Product], wanted: list[str | None]) -> int:
        ids = [product.id for product in some(products)]
        index = next((ids.index(product) for product in wanted if product in ids), None)
        return int(self._rng.integers(len(products))) if index is None else index


def actions_of(events: Iterable[Event]) -> list[str]:
    """The actions that give these events again.

    Neighbouring purchase events are one ``purchase[]``; what a log buys without having put it into the cart is put
    there first; from a product's page the next product and the next page are reached by going back.
    """
    actions: list[str] = []
    cart: set[str] = set()
    on_product = buying = False
    for event in events:
        product = event.product or ""
        if buying and event.kind != "purchase":
            cart.clear()  # before this event, which may fill it again
        if on_product and event.kind in ("view", "next_page"):
            actions.append(to_text(Back()))
        match event.kind:
            case "search":
                filters = event.filters or NO_FILTERS
                search = Search.model_construct(
                    query=event.query or "", sort=event.sort or "relevance", **dict(filters)
                )
                actions.append(to_text(search))
            case "next_page":
                actions.append(to_text(NextPage()))
            case "view":
                actions.append(to_text(View(product_id=product)))
            case "add":
                actions.append(_add(event))
                cart.add(product)
            case "remove":
                actions.append(to_text(RemoveFromCart(product_id=product)))
                cart.discard(product)
            case "purchase":
                if buying:
                    actions.pop()
                if product not in cart:
                    actions.append(_add(event))
                actions.append(to_text(Purchase()))
            case "stop":
                actions.append(to_text(Stop()))
        if event.kind in ("search", "next_page", "view"):
            on_product = event.kind == "view"
        buying = event.kind == "purchase"
    return actions


def _add(event: Event) -> str:
    return to_text(
        AddToCart(product_id=event.product or "", units=min(event.units or 1, 10), options=dict(event.options))
    )
