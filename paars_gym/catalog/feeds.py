"""Layouts of product feeds: which of a feed's columns is which field of a product.

A layout turns a raw row into raw values by field of `Product` (and ``currency``); `rows` cleans them afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from paars_gym.catalog.product import Product, original_id
from paars_gym.ingest.cells import UnreadableError, clean_mapping

Raw = Mapping[str, Any]
FIELDS = (*Product.model_fields, "currency")

# Most telling name first, as compared by `_folded`.
ALIASES: dict[str, tuple[str, ...]] = {
    "id": ("id", "productid", "sku", "asin", "parentasin", "itemid", "uid", "uniqid", "articleid", "gtin", "handle"),
    "title": ("title", "name", "producttitle", "productname", "itemname", "displayname"),
    "category": (
        "category", "categories", "categorypath", "productcategory", "categoryhierarchy", "producttype",
        "googleproductcategory", "breadcrumbs", "department", "maincategory",
    ),
    "brand": ("brand", "brandname", "productbrand", "manufacturer", "vendor", "store", "maker"),
    "price": ("price", "saleprice", "currentprice", "finalprice", "pricing", "sellingprice", "listprice"),
    "currency": ("currency", "currencycode", "pricecurrency"),
    "rating": ("rating", "averagerating", "avgrating", "stars", "reviewaverage", "meanrating"),
    "rating_count": (
        "ratingcount", "ratingnumber", "numberofratings", "ratingscount", "totalreviews", "reviewcount",
        "numberofreviews", "numreviews",
    ),
    "popularity": ("popularity", "sales", "unitssold", "purchases", "orders"),
    "bullets": ("bullets", "bulletpoints", "features", "productbulletpoint", "highlights", "aboutproduct"),
    "description": ("description", "productdescription", "fulldescription", "bodyhtml", "longdescription", "body"),
    "attributes": ("attributes", "specifications", "specs", "details", "productinformation", "productfeatures"),
    "options": ("options", "customizationoptions", "variants", "variations"),
    "reviews": ("reviews", "customerreviews"),
    "available": ("available", "availability", "instock", "stock", "availabilitystatus", "stockstatus"),
}  # fmt: skip


class FeedMapping(BaseModel):
    """How to read a feed.

    Attributes:
        format: One of `LAYOUTS`.
        columns: Field to the feed's column, before what the format says.
        only: Values by column: other rows are left out, and counted. None is what the format says.
        currency: ISO 4217 code; by default that of the first price with a mark. Rows in another are rejected.
        encoding: Of a text feed, if it is neither UTF-8, UTF-16 nor Windows-1252.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "generic"
    columns: Mapping[str, str] = {}
    only: Mapping[str, str] | None = None
    currency: str | None = None
    encoding: str | None = None


class Layout(NamedTuple):
    """How to read one kind of feed.

    Attributes:
        fields: Raw row to raw values by field.
        only: Columns and the value that a row must have to be taken.
        currency: Of prices without a mark, where the feed's description says so.
    """

    fields: Callable[[Raw], dict[str, Any]]
    only: Mapping[str, str] = {}
    currency: str | None = None


def webshop(row: Raw) -> dict[str, Any]:
    """WebShop's ``items_shuffle*.json``, one array (Yao et al. 2022, github.com/princeton-nlp/WebShop).

    ``product_category`` is a path with "›". A price may be a run of two, "$9.99$19.99". ``product_information`` has
    colons and direction marks at the ends of its names.
    """
    facts = row.get("product_information")
    if isinstance(facts, Mapping):
        facts = {str(name).strip(" :\u200e\u200f\u2003"): value for name, value in facts.items()}
    return {
        "id": row.get("asin"),
        "title": row.get("name"),
        "category": row.get("product_category") or row.get("category"),
        "brand": re.sub(r"^(?:Brand:|Visit the) | Store$", "", str(row.get("brand") or "")),
        "price": row.get("pricing") or row.get("list_price"),
        "rating": row.get("average_rating"),
        "rating_count": row.get("total_reviews"),
        "bullets": row.get("small_description"),
        "description": row.get("full_description"),
        "attributes": facts,
        "options": row.get("customization_options"),
        "reviews": row.get("reviews"),
        "available": row.get("availability_status"),
    }


def amazon_reviews_2023(row: Raw) -> dict[str, Any]:
    """Item metadata of Amazon Reviews 2023, ``meta_*.jsonl`` (Hou et al. 2024, amazon-reviews-2023.github.io).

    The hub's Parquet form writes ``details`` as JSON text and a missing price as "None". The reviews lie in other
    files and are not joined.
    """
    details = row.get("details")
    facts = details
    if not isinstance(details, Mapping):
        try:
            facts = clean_mapping(details)
        except UnreadableError as error:
            facts = error.instead
    brand = facts.get("Brand") if isinstance(facts, Mapping) else None
    return {
        "id": row.get("parent_asin") or row.get("asin"),
        "title": row.get("title"),
        "category": row.get("categories") or row.get("main_category"),
        "brand": brand or row.get("store"),
        "price": row.get("price"),
        "rating": row.get("average_rating"),
        "rating_count": row.get("rating_number"),
        "bullets": row.get("features"),
        "description": row.get("description"),
        "attributes": details,
    }


def esci(row: Raw) -> dict[str, Any]:
    """``shopping_queries_dataset_products.parquet`` of ESCI (Reddy et al. 2022, github.com/amazon-science/esci-data).

    It has no prices, ratings or categories, and its ids are unique within a locale only: by default the rows of
    ``us`` are taken.
    """
    color = row.get("product_color")
    return {
        "id": row.get("product_id"),
        "title": row.get("product_title"),
        "brand": row.get("product_brand"),
        "bullets": row.get("product_bullet_point"),
        "description": row.get("product_description"),
        "attributes": {"color": color} if color else {},
    }


def wands(row: Raw) -> dict[str, Any]:
    """``product.csv`` of WANDS, tab-separated (Chen et al. 2022, github.com/wayfair/WANDS).

    ``category hierarchy`` is a path with "/", ``product_features`` is "name:value|name:value" with names repeated.
    It has no prices and no brands.
    """
    path = row.get("category hierarchy") or row.get("category_hierarchy") or row.get("product_class")
    return {
        "id": row.get("product_id"),
        "title": row.get("product_name"),
        "category": [part for part in str(path or "").split("/") if part.strip()],
        "rating": row.get("average_rating"),
        "rating_count": row.get("rating_count"),
        "description": row.get("product_description"),
        "attributes": [part for part in str(row.get("product_features") or "").split("|") if part.strip(" :")],
    }


def catalog(row: Raw) -> dict[str, Any]:
    """The ``products.parquet`` of a catalog, for example after an edit; ids are not encoded twice."""
    return {**{field: row.get(field) for field in Product.model_fields}, "id": original_id(str(row.get("id") or ""))}


def generic(row: Raw) -> dict[str, Any]:
    """Any feed: each field comes from the first column with a usual name for it (`ALIASES`), however capitalised."""
    return {field: row[column] for field, column in _resolved(tuple(row)).items()}


LAYOUTS: dict[str, Layout] = {
    "generic": Layout(generic),
    "catalog": Layout(catalog),
    "webshop": Layout(webshop, currency="USD"),
    "amazon-reviews-2023": Layout(amazon_reviews_2023, currency="USD"),
    "esci": Layout(esci, only={"product_locale": "us"}),
    "wands": Layout(wands),
}


def layout(name: str) -> Layout:
    """A layout by name.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in LAYOUTS:
        raise ValueError(f"Unknown format {name!r}. Available: {', '.join(sorted(LAYOUTS))}.")
    return LAYOUTS[name]


def check_columns(chosen: Layout, mapping: Mapping[str, str], columns: tuple[str, ...] | None) -> None:
    """Finds out before a long build whether the fields and columns that a user named exist.

    Args:
        chosen: The layout.
        mapping: Columns by field.
        columns: The header of a table; None where rows may differ.

    Raises:
        ValueError: No such field, no such column, or no column for the id or the title.
    """
    for field, column in mapping.items():
        if field not in FIELDS:
            raise ValueError(f"--map {field}={column}: a product has no {field!r}, only {', '.join(FIELDS)}.")
        if columns is not None and column not in columns:
            raise ValueError(f"--map {field}={column}: no column {column!r} in the feed, only {', '.join(columns)}.")
    if columns is not None:
        columns_by_field = {**chosen.fields(dict.fromkeys(columns, "some")), **mapping}
        missing = [field for field in ("id", "title") if not columns_by_field.get(field)]
        if missing:
            raise ValueError(
                f"No column for {' and '.join(missing)} among {', '.join(columns)}. "
                f"Name it: --map {','.join(f'{field}=COLUMN' for field in missing)}; or give the --format."
            )


def unused_columns(chosen: Layout, mapping: Mapping[str, str], columns: tuple[str, ...] | None) -> tuple[str, ...]:
    """Columns of a table that become no field; none where a named format says which it reads."""
    if columns is None or chosen.fields is not generic:
        return ()
    used = {*_resolved(columns).values(), *mapping.values()}
    return tuple(column for column in columns if column not in used)


@lru_cache(maxsize=256)
def _resolved(columns: tuple[str, ...]) -> dict[str, str]:
    by_name = {_folded(column): column for column in reversed(columns)}
    column_of = {
        field: next((by_name[alias] for alias in aliases if alias in by_name), "") for field, aliases in ALIASES.items()
    }
    return {field: column for field, column in column_of.items() if column}


def _folded(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())
