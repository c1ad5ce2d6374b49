"""Exports of five kinds of shops, recognised by their columns; what they sell was worked out by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from paars_gym.catalog.feeds.build import BuildReport, build_catalog
from paars_gym.catalog.feeds.layouts import FeedMapping
from paars_gym.catalog.product import Product, Review
from paars_gym.catalog.store import Catalog

FIXTURES = Path(__file__).parents[1] / "ingest" / "fixtures"
DAY = "2026-11-29"


def built(tmp_path: Path, feed: str | Path, **settings: object) -> tuple[dict[str, Product], BuildReport]:
    mapping = FeedMapping.model_validate({"as_of": DAY, **settings})
    report = build_catalog(FIXTURES / feed, tmp_path / "out", mapping)
    return {product.id: product for product in Catalog.open(tmp_path / "out")}, report


def counts(report: BuildReport) -> dict[str, int]:
    return {name: count for name, count in report.card.counts.items() if count}


def test_shopify(tmp_path: Path) -> None:
    products, report = built(tmp_path, "shopify_products.csv")
    assert (report.account.format, report.account.recognised) == ("shopify", True)
    assert products == {
        # S in sand is sold out, so the lowest price is that of M in sand; moss is sold on without stock.
        "linen-shirt": Product(
            id="linen-shirt", title="Fjell Linen Shirt", brand="Fjell & Sons", price=64.0,
            category=("Apparel & Accessories", "Clothing", "Shirts"), description="Airy linen.\nWashed, soft.",
            attributes={"tags": "summer, linen", "price range": "64.00 to 69.00"},
            options={"Size": ("S", "M"), "Color": ("Sand", "Moss")},
        ),
        "gift-note": Product(
            id="gift-note", title="Handwritten Gift Note", brand="Fjell & Sons", price=3.5, category=("Stationery",)
        ),
        "wool-cap": Product(
            id="wool-cap", title="Wool Cap", brand="Fjell & Sons", price=25.0, description="Warm.", available=False,
            category=("Apparel & Accessories", "Clothing Accessories", "Hats"),
        ),
    }  # fmt: skip
    assert counts(report) == {"rows": 8, "left_out": 2, "grouped": 3, "products": 3}
    assert report.unused == ()
    lines = [json.loads(line) for line in (tmp_path / "out" / "variants.jsonl").read_text().splitlines()]
    assert [tuple(line.values()) for line in lines] == [
        ("linen-shirt", "FJ-S-SA", {"Size": "S", "Color": "Sand"}, 59.0, False),
        ("linen-shirt", "FJ-M-SA", {"Size": "M", "Color": "Sand"}, 64.0, True),
        ("linen-shirt", "FJ-M-MO", {"Size": "M", "Color": "Moss"}, 69.0, True),
        ("gift-note", "FJ-NOTE", {}, 3.5, True),
        ("wool-cap", "FJ-CAP", {}, 25.0, False),
    ]


def test_shopify_without_stock_and_with_a_policy_alone(tmp_path: Path) -> None:
    header = "Handle,Title,Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Policy,Status"
    rows = ["cup,Cup,C1,5,shopify,deny,active", "pan,Pan,P1,9,shopify,continue,active", "jar,Jar,J1,3,,deny,active"]
    (tmp_path / "feed.csv").write_text("\n".join((header, *rows)) + "\n")
    products, report = built(tmp_path, tmp_path / "feed.csv")
    assert [product.available for product in products.values()] == [True] * 3
    assert report.account.facts["products without a stock status"] == "1 of 3, taken to be in stock"
    (tmp_path / "feed.csv").write_text("Handle,Title,Variant Price,Variant Inventory Qty,Variant Inventory Policy\n"
                                       "cup,Cup,5,0,deny\npan,Pan,9,0,continue\n")  # fmt: skip
    products, _ = built(tmp_path, tmp_path / "feed.csv")
    assert [products[name].available for name in ("cup", "pan")] == [False, True]


def test_shopify_with_the_names_of_2025(tmp_path: Path) -> None:
    products, report = built(tmp_path, "shopify_products_new.csv", currency="EUR")
    assert report.account.format == "shopify"
    (kettle,) = products.values()
    assert (kettle.price, kettle.options, kettle.available) == (49.9, {"Volume": ("1 l", "2 l")}, True)
    assert kettle.attributes == {"price range": "49.90 to 69.90"}
    assert counts(report) == {"rows": 3, "left_out": 1, "grouped": 1, "products": 1}


def test_woocommerce(tmp_path: Path) -> None:
    products, report = built(tmp_path, "woocommerce_products.csv")
    assert (report.account.format, report.account.recognised) == ("woocommerce", True)
    assert products == {
        # Blue is on sale for 39; the sale of grey is over, and red is not published.
        "HOOD": Product(
            id="HOOD", title="Harbour Hoodie", price=39.0, category=("Clothing", "Hoodies"), bullets=("Soft inside.",),
            description="A hoodie\nfor windy piers.", options={"Color": ("Blue", "Grey"), "Logo": ("Yes", "No")},
            attributes={
                "Color": "Blue, Grey", "Logo": "Yes, No", "tags": "harbour", "price range": "39.00 to 42.00",
            },
        ),
        "MUG": Product(
            id="MUG", title="Pier Mug", price=12.5, category=("Kitchen", "Mugs"), description="Holds 0.4 l.",
            attributes={"Material": "Stoneware, glazed"}, available=False,
        ),
        "VOUCH": Product(
            id="VOUCH", title="Gift Voucher", price=25.0, category=("Gifts",), attributes={"availability": "backorder"}
        ),
    }  # fmt: skip
    assert counts(report) == {"rows": 8, "left_out": 3, "grouped": 2, "products": 3}
    then, _ = built(tmp_path, "woocommerce_products.csv", as_of="2024-01-15")
    assert then["HOOD"].price == 30.0


def test_google_merchant(tmp_path: Path) -> None:
    products, report = built(tmp_path, "google_merchant.tsv")
    assert (report.account.format, report.card.currency) == ("google-merchant", "EUR")
    lamp, rug, vase = (products[name] for name in ("LAMP", "RUG-1", "VASE-1"))
    assert lamp == Product(
        id="LAMP", title="Orrin Desk Lamp", brand="Orrin", price=75.0, description="A lamp with a long arm.",
        category=("Home", "Lighting", "Desk Lamps"), options={"colour": ("black", "white", "green")},
        attributes={"condition": "new", "gtin": "4006381333931", "Socket": "E27", "price range": "75.00 to 95.00"},
    )  # fmt: skip
    assert (rug.price, rug.available, rug.category) == (240.0, True, ("Home & Garden", "Decor", "Rugs"))
    assert rug.attributes == {
        "condition": "new", "colour": "grey", "size": "120 x 180", "available from": "2027-02-01T08:00+0100",
        "availability": "preorder",
    }  # fmt: skip
    assert (vase.price, vase.category, vase.options) == (29.5, (), {})  # a sale price without dates is the price
    assert counts(report) == {"rows": 5, "grouped": 2, "products": 3}
    assert report.unused == ()
    after, _ = built(tmp_path, "google_merchant.tsv", as_of="2027-01-15")
    assert after["LAMP"].price == 89.0


def test_google_merchant_as_xml_and_with_commas_is_the_same(tmp_path: Path) -> None:
    expected, _ = built(tmp_path, "google_merchant.tsv")
    lines = (FIXTURES / "google_merchant.tsv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(lines, delimiter="\t"))
    with (tmp_path / "feed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [f"g:{name.replace(' ', '_')}" for name in rows[0]])
        writer.writeheader()
        writer.writerows({f"g:{name.replace(' ', '_')}": cell for name, cell in row.items()} for row in rows)
    items = []
    for row in rows:
        cells = {name.replace(" ", "_"): escape(cell) for name, cell in row.items() if cell}
        if section := cells.pop("product_detail", ""):
            _, name, value = section.split(":")
            cells["product_detail"] = (
                f"<g:attribute_name>{name}</g:attribute_name><g:attribute_value>{value}</g:attribute_value>"
            )
        items.append("<item>" + "".join(f"<g:{name}>{cell}</g:{name}>" for name, cell in cells.items()) + "</item>")
    (tmp_path / "feed.xml").write_text(
        '<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>'
        f"<link>https://shop.example</link>{''.join(items)}</channel></rss>"
    )
    for name in ("feed.csv", "feed.xml"):
        found, report = built(tmp_path, tmp_path / name)
        assert (report.account.format, report.account.recognised) == ("google-merchant", True)
        assert found == expected


def test_google_merchant_with_g_names_in_json(tmp_path: Path) -> None:
    """Such as a reader makes of a feed's XML: names with the prefix, repeated elements as lists."""
    row = {
        "g:id": "A1", "g:title": "Stool", "g:link": "https://shop.example/a1", "g:image_link": "https://img.example/a1",
        "g:availability": "out_of_stock", "g:price": "12.00 GBP", "g:product_type": ["Home > Stools", "Sale"],
        "g:product_detail": [{"g:attribute_name": "Legs", "g:attribute_value": "3"}],
    }  # fmt: skip
    (tmp_path / "feed.jsonl").write_text(json.dumps(row))
    products, report = built(tmp_path, tmp_path / "feed.jsonl")
    assert report.account.format == "google-merchant"
    assert products["A1"] == Product(
        id="A1", title="Stool", price=12, category=("Home", "Stools"), attributes={"Legs": "3"}, available=False
    )


def test_schema_org_in_the_scripts_of_a_page(tmp_path: Path) -> None:
    products, report = built(tmp_path, "schema_org.html")
    assert (report.account.format, report.card.currency) == ("schema-org", "EUR")
    assert products == {
        "NL-1": Product(
            id="NL-1", title="Nordlys Pillar Candle", category=("Home", "Candles"), brand="Nordlys", price=12.9,
            rating=4.6, rating_count=1204, popularity=1204, description="Burns 60 hours.",
            attributes={"Height": "20 cm", "colour": "ivory"}, reviews=(Review(rating=4, text="Lovely."),),
        ),
        # The cheapest is sold out; the next can be preordered.
        "NL-2": Product(
            id="NL-2", title="Nordlys Lantern", price=32.5, options={"size": ("S", "M", "L"), "colour": ("red",)},
            attributes={"price range": "32.50 to 40.00", "availability": "preorder"},
        ),
        "#glow": Product(id="#glow", title="Glow Sticks", price=3.0, attributes={"price range": "3.00 to 9.00"}),
    }  # fmt: skip


def test_schema_org_in_a_json_file_and_in_lines(tmp_path: Path) -> None:
    one = {
        "@context": "https://schema.org", "@type": "Product", "productID": "P1", "name": "Bell",
        "offers": [
            {"@type": "Offer", "price": "9.50", "priceCurrency": "USD", "availability": "SoldOut"},
            {"@type": "Offer", "price": "11", "priceCurrency": "USD", "availability": "LimitedAvailability"},
        ],
    }  # fmt: skip
    for name, text in {
        "pretty.json": json.dumps(one, indent=2),
        "lines.jsonl": json.dumps(one) + "\n" + json.dumps({"@context": "x", "@type": "Person", "name": "Ann"}) + "\n",
        "list.json": json.dumps([one]),
    }.items():
        (tmp_path / name).write_text(text)
        products, report = built(tmp_path, tmp_path / name)
        assert report.account.format == "schema-org"
        assert products == {"P1": Product(id="P1", title="Bell", price=11)}
        assert report.card.counts["rejected"] == (name == "lines.jsonl")


def test_a_mapping_groups_and_explodes_and_takes_the_first_that_is_filled(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text(
        "parent,sku,naming,now,was,left,size\n"
        "A,A1,Jar,,5.00,0,small\nB,B1,Lid,1.50,2.00,3,one\nA,A2,,6.50,7.00,2,large\nA,A3,,,9.00,1,huge\n"
    )
    (tmp_path / "map.toml").write_text(
        'group = "parent"\n[columns]\nid = "parent"\ntitle = "naming"\nprice = ["now", "was"]\navailable = "left"\n'
        '"options.Size" = "size"\n'
    )
    report = build_catalog(tmp_path / "feed.csv", tmp_path / "out", FeedMapping.read(tmp_path / "map.toml"))
    assert {product.id: product for product in Catalog.open(tmp_path / "out")} == {
        "A": Product(
            id="A", title="Jar", price=6.5, options={"Size": ("small", "large", "huge")},
            attributes={"price range": "6.50 to 9.00"},
        ),
        "B": Product(id="B", title="Lid", price=1.5, options={"Size": ("one",)}),
    }  # fmt: skip
    assert counts(report) == {"rows": 4, "grouped": 2, "products": 2}

    (tmp_path / "page.jsonl").write_text(
        json.dumps({"data": {"items": [{"no": 1, "n": "Jar"}, {"no": 2, "n": "Lid"}]}})
    )
    mapping = FeedMapping(explode="data.items", columns={"id": "data.items[*].no", "title": "data.items[*].n"})
    build_catalog(tmp_path / "page.jsonl", tmp_path / "out", mapping)
    assert [(product.id, product.title) for product in Catalog.open(tmp_path / "out")] == [("1", "Jar"), ("2", "Lid")]


@pytest.mark.parametrize("text", ['columns = {id = "a"}\nexplodes = "x"\n', "columns = ["])
def test_a_bad_mapping_says_where(tmp_path: Path, text: str) -> None:
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(ValueError, match=r"Mapping .*map.toml"):
        FeedMapping.read(tmp_path / "map.toml")
