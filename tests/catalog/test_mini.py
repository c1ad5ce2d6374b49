"""The generated catalog is a shop worth searching: varied, consistent, and the same everywhere."""

import os
import re
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.mini import generate_mini
from paars_gym.catalog.mini_reviews import TITLES
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog


@pytest.fixture(scope="module")
def mini() -> Catalog:
    return load_catalog("mini")


@pytest.fixture(scope="module")
def products(mini: Catalog) -> list[Product]:
    return [Product.model_validate(product.model_dump()) for product in mini]


def of(products: list[Product], category: str) -> list[Product]:
    return [product for product in products if category in product.category]


def test_size_and_card(mini: Catalog, products: list[Product]) -> None:
    assert len(products) == 5_000
    assert (mini.name, mini.synthetic) == ("mini", True)
    assert "invented" in mini.card.source
    sizes = Counter(product.category[-1] for product in products)
    assert len(sizes) == 24
    assert set(sizes.values()) == {208, 209}
    assert len({product.title for product in products}) == 5_000
    assert all(re.fullmatch(r"M\d{5}", product.id) for product in products)


def test_every_process_generates_the_same(mini: Catalog) -> None:
    script = "from paars_gym.catalog.mini import generate_mini; print(generate_mini().fingerprint)"
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert runs == [mini.fingerprint] * 2


def test_another_seed_is_another_catalog(mini: Catalog) -> None:
    assert generate_mini(seed=1).fingerprint != mini.fingerprint


def test_opens_from_the_cache_in_milliseconds(mini: Catalog) -> None:
    start = time.perf_counter()
    again = load_catalog("mini")
    assert time.perf_counter() - start < 0.2
    assert again.fingerprint == mini.fingerprint
    assert again.folder is not None
    assert again.folder == mini.folder


def test_headphones_and_their_near_misses(products: list[Product]) -> None:
    titles = [product.title for product in of(products, "Headphones")]
    named = [title for title in titles if re.search(r"\bheadphones\b", title)]
    assert len(named) >= 100
    assert any("headphone stand" in title for title in titles)
    assert any("earbuds" in title for title in titles)
    everywhere = [product.title for product in products]
    assert sum("running shoes" in title for title in everywhere) >= 50
    assert sum("running socks" in title for title in everywhere) >= 20
    assert sum("running jacket" in title for title in everywhere) >= 10


def test_each_category_has_choice_of_brand_and_price(products: list[Product]) -> None:
    for category in {product.category[-1] for product in products}:
        shelf = of(products, category)
        prices = np.array([product.price for product in shelf])
        assert len({product.brand for product in shelf}) >= 8, category
        assert np.quantile(prices, 0.9) > 2 * np.quantile(prices, 0.1), category
        assert prices.min() > 0


def test_popularity_is_zipf(mini: Catalog) -> None:
    ranked = np.sort(mini.popularity)[::-1]
    slope = np.polyfit(np.log(np.arange(1, 5_001)), np.log(ranked), 1)[0]
    assert slope == pytest.approx(-1, abs=0.02)
    first_half, second_half = mini.popularity[:2_500].sum(), mini.popularity[2_500:].sum()
    assert 0.2 < first_half / second_half < 5, "ids must not give popularity away"


def test_ratings_follow_tier_and_counts_follow_popularity(mini: Catalog, products: list[Product]) -> None:
    rated = mini.rating_count >= 20
    assert np.corrcoef(np.log(mini.popularity[rated]), np.log(mini.rating_count[rated]))[0, 1] > 0.9
    shelf = [product for product in of(products, "Headphones") if product.rating_count >= 5]
    by_brand = {
        brand: float(np.mean([p.rating or 0 for p in products if p.brand == brand and p.rating_count >= 5]))
        for brand in ("Brimmelo", "Dittomo", "Auvexa", "Zelandor")
    }
    assert max(by_brand["Brimmelo"], by_brand["Dittomo"]) < min(by_brand["Auvexa"], by_brand["Zelandor"])
    assert len({product.rating for product in shelf}) > 8
    assert 3.8 < np.nanmean(mini.rating) < 4.4
    assert all((product.rating is None) == (product.rating_count == 0) for product in products)


def test_reviews_match_their_stars(products: list[Product]) -> None:
    reviews = [review for product in products for review in product.reviews]
    assert len(reviews) > 10_000
    for word, low, high in (("Highly recommended", 5, 5), ("delighted", 5, 5), ("but", 3, 3), ("refund", 1, 1)):
        stars = [review.rating for review in reviews if re.search(rf"\b{word}\b", review.text)]
        stars = [star for star in stars if star != 5] if word == "but" else stars
        assert stars
        assert low <= min(stars) <= max(stars) <= high, word
    assert all(review.title in TITLES[int(review.rating)] for review in reviews)
    for product in products:
        assert len(product.reviews) <= product.rating_count
        if product.rating_count == len(product.reviews) and product.reviews:
            mean = sum(review.rating for review in product.reviews) / product.rating_count
            assert product.rating == round(mean, 1)
        texts = [review.text for review in product.reviews]
        assert len(set(texts)) == len(texts), product.id


def test_options_attributes_and_stock(mini: Catalog, products: list[Product]) -> None:
    assert all("size" in p.options for p in of(products, "Running shoes") if "running shoes," in p.title)
    assert all(len(values) >= 2 for product in products for values in product.options.values())
    assert not any("colour" in p.attributes and "colour" in p.options for p in products)
    assert sum("colour" in product.options for product in products) > 500
    wireless = [product for product in of(products, "Headphones") if "wireless headphones" in product.title]
    assert {"battery life", "driver size", "warranty"} <= set.intersection(*(set(p.attributes) for p in wireless))
    assert 0.02 < 1 - mini.available.mean() < 0.06
