"""Every policy: pages that join, one order per query, and what its docstring says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from math import log1p
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.embedding.cache import CachedEmbedder
from paars_gym.embedding.lexical import LexicalEmbedder
from paars_gym.ranking import make_ranking
from paars_gym.ranking.boosted import standardised
from paars_gym.ranking.dense import product_texts
from paars_gym.ranking.logged import Logged
from paars_gym.ranking.protocol import POOL, Ranked, RankingPolicy
from paars_gym.ranking.sorted import resort

COLOURS = ("red", "blue", "green", "black", "white")
THINGS = ("shoe", "boot", "kettle", "lamp", "chair", "table", "rug")


@pytest.fixture(scope="module")
def shop() -> Catalog:
    """More products than a pool holds."""
    rng = np.random.default_rng(3)
    return Catalog.from_products(
        Product(
            id=f"p{row:04d}",
            title=f"{rng.choice(COLOURS)} {rng.choice(THINGS)} {rng.choice(THINGS)}",
            category=("all", str(rng.choice(THINGS))),
            brand=str(rng.choice(["Ada", "Bob"])),
            price=None if row % 9 == 0 else float(rng.integers(1, 40)),
            rating=None if row % 7 == 0 else float(rng.integers(2, 11)) / 2,
            popularity=float(rng.integers(0, 30)),
        )
        for row in range(700)
    )


@pytest.fixture(scope="module")
def log_file(shop: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logs") / "lists.parquet"
    products = [f"p{row:04d}" for row in range(600, 0, -2)]
    pl.DataFrame({"query": ["red shoe"], "products": [products]}).write_parquet(path)
    return path


def backwards(query: str, products: Sequence[Product]) -> list[int]:
    return list(range(len(products)))[::-1]


class Custom:
    """Lists every third product; cannot tell what it lists."""

    name = "custom"

    def __init__(self, catalog: Catalog) -> None:
        self.rows = tuple(range(0, len(catalog), 3))

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        return Ranked(self.rows[offset : offset + limit], len(self.rows))


@pytest.fixture(scope="module")
def policies(shop: Catalog, log_file: Path) -> dict[str, RankingPolicy]:
    sys.modules["tests_custom_ranking"] = sys.modules[__name__]
    embedder = LexicalEmbedder(product_texts(shop))
    return {spec: make_ranking(spec.replace("LOG", str(log_file)), shop, embedder=embedder) for spec in SPECS}


SPECS = (
    "bm25",
    "dense",
    "hybrid",
    "popularity",
    "rating",
    "rating(hybrid)",
    "price",
    "price(dense)",
    "random",
    "random:7",
    "bm25+rating:0.3+popularity:0.1",
    "hybrid+price:-1",
    "sponsored:p0005,p0300@1,4",
    "sponsored:p0005,p0300,p0001@450,2,20(hybrid)",
    "sponsored:p0001,p0003(tests_custom_ranking:Custom)",
    "logged:LOG",
    "rating(logged:LOG)",
    "sponsored:p0002,p0003@3,5(logged:LOG)",
    "rerank:tests_custom_ranking:backwards",
    "tests_custom_ranking:Custom",
)


@pytest.mark.parametrize("spec", SPECS)
@settings(deadline=None, max_examples=12)
@given(
    st.sampled_from(["red shoe", "blue", "green boot lamp", "shoe kettle table rug red", "nothing", "", "?!"]),
    st.sampled_from([NO_FILTERS, Filters(max_price=20, in_stock=True), Filters(brand="ada"), Filters(category="rug")]),
    st.integers(1, 260),
    st.integers(0, 720),
)
def test_slices_join_to_one_list_without_repeats(
    policies: dict[str, RankingPolicy], spec: str, text: str, filters: Filters, limit: int, offset: int
) -> None:
    policy = policies[spec]
    whole = policy.rank(text, filters, limit=2_000)
    assert isinstance(policy, RankingPolicy)
    assert len(set(whole.rows)) == len(whole.rows) == whole.total
    assert all(type(row) is int for row in whole.rows)
    part = policy.rank(text, filters, limit=limit, offset=offset)
    assert part == Ranked(whole.rows[offset : offset + limit], whole.total)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "Custom" not in spec])
def test_filters_hold_and_empty_text_lists_by_them(
    policies: dict[str, RankingPolicy], shop: Catalog, spec: str
) -> None:
    for text in ("red shoe", ""):
        rows = policies[spec].rank(text, Filters(min_rating=4, brand="BOB", category="rug"), limit=700).rows
        products = [shop.product(row) for row in rows]
        assert products
        assert all(
            item.brand == "Bob" and item.rating and item.rating >= 4 and "rug" in item.category for item in products
        )
    assert policies[spec].rank("") == ((), 0)


@pytest.mark.parametrize("spec", SPECS[:-1])
def test_no_slice_is_refused(policies: dict[str, RankingPolicy], spec: str) -> None:
    with pytest.raises(ValueError, match=r"must be >= "):
        policies[spec].rank("red", limit=0)


@pytest.mark.parametrize(
    ("spec", "column", "sign"), [("popularity", "popularity", -1), ("rating", "rating", -1), ("price", "price", 1)]
)
def test_a_sort_orders_the_best_matches_and_leaves_the_rest(
    policies: dict[str, RankingPolicy], shop: Catalog, spec: str, column: str, sign: int
) -> None:
    base = policies["bm25"].rank("red shoe lamp", limit=700).rows
    rows = policies[spec].rank("red shoe lamp", limit=700).rows
    values = getattr(shop, column)
    expected = sorted(
        base[:POOL],
        key=lambda row: (np.isnan(values[row]), sign * values[row] if values[row] == values[row] else 0, row),
    )
    assert list(rows[:POOL]) == expected
    assert rows[POOL:] == base[POOL:]


def test_a_shoppers_sort_puts_products_without_a_value_last(catalog: Catalog) -> None:
    rows = [catalog.row(key) for key in ("k4", "k1", "k3", "k2")]
    ids = {
        sort: [catalog.value("id", row) for row in resort(catalog, rows, sort)]
        for sort in ("relevance", "price_low", "price_high", "rating", "popularity")
    }
    assert ids == {
        "relevance": ["k4", "k1", "k3", "k2"],
        "price_low": ["k3", "k1", "k2", "k4"],
        "price_high": ["k2", "k1", "k3", "k4"],
        "rating": ["k1", "k2", "k3", "k4"],
        "popularity": ["k1", "k2", "k3", "k4"],
    }
    with pytest.raises(ValueError, match=r"Unknown sort 'newest'\. Available: relevance"):
        resort(catalog, rows, "newest")


def test_a_boost_adds_standard_deviations(catalog: Catalog) -> None:
    bm25 = make_ranking("bm25", catalog)
    pool = bm25.pool("headphones red")  # type: ignore[attr-defined]
    scores = np.array(pool.scores)
    popularity = np.array([log1p(catalog.popularity[row]) for row in pool.rows])
    total = (scores - scores.mean()) / scores.std() + 2 * (popularity - popularity.mean()) / popularity.std()
    expected = [pool.rows[index] for index in np.argsort(-total)]
    boosted = make_ranking("bm25+popularity:2", catalog)
    assert list(boosted.rank("headphones red").rows) == expected
    assert list(bm25.rank("headphones red").rows) != expected
    assert make_ranking("bm25+popularity:0", catalog).rank("headphones red") == bm25.rank("headphones red")


def test_standardised_values_have_mean_0_and_deviation_1_and_missing_ones_are_average() -> None:
    assert standardised(np.array([1.0, 3.0, np.nan])).tolist() == [-1.0, 1.0, 0.0]
    assert standardised(np.array([0.1 + 0.2, 0.3, 0.3])).tolist() == [0.0, 0.0, 0.0]
    assert standardised(np.array([np.nan, np.nan])).tolist() == [0.0, 0.0]


def test_fusion_by_hand(policies: dict[str, RankingPolicy]) -> None:
    lexical, dense = (policies[name].rank("red shoe", limit=POOL).rows for name in ("bm25", "dense"))
    scores = {
        row: sum(1 / (60 + ranks.index(row) + 1) for ranks in (lexical, dense) if row in ranks)
        for row in {*lexical, *dense}
    }
    expected = sorted(scores, key=lambda row: (-scores[row], row))
    assert list(policies["hybrid"].rank("red shoe", limit=len(expected)).rows) == expected


def test_dense_finds_by_spelling_what_no_word_matches(policies: dict[str, RankingPolicy], shop: Catalog) -> None:
    assert policies["bm25"].rank("kettel").total == 0
    best = policies["dense"].rank("kettles kettle-shaped").rows[0]
    assert "kettle" in shop.value("title", best)
    assert policies["dense"].rank("kettle").total == len(shop)


def test_equal_products_tie_by_id_in_dense() -> None:
    same = Catalog.from_products(Product(id=f"{row:04d}", title="red shoe") for row in range(517))
    policy = make_ranking("dense", same, embedder=LexicalEmbedder())
    assert policy.rank("red shoes", limit=517).rows == tuple(range(517))


def test_products_are_embedded_once_for_each_embedder(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path))
    embedder, asked = LexicalEmbedder(), []
    embed = embedder.embed
    monkeypatch.setattr(embedder, "embed", lambda texts: asked.append(len(texts)) or embed(texts))
    expected = make_ranking("dense", catalog, embedder=embedder).rank("steel kettle")
    assert make_ranking("dense", catalog, embedder=CachedEmbedder(embedder)).rank("steel kettle") == expected
    assert asked == [12, 1, 1]
    (path,) = (tmp_path / "products").iterdir()
    path.write_bytes(path.read_bytes()[:200])
    assert make_ranking("dense", catalog, embedder=embedder).rank("steel kettle") == expected
    assert asked == [12, 1, 1, 12, 1]
    monkeypatch.setattr(embedder, "name", "another")
    make_ranking("dense", catalog, embedder=embedder)
    assert len(list((tmp_path / "products").iterdir())) == 2


def test_random_depends_on_seed_and_query_only(policies: dict[str, RankingPolicy], shop: Catalog) -> None:
    zero, seven = policies["random"], policies["random:7"]
    rows = zero.rank("red", limit=POOL).rows
    assert rows != seven.rank("red", limit=POOL).rows
    assert sorted(rows) != list(rows)
    assert zero.rank("RED ", limit=POOL).rows == rows
    few = Filters(max_price=5)
    kept = set(zero.rank("red", few, limit=POOL).rows)
    assert zero.rank("red", few, limit=POOL).rows == tuple(row for row in rows if row in kept)


def test_random_is_the_same_in_every_process(catalog: Catalog, tmp_path: Path) -> None:
    catalog.save(tmp_path / "shop")
    code = (
        "import sys; from paars_gym.catalog.store import Catalog; from paars_gym.ranking import make_ranking;"
        "print(make_ranking('random:5', Catalog.open(sys.argv[1])).rank('red kettle headphones').rows)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "shop")], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == str(make_ranking("random:5", catalog).rank("red kettle headphones").rows)


def test_advertisements_stand_at_their_ranks_and_nowhere_else(catalog: Catalog) -> None:
    def ids(spec: str, filters: Filters = NO_FILTERS) -> list[str]:
        ranked = make_ranking(spec, catalog).rank("kettle", filters)
        assert ranked.total == len(ranked.rows)
        return [catalog.value("id", row) for row in ranked.rows]

    organic = ids("bm25")
    assert sorted(organic) == ["k1", "k2", "k3", "k4"]
    without = [key for key in organic if key != "k1"]
    assert ids("sponsored:s4,k1@3,1") == ["k1", without[0], "s4", *without[1:]]
    assert ids("sponsored: s4 , h2 ") == ["s4", "h2", *organic]
    assert ids("sponsored:s4@9") == [*organic, "s4"]
    assert ids("sponsored:s4@1", Filters(category="Kettles")) == organic
    assert make_ranking("sponsored:s4", catalog).rank("zzz") == ((), 0)


def test_recorded_lists_are_replayed_and_other_queries_are_counted(catalog: Catalog, tmp_path: Path) -> None:
    wide, long = tmp_path / "wide.parquet", tmp_path / "long.parquet"
    pl.DataFrame({"query": ["Red  Shoes", "tea"], "products": [["s4", "gone", "k1"], []]}).write_parquet(wide)
    pl.DataFrame(
        {"query": ["red shoes"] * 4, "rank": [2, 1, 3, 1], "product": ["gone", "s4", "k1", "k2"]}
    ).write_parquet(long)
    for path in (wide, long):
        policy = make_ranking(f"logged:{path}(popularity)", catalog)
        assert isinstance(policy, Logged)
        assert [catalog.value("id", row) for row in policy.rank("red SHOES ").rows] == ["s4", "k1"]
        assert policy.rank("red shoes", Filters(min_price=20)).total == 1
        assert policy.rank("kettle") == make_ranking("popularity", catalog).rank("kettle")
        assert (policy.unknown_products, policy.replayed, policy.fell_back) == (1, 1, 1)
    assert make_ranking(f"logged:{wide}", catalog).rank("tea") == ((), 0)


def test_unreadable_records_say_what_is_wrong(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No recorded result lists at"):
        make_ranking("logged:nowhere.parquet", catalog)
    path = tmp_path / "x.parquet"
    path.write_text("query,products")
    with pytest.raises(ValueError, match="Cannot read recorded result lists"):
        make_ranking(f"logged:{path}", catalog)
    pl.DataFrame({"q": ["a"]}).write_parquet(path)
    with pytest.raises(ValueError, match="must have query and products"):
        make_ranking(f"logged:{path}", catalog)


@pytest.mark.parametrize("returned", [[0, 0, 1], [0], None, ["a"], [0.0, 1.0], [1, 2, 3, 4]])
def test_a_rerank_that_is_no_permutation_is_refused(
    catalog: Catalog, returned: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    sys.modules["tests_custom_ranking"] = sys.modules[__name__]
    monkeypatch.setattr(sys.modules[__name__], "backwards", lambda query, products: returned)
    with pytest.raises(ValueError, match="must return each position from 0 to 3 once"):
        make_ranking("rerank:tests_custom_ranking:backwards", catalog).rank("kettle")
