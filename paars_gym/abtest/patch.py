"""Patches of product content that tell two arms apart: price, title, bullets, review summary, stars, availability.

A patch file is JSON lines or CSV, one change a row: which products (``product``, or any of the filters ``brand``,
``category``, ``min_price``, ``max_price``, ``min_rating``, or ``all``), and what (``price``, ``price_percent``,
``title``, ``bullets``, ``review_summary``, ``rating``, ``available``). In CSV ``|`` separates bullets; empty cells
change nothing.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from paars_gym.catalog.filters import Filters
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import SCHEMA, Catalog, fingerprint, to_table

SUMMARY = "Customers say"
"""Name of the attribute under which a detail page shows the review summary."""
_WHICH = ("brand", "category", "min_price", "max_price", "min_rating")


class Change(BaseModel):
    """One change to one product, to those that meet all filters, or to all.

    Attributes:
        product: Id of the one product.
        brand, category, min_price, max_price, min_rating: As in `Filters`.
        all: Every product.
        price: New price.
        price_percent: Change of the price in percent, -10 for a tenth off; products without a price keep none.
        title: New title.
        bullets: New selling points.
        review_summary: Shown on the detail page as ``Customers say``.
        rating: Mean stars that are shown.
        available: Whether it can be bought.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: str | None = None
    brand: str | None = Field(default=None, min_length=1)
    category: str | None = Field(default=None, min_length=1)
    min_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    min_rating: float | None = Field(default=None, ge=1, le=5)
    all: bool = False
    price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_percent: float | None = Field(default=None, ge=-100, allow_inf_nan=False)
    title: str | None = Field(default=None, min_length=1)
    bullets: tuple[str, ...] | None = None
    review_summary: str | None = Field(default=None, min_length=1)
    rating: float | None = Field(default=None, ge=1, le=5)
    available: bool | None = None

    @model_validator(mode="after")
    def _says_which_and_what(self) -> Self:
        filtered = any(getattr(self, name) is not None for name in _WHICH)
        if (self.product is not None) + filtered + self.all != 1:
            raise ValueError(f"it must name a product, or filters ({', '.join(_WHICH)}), or all, and only one of them")
        if self.price is not None and self.price_percent is not None:
            raise ValueError("price and price_percent exclude each other")
        what = (
            self.price,
            self.price_percent,
            self.title,
            self.bullets,
            self.review_summary,
            self.rating,
            self.available,
        )
        if all(value is None for value in what):
            raise ValueError("it changes nothing")
        return self

    def apply(self, product: Product) -> Product:
        """The product after the change."""
        new: dict[str, Any] = {}
        for name in ("price", "title", "bullets", "rating", "available"):
            if getattr(self, name) is not None:
                new[name] = getattr(self, name)
        if self.price_percent is not None and product.price is not None:
            new["price"] = round(product.price * (1 + self.price_percent / 100), 2)
        if self.review_summary is not None:
            new["attributes"] = {**product.attributes, SUMMARY: self.review_summary}
        return product.model_copy(update=new)


def read_patch(path: str | Path) -> tuple[Change, ...]:
    """The changes of a file, in order; later ones see what earlier ones did.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A row is no change, with its number; or there is none.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No patch file {str(path)!r}.")
    changes = []
    for number, row in _rows(path):
        try:
            changes.append(Change.model_validate(row))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=True)[0]
            where = ".".join(map(str, first["loc"]))
            reason = first["msg"].removeprefix("Value error, ")
            if first["type"] == "extra_forbidden":
                reason = f"there is no such field, only {', '.join(Change.model_fields)}"
            seen = f" {where} == {first['input']!r}:" if where else ""
            raise ValueError(f"{path}, line {number}:{seen} {reason}.") from None
    if not changes:
        raise ValueError(f"{path} holds no change; leave the patch out if nothing is to change.")
    return tuple(changes)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}).") from None
    if path.suffix.lower() == ".csv":
        csv.field_size_limit(max(csv.field_size_limit(), len(text)))
        for number, row in enumerate(csv.DictReader(text.splitlines()), start=2):
            cells: dict[str, Any] = {name: cell for name, cell in row.items() if cell and name is not None}
            if None in row:
                raise ValueError(f"{path}, line {number}: more cells than columns; quote cells that hold commas.")
            if "bullets" in cells:
                cells["bullets"] = [part.strip() for part in cells["bullets"].split("|")]
            yield number, cells
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number} is no JSON ({error}).") from None
        yield number, row


def patched(catalog: Catalog, changes: Sequence[Change], *, name: str = "a patch") -> tuple[Catalog, int]:
    """The catalog after the changes, in memory, and how many products differ in it.

    Raises:
        KeyError: A change names a product that the catalog does not have.
        ValueError: A change concerns no product at all.
    """
    new: dict[int, Product] = {}
    for change in changes:
        rows = _rows_of(catalog, change)
        if not len(rows):
            asked = change.model_dump(exclude_none=True, include=set(_WHICH))
            raise ValueError(f"{name}: no product of catalog {catalog.name!r} meets {asked}.")
        for row in rows:
            new[row] = change.apply(new.get(row) or catalog.product(row))
    different = {row: product for row, product in sorted(new.items()) if product != catalog.product(row)}
    order = np.arange(len(catalog))
    order[list(different)] = len(catalog) + np.arange(len(different))
    columns = pa.table({name: catalog.column(name) for name in SCHEMA.names}, schema=SCHEMA)
    whole = pa.concat_tables([columns, to_table(list(different.values()))])
    table = whole.take(order).combine_chunks()
    source = f"{catalog.card.source} Changed by {name}: {len(different)} products.".strip()
    card = catalog.card.model_copy(update={"fingerprint": fingerprint(table), "source": source})
    return type(catalog)(table, card), len(different)


def _rows_of(catalog: Catalog, change: Change) -> Sequence[int]:
    if change.product is not None:
        return [catalog.row(change.product)]
    if change.all:
        return range(len(catalog))
    from paars_gym.ranking.index import open_index

    filters = Filters(**{name: getattr(change, name) for name in _WHICH})
    rows: list[int] = open_index(catalog).rows(filters).tolist()
    return rows
