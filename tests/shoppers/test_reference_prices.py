from __future__ import annotations

import math

import pytest

from paars_gym.abtest.patch import Change, patched
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.reference_prices import ReferencePrices, reference_prices, shared_prices
from paars_gym.shoppers.registry import remembering
from paars_gym.shoppers.taste import FEATURES, NO_TASTE
from paars_gym.shoppers.utility import display_for, seen


def product(number: int, price: float | None, *category: str) -> Product:
    return Product(id=f"p{number:02d}", title=f"thing {number}", category=category, price=price)


def test_a_category_of_few_prices_has_that_of_the_one_above_it() -> None:
    dear = [product(number, 10.0 + number, "Home", "Lamps") for number in range(5)]
    few = [product(10 + number, 100.0, "Home", "Clocks") for number in range(2)]
    other = [product(20, 1.0, "Garden"), product(21, None, "Home", "Lamps"), product(22, 0.0, "Home", "Lamps")]
    known = reference_prices(Catalog.from_products([*dear, *few, *other]))
    assert known.prices == {"": 12.5, "Home": 13.0, "Home > Lamps": 12.0}
    assert known.of(("Home", "Lamps", "Desk lamps")) == 12.0
    assert known.of(("Home", "Clocks")) == 13.0
    assert known.of(("Garden",)) == known.of(()) == 12.5
    assert ReferencePrices({}).of(("Garden",)) is None


def test_a_catalog_without_prices_has_none() -> None:
    assert reference_prices(Catalog.from_products([product(1, None, "Home")])).prices == {}


@pytest.mark.parametrize("price", [0.0, -1.0, math.inf, math.nan, "12"])
def test_prices_are_positive_numbers(price: float) -> None:
    with pytest.raises(ValueError, match="must be a number > 0"):
        BehaviouralShopper(reference_prices={"Home": price})


def test_shoppers_that_remember_the_same_share_it() -> None:
    made = [BehaviouralShopper(reference_prices={"": 5.0}).reference_prices for _ in range(2)]
    assert made[0] is made[1] is shared_prices({"": 5.0})
    assert BehaviouralShopper().reference_prices is None


def test_a_price_counts_against_what_is_remembered(small_shop: Shop) -> None:
    """Half of all prices: nothing changes against the page, and ln(1/2) against the memory."""
    catalog = small_shop.catalog
    remembered = reference_prices(catalog)
    half, _ = patched(catalog, [Change(all=True, price_percent=-50)])
    level, against_page = FEATURES.index("price_level"), FEATURES.index("price")
    for position in range(3):
        figures = [
            seen(display_for(tuple(one)[:3], "shoes", remembered=remembered), position, NO_TASTE)
            for one in (catalog, half)
        ]
        assert figures[1][level] - figures[0][level] == pytest.approx(math.log(0.5), abs=1e-3)
        assert figures[1][against_page] == pytest.approx(figures[0][against_page], abs=1e-3)


def test_a_run_remembers_its_catalog_unless_it_says_otherwise(catalog: Catalog) -> None:
    remembered = reference_prices(catalog)
    assert remembering(RunConfig(), catalog).options["reference_prices"] is remembered
    own = RunConfig(options={"reference_prices": {"": 3.0}})
    assert remembering(own, catalog) is own
    for policy in ("uniform", BehaviouralShopper):
        assert remembering(RunConfig(policy=policy), catalog).options == {}
