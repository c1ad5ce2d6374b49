"""The product that a feed's row makes, and what in the row could not be used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError

from paars_gym.catalog.feeds import Layout
from paars_gym.catalog.product import Product, clean_id
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

SHOWN_CHARACTERS = 200
REQUIRED = ("id", "title")
_SOLD_OUT = re.compile(
    r"unavailable|out\W?of\W?stock|sold\W?out|not (?:currently )?available|discontinued|no longer|backorder|preorder",
    re.IGNORECASE,
)
_IN_STOCK = re.compile(
    r"in\W?stock|available|ships|left|order|limited|add to cart|online\W?only|instoreonly", re.IGNORECASE
)


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
    """Whether it can be bought: a truth value, a stock count, or words. Missing means that it can.

    Raises:
        UnreadableError: Words that say neither.
    """
    if isinstance(value, (bool, int, float)):
        return not value <= 0
    text = clean_text(value).casefold()
    if text in {"", "true", "yes", "y", "t"}:
        return True
    if text in {"false", "no", "n", "f"} or _SOLD_OUT.search(text):
        return False
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text) > 0
    if not _IN_STOCK.search(text):
        raise UnreadableError("says neither that it can be bought nor that it cannot", instead=True)
    return True


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
    """

    def __init__(self, layout: Layout, mapping: Mapping[str, str], *, currency: str | None) -> None:
        self.currency = currency
        self.price_ranges = 0
        self._layout = layout
        self._mapping = mapping

    def read(self, values: Mapping[str, Any]) -> tuple[Product | None, list[Problem]]:
        """The product of a row, or None, and what was wrong."""
        raw = self._layout.fields(values)
        for field, column in self._mapping.items():
            raw[field] = values.get(column)
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
        fields.setdefault("popularity", fields.get("rating_count", 0))
        product = _validated(fields, raw, problems)
        return (None if any(problem.fatal for problem in problems) else product), problems

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
