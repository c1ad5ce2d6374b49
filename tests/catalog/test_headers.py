"""Header words as shops write them, and words for stock."""

from __future__ import annotations

import pytest

from paars_gym.catalog.feeds.headers import generic_fields, looks_like, read_header
from paars_gym.catalog.feeds.rows import clean_rating
from paars_gym.catalog.feeds.stock import read_stock
from paars_gym.ingest.cells import UnreadableError, clean_count, clean_path


@pytest.mark.parametrize(
    ("header", "field", "currency"),
    [
        ("Variant Price", "price", ""), ("price_eur", "price", "EUR"), ("Price (INR)", "price", "INR"),
        ("Regular price", "price", ""), ("discounted_price", "sale_price", ""), ("g:price", "price", ""),
        ("selling price", "price", ""), ("MRP", "price", ""), ("MRP (₹)", "price", "INR"),
        ("Preis in EUR", "price", "EUR"),
        ("Preis €", "price", "EUR"), ("prix_ttc", "price", ""), ("Precio de venta", "price", ""),
        ("Angebotspreis", "sale_price", ""), ("Précio oferta", "sale_price", ""), ("Product Name", "title", ""),
        ("Artikelbezeichnung", "title", ""), ("Désignation", "title", ""), ("Nombre del producto", "title", ""),
        ("Artikel-Nr.", "id", ""), ("item_id", "id", ""), ("Référence", "id", ""), ("Código", "id", ""),
        ("Verfügbarkeit", "available", ""), ("qty_in_stock", "available", ""), ("Disponibilité", "available", ""),
        ("Price incl. VAT", "price", ""), ("our price", "price", ""), ("Prijs", "price", ""), ("販売価格", "price", ""),
        ("Цена", "price", ""), ("मूल्य", "price", ""), ("ブランド", "brand", ""),
        ("商品名", "title", ""), ("库存", "available", ""),
        ("Marque", "brand", ""), ("Warengruppe", "category", ""), ("no_of_ratings", "rating_count", ""),
    ],
)  # fmt: skip
def test_headers_of_shops(header: str, field: str, currency: str) -> None:
    words = read_header((header, "something else"))
    assert words.columns == {field: (header,)}
    assert words.currency == currency


def test_the_current_price_goes_before_the_regular_one_and_one_before_none() -> None:
    row = {"MRP": "30", "selling_price": "", "name": "Fan", "discounted_price": None}
    assert generic_fields(row) == {"title": "Fan", "price": "30", "sale_price": None}
    assert generic_fields({**row, "selling_price": "20"})["price"] == "20"


def test_a_column_that_says_sold_out() -> None:
    assert generic_fields({"id": 1, "Sold out": "yes"})["available"] is False
    assert generic_fields({"id": 1, "out_of_stock": "0"})["available"] is True


def test_what_looks_like_something_and_is_not_used() -> None:
    columns = ["Kaufpreis netto", "warehouse_stock", "style_id", "EAN13", "colour", "brand_id", "paid"]
    assert looks_like(columns) == {
        "Kaufpreis netto": "a price", "warehouse_stock": "a stock status", "style_id": "an id", "EAN13": "an id",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("out_of_stock", "sold out"), ("sold_out", "sold out"), ("not_available", "sold out"),
        ("Not available", "sold out"),
        ("discontinued", "sold out"), ("Nicht vorrätig", "sold out"), ("Rupture de stock", "sold out"),
        ("Agotado", "sold out"), ("https://schema.org/SoldOut", "sold out"), ("OutOfStock", "sold out"),
        ("-2", "sold out"), ("Нет в наличии", "sold out"), ("売り切れ", "sold out"), ("无货", "sold out"),
        ("Tükendi", "sold out"),
        ("Indisponível", "sold out"), ("notify me", "sold out"), ("в наличии", "in stock"), ("在庫あり", "in stock"),
        ("preorder", "preorder"), ("pre-order", "preorder"), ("http://schema.org/PreOrder", "preorder"),
        ("Vorbestellbar", "preorder"), ("backorder", "backorder"), ("on_backorder", "backorder"),
        ("https://schema.org/BackOrder", "backorder"), ("in_stock", "in stock"), ("instock", "in stock"),
        ("https://schema.org/LimitedAvailability", "in stock"), ("Auf Lager", "in stock"), ("En stock", "in stock"),
        ("1,200", "in stock"), (3.0, "in stock"), ("", ""), (None, ""),
    ],
)  # fmt: skip
def test_words_for_stock(cell: object, status: str) -> None:
    assert read_stock(cell) == status


def test_a_word_that_is_none_is_refused() -> None:
    with pytest.raises(UnreadableError):
        read_stock("perhaps")


def test_counts_in_indian_grouping_and_ratings_that_nobody_gave() -> None:
    assert (clean_count("4,26,973"), clean_count("1,234,567 ratings"), clean_count("No reviews yet")) == (
        426_973,
        1_234_567,
        0,
    )
    shortened = ["1.2k", "10K", "2K+ ratings", "3,4M", "(12)", "Be the first to review", "—", "n.a."]
    assert [clean_count(cell) for cell in shortened] == [1_200, 10_000, 2_000, 3_400_000, 12, 0, 0, 0]
    assert [clean_rating(cell) for cell in ("No rating available", "Not rated", "Unrated", "keine Bewertung")] == [
        None
    ] * 4


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        ("Home/Kitchen/Pans", ("Home", "Kitchen", "Pans")),
        ("Home|Kitchen", ("Home", "Kitchen")),
        ("TV/Audio > Headphones", ("TV/Audio", "Headphones")),
        ("(not set)", ()),
        ("1/2 inch", ("1/2 inch",)),
        ("Home -> Pans", ("Home", "Pans")),
        ("Home::Pans", ("Home", "Pans")),
        ("Home → Pans", ("Home", "Pans")),
        ('["Clothing >> Women >> Shirts"]', ("Clothing", "Women", "Shirts")),
    ],
)
def test_category_paths(cell: str, path: tuple[str, ...]) -> None:
    assert clean_path(cell) == path
