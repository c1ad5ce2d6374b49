from __future__ import annotations

import numpy as np
import pytest

from paars_gym.catalog.assortment import UNSOLD_SHARE, demand_of, sold_categories
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog


def of(*products: tuple[str, float, bool]) -> Catalog:
    """A catalog of (path, popularity, available)."""
    return Catalog.from_products(
        [
            Product(
                id=f"p{number}",
                title=f"thing {number}",
                category=tuple(filter(None, path.split("/"))),
                popularity=popularity,
                available=available,
            )
            for number, (path, popularity, available) in enumerate(products)
        ],
        name="own",
    )


def test_a_category_of_one_product_is_folded_up_its_path_until_there_are_two() -> None:
    catalog = of(
        ("Home/Lamps/Desk", 0, True),
        ("Home/Lamps/Floor", 0, True),
        ("Home/Rugs/Wool", 0, True),
        ("Home/Rugs/Wool", 0, True),
        ("Home/Clocks/Wall/Round", 0, True),
        ("Garden/Tools/Spades", 0, True),
        ("", 0, True),
    )
    folded = {"/".join(path): rows.tolist() for path, rows, _ in sold_categories(catalog)}
    # The only spade has nowhere further up to go; the only clock joins what else there is at home, which is nothing.
    assert folded == {"": [6], "Garden": [5], "Home": [4], "Home/Lamps": [0, 1], "Home/Rugs/Wool": [2, 3]}


def test_what_is_sold_out_neither_counts_nor_is_wanted() -> None:
    catalog = of(("A/B", 1, True), ("A/B", 1, False), ("A/C", 5, True), ("A/C", 7, True))
    assert {path: rows.tolist() for path, rows, _ in sold_categories(catalog)} == {("A",): [0], ("A", "C"): [2, 3]}
    assert demand_of(catalog).tolist() == [1, 0, 5, 7]


def test_demand_is_popularity_or_where_there_is_none_the_assortment() -> None:
    assert demand_of(of(("A", 0, True), ("A", 0, True))).tolist() == [1, 1]
    assert demand_of(of(("A", 0, False), ("A", 0, False))).tolist() == [1, 1]
    mixed = demand_of(of(("A", 1000.0, True), ("B", 4.0, True), *[("B", 0.0, True)] * 98))
    assert mixed[:2].tolist() == [1000, 4]
    assert mixed[2:].sum() / mixed.sum() == pytest.approx(UNSOLD_SHARE)
    assert demand_of(of(("A", 1000.0, True), ("B", 4.0, True), ("B", 0.0, True))).tolist() == [1000, 4, 4]


def test_demand_has_no_unit() -> None:
    products = [("A", 3.0, True), ("B", 0.0, True), ("B", 9.0, True)]
    small = demand_of(of(*[(path, popularity / 1e6, available) for path, popularity, available in products]))
    assert np.allclose(small * 1e6, demand_of(of(*products)))
