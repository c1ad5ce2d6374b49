"""Expressions: read as written, refused with advice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.catalog.store import Catalog
from paars_gym.ranking import RANKINGS, RankingPolicy, make_ranking, register


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("bm25", "bm25"),
        ("  BM25 ", "bm25"),
        ("popularity", "popularity(bm25)"),
        ("rating ( random : 3 )", "rating(random:3(bm25))"),
        ("price", "price(bm25)"),
        ("random", "random:0(bm25)"),
        (" bm25 + rating : 0.3 + popularity:.1 ", "bm25+rating:0.3+popularity:0.1"),
        ("sponsored:k1,s1@1,4(bm25)", "sponsored:k1,s1@1,4(bm25)"),
        ("sponsored: k1 , s1", "sponsored:k1,s1@1,2(bm25)"),
        ("sponsored:k1(bm25+rating:1)", "sponsored:k1@1(bm25+rating:1)"),
        ("sponsored:k1(bm25)+price:-1e-1", "sponsored:k1@1(bm25)+price:-0.1"),
        ("rerank:json:dumps(price)", "rerank:json:dumps(price(bm25))"),
    ],
)
def test_what_an_expression_means(catalog: Catalog, spec: str, name: str) -> None:
    assert make_ranking(spec, catalog).name == name


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bm26", r"Unknown ranking 'bm26'\. Did you mean bm25\? Available: bm25, dense, .* Or module:Class"),
        ("", "Unknown ranking ''"),
        ("popularty", "Did you mean popularity"),
        ("bm25+rating", "A boost needs a weight"),
        ("bm25+ratng:.3", r"boost 'ratng' .* Did you mean rating\?"),
        ("bm25+rating:1+rating:2", "repeated boost 'rating'"),
        ("bm25+rating:much", "Boost weight 'much'"),
        ("bm25+rating:nan", "finite weight"),
        ("bm25:3", "takes nothing behind its name"),
        ("bm25(dense)", "takes nothing behind its name"),
        ("price:low", "takes nothing behind a colon"),
        ("rating(bm2)", "Unknown ranking 'bm2'"),
        ("random:x", r"random seed == 'x'"),
        ("sponsored:", "names no product"),
        ("sponsored:nobody", "No product 'nobody'"),
        ("sponsored:k1,k1", "one or more different ids"),
        ("sponsored:k1@0", "different ranks from 1"),
        ("sponsored:k1,k2@3", "different ranks from 1"),
        ("logged:", "names no file"),
        ("rerank:", "names no function"),
        ("rerank:nowhere:f", "No module 'nowhere'"),
        ("rerank:os:sep", "no class or function 'sep'"),
        ("nowhere:Ranking", "Unknown ranking 'nowhere:Ranking'"),
        (".:0", "Unknown ranking '.:0'"),
        ("a..b:c", "Unknown ranking"),
        ("json:Nothing", "Module 'json' has no class or function 'Nothing'"),
        ("json:JSONDecoder", "cannot be made from a catalog alone"),
        ("builtins:repr", "is no ranking policy"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(catalog: Catalog, spec: str, message: str) -> None:
    with pytest.raises((ValueError, LookupError), match=message):
        make_ranking(spec, catalog)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="bm25+rating:0.,@()sponedk1 \n", max_size=30))
def test_any_expression_is_a_ranking_or_a_clear_error(catalog: Catalog, spec: str) -> None:
    try:
        assert make_ranking(spec, catalog).rank("red kettle").rows
    except (ValueError, KeyError) as mistake:
        assert str(mistake)  # noqa: PT017


def test_objects_pass_through(catalog: Catalog) -> None:
    policy = make_ranking("bm25", catalog)
    assert make_ranking(policy, catalog) is policy
    with pytest.raises(ValueError, match="is no ranking policy"):
        make_ranking(3, catalog)  # type: ignore[arg-type]


def test_a_name_can_be_added(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.ranking.registry.RANKINGS", RANKINGS | {})

    @register("cheap")
    def cheap(request: object) -> RankingPolicy:
        return make_ranking("price", request.catalog)  # type: ignore[attr-defined]

    assert make_ranking("cheap+rating:1", catalog).name == "price(bm25)+rating:1"
    with pytest.raises(ValueError, match="taken or is no lower-case word"):
        register("bm25")
    with pytest.raises(ValueError, match="taken or is no lower-case word"):
        register("No word")


def test_a_module_in_the_working_directory_is_found(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_ranking.py").write_text(
        "class Mine:\n"
        "    name = 'mine'\n"
        "    def __init__(self, catalog): self.rows = tuple(range(len(catalog)))\n"
        "    def rank(self, text, filters=None, *, limit=10, offset=0):\n"
        "        return self.rows[offset : offset + limit], len(self.rows)\n"
        "def flip(query, products): return range(len(products) - 1, -1, -1)\n"
    )
    monkeypatch.chdir(tmp_path)
    assert make_ranking("my_own_ranking:Mine", catalog).name == "mine"
    flipped = make_ranking("rerank:my_own_ranking:flip", catalog).rank("kettle")
    assert flipped.rows == make_ranking("bm25", catalog).rank("kettle").rows[::-1]


def test_a_ranking_that_cannot_be_called_as_one_is_refused(catalog: Catalog) -> None:
    class Old:
        name = "old"

        def rank(self, query: str, limit: int) -> list[str]:
            return []

    with pytest.raises(ValueError, match=r"rank\(query: .* cannot be called as rank"):
        make_ranking(Old(), catalog)  # type: ignore[arg-type]
