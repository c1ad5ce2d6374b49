"""A shop over the twelve products."""

from __future__ import annotations

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop


@pytest.fixture(scope="session")
def shop(catalog: Catalog) -> Shop:
    return open_shop(catalog, page_size=3)
