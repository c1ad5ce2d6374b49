from __future__ import annotations

import numpy as np
import pytest

from paars_gym.abtest.estimate import paired_difference
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import ConsumerProfile, Persona, Score, ShoppingPreferences
from paars_gym.probes.levels import NO_NAME, Probe, price_level, probes
from paars_gym.probes.pages import PAGE_SIZE, ProbePage, draw_pages, open_page
from paars_gym.probes.probe import EVERYONE, Effect, play_trials, run_probe, segment_of
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from tests.conftest import twelve_products

EAGER = {"attraction": 0.0, "outside": 1.0, "scroll": 4.0}


@pytest.fixture(scope="module")
def wide() -> Catalog:
    """Forty products of one category, with prices and ratings that differ."""
    kettle = next(product for product in twelve_products() if product.id == "k1")
    products = [
        kettle.model_copy(
            update={
                "id": f"k{index:02d}",
                "title": f"Calor kettle number {index}",
                "price": 20.0 + index,
                "rating": 3.0 + index % 4 / 2,
            }
        )
        for index in range(40)
    ]
    return Catalog.from_products(products, name="kettles", synthetic=True)


def people(number: int) -> list[Persona]:
    """Price-sensitive ones and others in turn."""
    return [
        Persona(
            shopper=f"p{index}",
            profile=ConsumerProfile(),
            preferences=ShoppingPreferences(price_sensitivity=Score(value=5.0 if index % 2 else 1.0)),
            source="synthetic",
        )
        for index in range(number)
    ]


def by_level(effects: tuple[Effect, ...], outcome: str, segment: str = EVERYONE) -> dict[str, Effect]:
    return {one.level: one for one in effects if (one.outcome, one.segment) == (outcome, segment)}


def shoppers(**parameters: float):  # type: ignore[no-untyped-def]
    return lambda shop: lambda: BehaviouralShopper(shop, parameters={**EAGER, **parameters})


def test_pages_differ_in_the_target_alone(wide: Catalog) -> None:
    probe = probes()["price"]
    page = draw_pages(wide, probe, number=3, rng=np.random.default_rng(0))[2]
    before, after = (open_page(page, level, wide) for level in (probe.baseline, price_level(25)))
    listed = [[shop.catalog.product(row) for row in shop.ranking.rank("anything").rows] for shop in (before, after)]
    differing = [index for index in range(PAGE_SIZE) if listed[0][index] != listed[1][index]]
    assert differing == [page.target]
    assert listed[1][page.target].price == pytest.approx(1.25 * listed[0][page.target].price, abs=0.01)
    moved = open_page(page, probes()["position"].levels[-1], wide)
    assert moved.catalog.listing(moved.ranking.rank("x").rows[7])[0] == page.products[page.target].id


def test_levels_change_what_they_say() -> None:
    product = twelve_products()[0]
    brand = probes()["brand"].levels[0].change(product)
    assert (brand.brand, brand.title) == (NO_NAME, f"{NO_NAME} wireless headphones black")
    rating = probes()["rating"]
    assert [level.change(product).rating for level in (rating.baseline, *rating.levels)] == [4.0, 3.0, 5.0]
    review = probes()["review"]
    assert {one.rating for one in review.levels[0].change(product).reviews} == {1}
    assert review.levels[0].change(product).rating == product.rating


def test_a_planted_dislike_of_prices_is_found_with_its_sign_and_order(wide: Catalog) -> None:
    result = run_probe(
        "price", personas=people(60), catalog=wide, policy=shoppers(price=-4.0), trials=180, pages=12, seed=1
    )
    view = by_level(result.effects, "view")
    assert view["-50%"].interval[0] > 0 > view["+50%"].interval[1]
    estimates = [view[level].estimate for level in ("-50%", "-25%", "-10%", "+10%", "+25%", "+50%")]
    assert estimates == sorted(estimates, reverse=True)
    assert result.failed == 0


def test_segments_with_a_stronger_taste_react_more(wide: Catalog) -> None:
    policy = shoppers(price=0.0, price_taste=-8.0, attraction=-1.0)
    result = run_probe("price", personas=people(80), catalog=wide, policy=policy, trials=240, pages=12)
    high = by_level(result.effects, "view", "price_sensitivity high")["-50%"]
    low = by_level(result.effects, "view", "price_sensitivity low")["-50%"]
    assert high.interval[0] > 0
    assert (low.interval or (0.0, 0.0))[1] <= 0 or low.estimate < high.estimate / 2
    assert high.personas == low.personas == 40


def test_what_the_shopper_does_not_look_at_has_no_effect(wide: Catalog) -> None:
    result = run_probe("review", personas=people(20), catalog=wide, policy=shoppers(), trials=60)
    for effect in result.effects:
        assert (effect.estimate, effect.interval, effect.note) == (0.0, None, "no trial differs")


def test_places_further_down_are_viewed_less(wide: Catalog) -> None:
    policy = shoppers(scroll=1.0, decay=0.5)
    view = by_level(run_probe("position", personas=people(60), catalog=wide, policy=policy, trials=240).effects, "view")
    estimates = [view[f"place {place}"].estimate for place in (2, 3, 5, 8)]
    assert estimates == sorted(estimates, reverse=True)
    assert view["place 8"].interval[1] < -0.2


def test_intervals_cover_the_planted_effect(wide: Catalog) -> None:
    """200 probes of 50 personas, drawn from a population of 200 whose own effect is known because all were played."""
    probe = Probe("price", "?", probes()["price"].baseline, (price_level(-50),), ("price",), "price_sensitivity")
    pages = draw_pages(wide, probe, number=6, rng=np.random.default_rng(3))
    crowd = people(200)
    found = play_trials(probe, pages, crowd, wide, shoppers(price=-3.0), trials=600, seed=5)
    before, after = (found.outcomes[level, "view"].reshape(3, 200) for level in ("as is", "-50%"))
    true = float((after - before).mean())
    assert true > 0.03
    rng, covered = np.random.default_rng(6), 0
    for _ in range(200):
        drawn = rng.integers(200, size=50)
        clusters = np.tile(np.arange(50), 3).tolist()
        low, high = paired_difference(before[:, drawn].ravel(), after[:, drawn].ravel(), clusters).interval
        covered += low <= true <= high
    assert 0.91 <= covered / 200 <= 0.985


def test_failed_trials_are_left_out_and_counted(wide: Catalog) -> None:
    class Fragile(BehaviouralShopper):
        def act(self, observation, info):  # type: ignore[no-untyped-def]
            if (self._wanted and self._shop.catalog.price.max() > 70) and info["step"] == 1:
                raise RuntimeError("no answer")
            return super().act(observation, info)

    result = run_probe("price", personas=people(10), catalog=wide, policy=lambda shop: lambda: Fragile(shop), trials=40)
    assert 0 < result.failed < 40
    assert result.effects[0].trials == 40 - result.failed


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "colour"}, "Unknown probe 'colour'"),
        ({"trials": 0}, "trials == 0"),
        ({"personas": []}, "0 personas"),
        ({"pages": 0}, "pages == 0"),
        ({"segment": "mood"}, "Unknown segment 'mood'"),
    ],
)
def test_bad_probes(wide: Catalog, options: dict[str, object], says: str) -> None:
    settings = {"name": "price", "personas": people(3), "catalog": wide, "policy": shoppers(), "trials": 4, **options}
    with pytest.raises(ValueError, match=says):
        run_probe(**settings)  # type: ignore[arg-type]


def test_a_catalog_that_fills_no_page_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="has 8 available products with price"):
        run_probe("price", personas=people(3), catalog=catalog, trials=4)


def test_segments_of_a_persona() -> None:
    low, high = people(2)
    assert segment_of(low, "price_sensitivity") == "price_sensitivity low"
    assert segment_of(high, "price_sensitivity") == "price_sensitivity high"
    assert segment_of(low, "review_reliance") == "review_reliance unknown"
    assert segment_of(low, "age_range") == "age_range unknown"


def test_a_page_can_be_walked(wide: Catalog) -> None:
    page = draw_pages(wide, probes()["rating"], number=1, rng=np.random.default_rng(1))[0]
    shop = open_page(page, probes()["rating"].baseline, wide)
    assert isinstance(page, ProbePage)
    assert isinstance(shop, Shop)
    assert len(shop.ranking.rank("kettle", limit=20).rows) == PAGE_SIZE
