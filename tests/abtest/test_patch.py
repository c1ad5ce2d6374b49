from __future__ import annotations

from pathlib import Path

import pytest

from paars_gym.abtest.arms import Arm, open_arm
from paars_gym.abtest.patch import SUMMARY, Change, patched, read_patch
from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig


def test_changes_by_product_and_by_filter(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "patch.jsonl"
    file.write_text(
        '{"product": "k1", "title": "Calor kettle", "review_summary": "Boils fast.", "bullets": ["New"]}\n'
        '{"brand": "Calor", "price_percent": -10}\n\n{"category": "Shoes", "max_price": 40, "available": false}\n'
    )
    new, changed = patched(catalog, read_patch(file))
    assert changed == 4
    kettle = new["k1"]
    assert (kettle.title, kettle.price, kettle.bullets) == ("Calor kettle", 31.41, ("New",))
    assert kettle.attributes == {"colour": "black", SUMMARY: "Boils fast."}
    assert new["k2"].price == 39.6
    assert [new[key].available for key in ("s1", "s3", "s4")] == [True, False, False]
    assert new["h1"] == catalog["h1"]
    assert [product.id for product in new] == [product.id for product in catalog]
    assert new.fingerprint != catalog.fingerprint
    assert catalog["k1"].price == 34.9


def test_csv_says_the_same(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "patch.csv"
    file.write_text("product,brand,price,bullets,available\nk1,,30.5,One | Two,\n,Ede,,,false\n")
    new, changed = patched(catalog, read_patch(file))
    assert (changed, new["k1"].price, new["k1"].bullets, new["s1"].available) == (3, 30.5, ("One", "Two"), False)


def test_a_new_title_is_found_by_search(catalog: Catalog) -> None:
    arm = open_arm(Arm("bm25", patch=[Change(product="k3", title="Samovar")]), ShopConfig(catalog=catalog))
    assert [catalog.listing(row)[0] for row in arm.shop.ranking.rank("samovar").rows] == ["k3"]


def test_a_patch_that_changes_nothing_leaves_the_fingerprint(catalog: Catalog) -> None:
    new, changed = patched(catalog, [Change(product="k1", price=34.9)])
    assert (changed, new.fingerprint) == (0, catalog.fingerprint)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"product": "k1"}', "line 1: it changes nothing"),
        ('{"price": 3}', "must name a product"),
        ('{"product": "k1", "brand": "Dunk", "price": 3}', "only one of them"),
        ('{"product": "k1", "price": -3}', "price == -3"),
        ('{"product": "k1", "prise": 3}', "prise"),
        ('{"product": "k1", "price": 3, "price_percent": 3}', "exclude each other"),
        ("nonsense", "line 1 is no JSON"),
        ("[1]", "line 1"),
        ("", "holds no change"),
    ],
)
def test_bad_patches(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "patch.jsonl"
    file.write_text(line)
    with pytest.raises(ValueError, match=says):
        read_patch(file)


def test_unknown_products_are_refused(catalog: Catalog) -> None:
    with pytest.raises(KeyError, match="No product 'zz'"):
        patched(catalog, [Change(product="zz", price=1)])
    with pytest.raises(ValueError, match="no product of catalog 'twelve' meets"):
        patched(catalog, [Change(brand="Nobody", price=1)])
    with pytest.raises(FileNotFoundError, match="No patch file"):
        read_patch("nowhere.csv")
