"""The product that a feed's row makes, and what in the row could not be used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError

from paars_gym.catalog.feeds.layouts import FeedMapping, Layout
from paars_gym.catalog.feeds.sales import as_of_day, is_on
from paars_gym.catalog.feeds.stock import read_stock
from paars_gym.catalog.feeds.variants import as_facts, merged, with_offers
from paars_gym.catalog.product import Product, clean_id
from paars_gym.ingest.account import FillCounter
from paars_gym.ingest.cells import (
    ITEM_SEPARATORS,
    UnreadableError,
    clean_amount,
    clean_count,
    clean_list,
    clean_mapping,
    clean_path,
    clean_text,
    first_of,
    items_of,
    number_of,
    pairs_of,
)
from paars_gym.ingest.prices import parse_currency, parse_price
from paars_gym.ingest.shaping import filled, reader_of

SHOWN_CHARACTERS = 200
TOLD = ("available", "price")
"""Fields that say something with False and 0 too, and that an empty cell does not leave at that."""
NOTATION_ROWS = 2_000
"""Prices whose notation is looked at for the account."""
REQUIRED = ("id", "title")


def clean_options(value: Any) -> dict[str, tuple[str, ...]]:
    """Choices by name, each a list of texts or of objects with a ``value``, as WebShop's customization options.

    Raises:
        UnreadableError: Some part has no name; the rest is kept.
    """
    options: dict[str, tuple[str, ...]] = {}
    nameless = ""
    for name, content in pairs_of(value):
        items = items_of(content, ITEM_SEPARATORS)
        texts = (clean_text(item.get("value") if isinstance(item, Mapping) else item) for item in items)
        choices = tuple(dict.fromkeys(filter(None, texts)))
        if name and choices:
            options[name] = (*options.get(name, ()), *choices)
        elif choices:
            nameless = choices[0]
    if nameless:
        raise UnreadableError(f"no name for {nameless[:80]!r}", instead=options)
    return options


def clean_rating(value: Any) -> float | None:
    """Mean stars: 4.5, "4,5", "4.5 out of 5 stars". 0 means that nobody rated.

    Raises:
        UnreadableError: No number, or none from 1 to 5.
    """
    stars = number_of(value, "rating")
    if not stars:
        return None
    if not 1 <= stars <= 5:
        raise UnreadableError("not between 1 and 5")
    return stars


def clean_available(value: Any) -> bool:
    """Whether it can be bought: a truth value, a stock count, or words (`stock.read_stock`). Missing means that it can.

    Raises:
        UnreadableError: Words that say neither.
    """
    return read_stock(value) != "sold out"


def clean_reviews(value: Any) -> list[dict[str, Any]]:
    """Reviews as fields of `Review`, from objects with the names that public feeds use.

    Raises:
        UnreadableError: Some have no stars from 1 to 5; the others are kept.
    """
    reviews = []
    reason = ""
    items = items_of(value, None)
    for item in items:
        if not isinstance(item, Mapping):
            reason = "a review is an object with rating, title, text and helpful_votes"
            continue
        try:
            rating = clean_rating(first_of(item, "rating", "stars", "score", "overall", "star_rating"))
            votes = clean_count(first_of(item, "helpful_votes", "helpful_vote", "helpful", "vote"))
        except UnreadableError as error:
            reason = str(error)
            continue
        if rating is None:
            reason = "no stars"
            continue
        title = clean_text(first_of(item, "title", "summary", "headline", "review_headline"))
        text = clean_text(first_of(item, "text", "review", "body", "reviewText", "review_body"), lines=True)
        reviews.append({"rating": rating, "title": title, "text": text, "helpful_votes": votes})
    if reason:
        raise UnreadableError(f"{len(items) - len(reviews)} of {len(items)} reviews: {reason}", instead=reviews)
    return reviews


READERS: dict[str, Callable[[Any], Any]] = {
    "id": clean_id,
    "title": clean_text,
    "category": clean_path,
    "brand": clean_text,
    "rating": clean_rating,
    "rating_count": clean_count,
    "popularity": clean_amount,
    "bullets": clean_list,
    "description": partial(clean_text, lines=True),
    "attributes": clean_mapping,
    "options": clean_options,
    "reviews": clean_reviews,
    "available": clean_available,
}


class Problem(NamedTuple):
    """Something in a row that could not be used.

    Attributes:
        field: Of `Product`; empty when it is the row as a whole.
        value: What was seen, cut to `SHOWN_CHARACTERS`.
        reason: Why it could not be used.
        fatal: True when the row is rejected for it; otherwise the field keeps its readable part, or is left empty.
    """

    field: str
    value: str
    reason: str
    fatal: bool


class RowReader:
    """Makes products of raw rows, one currency for all.

    A row without a usable id or title, or with a price in another currency, is rejected; any other field that cannot
    be read is left empty, or keeps its readable part, and is reported. The rules of what a field may hold are those of
    `Product` alone.

    Attributes:
        currency: Of the catalog; None until a price with a mark has been seen.
        price_ranges: In how many rows the low end of a price range was taken.
        seen: How often each field was filled.
        notations: Of prices that are texts: how often each decimal mark was seen.
    """

    def __init__(self, layout: Layout, mapping: FeedMapping, *, currency: str | None) -> None:
        self.currency = currency
        self.price_ranges = 0
        self.seen = FillCounter()
        self.notations: Counter[str] = Counter()
        self._layout = layout
        self._named = [(field, reader_of(columns)) for field, columns in mapping.columns.items()]
        self._as_of = as_of_day(mapping.as_of)

    def raw(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row's raw values by field."""
        raw = self._layout.fields(values)
        for field, read in self._named:
            owner, dot, name = field.partition(".")
            if not dot:
                raw[field] = read(values)
            elif owner == "options":
                raw["choice"] = {**(raw.get("choice") or {}), name: (name, read(values))}
            else:
                raw["attributes"] = {**as_facts(raw.get("attributes")), name: read(values)}
        return raw

    def read_group(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Product | None, list[Problem]]:
        """The product of the raw values of several rows: its variants and pictures."""
        return self._product(merged(rows, self.current))

    def read_raw(self, raw: dict[str, Any]) -> tuple[Product | None, list[Problem]]:
        """The product of one row's raw values."""
        if "offers" in raw:
            raw = with_offers(raw)
        elif raw.get("choice"):
            raw = merged([raw], self.current)
        elif "sale_price" in raw:
            raw["price"] = self.current(raw)
        return self._product(raw)

    def current(self, raw: Mapping[str, Any]) -> Any:
        """The price of today: that of a sale that runs, where there is one; as its cell is written."""
        regular, sale = raw.get("price"), raw.get("sale_price")
        if not filled(sale) or not is_on(self._as_of, raw.get("sale_starts"), raw.get("sale_ends")):
            return regular
        try:
            asked = parse_price(sale).amount
            before = parse_price(regular).amount
        except UnreadableError:
            return sale
        if before is not None and (not asked or asked > before):  # 0 stands for none, and a dearer one is no sale
            return regular
        return sale

    def _product(self, raw: Mapping[str, Any]) -> tuple[Product | None, list[Problem]]:
        problems: list[Problem] = []
        fields: dict[str, Any] = {}
        for field, reader in READERS.items():
            value = raw.get(field)
            if value is None:
                continue
            try:
                fields[field] = reader(value)
            except UnreadableError as error:
                problems.append(Problem(field, _shown(value), str(error), fatal=False))
                if error.instead is not None:
                    fields[field] = error.instead
        self._price(raw, fields, problems)
        if "available" in fields and isinstance(raw["available"], str):
            self._say_waiting(raw["available"], fields)
        fields.setdefault("popularity", fields.get("rating_count", 0))
        product = _validated(fields, raw, problems)
        if product is None or any(problem.fatal for problem in problems):
            return None, problems
        for field, cleaned in fields.items():
            value = raw.get(field)
            if value is not None and (filled(value) if field in TOLD else cleaned):
                self.seen.add(field, value)
        if (
            self.seen.counts.get("price", 0) <= NOTATION_ROWS
            and isinstance(raw.get("price"), str)
            and "price" in fields
        ):
            self.notations[_notation(raw["price"])] += 1
        return product, problems

    def _say_waiting(self, stock: str, fields: dict[str, Any]) -> None:
        """What can be bought and does not come at once says so."""
        try:
            status = read_stock(stock)
        except UnreadableError:
            return
        if status in ("preorder", "backorder"):
            fields["attributes"] = {**fields.get("attributes", {}), "availability": status}

    def _price(self, raw: Mapping[str, Any], fields: dict[str, Any], problems: list[Problem]) -> None:
        value, stated = raw.get("price"), raw.get("currency")
        try:
            price = parse_price(value)
        except UnreadableError as error:
            problems.append(Problem("price", _shown(value), str(error), fatal=False))
            return
        if price.amount is None:
            return
        fields["price"] = price.amount
        try:
            codes = parse_currency(stated)
        except UnreadableError as error:
            problems.append(Problem("currency", _shown(stated), str(error), fatal=True))
            return
        if codes and price.currencies:
            codes = tuple(code for code in codes if code in price.currencies) or ("two currencies",)
        codes = codes or price.currencies
        if codes and self.currency is None:
            self.currency = codes[0]
        if codes and self.currency not in codes:
            reason = f"priced in {codes[0]}, but the catalog's currency is {self.currency}"
            problems.append(Problem("price", _shown(value), reason, fatal=True))
        self.price_ranges += price.is_range


def _notation(price: str) -> str:
    """How a price writes its decimals."""
    match = re.search(r"([.,])\d{1,2}(?!\d|[.,]\d)", price)
    return "whole numbers" if match is None else "decimal point" if match[1] == "." else "decimal comma"


def _validated(fields: dict[str, Any], raw: Mapping[str, Any], problems: list[Problem]) -> Product | None:
    """The product, after fields that break a rule of `Product` are left out and reported."""
    try:
        return Product.model_validate(fields)
    except ValidationError as error:
        broken: dict[str, str] = {}
        for detail in error.errors(include_url=False, include_input=False):
            broken.setdefault(str(detail["loc"][0]), str(detail["msg"]))
    for field, reason in broken.items():
        fatal = field in REQUIRED
        missing = fatal and not fields.get(field)
        problems.append(Problem(field, _shown(raw.get(field)), "missing" if missing else reason, fatal=fatal))
    rest = {field: value for field, value in fields.items() if field not in broken}
    return None if broken.keys() & set(REQUIRED) else Product.model_validate(rest)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else clean_text(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
