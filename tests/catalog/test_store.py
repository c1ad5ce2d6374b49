from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paars_gym import files
from paars_gym.catalog.files import SUMMED, check_replaceable, mend
from paars_gym.catalog.product import Product, Review
from paars_gym.catalog.store import Catalog, fingerprint, to_table
from paars_gym.checksums import write_checksums

FILES = ["catalog.json", "checksums.json", "products.arrow", "products.parquet"]


@pytest.fixture
def saved(catalog: Catalog, tmp_path: Path) -> Path:
    catalog.save(tmp_path / "shop")
    return tmp_path / "shop"


def test_what_is_saved_is_what_is_opened(catalog: Catalog, saved: Path) -> None:
    opened = Catalog.open(saved)
    assert list(opened) == list(catalog)
    assert opened.card == catalog.card.model_copy(update={"language": catalog.language})
    assert (len(opened), opened.folder, opened.synthetic, opened.name) == (12, saved, True, "twelve")
    np.testing.assert_array_equal(opened.price, catalog.price)
    assert np.isnan(opened.price[opened.row("k4")])
    assert opened.available.sum() == 11
    assert sorted(path.name for path in saved.parent.iterdir()) == ["shop"]


def test_rows_are_in_the_order_of_ids_and_every_id_is_found(saved: Path) -> None:
    catalog = Catalog.open(saved)
    ids = [product.id for product in catalog]
    assert ids == sorted(ids)
    assert [catalog.row(product_id) for product_id in ids] == list(range(12))
    assert catalog["s1"].reviews[4] == Review(
        rating=5, title="5 stars", text=catalog["s1"].reviews[4].text, helpful_votes=5
    )
    for absent in ("", "a", "h", "h22", "zz", "\U0010ffff"):
        assert absent not in catalog
    assert 7 not in catalog
    with pytest.raises(KeyError, match="No product 'zz' in catalog 'twelve'"):
        catalog["zz"]


def test_ids_beyond_the_basic_plane_sort_as_python_sorts_them(tmp_path: Path) -> None:
    ids = ["z", "é", "\uffee", "\U0001f600", "\ue000", "Z", "10", "9"]
    catalog = Catalog.from_products(Product(id=product_id, title="t") for product_id in ids)
    assert [product.id for product in catalog] == sorted(ids)
    assert all(catalog[product_id].id == product_id for product_id in ids)


def test_rows_are_found_across_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.catalog.files.BATCH_ROWS", 5)
    products = [Product(id=f"p{number:02d}", title=f"t{number}") for number in range(23)]
    Catalog.from_products(products).save(tmp_path / "c")
    catalog = Catalog.open(tmp_path / "c")
    assert list(catalog) == products
    assert [catalog.row(product.id) for product in products] == list(range(23))
    assert catalog.listing(22) == ("p22", "t22", None, None, 0, True)
    assert "p225" not in catalog


def test_no_products_and_twice_the_same_id() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Catalog.from_products([])
    with pytest.raises(ValueError, match="'a' occurs twice"):
        Catalog.from_products([Product(id="a", title="x"), Product(id="a", title="y")])


def test_the_fingerprint_depends_on_values_only(catalog: Catalog) -> None:
    table = to_table(list(catalog))
    whole = fingerprint(table)
    pieces = pa.concat_tables([table.slice(0, 5), table.slice(5, 0), table.slice(5, 1), table.slice(6)])
    assert fingerprint(pieces) == whole == catalog.fingerprint
    # Pinned: a new version of a library, or of ours, must not make old catalogs look changed.
    assert whole == "a323db0b72f5a72e"


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"}, {"price": 1.0}, {"price": None}, {"rating_count": 1}, {"available": False},
        {"bullets": ("Made by", "Auro")}, {"category": ("ShopHeadphones",)}, {"attributes": {"colourblack": ""}},
        {"reviews": ()}, {"options": {"size": ()}}, {"options": {"size": ("",)}},
    ],
)  # fmt: skip
def test_any_change_of_a_product_changes_the_fingerprint(catalog: Catalog, change: dict[str, object]) -> None:
    first, *rest = list(catalog)
    assert Catalog.from_products([first.model_copy(update=change), *rest]).fingerprint != catalog.fingerprint


def test_missing_damaged_or_strange_columns_are_rebuilt_from_the_parquet(saved: Path, tmp_path: Path) -> None:
    columns = saved / "products.arrow"
    good = columns.read_bytes()
    Catalog.from_products([Product(id="other", title="t")]).save(tmp_path / "other")
    strange = (tmp_path / "other" / "products.arrow").read_bytes()
    for damaged in (b"", good[: len(good) // 2], good[:-1], strange, b"not arrow at all"):
        columns.write_bytes(damaged)
        assert len(Catalog.open(saved)) == 12
        assert columns.read_bytes() == good
    columns.unlink()
    assert len(Catalog.open(saved)) == 12
    assert sorted(path.name for path in saved.iterdir()) == FILES


def test_a_parquet_that_was_edited_is_refused_with_what_to_do(catalog: Catalog, saved: Path) -> None:
    path = saved / "products.parquet"
    good = path.read_bytes()
    frame = pl.read_parquet(path)
    for edited in (frame, frame.with_columns(pl.col("price") * 2)):
        edited.write_parquet(path)
        for columns in (True, False):
            if not columns:
                (saved / "products.arrow").unlink(missing_ok=True)
            with pytest.raises(ValueError, match=r"products\.parquet: it has .* was written with .*paars catalog "):
                Catalog.open(saved)
        path.write_bytes(good)
        assert list(Catalog.open(saved)) == list(catalog)


def test_what_is_damaged_is_written_again_from_what_is_sound(catalog: Catalog, saved: Path) -> None:
    for name in ("products.parquet", "products.arrow"):
        good = (saved / name).read_bytes()
        (saved / name).write_bytes(good[:300] + bytes([good[300] ^ 4]) + good[301:])
        assert list(mend(saved)) == [name]
        assert (saved / name).read_bytes() == good
        (saved / name).unlink()
        assert mend(saved) == {name: "it is missing"}
        assert mend(saved) == {}
        assert list(Catalog.open(saved)) == list(catalog)
    (saved / "products.parquet").unlink()
    (saved / "products.arrow").write_bytes(b"")
    with pytest.raises(ValueError, match=r"parquet: it is missing; products\.arrow: .*Build the catalog again"):
        mend(saved)


def test_damage_that_no_time_betrays_is_found_when_everything_is_read(saved: Path) -> None:
    path = saved / "products.parquet"
    os.utime(path, (1, 1))
    time.sleep(0.2)  # what has just changed is not remembered
    Catalog.open(saved)
    state, good = path.stat(), path.read_bytes()
    path.write_bytes(good[:300] + bytes([good[300] ^ 4]) + good[301:])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(ValueError, match="its checksum is"):
        Catalog.open(saved)


def test_a_folder_without_a_catalog_or_with_a_strange_card(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No catalog in"):
        Catalog.open(tmp_path / "nowhere")
    for text, message in [
        ("{", "is no catalog card"),
        ('{"name": "x", "fingerprint": "y", "format_version": 2}', "format_version"),
    ]:
        (saved / "catalog.json").write_text(text)
        with pytest.raises(ValueError, match=r"catalog\.json: it has .* Build the catalog again"):
            Catalog.open(saved)
        write_checksums(saved / "checksums.json", {name: saved / name for name in SUMMED})
        with pytest.raises(ValueError, match=message):
            Catalog.open(saved)
    (saved / "catalog.json").unlink()
    with pytest.raises(ValueError, match=r"catalog\.json: it is missing"):
        Catalog.open(saved)
    with pytest.raises(FileNotFoundError):
        Catalog.open(saved.parent)


def test_save_takes_a_new_folder_only(catalog: Catalog, saved: Path) -> None:
    with pytest.raises(FileExistsError, match="exists"):
        catalog.save(saved)


def test_an_open_catalog_goes_on_while_it_is_replaced(catalog: Catalog, saved: Path) -> None:
    opened = Catalog.open(saved)
    with files.replaced_folder(saved) as building:
        other = Catalog.from_products([Product(id="new", title="t")])
        other.save(building / "inner")
        for path in (building / "inner").iterdir():
            path.rename(building / path.name)
        (building / "inner").rmdir()
    assert list(opened) == list(catalog)
    assert [product.id for product in Catalog.open(saved)] == ["new"]


@pytest.mark.parametrize("exchange", [True, False])
def test_replacing_is_whole_or_not_at_all(saved: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool) -> None:
    if not exchange:
        monkeypatch.setattr(files, "_exchange", lambda *_: False)
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    with pytest.raises(RuntimeError), files.replaced_folder(saved) as building:  # noqa: PT012
        (building / "products.parquet").write_text("half")
        raise RuntimeError
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    with files.replaced_folder(saved) as building:
        (building / "catalog.json").write_text("new")
    assert [path.read_text() for path in saved.iterdir()] == ["new"]
    assert [path.name for path in saved.parent.iterdir()] == ["shop"]


def test_a_crash_between_the_two_renames_is_undone_at_the_next_opening(catalog: Catalog, saved: Path) -> None:
    saved.rename(saved.with_name(".shop.replaced"))
    assert list(Catalog.open(saved)) == list(catalog)


def test_what_is_no_catalog_is_never_replaced(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("meow")
    (tmp_path / "file").write_text("text")
    (saved / "notes.txt").write_text("mine")
    for path, message in [
        (tmp_path / "photos", "not a catalog"),
        (tmp_path / "file", "not a catalog"),
        (saved, "notes.txt"),
    ]:
        with pytest.raises(FileExistsError, match=message):
            check_replaceable(path)
    assert (saved / "notes.txt").read_text() == "mine"


def test_leftovers_of_killed_writers_are_swept_after_a_day(saved: Path) -> None:
    old, fresh = saved.parent / ".shop.building-old", saved.parent / ".shop.building-new"
    old.mkdir()
    fresh.mkdir()
    os.utime(old, (0, 0))
    shutil.copytree(saved, saved.parent / "copy")
    with files.replaced_folder(saved) as building:
        (building / "catalog.json").write_text("{}")
    assert not old.exists()
    assert fresh.exists()


def test_parquet_and_arrow_hold_the_same(saved: Path) -> None:
    table = pa.ipc.open_file(str(saved / "products.arrow")).read_all()
    assert pq.read_table(saved / "products.parquet").cast(table.schema).equals(table)


def test_details_are_read_past_the_map_as_pyarrow_reads_them(saved: Path) -> None:
    catalog = Catalog.open(saved)
    assert catalog._details
    for row in range(12):
        for name in ("bullets", "description", "attributes", "options", "reviews"):
            assert catalog._details[0].row(row)[name] == catalog.value(name, row)


def test_a_catalog_can_be_sent_to_a_worker(catalog: Catalog, saved: Path) -> None:
    for original in (catalog, Catalog.open(saved)):
        (function, arguments) = original.__reduce__()
        assert list(function(*arguments)) == list(catalog)
