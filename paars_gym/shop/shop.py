"""What all visitors of one shop share: catalog, ranking, and every page that was already shown.

Visitors walk a graph: a `Scene` is a page as shown, a `Place` is a scene with a cart, and a place remembers the `Move`
that each action made from it. Moves are worked out by the rules of `state` and nothing else; remembering them makes a
step cost a microsecond. Forgotten, nothing changes but speed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.protocol import Ranked, RankingPolicy
from paars_gym.ranking.sorted import Resorted
from paars_gym.sessions.event import Intention
from paars_gym.shop.observation import CartEntry, Listing, ObservationKind, listing_title, make_renderer
from paars_gym.shop.state import Bought, Cart, Detail, Home, Page, Results, Shown, why_last


class Scene:
    """A page as shown in one shop.

    Attributes:
        page: Which page.
        text: Its part of the observation.
        info: Its part of ``info``.
        places: What it is with each cart.
    """

    __slots__ = ("info", "page", "places", "text")

    def __init__(self, page: Page, text: str, info: dict[str, Any]) -> None:
        self.page = page
        self.text = text
        self.info = info
        self.places: dict[Cart, Place] = {}


class Place:
    """A scene seen with a cart.

    Attributes:
        scene: The page.
        cart: The cart.
        cart_text: The cart's part of the observation.
        observation: The whole observation when nothing went wrong.
        moves: What each action led to, by its text; going back, by the scene it led to.
    """

    __slots__ = ("cart", "cart_text", "moves", "observation", "scene")

    def __init__(self, scene: Scene, cart: Cart, cart_text: str, observation: str) -> None:
        self.scene = scene
        self.cart = cart
        self.cart_text = cart_text
        self.observation = observation
        self.moves: dict[str | Scene, Move] = {}


class Move(NamedTuple):
    """What an action does from a place.

    Attributes:
        place: Where it leads.
        trail: 1 when the scene left goes onto the trail, -1 when going back takes the last one off, else 0.
        bought: Lines it buys.
        ends: Whether it ends the visit.
        observation: What the visitor then sees.
        info: The ``info`` of the step, but for its number and all purchases before.
    """

    place: Place
    trail: int
    bought: tuple[Bought, ...]
    ends: bool
    observation: str
    info: dict[str, Any]


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
        max_remembered: int = 20_000,
    ) -> None:
        """Args:
            catalog: What is sold.
            ranking: Orders the results.
            page_size: Results a page, 1 to 100.
            reviews_per_page: Reviews a detail page.
            observation: ``page`` (text) or ``json``.
            max_remembered: Scenes, places and moves remembered, some 2 kB each; when full, all are forgotten and made
                anew as needed.

        Raises:
            ValueError: A number out of range, or an unknown kind of observation.
        """
        if not 1 <= page_size <= 100:
            raise ValueError(f"page_size == {page_size}, must be from 1 to 100.")
        if reviews_per_page < 1 or max_remembered < 1:
            raise ValueError(f"{reviews_per_page=} and {max_remembered=} must be >= 1.")
        self.catalog = catalog
        self.ranking = ranking
        self.page_size = page_size
        self.reviews_per_page = reviews_per_page
        self.renderer = make_renderer(observation, shop_name=catalog.name, currency=catalog.currency)
        self._settings = {
            "page_size": page_size,
            "reviews_per_page": reviews_per_page,
            "observation": observation,
            "max_remembered": max_remembered,
        }
        self._max_remembered = max_remembered
        self._remembered = 0
        self._scenes: dict[Page | tuple[object, ...], Scene] = {}
        self._results = lru_cache(maxsize=max_remembered)(self._list_results)
        self._product_at = lru_cache(maxsize=max_remembered)(catalog.product)
        self.product = lru_cache(maxsize=max_remembered)(self._find_product)

    def __deepcopy__(self, memo: dict[int, Any]) -> Shop:
        """Itself: Gymnasium copies an environment's arguments, and nothing in a shop changes what it shows."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Opened anew where it is unpickled, with nothing remembered."""
        return _shop_again, (self.catalog, self.ranking, self._settings)

    def shown(self, results: Results) -> Shown:
        """What a page of results shows."""
        return self._results(results)[0]

    def scene(self, page: Page) -> Scene:
        """A page as shown here."""
        scene = self._scenes.get(page)
        if scene is None:
            self._count()
            scene = self._scenes[page] = self._make_scene(page)
        return scene

    def entrance(self, intention: Intention | None) -> Scene:
        """The home page of a visitor who came for something."""
        home = self.scene(Home())
        if intention is None:
            return home
        # All that the page shows of it; many visitors come for the same.
        key = intention.text, intention.goal, intention.budget
        scene = self._scenes.get(key)
        if scene is None:
            self._count()
            scene = self._scenes[key] = Scene(Home(), self.renderer.home(intention), home.info)
        return scene

    def place(self, scene: Scene, cart: Cart) -> Place:
        """A scene with a cart."""
        place = scene.places.get(cart)
        if place is None:
            self._count()
            cart_text = self._cart_text(cart) if cart else ""
            place = Place(scene, cart, cart_text, self.renderer.assemble(scene.text, cart_text))
            scene.places[cart] = place
        return place

    def remember(self, place: Place, action: str | Scene, move: Move) -> None:
        """Keeps what an action led to from a place."""
        self._count()
        place.moves[action] = move

    def _count(self) -> None:
        self._remembered += 1
        if self._remembered > self._max_remembered:
            self._remembered = 0
            scenes, self._scenes = self._scenes, {}
            # These refer to each other: without cutting the references one visitor would keep all of them alive. Other
            # threads may be adding to them meanwhile, so that nothing is changed that is iterated over.
            for scene in tuple(scenes.values()):
                places, scene.places = scene.places, {}
                for place in tuple(places.values()):
                    place.moves = {}

    def _make_scene(self, page: Page) -> Scene:
        info: dict[str, Any] = {
            "page": "home",
            "query": None,
            "results": (),
            "first_rank": 0,
            "product": None,
            "products": (),
            "more": why_last(self, page) is None,
            "page_size": self.page_size,
            "reviews_per_page": self.reviews_per_page,
        }
        match page:
            case Home():
                text = self.renderer.home(None)
            case Results():
                shown, products = self._results(page)
                text = self.renderer.results(page, _listings(shown, products), shown.total)
                info |= {"page": "results", "query": page.query, "results": shown.ids}
                info |= {"first_rank": shown.first_rank, "products": products}
            case Detail():
                product = self.product(page.product)
                assert product is not None, "a detail page is reached by a known id only"
                text = self.renderer.detail(page, product, self.reviews_per_page)
                info |= {"page": "product", "product": page.product, "products": (product,)}
        return Scene(page, text, info)

    def _list_results(self, results: Results) -> tuple[Shown, tuple[Product, ...]]:
        ranking = self.ranking if results.sort == "relevance" else Resorted(self.ranking, self.catalog, results.sort)
        offset = (results.number - 1) * self.page_size
        ranked = ranking.rank(results.query, results.filters, limit=self.page_size, offset=offset)
        if not isinstance(ranked, Ranked):
            raise ValueError(
                f"The ranking {ranking.name} gave a {type(ranked).__name__}, must give a paars_gym.ranking.Ranked: "
                "catalog row numbers, best first, and how many products match."
            )
        products = tuple([self._product_at(row) for row in ranked.rows])
        return Shown(tuple([product.id for product in products]), offset + 1, ranked.total), products

    def _find_product(self, product_id: str) -> Product | None:
        try:
            return self._product_at(self.catalog.row(product_id))
        except KeyError:
            return None

    def _cart_text(self, cart: Cart) -> str:
        entries = []
        for line in cart:
            product = self.product(line.product)
            assert product is not None, "the cart holds known products only"
            entries.append(CartEntry(line, listing_title(product.title), product.price))
        return self.renderer.cart(entries)


def _shop_again(catalog: Catalog, ranking: RankingPolicy, settings: dict[str, Any]) -> Shop:
    return Shop(catalog, ranking, **settings)


def _listings(shown: Shown, products: tuple[Product, ...]) -> list[Listing]:
    return [
        Listing(
            rank,
            product.id,
            listing_title(product.title),
            product.price,
            product.rating,
            product.rating_count,
            product.available,
        )
        for rank, product in enumerate(products, start=shown.first_rank)
    ]
