"""What Ta Feng knows beside its baskets: a catalog of prices as paid, and the ages and areas that customers told."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import polars as pl

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog

FILES = ("ta_feng*.csv", "ta_feng*.csv.zip")
UNKNOWN = ("", "Unknown")
COLUMNS = ("CUSTOMER_ID", "AGE_GROUP", "PIN_CODE", "PRODUCT_SUBCLASS", "PRODUCT_ID", "AMOUNT", "SALES_PRICE")


def read_lines(folder: Path) -> pl.DataFrame:
    """The purchase lines, all columns of `COLUMNS` as text without white space around it.

    Raises:
        FileNotFoundError: The file is not in the folder.
    """
    paths = [path for pattern in FILES for path in sorted(folder.glob(pattern))]
    if not paths:
        raise FileNotFoundError(f"{str(folder)!r} has no file {' or '.join(FILES)}.")
    content = paths[0].read_bytes()
    if paths[0].suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(archive.namelist()[0])
    frame = pl.read_csv(content, columns=list(COLUMNS), infer_schema=False)
    return frame.with_columns(pl.all().str.strip_chars())


def ta_feng_catalog(lines: pl.DataFrame) -> Catalog:
    """The products that were bought. They have no names: a title says the number and the class of goods.

    A price is the median of what one unit cost, in new Taiwan dollars; popularity counts purchase lines. A product that
    was booked under several classes stands in the one that it was booked under most.
    """
    unit = pl.col("SALES_PRICE").cast(pl.Float64) / pl.col("AMOUNT").cast(pl.Float64)
    products = (
        lines.group_by("PRODUCT_ID")
        .agg(unit.median().alias("price"), pl.len().alias("lines"), pl.col("PRODUCT_SUBCLASS").mode().sort().first())
        .sort("PRODUCT_ID")
    )
    catalog = Catalog.from_products(
        (
            Product(
                id=number,
                title=f"Article {number}, class {group}",
                category=(f"Goods {group[:2]}", f"Class {group}"),
                price=max(round(price, 2), 0.01),
                popularity=float(count),
            )
            for number, price, count, group in products.iter_rows()
        ),
        name="ta-feng",
        currency="TWD",
        language="en",
    )
    source = (
        "Ta Feng, real purchases of November 2000 to February 2001. Products have no names; price is the median of "
        "what one unit cost; popularity counts purchase lines."
    )
    catalog.card = catalog.card.model_copy(update={"source": source})
    return catalog


def write_customers(lines: pl.DataFrame, path: Path) -> None:
    """Writes a Parquet table of what customers told: shopper, age, area (by postal code); null where unknown."""
    told = lines.group_by("CUSTOMER_ID").agg(pl.col("AGE_GROUP", "PIN_CODE").first()).sort("CUSTOMER_ID")
    known = [
        pl.when(~pl.col(column).is_in(UNKNOWN)).then(pl.col(column)).alias(name)
        for column, name in {"AGE_GROUP": "age", "PIN_CODE": "area"}.items()
    ]
    told.select(pl.col("CUSTOMER_ID").alias("shopper"), *known).write_parquet(path)
