"""A shop over the twelve products."""

from __future__ import annotations

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.ranking.registry import make_ranking
from paars_gym.shop.shop import Shop


@pytest.fixture(scope="session")
def shop(catalog: Catalog) -> Shop:
    return Shop(catalog, make_ranking("bm25", catalog), page_size=3, reviews_per_page=2)


@pytest.fixture(scope="session")
def json_shop(catalog: Catalog) -> Shop:
    return Shop(catalog, make_ranking("bm25", catalog), page_size=3, reviews_per_page=2, observation="json")
