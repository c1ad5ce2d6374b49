"""Layouts of product feeds: how the rows of each kind of feed become products, and how a feed's kind is recognised.

A layout turns a raw row into raw values by field (`FIELDS`); `rows` cleans them afterwards.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paars_gym.catalog.feeds.headers import folded_name, generic_fields, read_header
from paars_gym.catalog.feeds.markup_feeds import GOOGLE_COLUMNS, google_merchant, schema_org, schema_org_products
from paars_gym.catalog.feeds.public_feeds import amazon_reviews_2023, catalog, esci, wands, webshop
from paars_gym.catalog.feeds.shop_exports import (
    SHOPIFY_COLUMNS,
    WOOCOMMERCE_COLUMNS,
    WooCommerceKeys,
    shopify,
    woocommerce,
)
from paars_gym.catalog.product import Product
from paars_gym.files import read_text
from paars_gym.ingest.csv_records import CsvFormat
from paars_gym.ingest.shaping import columns_of
from paars_gym.ingest.unpacking import UNPACK_RATIO

Raw = Mapping[str, Any]
OFFER_FIELDS = ("currency", "sale_price", "sale_starts", "sale_ends")
FIELDS = (*Product.model_fields, *OFFER_FIELDS)
"""What a layout may tell of a row: the fields of a product, and what its price depends on.

Besides, layouts of exports that write a product's variants as rows tell ``choice`` (by option its name, which
another row may tell, and the value), ``parent`` (True for a row that is no variant itself), ``variation`` (True for one
that is nothing else) ``listed`` (False for a draft) and ``variant``
(the id under which a variant itself is sold); one whose variants are in its row tells them as ``variants``.
"""
PEEKED_ROWS = 20
"""Rows of a feed without a header whose keys say what kind it is."""


class FeedMapping(BaseModel):
    """How to read a feed; a TOML or JSON file of the same keys.

    Attributes:
        format: One of `LAYOUTS`; by default the one that the columns are those of, else generic.
        columns: Field to the feed's column, before what the format says: a path (`ingest.shaping`), or several, of
            which the first that is filled counts. ``options.Size`` is the column of an option, ``attributes.Fit`` that
            of a fact.
        explode: Array whose items are the products: a row for each.
        group: Column whose equal values are rows (variants, images) of one product.
        split: Column to the characters that separate what is in it: ``","`` makes a list, ``",;"`` a list of lists.
        only: Values by column: other rows are left out, and counted. None is what the format says.
        currency: ISO 4217 code; by default that of the first price with a mark. Rows in another are rejected.
        encoding: Of a text feed, if it is neither UTF-8, UTF-16 nor Windows-1252.
        as_of: Day of which sales with a beginning and an end are the price, 2026-11-29; by default that of the build.
        unpack_ratio: So many times its size a packed feed may unpack to.
        allow_unpriced: Whether a catalog may be built in which nothing has a price; the command line asks for that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str | None = None
    columns: Mapping[str, str | tuple[str, ...]] = {}
    explode: str | None = None
    group: str | None = None
    split: Mapping[str, str] = {}
    only: Mapping[str, str] | None = None
    currency: str | None = None
    encoding: str | None = None
    as_of: str | None = None
    unpack_ratio: float = Field(default=UNPACK_RATIO, gt=0)
    allow_unpriced: bool = True

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """A mapping from a ``.toml`` or ``.json`` file.

        Raises:
            FileNotFoundError: No such file.
            ValueError: Not a mapping; the message says where.
        """
        text = read_text(Path(path), "--map")
        try:
            content = json.loads(text) if str(path).endswith(".json") else tomllib.loads(text)
            return cls.model_validate(content)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            keys = ", ".join(cls.model_fields)
            raise ValueError(f"Mapping {str(path)!r}: {faults}. Its keys are {keys}.") from error
        except (ValueError, RecursionError) as error:
            raise ValueError(f"Mapping {str(path)!r}: {error}") from error

    @property
    def written(self) -> CsvFormat:
        """How its file is written, as the reader takes it."""
        return CsvFormat(encoding=self.encoding, unpack_ratio=self.unpack_ratio)


class Layout(NamedTuple):
    """How to read one kind of feed.

    Attributes:
        fields: Raw row to raw values by field.
        signature: Columns (as `folded_name`) that such a feed has, by which it is recognised; of several sets one.
        columns: Columns that the layout reads or knows to be of no use; all of them where it is empty.
        only: Columns and the value that a row must have to be taken.
        currency: Of prices without a mark, where the feed's description says so.
        key: Makes a function that names the product that a row belongs to; None where a row is a product.
        rows: The products' rows that a row holds; None where it is one.
        unpriced: True for a public data set without prices.
    """

    fields: Callable[[Raw], dict[str, Any]]
    signature: tuple[frozenset[str], ...] = ()
    columns: frozenset[str] = frozenset()
    only: Mapping[str, str] = {}
    currency: str | None = None
    key: Callable[[], Callable[[Raw], str]] | None = None
    rows: Callable[[Raw], list[Raw]] | None = None
    unpriced: bool = False


def _signature(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(names.split()) for names in sets)


def _by(field: Callable[[Raw], Any]) -> Callable[[], Callable[[Raw], str]]:
    return lambda: lambda row: str(field(row) or "").strip()


GENERIC = "generic"
LAYOUTS: dict[str, Layout] = {
    GENERIC: Layout(generic_fields),
    "catalog": Layout(catalog, signature=(frozenset(map(folded_name, Product.model_fields)),)),
    "webshop": Layout(webshop, _signature("asin smalldescription customizationoptions"), currency="USD"),
    "amazon-reviews-2023": Layout(
        amazon_reviews_2023, _signature("parentasin averagerating ratingnumber features"), currency="USD"
    ),
    "esci": Layout(
        esci,
        _signature("productid producttitle productbulletpoint productlocale"),
        only={"product_locale": "us"},
        unpriced=True,
    ),
    "wands": Layout(wands, _signature("productid productname productclass categoryhierarchy"), unpriced=True),
    "shopify": Layout(
        shopify,
        _signature("handle title variantprice", "urlhandle title price option1name", "handle title option1name"),
        columns=SHOPIFY_COLUMNS,
        key=_by(lambda row: row.get("Handle") or row.get("URL handle")),
    ),
    "woocommerce": Layout(
        woocommerce,
        _signature("type sku name published regularprice parent", "id type name visibilityincatalog regularprice"),
        columns=WOOCOMMERCE_COLUMNS,
        key=WooCommerceKeys,
    ),
    "google-merchant": Layout(
        google_merchant,
        _signature("id title link imagelink availability price", "id title imagelink availability saleprice"),
        columns=GOOGLE_COLUMNS,
        key=_by(lambda row: next((row[name] for name in row if folded_name(name) == "itemgroupid"), "")),
    ),
    "schema-org": Layout(
        schema_org, _signature("context type", "context graph", "type offers name"), rows=schema_org_products
    ),
}


def layout(name: str) -> Layout:
    """A layout by name.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in LAYOUTS:
        raise ValueError(f"Unknown format {name!r}. Available: {', '.join(sorted(LAYOUTS))}.")
    return LAYOUTS[name]


def recognise(columns: tuple[str, ...]) -> str:
    """The format that a feed's columns are those of; generic when they are none's."""
    names = {folded_name(column) for column in columns}
    for name, one in LAYOUTS.items():
        if any(wanted <= names for wanted in one.signature):
            return name
    return GENERIC


def check_columns(chosen: Layout, mapping: FeedMapping, columns: tuple[str, ...] | None) -> None:
    """Finds out before a long build whether the fields and columns that a user named exist.

    Args:
        chosen: The layout.
        mapping: What the user says.
        columns: The header of a table; None where rows may differ.

    Raises:
        ValueError: No such field, no such column, or no column for the id or the title.
    """
    for field, column in mapping.columns.items():
        shown = column if isinstance(column, str) else "|".join(column)
        owner = field.partition(".")[0]
        if owner not in FIELDS or (owner != field and owner not in ("options", "attributes")):
            raise ValueError(f"--map {field}={shown}: a product has no {field!r}, only {', '.join(FIELDS)}.")
        if columns is not None and not set(columns_of(column)) & set(columns):
            raise ValueError(f"--map {field}={shown}: no column {shown!r} in the feed, only {', '.join(columns)}.")
    if columns is None:
        return
    for setting, named in {"explode": mapping.explode, "group": mapping.group}.items():
        if named is not None and not set(columns_of(named)) & set(columns):
            raise ValueError(f"{setting} = {named!r}: no such column in the feed, only {', '.join(columns)}.")
    if chosen.rows is None and mapping.explode is None:
        columns_by_field = {**chosen.fields(dict.fromkeys(columns, "some")), **mapping.columns}
        missing = [field for field in ("id", "title") if not columns_by_field.get(field)]
        if missing:
            raise ValueError(
                f"No column for {' and '.join(missing)} among {', '.join(columns)}. "
                f"Name it: --map {','.join(f'{field}=COLUMN' for field in missing)}; or give the --format."
            )


def used_columns(
    chosen: Layout, mapping: FeedMapping, columns: tuple[str, ...], samples: Sequence[Raw] = ()
) -> dict[str, tuple[str, ...]]:
    """The columns of each field: those named by the user, those found by name, and those that a layout reads.

    Args:
        chosen: The layout.
        mapping: What the user says.
        columns: Of the feed.
        samples: Some of its rows, as the layout takes them.
    """
    found = dict(read_header(columns).columns) if chosen.fields is generic_fields else _traced(chosen, columns, samples)
    for field, named in mapping.columns.items():
        owner = field.partition(".")[0]
        here = tuple(column for column in columns_of(named) if column in columns) or columns_of(named)
        found[owner] = (*found.get(owner, ()), *here) if owner != field else here
    sale = [column for field in ("sale_price", "sale_starts", "sale_ends") for column in found.pop(field, ())]
    if sale:
        found["price"] = (*sale[:1], *found.get("price", ()), *sale[1:])
    return {field: tuple(dict.fromkeys(named)) for field, named in found.items()}


def _traced(chosen: Layout, columns: tuple[str, ...], samples: Sequence[Raw]) -> dict[str, tuple[str, ...]]:
    """Which columns a layout reads for which field: those without which the field of some row would be another."""
    marks = dict(zip(columns, (f"<mark {number}>" for number in range(len(columns))), strict=True))
    found: dict[str, set[str]] = {}
    for row in (marks, *samples):
        made = _told(chosen.fields(row))
        for column in row:
            without = _told(chosen.fields({name: cell for name, cell in row.items() if name != column}))
            for field in FIELDS:
                if made.get(field) != without.get(field):
                    found.setdefault(field, set()).add(column)
    return {field: tuple(column for column in columns if column in named) for field, named in found.items()}


def _told(fields: Mapping[str, Any]) -> dict[str, str]:
    """What a layout makes of a row, to be compared; choices are options, and offers prices and stock."""
    shown = {field: str(value) for field, value in fields.items()}
    offers, choice = shown.pop("offers", ""), shown.pop("choice", "")
    return {**shown, "options": shown.get("options", "") + choice} | (
        {"price": offers, "available": offers} if offers else {}
    )


def unused_columns(
    chosen: Layout, mapping: FeedMapping, columns: tuple[str, ...], used_by: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Columns that become no field (``used_by``); none where a named format does not say which it reads."""
    used = {column for named in used_by.values() for column in named}
    used |= {column for named in (mapping.explode, mapping.group) if named for column in columns_of(named)}
    if chosen.fields is not generic_fields:
        known = chosen.columns
        if not known:
            return ()
        used |= {column for column in columns if {folded_name(column), _numbered(column), _market(column)} & known}
    return tuple(column for column in columns if column not in used)


def _market(column: str) -> str:
    """What a column says of one market or one channel: "Price / Canada"."""
    return folded_name(column.partition(" / ")[0])


def _numbered(column: str) -> str:
    """A column's name with any number in it as N: "Attribute 2 name" is one of a kind."""
    return "".join("N" if char.isdigit() else char for char in folded_name(column))
