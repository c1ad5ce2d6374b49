"""Pages as text for people and language models, or as JSON with the same content.

Product text is data: it is put on one line, shortened, and quoted where customers wrote it, so that nothing in it can
look like a part of the page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

from paars_gym.catalog.filters import Filters
from paars_gym.catalog.product import Product
from paars_gym.prompts import GOALS
from paars_gym.sessions.event import Intention
from paars_gym.shop.actions import clean_text
from paars_gym.shop.state import Bought, CartLine, Detail, Results

ObservationKind = Literal["page", "json"]
MAX_CHARS = 100_000
"""No page is longer; the limits below keep it well under."""

_LIMITS = {
    "title": 200,
    "brand": 80,
    "query": 200,
    "bullet": 300,
    "description": 2_000,
    "attribute": 200,
    "review": 600,
}
_MOST = {"bullets": 12, "attributes": 30, "options": 12, "values": 40}
_HINTS = ("You can: ", "You can also: ")
_BUDGET, _CART, _ORDERED, _NOT_POSSIBLE = "Your budget: ", "Your cart:", "Order placed: ", "Not possible: "
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥"}


class Listing(NamedTuple):
    """A product as a line of results.

    Attributes:
        rank: 1-based, in the whole list.
        id: Product id.
        title: One line.
        price: In the catalog's currency, None when unknown.
        rating: Mean stars, None when nobody rated it.
        rating_count: Number of ratings.
        available: Whether it can be bought.
    """

    rank: int
    id: str
    title: str
    price: float | None
    rating: float | None
    rating_count: int
    available: bool


class CartEntry(NamedTuple):
    """A cart line with what the page says of it."""

    line: CartLine
    title: str
    price: float | None


class Renderer(Protocol):
    """Turns pages into observations. ``page`` texts are remembered; `assemble` adds what changes from step to step."""

    def home(self, intention: Intention | None) -> str:
        """The entrance."""
        ...

    def results(self, results: Results, listings: Sequence[Listing], total: int) -> str:
        """A page of results."""
        ...

    def detail(self, detail: Detail, product: Product, reviews_per_page: int) -> str:
        """A product's page."""
        ...

    def cart(self, entries: Sequence[CartEntry]) -> str:
        """The cart; empty text when there is nothing in it."""
        ...

    def order(self, lines: Sequence[Bought]) -> str:
        """That an order was placed."""
        ...

    def assemble(self, page: str, cart: str, *, error: str | None = None, notice: str | None = None) -> str:
        """The observation: the page, the cart, what was wrong with the last action, and what it achieved."""
        ...


def make_renderer(kind: ObservationKind, *, shop_name: str, currency: str) -> Renderer:
    """A renderer by name.

    Raises:
        ValueError: Unknown kind.
    """
    if kind not in ("page", "json"):
        raise ValueError(f"observation == {kind!r}, must be 'page' or 'json'.")
    renderer = PageRenderer if kind == "page" else JsonRenderer
    return renderer(shop_name, currency)


def without_need(observation: str) -> str:
    """An observation without what the visitor came for, for whoever is told that apart from the page."""
    if observation.startswith("{"):
        try:
            content = json.loads(observation)
        except ValueError:
            return observation
        content.pop("intention", None)
        return json.dumps(content, ensure_ascii=False)
    return _without_lines(observation, (*GOALS.values(), _BUDGET))


def without_hints(observation: str) -> str:
    """An observation without the actions of the text grammar at its end, for whoever acts by other means."""
    return _without_lines(observation, _HINTS)


def same_page(observation: str) -> str:
    """What of an observation is the page: not what came of the last action before it, nor the cart below."""
    if observation.startswith((_NOT_POSSIBLE, _ORDERED)):
        observation = observation.partition("\n\n")[2]
    return observation.partition(f"\n{_CART}\n")[0]


def _without_lines(page: str, starts: tuple[str, ...]) -> str:
    # No text of others begins a line like these: it stands behind a number, a dash, a name or an id.
    return "\n".join(line for line in page.split("\n") if not line.startswith(starts))


class PageRenderer:
    """Pages as plain text."""

    def __init__(self, shop: str, currency: str) -> None:
        self._shop = shop
        self._currency = currency

    def home(self, intention: Intention | None) -> str:
        lines = [f"Welcome to {self._shop}."]
        if intention is not None:
            lines.append(f"{GOALS[intention.goal]} {_cut(intention.text, 'description')}")
            if intention.budget is not None:
                lines.append(f"{_BUDGET}{self.price(intention.budget)}")
        return "\n".join([*lines, "You can: search[words], view[id], add_to_cart[id], stop[]"])

    def results(self, results: Results, listings: Sequence[Listing], total: int) -> str:
        head = f'{self._shop}: results for "{_cut(results.query, "query")}"{self._conditions(results)}'
        if not listings:
            return f"{head}\nNothing matches.\nYou can: search[words], back[], stop[]"
        first, last = listings[0].rank, listings[-1].rank
        more = "next_page[], " if last < total else ""
        lines = [f"{item.rank}. [{item.id}] {item.title} | {self._figures(item)}" for item in listings]
        return "\n".join(
            [
                f"{head}, {first}-{last} of {total:,}",
                *lines,
                f"You can: view[id], add_to_cart[id], {more}search[words], back[], stop[]",
            ]
        )

    def detail(self, detail: Detail, product: Product, reviews_per_page: int) -> str:
        page = _detail(detail, product, reviews_per_page)
        lines = [f"{self._shop}: [{product.id}] {page['title']}"]
        lines += [f"Brand: {page['brand']}"] if page["brand"] else []
        lines += [f"Category: {' > '.join(page['category'])}"] if page["category"] else []
        item = Listing(0, product.id, "", product.price, product.rating, product.rating_count, product.available)
        lines.append(self._figures(item) + (" | in stock" if product.available else ""))
        lines += [f"Choose {name}: {', '.join(values)}" for name, values in page["options"].items()]
        lines += [f"- {bullet}" for bullet in page["bullets"]]
        lines += [f"Description: {page['description']}"] if page["description"] else []
        lines += [f"Details: {'; '.join(f'{k}: {v}' for k, v in page['attributes'].items())}"] * bool(
            page["attributes"]
        )
        more = page["reviews_last"] < page["reviews_total"]
        if page["reviews"]:
            lines.append(f"Reviews {page['reviews_first']}-{page['reviews_last']} of {page['reviews_total']}:")
            lines += [self._review(review) for review in page["reviews"]]
        buy = f"add_to_cart[{product.id}], " if product.available else ""
        paging = "next_page[] for more reviews, " if more else ""
        return "\n".join([*lines, f"You can: {buy}{paging}back[], search[words], stop[]"])

    def cart(self, entries: Sequence[CartEntry]) -> str:
        if not entries:
            return ""
        lines = []
        for (product, units, options), title, price in entries:
            chosen = f" ({', '.join(f'{k}: {v}' for k, v in options)})" if options else ""
            lines.append(f"  {units} x [{product}] {title}{chosen} | {self.price(price)}")
        total, unknown = _total(entries)
        note = f" (without {unknown} of unknown price)" if unknown else ""
        return "\n".join(
            [
                "",
                _CART,
                *lines,
                f"  Total: {self.price(total)}{note}",
                "You can also: purchase[], remove_from_cart[id]",
            ]
        )

    def order(self, lines: Sequence[Bought]) -> str:
        units = sum(line.units for line in lines)
        known = [line.units * line.price for line in lines if line.price is not None]
        paid = f" for {self.price(round(sum(known), 2))}" if known else ""
        return f"{_ORDERED}{units} {'unit' if units == 1 else 'units'}{paid}."

    def assemble(self, page: str, cart: str, *, error: str | None = None, notice: str | None = None) -> str:
        if error is not None:
            return f"{_NOT_POSSIBLE}{error}\n\n{page}{cart}"
        if notice is not None:
            return f"{notice}\n\n{page}{cart}"
        return f"{page}{cart}" if cart else page  # itself: a copy would be kept beside it

    def _figures(self, item: Listing) -> str:
        rated = "no ratings" if item.rating is None else f"{item.rating:.1f} stars"
        count = f" ({item.rating_count:,})" if item.rating is not None and item.rating_count else ""
        return f"{self.price(item.price)} | {rated}{count}" + ("" if item.available else " | out of stock")

    def _review(self, review: dict[str, Any]) -> str:
        helpful = f" ({review['helpful_votes']} found it helpful)" if review["helpful_votes"] else ""
        title = f"{review['title']}: " if review["title"] else ""
        return f'  {review["rating"]:g} stars: "{title}{review["text"]}"{helpful}'

    def _conditions(self, results: Results) -> str:
        said = conditions(results.filters)
        if results.sort != "relevance":
            said.append(f"sorted by {results.sort}")
        return f" ({', '.join(said)})" if said else ""

    def price(self, price: float | None) -> str:
        """A price as pages show it."""
        if price is None:
            return "price not listed"
        symbol = _SYMBOLS.get(self._currency)
        return f"{symbol}{price:,.2f}" if symbol else f"{price:,.2f} {self._currency}"


class JsonRenderer:
    """The same pages as one JSON object: page, its content, cart, cart_total, notice, error."""

    def __init__(self, shop: str, currency: str) -> None:
        self._head = {"shop": shop, "currency": currency}

    def home(self, intention: Intention | None) -> str:
        came_for = None if intention is None else intention.model_dump(include={"text", "goal", "budget"})
        return self._open({"page": "home", "intention": came_for})

    def results(self, results: Results, listings: Sequence[Listing], total: int) -> str:
        return self._open(
            {
                "page": "results",
                "query": _cut(results.query, "query"),
                "filters": results.filters.model_dump(exclude_defaults=True),
                "sort": results.sort,
                "number": results.number,
                "total": total,
                "results": [item._asdict() for item in listings],
            }
        )

    def detail(self, detail: Detail, product: Product, reviews_per_page: int) -> str:
        return self._open({"page": "product", "product": _detail(detail, product, reviews_per_page)})

    def cart(self, entries: Sequence[CartEntry]) -> str:
        lines = [
            {"id": line.product, "title": title, "units": line.units, "price": price, "options": dict(line.options)}
            for line, title, price in entries
        ]
        return json.dumps({"cart": lines, "cart_total": _total(entries)[0]}, ensure_ascii=False)[1:-1]

    def order(self, lines: Sequence[Bought]) -> str:
        return f"Order placed: {sum(line.units for line in lines)} units."

    def assemble(self, page: str, cart: str, *, error: str | None = None, notice: str | None = None) -> str:
        said = json.dumps({"notice": notice, "error": error}, ensure_ascii=False)
        return f"{page}, {cart or _EMPTY_CART}, {said[1:]}"

    def _open(self, content: dict[str, Any]) -> str:
        return json.dumps(self._head | content, ensure_ascii=False)[:-1]


_EMPTY_CART = '"cart": [], "cart_total": 0.0'


def conditions(filters: Filters) -> list[str]:
    """Filters in words, one a condition."""
    said = {
        "min_price": "price from {}",
        "max_price": "price up to {}",
        "brand": "brand {}",
        "min_rating": "at least {} stars",
        "category": "in {}",
    }
    given = filters.model_dump(exclude_defaults=True)
    words = [said[name].format(clean_text(str(value))) for name, value in given.items() if name in said]
    return [*words, "in stock"] if filters.in_stock else words


def listing_title(title: str) -> str:
    """A title as results and cart show it."""
    return _cut(title, "title")


def _detail(detail: Detail, product: Product, reviews_per_page: int) -> dict[str, Any]:
    """What a product's page says, cleaned and shortened; both renderings show exactly this."""
    first = (detail.number - 1) * reviews_per_page
    reviews = product.reviews[first : first + reviews_per_page]
    return {
        "id": product.id,
        "title": _cut(product.title, "title"),
        "brand": _cut(product.brand, "brand"),
        "category": [_cut(name, "brand") for name in product.category],
        "price": product.price,
        "rating": product.rating,
        "rating_count": product.rating_count,
        "available": product.available,
        "options": {
            _cut(name, "brand"): [_cut(value, "brand") for value in values[: _MOST["values"]]]
            for name, values in list(product.options.items())[: _MOST["options"]]
        },
        "bullets": [_cut(bullet, "bullet") for bullet in product.bullets[: _MOST["bullets"]]],
        "description": _cut(product.description, "description"),
        "attributes": {
            _cut(name, "brand"): _cut(value, "attribute")
            for name, value in list(product.attributes.items())[: _MOST["attributes"]]
        },
        "reviews": [
            {
                "rating": review.rating,
                "title": _cut(review.title, "title").replace('"', "'"),
                "text": _cut(review.text, "review").replace('"', "'"),
                "helpful_votes": review.helpful_votes,
            }
            for review in reviews
        ],
        "reviews_first": first + 1,
        "reviews_last": first + len(reviews),
        "reviews_total": len(product.reviews),
    }


def _total(entries: Sequence[CartEntry]) -> tuple[float, int]:
    """Price of the cart, and how many lines have none."""
    known = [entry.line.units * entry.price for entry in entries if entry.price is not None]
    return round(sum(known), 2), len(entries) - len(known)


def _cut(text: str, kind: str) -> str:
    limit = _LIMITS[kind]
    text = clean_text(text[: 4 * limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"
