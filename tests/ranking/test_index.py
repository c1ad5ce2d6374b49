"""The index: finds, filters, pages without gaps, survives any text, damage and company."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.cache import cache_dir
from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.ranking import index as index_module
from paars_gym.ranking.index import open_index
from paars_gym.ranking.query import MAX_TERMS, terms

WORDS = [f"w{number}" for number in range(40)]
BRANDS = ["Émile", "nord", "ÖST", ""]


def many_products(count: int, seed: int) -> list[Product]:
    """Short texts of few words, so that equal scores are common."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(WORDS) + 1)

    def words(size: int) -> str:
        return " ".join(rng.choice(WORDS, size, p=weights / weights.sum()))

    return [
        Product(
            id=f"p{row:05d}",
            title=words(3),
            category=("root", f"Cat {rng.integers(4)}"),
            brand=str(rng.choice(BRANDS)),
            price=None if rng.random() < 0.1 else float(rng.integers(1, 50)),
            rating=None if rng.random() < 0.1 else float(rng.integers(2, 11)) / 2,
            popularity=float(rng.integers(0, 20)),
            description=words(4),
            available=bool(rng.random() < 0.8),
        )
        for row in range(count)
    ]


CROWD = many_products(600, 0)


@pytest.fixture(scope="module")
def crowd() -> Catalog:
    return Catalog.from_products(CROWD)


def passes(product: Product, filters: Filters) -> bool:
    """The filters' meaning, written a second time."""
    low, high = filters.min_price, filters.max_price
    return (
        (low is None or (product.price is not None and product.price >= low))
        and (high is None or (product.price is not None and product.price <= high))
        and (filters.brand is None or product.brand.casefold() == filters.brand.casefold())
        and (filters.min_rating is None or (product.rating is not None and product.rating >= filters.min_rating))
        and (filters.category is None or filters.category.casefold() in {name.casefold() for name in product.category})
        and (not filters.in_stock or product.available)
    )


some_filters = st.builds(
    Filters,
    min_price=st.none() | st.integers(0, 20).map(float),
    max_price=st.none() | st.integers(20, 60).map(float),
    brand=st.none() | st.sampled_from(["émile", "NORD", "öst", "nobody"]),
    min_rating=st.none() | st.sampled_from([1.0, 3.0, 4.5, 5.0]),
    category=st.none() | st.sampled_from(["ROOT", "cat 1", "Cat 3", "cat"]),
    in_stock=st.booleans(),
)
unhurried = settings(deadline=None, max_examples=60)
queries = st.lists(st.sampled_from([*WORDS, "unheard"]), min_size=1, max_size=4).map(" ".join)


@unhurried
@given(queries, some_filters)
def test_the_matches_are_those_that_share_a_word_and_pass_the_filters(
    crowd: Catalog, query: str, filters: Filters
) -> None:
    asked = set(query.split())
    expected = {
        row
        for row, product in enumerate(CROWD)
        if asked & {*product.title.split(), *product.description.split()} and passes(product, filters)
    }
    hits = open_index(crowd).search(query, filters, limit=1_000)
    assert set(hits.rows) == expected
    assert hits.total == len(expected) == len(hits.rows)
    assert open_index(crowd).among(range(0, 600, 3), query, filters) == expected & set(range(0, 600, 3))


@unhurried
@given(some_filters)
def test_filters_alone_list_what_passes_by_popularity_then_id(crowd: Catalog, filters: Filters) -> None:
    expected = [row for row, product in enumerate(CROWD) if passes(product, filters)]
    index = open_index(crowd)
    assert index.rows(filters).tolist() == expected
    hits = index.search(" ?! ", filters, limit=1_000)
    by_popularity = sorted(expected, key=lambda row: (-crowd.popularity[row], row))
    assert hits.rows == ([] if filters == NO_FILTERS else by_popularity)


@unhurried
@given(queries, st.just(NO_FILTERS) | some_filters, st.integers(1, 250), st.integers(0, 650))
def test_every_slice_is_cut_from_one_list_sorted_by_score_then_id(
    crowd: Catalog, query: str, filters: Filters, limit: int, offset: int
) -> None:
    index = open_index(crowd)
    whole = index.search(query, filters, limit=1_000)
    assert list(zip(whole.scores, whole.rows, strict=True)) == sorted(
        zip(whole.scores, whole.rows, strict=True), key=lambda hit: (-hit[0], hit[1])
    )
    part = index.search(query, filters, limit=limit, offset=offset)
    assert part.rows == whole.rows[offset : offset + limit]
    assert part.total == whole.total


def test_equal_products_tie_by_id_even_deep_in_a_long_list() -> None:
    same = [Product(id=f"{row:04d}", title="red shoe", description="soft red", brand="x") for row in range(3_000)]
    hits = open_index(Catalog.from_products(same)).search("red soft shoe x", limit=3_000)
    assert hits.rows == list(range(3_000))


@unhurried
@given(st.text(max_size=60) | st.text(alphabet="\"'()[]{}:^~*?\\/+-!&|<>AND ORTIN", max_size=40))
def test_any_text_is_a_query(catalog: Catalog, text: str) -> None:
    hits = open_index(catalog).search(text, Filters(max_price=50))
    assert len(hits.rows) == min(hits.total, 10)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("5'9\" rug", []),
        ("OR AND NOT", []),
        ("price:[1 TO 2]", ["k1"]),  # the word "1" is in "1.7 l"; nothing is executed
        ("title:slippers^9 -fann", ["s4", "s3"]),
        ("", []),
        ("?!", []),
        ("\ud800", []),
        ("\0", []),
        ("a" * 10_000, []),
        ("glass " * 2_000, ["k2"]),
    ],
)
def test_shoppers_type_what_they_like(catalog: Catalog, text: str, ids: list[str]) -> None:
    assert [catalog.value("id", row) for row in open_index(catalog).search(text).rows] == ids


def test_a_pasted_page_counts_by_its_first_words() -> None:
    assert len(terms(" ".join(f"x{number}" for number in range(3_000)))) == MAX_TERMS


@pytest.mark.parametrize("query", ["cafe", "CAFÉ", "cafe\u0301s", "Cafés"])
def test_accents_case_and_plurals_make_no_difference(query: str) -> None:
    titles = ["Café table", "cafe chair", "CAFE\u0301 sign", "Cafés guide", "kitchen table"]
    shop = Catalog.from_products(Product(id=str(row), title=title) for row, title in enumerate(titles))
    assert set(open_index(shop).search(query).rows) >= {0, 1, 2, 3}
    assert 4 not in open_index(shop).search(query).rows


def test_a_word_in_the_title_counts_more_than_in_the_description() -> None:
    shop = Catalog.from_products(
        [
            Product(id="a", title="table for rooms", description="goes with a lamp and more"),
            Product(id="b", title="lamp for tables", description="goes with a room and more"),
        ]
    )
    assert open_index(shop).search("lamp").rows == [1, 0]


def test_attributes_options_and_bullets_are_searched() -> None:
    shop = Catalog.from_products(
        [
            Product(id="a", title="shirt", attributes={"material": "linen"}),
            Product(id="b", title="shirt", options={"size": ("XL", "M")}),
            Product(id="c", title="shirt", bullets=("dries overnight",)),
        ]
    )
    assert [open_index(shop).search(word).rows for word in ("linen", "xl", "drying")] == [[0], [1], [2]]


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (-1, 0), (10, -1)])
def test_a_slice_that_is_none_is_refused(catalog: Catalog, limit: int, offset: int) -> None:
    with pytest.raises(ValueError, match=r"must be >= "):
        open_index(catalog).search("kettle", limit=limit, offset=offset)


def test_a_huge_slice_costs_no_more_than_the_catalog(catalog: Catalog) -> None:
    assert open_index(catalog).search("kettle", limit=10**12).total == 4
    assert open_index(catalog).search("kettle", limit=10, offset=10**12) == ([], [], 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Catalog.from_products(many_products(50, 1)).save(tmp_path / "shop")
    return tmp_path / "shop"


def the_index(folder: Path) -> Path:
    (index,) = folder.glob("index-*")
    return index


def test_it_lies_beside_the_catalog_and_is_opened_not_rebuilt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = open_index(Catalog.open(folder)).search("w0").rows
    assert the_index(folder).is_dir()
    monkeypatch.setattr(index_module, "_fill", lambda *_: pytest.fail("built again"))
    assert open_index(Catalog.open(folder)).search("w0").rows == rows


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "sums", "empty"])
def test_a_damaged_index_is_rebuilt(folder: Path, damage: str) -> None:
    rows = open_index(Catalog.open(folder)).search("w0").rows
    lying = the_index(folder)
    victim = max(lying.glob("*.idx"))
    if damage == "truncate":
        content = victim.read_bytes()
        victim.unlink()  # not in place: the first index may still have it mapped
        victim.write_bytes(content[:-30])
    elif damage == "flip":
        content = victim.read_bytes()
        victim.unlink()
        victim.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif damage == "remove":
        victim.unlink()
    elif damage == "sums":
        (lying / "checksums.json").write_text("[]")
    else:
        for path in lying.iterdir():
            path.unlink()
    assert open_index(Catalog.open(folder)).search("w0").rows == rows
    assert json.loads((the_index(folder) / "checksums.json").read_text())
    assert not list(folder.glob("*.building-*"))


def test_other_products_or_another_format_mean_another_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_index(Catalog.open(folder))
    first = the_index(folder)
    monkeypatch.setattr(index_module, "FORMAT", 10**6)
    assert len(open_index(Catalog.open(folder))) == 50
    assert {path.name for path in folder.glob("index-*")} - {first.name}


def test_a_folder_that_cannot_be_written_sends_it_to_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog.open(folder)
    build = index_module._built

    def refused(place: Path, of: Catalog) -> index_module.TextIndex:
        if place.parent == folder:
            raise PermissionError("read-only")
        return build(place, of)

    monkeypatch.setattr(index_module, "_built", refused)
    assert open_index(catalog).search("w0").total
    assert not list(folder.glob("index-*"))
    assert list(cache_dir("index").glob(f"index-{catalog.fingerprint}-*"))


def test_without_any_place_to_write_it_is_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(index_module, "_built", refused)
    assert open_index(Catalog.open(folder)).search("w0").total


def open_and_search(folder: str) -> list[int]:
    return open_index(Catalog.open(folder)).search("w0 w1", limit=50).rows


def test_processes_that_build_at_once_agree(folder: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        first, *others = pool.map(open_and_search, [str(folder)] * 3, chunksize=1)
    assert others == [first, first]
    assert len(list(folder.glob("index*"))) == 1
