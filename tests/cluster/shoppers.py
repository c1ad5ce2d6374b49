"""Shoppers that workers make by name."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paars_gym.catalog.product import Product
from paars_gym.shoppers.protocol import GaveUp


class Drawn:
    """Chooses at random, by the generator of the question; what is cheap more often with a persona.

    Args:
        folder: Its own process is killed in the first three of the cases in which it draws a small number, once each:
            a file says that it was. None kills nobody.
    """

    name = "drawn"

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder

    def reset(self, persona: Any, intention: Any, rng: Any) -> None:
        self._rng, self._told = rng, persona is not None

    def choose_item(self, products: Sequence[Product]) -> int:
        number = int(self._rng.integers(1_000_000))
        if number % 11 == 0:
            raise GaveUp(f"nothing for {number % 3}")
        if self._folder is not None and number % 5 == 0:
            mark = Path(self._folder, f"died-{number}")
            if len(list(mark.parent.iterdir())) < 3 and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        prices = [product.price or 0.0 for product in products]
        return prices.index(min(prices)) if self._told and number % 2 else number % len(products)

    def write_query(self, product: Product) -> str:
        return product.title

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        return 0
