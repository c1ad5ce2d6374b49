"""The catalogs of the performance benchmarks: what they promise, and that search finds what is in them."""

from __future__ import annotations

import pytest

from benchmarks.performance.catalogs import synthetic_catalog, vocabulary
from benchmarks.performance.search import queries, result_lines
from paars_gym.ranking import make_ranking


def test_it_is_the_same_each_time_and_searchable(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    catalog = synthetic_catalog(300, seed=4)
    assert len(catalog) == 300
    assert catalog.synthetic
    product = catalog.product(7)
    texts = (product.title, *product.bullets, product.description, *product.category, product.brand)
    assert 80 <= len(" ".join(texts).split()) <= 95
    assert type(product).model_validate(product.model_dump()) == product
    policy = make_ranking("bm25", catalog)
    assert policy.rank(product.title).rows[0] == 7
    lines = result_lines(catalog, policy.rank(queries(1, seed=0)[0]).rows)
    assert lines.startswith("1. [P0000")
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path_factory.mktemp("again")))
    assert synthetic_catalog(300, seed=4).fingerprint == catalog.fingerprint
    assert synthetic_catalog(300, seed=5).fingerprint != catalog.fingerprint


def test_its_words_differ_and_none_is_refused() -> None:
    assert len(set(vocabulary())) == len(vocabulary()) == 30_000
    with pytest.raises(ValueError, match="n == 0, must be >= 1"):
        synthetic_catalog(0)
