"""Layouts of the exports of shop systems, in which a product's variants and images are rows of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from paars_gym.catalog.feeds.headers import folded_name
from paars_gym.ingest.shaping import filled

Raw = Mapping[str, Any]

SHOPIFY_COLUMNS = frozenset(
    map(
        folded_name,
        (
            "Handle", "URL handle", "Title", "Body (HTML)", "Description", "Vendor", "Product Category", "Type", "Tags",
            "Published", "Published on online store", "Status", "Option1 Name", "Option1 Value", "Option1 Linked To",
            "Option2 Name", "Option2 Value", "Option2 Linked To", "Option3 Name", "Option3 Value", "Option3 Linked To",
            "Variant SKU", "SKU", "Variant Price", "Price", "Variant Compare At Price", "Compare-at price",
            "Variant Inventory Tracker", "Inventory tracker", "Variant Inventory Qty", "Inventory quantity",
            "Variant Inventory Policy", "Continue selling when out of stock", "Cost per item", "Variant Grams",
            "Variant Fulfillment Service", "Fulfillment service", "Variant Requires Shipping", "Requires shipping",
            "Variant Taxable", "Charge tax", "Variant Tax Code", "Tax code", "Variant Barcode", "Barcode",
            "Weight value (grams)", "Variant Weight Unit", "Weight unit for display", "Image Src", "Product image URL",
            "Image Position", "Image Alt Text", "Variant Image", "Variant image URL", "Gift Card", "SEO Title",
            "SEO Description", "Unit Price Total Measure", "Unit Price Total Measure Unit", "Unit Price Base Measure",
            "Unit Price Base Measure Unit", "Included", "Compare At Price", "Google Shopping",
        ),
    )
)  # fmt: skip
WOOCOMMERCE_COLUMNS = frozenset(
    {
        *map(
            folded_name,
            (
                "ID", "Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Is featured?",
                "Visibility in catalog", "Short description", "Description", "Date sale price starts",
                "Date sale price ends", "Tax status", "Tax class", "In stock?", "Stock", "Low stock amount",
                "Backorders allowed?", "Sold individually?", "Weight (kg)", "Weight (lbs)", "Weight (g)", "Weight (oz)",
                "Length (cm)", "Width (cm)", "Height (cm)", "Length (in)", "Width (in)", "Height (in)",
                "Allow customer reviews?", "Purchase note", "Sale price", "Regular price", "Categories", "Tags",
                "Shipping class", "Images", "Download limit", "Download expiry days", "Parent", "Grouped products",
                "Upsells", "Cross-sells", "External URL", "Button text", "Position", "Brands", "Cost of goods",
            ),
        ),
        *("attributeNname", "attributeNvalues", "attributeNvisible", "attributeNglobal", "attributeNdefault"),
    }
)  # fmt: skip
_TRUE = {"true", "1", "yes"}


def shopify(row: Raw) -> dict[str, Any]:
    """Shopify's products CSV, with today's column names and the earlier ones.

    Rows of one handle are one product: the first tells it, each with a price is a variant, one with a picture alone is
    a picture. A variant whose stock nobody tracks, or that is sold on when there is none, can be bought. Only products
    with the status active (or none, as in old exports) that are published are on sale. The price before a sale
    (compare at) is not shown. Prices carry no currency.

    Source: help.shopify.com/en/manual/products/import-export/using-csv
    """
    choice: dict[str, Any] = {}
    for number in "123":
        name = _first(row, f"Option{number} Name", f"Option{number} name")
        value = _first(row, f"Option{number} Value", f"Option{number} value")
        if filled(value) and not (str(name or "Title").strip() == "Title" and str(value).startswith("Default")):
            choice[number] = (name, value)  # only the first row names the options
    price = _first(row, "Variant Price", "Price")
    tags = row.get("Tags")
    return {
        "id": _first(row, "Handle", "URL handle"),
        "title": row.get("Title"),
        "description": _first(row, "Body (HTML)", "Description"),
        "brand": row.get("Vendor"),
        "category": _first(row, "Product Category", "Product category", "Type"),
        "attributes": {"tags": tags} if filled(tags) else {},
        "price": price,
        "available": _shopify_stock(row) if filled(price) else None,
        "choice": choice,
        "variant": _first(row, "Variant SKU", "SKU") if filled(price) else None,
        "parent": not filled(price) and not choice,
        "listed": _shopify_listed(row),
    }


def _shopify_stock(row: Raw) -> Any:
    tracker = _first(row, "Variant Inventory Tracker", "Inventory tracker")
    quantity = _first(row, "Variant Inventory Qty", "Inventory quantity")
    goes_on = _first(row, "Variant Inventory Policy", "Continue selling when out of stock")
    untracked = ("Variant Inventory Tracker" in row or "Inventory tracker" in row) and not filled(tracker)
    if untracked or str(goes_on).strip().casefold() in {"continue", *_TRUE}:
        return True
    return quantity if filled(quantity) else None  # shops with several locations export none


def _shopify_listed(row: Raw) -> bool | None:
    status = str(row.get("Status") or "").strip().casefold()
    published = str(_first(row, "Published", "Published on online store") or "").strip().casefold()
    if status and status != "active":
        return False
    if published and published not in _TRUE:
        return False
    return True if status or published else None


def woocommerce(row: Raw) -> dict[str, Any]:
    """WooCommerce's products CSV, as its own exporter writes it.

    A variable product's row tells it; its variations follow, each with the parent's SKU or ``id:`` and its number, a
    price and one value of each attribute. ``Published`` is 1 for what is on sale, 0 for private, -1 for drafts, and
    products that are hidden from the catalog are left out too. The sale price counts while its dates say so. A
    variation whose stock is its parent's says "parent". Of several categories the deepest is taken.

    Source: github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema
    """
    kind = {word.strip() for word in str(row.get("Type") or "simple").casefold().split(",")}
    attributes: dict[str, Any] = {}
    for index in range(1, 100):
        if f"Attribute {index} name" not in row:
            break
        name, values = row[f"Attribute {index} name"], row.get(f"Attribute {index} value(s)")
        if filled(name) and filled(values):
            attributes[str(name)] = [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", str(values))]
    variation = "variation" in kind
    number = row.get("SKU") if filled(row.get("SKU")) else row.get("ID")
    tags = row.get("Tags")
    facts = {**({} if variation else attributes), **({"tags": tags} if filled(tags) else {})}
    return {
        "id": number,
        "title": row.get("Name"),
        "description": _lines(_first(row, "Description", "Short description")),
        "bullets": _lines(row.get("Short description")) if filled(row.get("Description")) else None,
        "category": _deepest(row.get("Categories")),
        "brand": row.get("Brands"),
        "attributes": facts,
        "price": row.get("Regular price"),
        "sale_price": row.get("Sale price"),
        "sale_starts": row.get("Date sale price starts"),
        "sale_ends": row.get("Date sale price ends"),
        "available": None if "variable" in kind else _woocommerce_stock(row),
        "choice": {name: (name, values[0]) for name, values in attributes.items()} if variation else {},
        "variant": number if variation else None,
        "parent": "variable" in kind or "grouped" in kind,
        "listed": _woocommerce_listed(row),
        "variation": variation,
    }


class WooCommerceKeys:
    """Names the product that a row of a WooCommerce export belongs to.

    Variations name their parent by its SKU or by ``id:`` and its number, whichever it has: both are the same product.
    """

    def __init__(self) -> None:
        self._sku_of: dict[str, str] = {}

    def __call__(self, row: Raw) -> str:
        sku, number = str(row.get("SKU") or "").strip(), str(row.get("ID") or "").strip()
        if "variation" in str(row.get("Type") or "").casefold():
            parent = str(row.get("Parent") or "").strip()
            if re.fullmatch(r"id:\s*\d+", parent):
                parent_id = parent.removeprefix("id:").strip()
                return self._sku_of.get(parent_id, f"id {parent_id}")
            return f"sku {parent}" if parent else ""
        if sku and number:
            self._sku_of[number] = f"sku {sku}"
        return f"sku {sku}" if sku else f"id {number}" if number else ""


def _woocommerce_stock(row: Raw) -> Any:
    if str(row.get("Backorders allowed?") or "").strip().casefold() in {"1", "notify", "yes"}:
        stock = str(row.get("Stock") or "").strip()
        if (stock and not re.search(r"[1-9]", stock)) or stock.startswith("-"):
            return "backorder"
    told = row.get("In stock?")
    if str(told).strip().casefold() == "backorder":
        return "backorder"
    return told if filled(told) else None


def _woocommerce_listed(row: Raw) -> bool | None:
    published = str(row.get("Published") or "").strip()
    hidden = str(row.get("Visibility in catalog") or "").strip().casefold() == "hidden"
    return None if not published and not hidden else published in {"1", "1.0", ""} and not hidden


def _lines(value: Any) -> Any:
    """A text in which the exporter wrote line ends as a backslash and an n."""
    return value.replace("\\n", "\n") if isinstance(value, str) else value


def _deepest(categories: Any) -> Any:
    paths = [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", str(categories or ""))]
    return max(filter(None, paths), key=lambda path: path.count(">"), default=None)


def _first(row: Raw, *names: str) -> Any:
    return next((row[name] for name in names if filled(row.get(name))), None)
