"""One product out of the rows of its variants and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from paars_gym.catalog.feeds.stock import StockStatus, read_stock
from paars_gym.ingest.cells import UnreadableError, clean_mapping, clean_text
from paars_gym.ingest.prices import ParsedPrice, parse_price
from paars_gym.ingest.shaping import filled

Raw = Mapping[str, Any]
PRICE_RANGE = "price range"
BEST_FIRST: tuple[StockStatus, ...] = ("in stock", "preorder", "backorder", "sold out")


class Offered(NamedTuple):
    """What one variant costs now, and whether it can be bought; an empty stock status is unknown."""

    raw: Raw
    price: ParsedPrice | None
    stock: StockStatus


def listed(rows: Sequence[Raw]) -> list[Raw]:
    """Of a product's rows those that are on sale: none where the product itself is a draft."""
    if any(row.get("listed") is False for row in rows if not row.get("variation")):
        return []
    return [row for row in rows if row.get("listed") is not False]


def merged(rows: Sequence[Raw], current: Callable[[Raw], Any]) -> dict[str, Any]:
    """The raw values of a product.

    Of every field the first row that fills it counts, rows that tell the product before those that tell a variant
    only. The price is the lowest current one among variants that can be bought (among all, when none can). It can be
    bought if any variant can. The values of its options are those of all variants; different prices become the fact
    `PRICE_RANGE`.

    Args:
        rows: Raw values by field of each row, in order.
        current: A row's price of today, as its cell is written.
    """
    ordered = [*(row for row in rows if not row.get("variation")), *(row for row in rows if row.get("variation"))]
    fields: dict[str, Any] = {}
    for row in ordered:
        for field, value in row.items():
            if not filled(fields.get(field)) and filled(value):
                fields[field] = value
    variants = [row for row in ordered if not row.get("parent")] or ordered
    offers = [_offered(row, current) for row in variants]
    for settled in (
        "price",
        "sale_price",
        "sale_starts",
        "sale_ends",
        "choice",
        "parent",
        "variation",
        "listed",
        "offers",
        "variant",
    ):
        fields.pop(settled, None)
    fields |= _shown(offers, current)
    if options := _options(ordered, variants):
        fields["options"] = options
    if span := _span(offers):
        fields["attributes"] = {**as_facts(fields.get("attributes")), PRICE_RANGE: span}
    return fields


def variant_lines(product_id: str, rows: Sequence[Raw], current: Callable[[Raw], Any]) -> Iterator[dict[str, Any]]:
    """What is sold of a product under ids of their own, a line a variant; logs of orders name these ids."""
    sold = [row for row in rows if not row.get("parent") and filled(row.get("variant"))]
    names = _option_names(rows) if sold else {}
    for row in sold:
        offer = _offered(row, current)
        choice = {names.get(slot, f"option {slot}"): clean_text(value) for slot, (_, value) in _chosen(row)}
        price = None if offer.price is None else offer.price.amount
        line = {"product": product_id, "variant": clean_text(row["variant"]), "options": choice, "price": price}
        yield {**line, "available": offer.stock != "sold out"}


def with_offers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The raw values of a product that tells its offers (price, currency, available) in a list."""
    product = {field: value for field, value in fields.items() if field != "offers"}
    offers = [_offered(offer, lambda offer: offer.get("price")) for offer in fields["offers"]]
    product |= _shown(offers, lambda offer: offer.get("price"))
    highs = [price for offer in fields["offers"] if (price := _price(offer.get("high")))]
    if span := _span([*offers, *(Offered({}, high, "in stock") for high in highs)]):
        product["attributes"] = {**as_facts(product.get("attributes")), PRICE_RANGE: span}
    return product


def _shown(offers: Sequence[Offered], current: Callable[[Raw], Any]) -> dict[str, Any]:
    """The price, its currency and the stock status of the variant that a page shows."""
    buyable = [offer for offer in offers if offer.stock != "sold out"] or list(offers)
    priced = [offer for offer in buyable if offer.price] or [offer for offer in offers if offer.price]
    fields: dict[str, Any] = {}
    if priced:
        cheapest = min(priced, key=lambda offer: offer.price.amount or 0.0 if offer.price else 0.0)
        fields["price"] = current(cheapest.raw)
        if filled(cheapest.raw.get("currency")):
            fields["currency"] = cheapest.raw["currency"]
    elif offers:  # none that can be read: the first, so that it is refused by name
        fields["price"] = current(offers[0].raw)
    told = [offer for offer in offers if filled(offer.raw.get("available"))]
    unknown = [offer for offer in offers if not filled(offer.raw.get("available"))]
    if told and not (unknown and all(offer.stock == "sold out" for offer in told)):
        best = min(told, key=lambda offer: BEST_FIRST.index(offer.stock) if offer.stock else len(BEST_FIRST))
        fields["available"] = best.raw["available"]
    return fields


def _offered(row: Raw, current: Callable[[Raw], Any]) -> Offered:
    try:
        stock = read_stock(row.get("available"))
    except UnreadableError:
        stock = ""
    return Offered(row, _price(current(row)), stock)


def _price(cell: Any) -> ParsedPrice | None:
    try:
        price = parse_price(cell)
    except UnreadableError:
        return None
    return price if price.amount is not None else None


def _options(rows: Sequence[Raw], variants: Sequence[Raw]) -> dict[str, list[str]]:
    """The values of each option, in the order of the variants; an option that one row names is named so in all."""
    names = _option_names(rows)
    options: dict[str, list[str]] = {}
    for row in variants:
        for slot, (_, value) in _chosen(row):
            if text := clean_text(value):
                options.setdefault(names.get(slot, f"option {slot}"), []).append(text)
    return {name: list(dict.fromkeys(values)) for name, values in options.items()}


def _option_names(rows: Sequence[Raw]) -> dict[str, str]:
    names: dict[str, str] = {}
    for row in rows:
        for slot, (name, _) in _chosen(row):
            if filled(name):
                names.setdefault(slot, clean_text(name))
    return names


def _chosen(row: Raw) -> Iterable[tuple[str, tuple[Any, Any]]]:
    return (row.get("choice") or {}).items()


def _span(offers: Sequence[Offered]) -> str:
    buyable = [offer for offer in offers if offer.stock != "sold out"] or offers
    amounts = sorted({offer.price.amount for offer in buyable if offer.price and offer.price.amount is not None})
    return f"{amounts[0]:,.2f} to {amounts[-1]:,.2f}" if len(amounts) > 1 else ""


def as_facts(value: Any) -> dict[str, Any]:
    """Facts as an object, whatever they are written as."""
    if isinstance(value, Mapping):
        return dict(value)
    try:
        return dict(clean_mapping(value))
    except UnreadableError as error:
        return dict(error.instead or {})
