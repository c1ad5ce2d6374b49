"""Layouts of public data sets of products: which of their columns is which field of a product."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from paars_gym.catalog.product import Product, original_id
from paars_gym.ingest.cells import UnreadableError, clean_mapping

Raw = Mapping[str, Any]


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
