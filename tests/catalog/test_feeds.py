"""Each named feed, in its public layout, by a hand-made fixture."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paars_gym.catalog.feeds.build import BuildReport, build_catalog
from paars_gym.catalog.feeds.headers import ALIASES, folded_name, generic_fields
from paars_gym.catalog.feeds.layouts import FIELDS, LAYOUTS, FeedMapping
from paars_gym.catalog.product import Product, clean_id
from paars_gym.catalog.store import Catalog

FIXTURES = Path(__file__).parent / "fixtures"


def built(tmp_path: Path, feed: str | Path, **settings: object) -> tuple[Catalog, BuildReport]:
    report = build_catalog(FIXTURES / feed, tmp_path / "out", FeedMapping.model_validate(settings))
    return Catalog.open(tmp_path / "out"), report


def rejected(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]


def test_webshop(tmp_path: Path) -> None:
    catalog, report = built(tmp_path, "webshop.json", format="webshop")
    shoe = catalog["B0FAKE0001"]
    assert shoe.title == "Ember & Oak Men's Canvas Sneaker"
    assert shoe.category == ("Clothing, Shoes & Jewelry", "Men", "Shoes", "Fashion Sneakers")
    assert (shoe.brand, shoe.price, shoe.rating, shoe.rating_count) == ("Ember & Oak", 29.99, 4.4, 1204)
    assert shoe.popularity == 1204
    assert shoe.options == {"Size": ("8", "9"), "Color": ("black/white",)}
    assert shoe.attributes == {"Item Weight": "1.2 pounds", "Department": "mens"}
    assert shoe.description == "Light canvas.\nRubber sole."
    assert shoe.available
    jerky = catalog["B0FAKE0002"]
    assert (jerky.brand, jerky.rating, jerky.bullets, jerky.available) == ("Bean There", None, ("Plant based",), False)
    assert report.card.counts == {
        "rows": 4, "rejected": 1, "duplicates": 1, "left_out": 0, "products": 2, "price_ranges": 1,
    }  # fmt: skip
    assert [(line["row"], line["field"], line["reason"]) for line in rejected(tmp_path)] == [
        (3, "id", "the same id as row 1, which is kept"),
        (4, "id", "missing"),
    ]


def test_amazon_reviews_2023(tmp_path: Path) -> None:
    catalog, report = built(tmp_path, "amazon_meta.jsonl", format="amazon-reviews-2023")
    soap, hat, nozzle = (catalog[f"B0FAKE100{digit}"] for digit in "123")
    assert soap.category == ("All Beauty",)
    assert (soap.brand, soap.price, soap.rating_count) == ("Grove and Stone", 18.5, 10)
    assert soap.description == "A soap for the brush.\nLasts for months."
    assert soap.attributes["Package Dimensions"] == "4 x 3 x 2 inches; 8 Ounces"
    assert (hat.title, hat.price, hat.category[-1], hat.brand) == ("Knit Beanie Unisex", 7.99, "Hats", "")
    assert (nozzle.price, nozzle.brand) == (None, "Dew")
    assert report.card.counts["rejected"] == 1
    assert rejected(tmp_path)[0]["field"] == "title"


def test_amazon_reviews_2023_as_the_hub_converts_it_to_parquet(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (FIXTURES / "amazon_meta.jsonl").read_text().splitlines()]
    for row in rows:
        row.update(details=json.dumps(row["details"]), price=str(row["price"]), videos=None, images=None)
    feed = tmp_path / "meta.parquet"
    pq.write_table(pa.Table.from_pylist(rows), feed)
    lines, _ = built(tmp_path, "amazon_meta.jsonl", format="amazon-reviews-2023")
    table, _ = built(tmp_path, feed, format="amazon-reviews-2023")
    assert list(table) == list(lines)
    assert table.fingerprint == lines.fingerprint


def test_esci_takes_one_locale_and_counts_the_others(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (FIXTURES / "esci_products.jsonl").read_text().splitlines()]
    feed = tmp_path / "products.parquet"
    pq.write_table(pa.Table.from_pylist(rows), feed)
    catalog, report = built(tmp_path, feed, format="esci")
    bottle = catalog["B0FAKE2001"]
    assert (bottle.title, bottle.brand, bottle.price) == ("Steel Water Bottle 750 ml", "Rill", None)
    assert bottle.bullets == ("Double wall", "Fits cup holders")
    assert bottle.description == "Keeps cold for a day.\nBPA free."
    assert bottle.attributes == {"color": "Teal"}
    assert (report.card.counts["left_out"], report.card.counts["products"]) == (2, 2)
    assert report.currency_assumed
    japanese, _ = built(tmp_path, feed, format="esci", only={"product_locale": "jp"})
    assert [product.title for product in japanese] == ["水筒 750ml"]


def test_wands(tmp_path: Path) -> None:
    catalog, report = built(tmp_path, "wands_product.csv", format="wands")
    bed, table, cooker = catalog["0"], catalog["1"], catalog["2"]
    assert bed.category == ("Furniture", "Bedroom Furniture", "Beds & Headboards", "Beds")
    assert bed.attributes == {
        "overallwidth-sidetoside": "64.7", "producttype": "platform bed, bed", "framematerial": "wood",
    }  # fmt: skip
    assert (bed.rating, bed.rating_count) == (4.5, 15)
    assert table.title == '54" round "farm" table'
    assert (table.rating, table.rating_count, table.attributes) == (None, 0, {"shape": "round"})
    assert cooker.category == ("Slow Cookers",)
    assert report.card.counts["rejected"] == 0


GERMAN = {
    "id": "Artikel-Nr", "title": "Produktname", "category": "Kategorie", "brand": "Marke", "price": "Preis",
    "rating": "Bewertung", "available": "Verfügbarkeit",
}  # fmt: skip


def test_a_german_export_with_semicolons_in_latin_1(tmp_path: Path) -> None:
    text = (FIXTURES / "generic_de.csv").read_text()
    feed = tmp_path / "export.csv"
    feed.write_bytes(text.encode("cp1252"))
    catalog, report = built(tmp_path, feed, columns=GERMAN)
    assert catalog.currency == "EUR"
    mill, pot, spoon = catalog["A%201"], catalog["A%7C2"], catalog["A-4"]
    assert (mill.title, mill.price, mill.rating) == ("Kaffeemühle „Röst“", 1299.0, 4.5)
    assert (pot.title, pot.price, pot.available) == ("Teekanne über 1 l", 49.9, False)
    assert (spoon.price, spoon.rating, spoon.available) == (None, None, True)
    assert report.card.counts == {
        "rows": 5, "rejected": 2, "duplicates": 0, "left_out": 0, "products": 3, "price_ranges": 0,
        "unreadable_available": 1, "unreadable_price": 1, "unreadable_rating": 1,
    }  # fmt: skip
    rejections = [(line["row"], line["field"], line["value"], line["row_kept"]) for line in rejected(tmp_path)]
    assert (3, "price", "$3.49", False) in rejections
    assert (4, "price", "zwei Euro", True) in rejections
    assert (5, "id", "", False) in rejections


def test_german_headers_need_no_mapping(tmp_path: Path) -> None:
    named, _ = built(tmp_path, "generic_de.csv", columns=GERMAN)
    products = list(named)
    found, report = built(tmp_path, "generic_de.csv")
    assert list(found) == products
    assert report.unused == ()


def test_a_catalog_is_built_again_from_its_own_parquet(tmp_path: Path, catalog: Catalog) -> None:
    products = [*catalog, Product(id=clean_id("100% a|b"), title="An id with signs")]
    first = Catalog.from_products(products)
    first.save(tmp_path / "out")
    again, _ = built(tmp_path, tmp_path / "out" / "products.parquet", format="catalog")
    assert list(again) == list(first)
    assert again.fingerprint == first.fingerprint


def test_generic_prefers_the_more_telling_of_two_columns_however_written() -> None:
    row = {"Product Name": "a", "SKU": "1", "Avg-Rating": 4, "title": "b", "Sale_Price": 2}
    assert generic_fields(row) == {
        "id": "1", "title": "b", "sale_price": 2, "rating": 4,
    }  # fmt: skip


def test_every_alias_is_of_a_field_and_found_once() -> None:
    assert set(ALIASES) == set(FIELDS)
    names = [alias for aliases in ALIASES.values() for alias in aliases]
    folded = [folded_name(alias) for alias in names]
    assert all(folded)
    assert len(folded) == len(set(folded))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_layout_reads_an_empty_row_and_names_fields_only(name: str) -> None:
    told = {"choice", "parent", "variation", "variant", "variants", "listed", "offers"}
    assert set(LAYOUTS[name].fields({})) <= {*FIELDS, *told}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": {"titel": "Produktname"}}, "a product has no 'titel'"),
        ({"columns": {"title": "Name"}}, "no column 'Name'"),
        ({"columns": GERMAN, "only": {"Land": "de"}}, "no column 'Land'"),
        (
            {"format": "ebay"},
            "Unknown format 'ebay'. Available: amazon-reviews-2023, catalog, esci,",
        ),
        ({"columns": GERMAN, "currency": "euro cents"}, "ISO 4217"),
    ],
)
def test_a_mistaken_setting_is_told_before_the_work(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built(tmp_path, "generic_de.csv", **settings)
    assert not (tmp_path / "out").exists()
