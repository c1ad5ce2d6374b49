"""Products, carts and checkouts in the words of the Universal Commerce Protocol, version 2026-04-08.

Names and shapes are those of the protocol's published schemas (https://ucp.dev, Apache License 2.0): what a catalog, a
cart and a checkout look like over MCP. Amounts are in minor units of the currency, as it asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from paars_gym.catalog.product import Product
from paars_gym.shop.observation import listing_title
from paars_gym.shop.state import CartLine, Options

VERSION = "2026-04-08"
SEARCH, LOOKUP = "dev.ucp.shopping.catalog.search", "dev.ucp.shopping.catalog.lookup"
CART, CHECKOUT = "dev.ucp.shopping.cart", "dev.ucp.shopping.checkout"
MOST_VARIANTS = 20
NO_CURRENCY = "XXX"
"""Of ISO 4217: what a catalog without a currency has prices in."""
_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "HUF": 2, "BHD": 3, "KWD": 3, "OMR": 3, "JOD": 3, "TND": 3}
"""Of the minor unit, by currency; 2 for any other."""

_OBJECT: dict[str, Any] = {"type": "object"}
_META = {
    "type": "object",
    "properties": {
        "ucp-agent": {
            "type": "object",
            "properties": {"profile": {"type": "string", "description": "URL of the platform's profile."}},
        },
        "idempotency-key": {"type": "string"},
    },
    "description": "Request metadata of the protocol.",
}
_ID = {"type": "string", "minLength": 1, "maxLength": 1_000}
_AMOUNT = {"type": "integer", "minimum": 0, "description": "In minor units, such as cents."}
_FILTERS = {
    "type": "object",
    "properties": {
        "categories": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
        "price": {"type": "object", "properties": {"min": _AMOUNT, "max": _AMOUNT}},
        "brand": {"type": "string"},
        "min_rating": {"type": "number", "minimum": 1, "maximum": 5},
        "in_stock": {"type": "boolean"},
    },
}
_SELECTED = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "label": {"type": "string"}},
    "required": ["name", "label"],
}
_LINES = {
    "type": "array",
    "maxItems": 50,
    "items": {
        "type": "object",
        "properties": {
            "item": {"type": "object", "properties": {"id": _ID}, "required": ["id"]},
            "quantity": {"type": "integer", "minimum": 1},
        },
        "required": ["item", "quantity"],
    },
    "description": "All lines; item.id is the id of a variant. A full replacement of what was there.",
}


def _tool(description: str, properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"meta": _META, **properties}, "required": list(required)}
    return {"description": description, "input_schema": schema}


_SEARCH_REQUEST = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "maxLength": 1_000},
        "filters": _FILTERS,
        "sort": {"type": "string", "description": "Of this shop alone: relevance, price_low, price_high, rating …"},
        "pagination": {
            "type": "object",
            "properties": {"cursor": {"type": "string"}, "limit": {"type": "integer", "minimum": 1}},
        },
        "context": _OBJECT,
    },
}
_LOOKUP_REQUEST = {
    "type": "object",
    "properties": {"ids": {"type": "array", "items": _ID, "minItems": 1}, "context": _OBJECT},
    "required": ["ids"],
}
_PRODUCT_REQUEST = {
    "type": "object",
    "properties": {"id": _ID, "selected": {"type": "array", "items": _SELECTED, "maxItems": 50}, "context": _OBJECT},
    "required": ["id"],
}
_CART = {"type": "object", "properties": {"line_items": _LINES}, "required": ["line_items"]}
_CHECKOUT = {"type": "object", "properties": {"line_items": _LINES, "cart_id": _ID}}
TOOLS: Mapping[str, dict[str, Any]] = {
    "search_catalog": _tool(
        "Search the catalog. Prices in filters are in minor units; pages follow by pagination.cursor.",
        {"catalog": _SEARCH_REQUEST},
        ["catalog"],
    ),
    "lookup_catalog": _tool(
        "What result lists say of up to 10 products or variants, by id.", {"catalog": _LOOKUP_REQUEST}, ["catalog"]
    ),
    "get_product": _tool(
        "Open a product's page: description, details, options, reviews.", {"catalog": _PRODUCT_REQUEST}, ["catalog"]
    ),
    "create_cart": _tool("Put items into a new cart.", {"cart": _CART}, ["cart"]),
    "get_cart": _tool("What is in the cart.", {"id": _ID}, ["id"]),
    "update_cart": _tool("Replace what is in the cart.", {"id": _ID, "cart": _CART}, ["id", "cart"]),
    "cancel_cart": _tool("Take everything out of the cart.", {"id": _ID}, ["id"]),
    "create_checkout": _tool(
        "Go to the checkout with a cart (cart_id) or with items.", {"checkout": _CHECKOUT}, ["checkout"]
    ),
    "get_checkout": _tool("How the checkout stands.", {"id": _ID}, ["id"]),
    "update_checkout": _tool(
        "Replace the items of the checkout.", {"id": _ID, "checkout": _CHECKOUT}, ["id", "checkout"]
    ),
    "complete_checkout": _tool(
        "Buy. No payment is needed in this shop.", {"id": _ID, "checkout": _OBJECT}, ["id"]
    ),
    "cancel_checkout": _tool("Leave the checkout without buying.", {"id": _ID}, ["id"]),
}  # fmt: skip
"""The tools of the protocol that this shop has, with the fields that it reads; others are let pass."""


class Money:
    """Amounts of one currency in its minor units."""

    def __init__(self, currency: str) -> None:
        """Args:
        currency: Of the catalog; anything but three capitals counts as none.
        """
        known = len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()
        self.currency = currency if known else NO_CURRENCY
        self._units: int = 10 ** _DIGITS.get(self.currency, 2)

    def amount(self, price: float | None) -> int:
        """A price; 0 for one that is not listed, which the product's metadata say."""
        return 0 if price is None else round(price * self._units)

    def major(self, amount: int) -> float:
        """What an amount is in the catalog's unit."""
        return amount / self._units

    def price(self, price: float | None) -> dict[str, Any]:
        """As a ``price`` of the protocol."""
        return {"amount": self.amount(price), "currency": self.currency}

    def totals(self, amount: int) -> list[dict[str, Any]]:
        """As ``totals`` of the protocol: nothing is added to prices here."""
        return [{"type": "subtotal", "amount": amount}, {"type": "total", "amount": amount}]


def envelope(*capabilities: str, error: bool = False, payment: bool = False) -> dict[str, Any]:
    """The ``ucp`` member of a response."""
    content: dict[str, Any] = {"version": VERSION, "status": "error" if error else "success"}
    if capabilities:
        content["capabilities"] = {name: [{"version": VERSION}] for name in capabilities}
    return content | ({"payment_handlers": {}} if payment else {})


def profile(endpoint: str) -> dict[str, Any]:
    """What ``/.well-known/ucp`` answers: where the tools are, and what they can do.

    Args:
        endpoint: Address of the MCP server.
    """
    at = f"https://ucp.dev/{VERSION}"
    service = {
        "version": VERSION,
        "spec": f"{at}/specification/overview",
        "transport": "mcp",
        "schema": f"{at}/services/shopping/mcp.openrpc.json",
        "endpoint": endpoint,
    }
    pages = {SEARCH: "catalog/search", LOOKUP: "catalog/lookup", CART: "cart", CHECKOUT: "checkout"}
    capabilities = {
        name: [
            {
                "version": VERSION,
                "spec": f"{at}/specification/{page}",
                "schema": f"{at}/schemas/shopping/{page.replace('/', '_')}.json",
            }
        ]
        for name, page in pages.items()
    }
    services = {"dev.ucp.shopping": [service]}
    return {"ucp": {"version": VERSION, "services": services, "capabilities": capabilities, "payment_handlers": {}}}


def message(code: str, content: str, *, path: str = "", severity: str = "recoverable") -> dict[str, Any]:
    """An error message of the protocol."""
    told = {"type": "error", "code": code, "content": content, "severity": severity}
    return told | ({"path": path} if path else {})


def error_response(*messages: Mapping[str, Any]) -> dict[str, Any]:
    """A response without a resource."""
    return {"ucp": envelope(error=True), "messages": list(messages)}


def code_of(error: str) -> str:
    """The protocol's code for what the shop refused."""
    if "out of stock" in error:
        return "out_of_stock"
    return "not_found" if error.startswith("There is no product") else "invalid"


def variant_id(product_id: str, options: Iterable[tuple[str, str]] = ()) -> str:
    """The id of a product with options chosen: the product's own where none are."""
    chosen = urlencode(sorted(options), quote_via=quote)
    return f"{product_id}?{chosen}" if chosen else product_id


def read_variant_id(text: str, is_product: Any) -> tuple[str, Options]:
    """Product and options of a variant's id; ``is_product`` says whether a text is a product's own."""
    product_id, question, chosen = text.rpartition("?")
    if is_product(text) or not question:
        return text, ()
    return product_id, tuple(sorted(parse_qsl(chosen, keep_blank_values=True)))


def listed(product: Product, money: Money) -> dict[str, Any]:
    """A product as search results show it: what agents of this package are shown of it, and no more."""
    title = listing_title(product.title)
    return product_shape(product, money, {"title": title, "description": title}, ())


def detailed(
    product: Product, money: Money, page: Mapping[str, Any], selected: Options
) -> dict[str, Any]:  # fmt: skip
    """A product as its page shows it.

    Args:
        product: Of the catalog.
        money: Of the catalog.
        page: Its page, as `paars_gym.shop.observation.JsonRenderer` has it.
        selected: Options chosen.
    """
    text = "\n".join(filter(None, [page["description"], *(f"- {line}" for line in page["bullets"])]))
    shape = product_shape(product, money, {"title": page["title"], "description": text or page["title"]}, selected)
    shape["metadata"] |= {"brand": page["brand"], "attributes": page["attributes"]}
    shape["metadata"] |= {"reviews": page["reviews"], "reviews_total": page["reviews_total"]}
    if page["options"]:
        values = page["options"].items()
        had = {"available": product.available, "exists": True}
        shape["options"] = [
            {"name": name, "values": [{"label": label, **had} for label in choices]} for name, choices in values
        ]
        shape["selected"] = [{"name": name, "label": label} for name, label in selected]
        # Options are free of each other here: any choice can be had, so that these are but some of all variants.
        singles = [((name, label),) for name, choices in values for label in choices]
        others = [one for one in singles if one != selected][: MOST_VARIANTS - 1]
        shape["variants"] += [_variant(product, money, shape, tuple(sorted({**dict(selected), **dict(one)}.items())))
                              for one in others]  # fmt: skip
    return shape


def product_shape(product: Product, money: Money, words: Mapping[str, str], selected: Options) -> dict[str, Any]:
    """A product of the protocol with its featured variant."""
    price = money.price(product.price)
    shape: dict[str, Any] = {
        "id": product.id,
        "title": words["title"],
        "description": {"plain": words["description"]},
        "categories": [{"value": listing_title(name), "taxonomy": "merchant"} for name in product.category],
        "price_range": {"min": price, "max": price},
        "metadata": {"price_listed": product.price is not None},
    }
    if product.rating is not None:
        shape["rating"] = {"value": product.rating, "scale_min": 1, "scale_max": 5, "count": product.rating_count}
    shape["variants"] = [_variant(product, money, shape, selected)]
    return shape


def _variant(product: Product, money: Money, shape: Mapping[str, Any], options: Options) -> dict[str, Any]:
    chosen = ", ".join(f"{name}: {label}" for name, label in options)
    status = "in_stock" if product.available else "out_of_stock"
    return {
        "id": variant_id(product.id, options),
        "title": f"{shape['title']} ({chosen})" if chosen else shape["title"],
        "description": {"plain": chosen or shape["title"]},
        "price": money.price(product.price),
        "availability": {"available": product.available, "status": status},
        "options": [{"name": name, "label": label} for name, label in options],
    }


def line_items(cart: Iterable[tuple[CartLine, Product]], money: Money) -> list[dict[str, Any]]:
    """The lines of a cart."""
    lines = []
    for number, (line, product) in enumerate(cart, start=1):
        amount = money.amount(product.price)
        item = {"id": variant_id(line.product, line.options), "title": listing_title(product.title), "price": amount}
        lines.append(
            {"id": f"li_{number}", "item": item, "quantity": line.units, "totals": money.totals(amount * line.units)}
        )
    return lines


def total_of(lines: Iterable[Mapping[str, Any]]) -> int:
    """What lines come to, in minor units."""
    return sum(line["item"]["price"] * line["quantity"] for line in lines)
