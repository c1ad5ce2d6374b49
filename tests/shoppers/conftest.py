"""Shops, personas and intentions for shoppers."""

from __future__ import annotations

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import SCALES, Persona
from paars_gym.ranking.registry import make_ranking
from paars_gym.sessions.event import Intention
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop
from tests.shoppers.shopping import make_persona


@pytest.fixture(scope="session")
def small_shop(catalog: Catalog) -> Shop:
    """The twelve products, three a page."""
    return Shop(catalog, make_ranking("bm25", catalog), page_size=3, reviews_per_page=2)


@pytest.fixture(scope="session")
def mini_shop() -> Shop:
    return open_shop("mini", "bm25")


@pytest.fixture(scope="session")
def personas(mini_shop: Shop) -> dict[str, Persona]:
    rng = np.random.default_rng(3)
    catalog = mini_shop.catalog
    made = {}
    for number in range(200):
        past = [catalog.product(int(row)) for row in rng.integers(len(catalog), size=8)]
        made[f"p{number}"] = make_persona(
            f"p{number}",
            brands=tuple({product.brand for product in past}),
            categories=tuple({product.category[-1] for product in past[:4]}),
            history="\n".join(f"bought {product.title}" for product in past),
            **{name: float(rng.integers(1, 6)) for name in SCALES},
        )
    return made


@pytest.fixture(scope="session")
def intentions(mini_shop: Shop) -> list[Intention]:
    rng = np.random.default_rng(4)
    catalog = mini_shop.catalog
    goals = ("buy", "buy", "compare", "browse")
    return [
        Intention(
            text=" ".join(catalog.value("title", int(row)).split()[1:4]),
            goal=goals[number % 4],
            budget=60.0 if number % 3 == 0 else None,
        )
        for number, row in enumerate(rng.integers(len(catalog), size=40))
    ]
