"""What does one shop hold in common for all its visitors? Catalog, ranking, and every page that was already shown.

Visitors walk a graph: a `Place` is a page as shown, and remembers where each navigation from it led. That memory is
what makes steps cost a microsecond; emptied, nothing changes but speed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.ranking.sorted import Resorted
from paars_gym.sessions.event import Event, Intention
from paars_gym.shop.observation import CartEntry, Listing, ObservationKind, listing_title, make_renderer
from paars_gym.shop.state import CartLine, Detail, Home, Page, Results, Shown


class Place:
    """A page as shown in one shop.

    Attributes:
        page: Which page.
        text: Its part of the observation.
        observation: The whole observation when the cart is empty and nothing went wrong.
        info: Its part of ``info``; treat as read-only.
        moves: Where valid navigations led, by their text.
    """

    __slots__ = ("info", "moves", "observation", "page", "text")

    def __init__(self, page: Page, text: str, observation: str, info: dict[str, Any]) -> None:
        self.page = page
        self.text = text
        self.observation = observation
        self.info = info
        self.moves: dict[str, tuple[Place, tuple[Event, ...]]] = {}


class Shop:
    """A catalog under a ranking policy, shown in pages. Shared by any number of environments of one process."""

    def __init__(
        self,
        catalog: Catalog,
        ranking: RankingPolicy,
        *,
        page_size: int = 10,
        reviews_per_page: int = 3,
        observation: ObservationKind = "page",
        max_places: int = 20_000,
    ) -> None:
        """Args:
            catalog: What is sold.
            ranking: Orders the results.
            page_size: Results a page, 1 to 100.
            reviews_per_page: Reviews a detail page.
            observation: ``page`` (text) or ``json``.
            max_places: Pages remembered, some 4 kB each; when full, all are forgotten and made anew as needed.

        Raises:
            ValueError: A number out of range, or an unknown kind of observation.
        """
        if not 1 <= page_size <= 100:
            raise ValueError(f"page_size == {page_size}, must be from 1 to 100.")
        if reviews_per_page < 1 or max_places < 1:
            raise ValueError(f"reviews_per_page == {reviews_per_page}, max_places == {max_places}: both must be >= 1.")
        self.catalog = catalog
        self.ranking = ranking
        self.page_size = page_size
        self.reviews_per_page = reviews_per_page
        self.renderer = make_renderer(
            observation, shop_name=catalog.name, synthetic=catalog.synthetic, currency=catalog.currency
        )
        self._max_places = max_places
        self._places: dict[Page, Place] = {}
        self._listings = lru_cache(maxsize=max_places)(self._list_results)
        self.product = lru_cache(maxsize=max_places)(self._find_product)
        self.cart_text = lru_cache(maxsize=max_places)(self._render_cart)

    def shown(self, results: Results) -> Shown:
        """What a page of results shows."""
        return self._listings(results)[0]

    def place(self, page: Page) -> Place:
        """A page as shown here."""
        place = self._places.get(page)
        if place is None:
            if len(self._places) >= self._max_places:
                # Places refer to each other: without cutting those references a visitor would keep all of them alive.
                for old in self._places.values():
                    old.moves.clear()
                self._places.clear()
            place = self._places[page] = self._make_place(page)
        return place

    def entrance(self, intention: Intention | None) -> Place:
        """The home page of a visitor who came for something."""
        if intention is None:
            return self.place(Home())
        text = self.renderer.home(intention)
        return Place(Home(), text, self.renderer.assemble(text, "", None), self.place(Home()).info)

    def _make_place(self, page: Page) -> Place:
        info: dict[str, Any] = {"page": "home", "query": None, "results": (), "product": None}
        match page:
            case Home():
                text = self.renderer.home(None)
            case Results():
                shown, listings = self._listings(page)
                text = self.renderer.results(page, listings, shown.total)
                info |= {"page": "results", "query": page.query, "results": shown.ids}
            case Detail():
                product = self.product(page.product)
                assert product is not None, "a detail page is reached by a known id only"
                text = self.renderer.detail(page, product, self.reviews_per_page)
                info |= {"page": "product", "product": page.product}
        return Place(page, text, self.renderer.assemble(text, "", None), info)

    def _list_results(self, results: Results) -> tuple[Shown, tuple[Listing, ...]]:
        ranking = self.ranking if results.sort == "relevance" else Resorted(self.ranking, self.catalog, results.sort)
        offset = (results.number - 1) * self.page_size
        ranked = ranking.rank(results.query, results.filters, limit=self.page_size, offset=offset)
        listings = tuple(
            Listing(rank, product_id, listing_title(title), price, rating, rating_count, available)
            for rank, (product_id, title, price, rating, rating_count, available) in enumerate(
                (self.catalog.listing(row) for row in ranked.rows), start=offset + 1
            )
        )
        return Shown(tuple(item.id for item in listings), offset + 1, ranked.total), listings

    def _find_product(self, product_id: str) -> Product | None:
        try:
            return self.catalog[product_id]
        except KeyError:
            return None

    def _render_cart(self, cart: tuple[CartLine, ...]) -> str:
        entries = []
        for line in cart:
            product = self.product(line.product)
            assert product is not None, "the cart holds known products only"
            entries.append(CartEntry(line, listing_title(product.title), product.price))
        return self.renderer.cart(entries)
