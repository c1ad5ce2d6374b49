"""A shop wide enough for pages, and people for it."""

from __future__ import annotations

import pytest

from paars_gym.catalog.product import Review
from paars_gym.catalog.store import Catalog
from tests.conftest import twelve_products


@pytest.fixture(scope="session")
def wide() -> Catalog:
    """Forty products of one category and four brands, with prices, ratings and reviews that differ."""
    kettle = next(product for product in twelve_products() if product.id == "k1")
    brands = ("Calor", "Dunk", "Ede", "Fann")
    products = [
        kettle.model_copy(
            update={
                "id": f"k{index:02d}",
                "title": f"{brands[index % 4]} kettle number {index}",
                "brand": brands[index % 4],
                "price": 20.0 + index,
                "rating": 3.0 + index % 4 / 2,
                "reviews": (Review(rating=1 + index % 5, title="So", text="As I said."),),
            }
        )
        for index in range(40)
    ]
    return Catalog.from_products(products, name="kettles", synthetic=True)
