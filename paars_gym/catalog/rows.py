"""Which product does a feed's row make, and what in it could not be used?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError

from paars_gym.catalog import cleaning
from paars_gym.catalog.feeds import Layout
from paars_gym.catalog.prices import UnreadableError, parse_currency, parse_price
from paars_gym.catalog.product import Product

SHOWN_CHARACTERS = 200
REQUIRED = ("id", "title")
READERS: dict[str, Callable[[Any], Any]] = {
    "id": cleaning.clean_id,
    "title": cleaning.clean_text,
    "category": cleaning.clean_path,
    "brand": cleaning.clean_text,
    "rating": cleaning.clean_rating,
    "rating_count": cleaning.clean_count,
    "popularity": cleaning.clean_amount,
    "bullets": cleaning.clean_list,
    "description": partial(cleaning.clean_text, lines=True),
    "attributes": cleaning.clean_mapping,
    "options": cleaning.clean_options,
    "reviews": cleaning.clean_reviews,
    "available": cleaning.clean_available,
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
    be read is left empty, or keeps its readable part, and is told. The rules of what a field may hold are those of
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
    """The product, after fields that break a rule of `Product` are left out and told."""
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
    text = value if isinstance(value, str) else cleaning.clean_text(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
