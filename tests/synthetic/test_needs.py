"""What invented people need follows what a shop sells, whatever the shape of its catalog."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2

from paars_gym.catalog.assortment import sold_categories
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.shop.open import open_shop
from paars_gym.synthetic.world import World

VISITS = 1_500
LEAST_EXPECTED = 3.0
"""Of a cell of Pearson's test; smaller ones are counted together."""


def word(number: int) -> str:
    """A name of four letters; names stand in the order of their numbers."""
    letters = [string.ascii_lowercase[number // 26**place % 26] for place in reversed(range(4))]
    return "".join(letters).title()


def one_and_many() -> Iterator[Product]:
    """One product in the first category, 399 in another, nothing known of demand."""
    for number in range(400):
        category = "Aaa" if number == 0 else "Phones"
        yield Product(id=f"p{number}", title=f"Acme {word(number)} phone", category=(category,), price=10.0 + number)


def real_feed() -> Iterator[Product]:
    """1,351 categories of very uneven size and demand, most of them small, their names in no order of either."""
    rng = np.random.default_rng(0)
    names = rng.permutation(1_351)
    for place, name in enumerate(names):
        for number in range(max(1, round(400 / (place + 1) ** 0.9))):
            path = (f"Top {word(int(name) % 20)}", f"Mid {word(int(name) % 150)}", word(int(name)))
            demand = float(rng.lognormal(0, 2)) if rng.random() < 0.7 else 0.0
            title = f"{word(int(name))} {word(number)} thing"
            yield Product(id=f"p{place}-{number}", title=title, category=path, price=9.0, popularity=demand)


def deep_tree() -> Iterator[Product]:
    """A tree of depth five whose leaves have one product each, popular ones under the last of the branches."""
    for number in range(1_024):
        path = tuple(f"{word(number // 4 ** (4 - depth))} of {depth}" for depth in range(5))
        popularity = float(1 + number**2)
        yield Product(id=f"p{number}", title=f"{word(number)} lamp", category=path, price=5.0, popularity=popularity)


SHAPES: dict[str, Callable[[], Iterator[Product]]] = {
    "one and many": one_and_many,
    "a real feed": real_feed,
    "a deep tree": deep_tree,
}


@cache
def catalog_of(shape: str) -> Catalog:
    return Catalog.from_products(list(SHAPES[shape]()), name="own")


def misfit(counts: Counter[str], expected: dict[str, float]) -> tuple[float, int]:
    """Pearson's chi-square of visits by category, and its degrees of freedom; rare categories are one cell."""
    common = [name for name, share in expected.items() if share * VISITS >= LEAST_EXPECTED]
    seen = [counts[name] for name in common]
    awaited = [expected[name] * VISITS for name in common]
    rare = max(VISITS - sum(awaited), 0.0)
    if rare < LEAST_EXPECTED:
        # Too few for a cell of their own; whatever else is wanted there still counts against the first one.
        awaited[0] += rare
        seen[0] += VISITS - sum(seen)
    else:
        awaited.append(rare)
        seen.append(VISITS - sum(seen))
    return sum((one - other) ** 2 / other for one, other in zip(seen, awaited, strict=True)), max(len(seen) - 1, 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_needs_follow_demand_on_any_catalog(shape: str) -> None:
    catalog = catalog_of(shape)
    world = World(open_shop(catalog, "bm25"), n_shoppers=40, seed=1)
    sold = sold_categories(catalog)
    total = sum(float(category.demand.sum()) for category in sold)
    expected: dict[str, float] = {}
    for path, _, demand in sold:
        expected[path[-1]] = expected.get(path[-1], 0.0) + float(demand.sum()) / total
    counts = Counter(intention.category or "" for intention in world.intentions(VISITS))
    statistic, freedom = misfit(counts, expected)
    assert statistic < chi2.ppf(0.999, freedom)


def test_one_product_in_the_first_category_is_not_what_half_of_the_people_need() -> None:
    catalog = catalog_of("one and many")
    needs = World(open_shop(catalog, "bm25"), n_shoppers=100, seed=0).intentions(2_000)
    assert sum(intention.category == "Aaa" for intention in needs) < 20


def test_a_need_is_for_a_product_of_its_category() -> None:
    catalog = catalog_of("a deep tree")
    world = World(open_shop(catalog, "bm25"), n_shoppers=30, seed=0)
    for outing in world.outings(200):
        product = world.shop.product(outing.need.product)
        assert product is not None
        assert outing.need.intention.category in product.category


def test_people_come_for_their_own_interests_more_than_chance_would_have_it() -> None:
    world = World(open_shop("mini", "bm25"), n_shoppers=60, seed=0)
    interests = {persona.shopper: persona.profile.categories.values for persona in world.personas}
    mined = world.mined_intentions(600)
    own = np.mean([one.intention.category in interests[one.shopper] for one in mined])
    shuffled = np.random.default_rng(0).permutation(len(mined))
    other = np.mean([mined[b].intention.category in interests[a.shopper] for a, b in zip(mined, shuffled, strict=True)])
    assert own > 0.75 > 2 * other


def test_the_words_of_mini_are_those_of_shoppers() -> None:
    world = World(open_shop("mini", "bm25"), n_shoppers=100, seed=0)
    texts = [intention.text for intention in world.intentions(600)]
    assert not any(letter.isdigit() for text in texts for letter in text)
    assert 2.0 < np.mean([len(text.split()) for text in texts]) < 3.0
    assert len(set(texts)) > 150
