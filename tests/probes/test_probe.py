from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.estimate import Estimate
from paars_gym.probes.levels import NO_NAME, PAGE_SIZE, Probe, ProbePage, draw_pages, open_page, price_level, probes
from paars_gym.probes.probe import PROBE_RUN, Effect, ProbeResult, run_probe
from paars_gym.probes.segments import EVERYONE
from paars_gym.probes.trials import play_trials
from paars_gym.report.probe import probe_notes
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.simulation.steps import StepReader
from tests.conftest import twelve_products
from tests.probes.people import people, shoppers


def probed(name: str, catalog: Catalog, *, trials: int, **options: object) -> ProbeResult:
    """A probe of so many trials by the given settings of a run, and by those of `run_probe`."""
    fields = {key: options.pop(key) for key in list(options) if key in RunConfig.model_fields}
    run = RunConfig(sessions=trials, **{"max_steps": PROBE_RUN.max_steps, **fields})
    return run_probe(name, run, ShopConfig(catalog=catalog), **options)


def by_level(effects: tuple[Effect, ...], outcome: str, segment: str = EVERYONE) -> dict[str, Estimate]:
    return {one.level: one.change for one in effects if (one.outcome, one.segment) == (outcome, segment)}


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
    result = probed("price", wide, personas=people(60), policy=shoppers(price=-4.0), trials=180, pages=12, seed=1)
    view = by_level(result.effects, "view")
    assert view["-50%"].low > 0 > view["+50%"].high
    estimates = [view[level].value for level in ("-50%", "-25%", "-10%", "+10%", "+25%", "+50%")]
    assert estimates == sorted(estimates, reverse=True)
    assert result.failed == 0


def test_segments_with_a_stronger_taste_react_more(wide: Catalog) -> None:
    policy = shoppers(price=0.0, price_taste=-8.0, attraction=-1.0)
    result = probed("price", wide, personas=people(80), policy=policy, trials=240, pages=40)
    high = by_level(result.effects, "view", "price_sensitivity high")["-50%"]
    low = by_level(result.effects, "view", "price_sensitivity low")["-50%"]
    assert high.low > 0
    assert (low.high or 0.0) <= 0 or low.value < high.value / 2
    assert high.sizes["personas"] == low.sizes["personas"] == 40


def test_what_the_shopper_does_not_look_at_has_no_effect(wide: Catalog) -> None:
    result = probed("review", wide, personas=people(20), policy=shoppers(), trials=60)
    for effect in result.effects:
        change = effect.change
        assert (change.value, change.interval, change.note) == (0.0, None, "no trial differs")


def test_places_further_down_are_viewed_less(wide: Catalog) -> None:
    policy = shoppers(scroll=1.0, decay=0.5)
    view = by_level(probed("position", wide, personas=people(60), policy=policy, trials=240).effects, "view")
    estimates = [view[f"place {place}"].value for place in (2, 3, 5, 8)]
    assert estimates == sorted(estimates, reverse=True)
    assert view["place 8"].high < -0.2


def test_failed_trials_are_left_out_and_counted(wide: Catalog) -> None:
    class Fragile(BehaviouralShopper):
        def act(self, observation, info):  # type: ignore[no-untyped-def]
            if info["step"] == 1 and max(product.price for product in info["products"]) > 70:
                raise RuntimeError("no answer")
            return super().act(observation, info)

    result = probed("price", wide, personas=people(10), policy=Fragile, trials=40)
    assert 0 < result.failed < 40
    assert result.effects[0].change.sizes["trials"] == 40 - result.failed


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "colour"}, "Unknown probe 'colour'"),
        ({"trials": 0}, "sessions == 0"),
        ({"personas": []}, "no personas"),
        ({"pages": 0}, "pages == 0"),
        ({"segment": "mood"}, "Unknown segment 'mood'"),
        ({"segment": ""}, "Unknown segment ''"),
        ({"brand": "Calor"}, "is for the probe brand"),
        ({"name": "brand", "brand": " "}, "give the name of a brand"),
        ({"level": 1.0}, "level == 1.0"),
        ({"max_steps": 0}, "max_steps == 0"),
        ({"concurrency": 0}, "concurrency == 0"),
        ({"seed": -1}, "seed == -1"),
    ],
)
def test_bad_probes(wide: Catalog, options: dict[str, object], says: str) -> None:
    played = []

    def nobody() -> None:
        played.append(1)

    settings = {"name": "price", "personas": people(3), "policy": nobody, "trials": 4, **options}
    with pytest.raises(ValueError, match=says):
        probed(catalog=wide, **settings)  # type: ignore[arg-type]
    assert not played, "shoppers may cost money"


def test_a_catalog_that_fills_no_page_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="has 8 available products with price"):
        probed("price", catalog, personas=people(3), trials=4)


def test_segments_have_intervals_of_their_own_and_small_ones_are_said(wide: Catalog) -> None:
    asked = people(30, ("25-49K",) * 7 + ("50-74K",) * 7 + ("150K+",))
    result = probed("price", wide, personas=asked, policy=shoppers(price=-4.0), trials=60, pages=10, segment="income")
    assert result.segment == "income_band"
    assert {one.segment for one in result.effects} == {EVERYONE, "income_band 25-49K", "income_band 50-74K"}
    assert result.small == {"income_band 150K+": 4}
    assert "Fewer than 20 trials: income_band 150K+ (4); not shown." in probe_notes(result)
    view = by_level(result.effects, "view", "income_band 25-49K")["-50%"]
    assert view.sizes == {"personas": 14, "pages": 10, "trials": 28}
    assert view.interval is not None


def test_everyone_meets_every_page_before_any_pair_comes_again(wide: Catalog) -> None:
    """7 shoppers and 8 pages: in step with each other, each shopper would see one page only."""
    probe = Probe("price", "?", probes()["price"].baseline, (), ("price",), "price_sensitivity")
    for n_people, n_pages in ((7, 8), (8, 8), (6, 4)):
        pages = draw_pages(wide, probe, number=n_pages, rng=np.random.default_rng(3))
        run = RunConfig(personas=people(n_people), policy=shoppers(), sessions=n_people * n_pages, seed=5)
        trials = play_trials(probe, pages, wide, run)
        pairs = {(one.shopper, page) for one, page in zip(trials.personas, trials.pages, strict=True)}
        assert len(pairs) == n_people * n_pages


def test_one_persona_or_one_page_is_not_estimable(wide: Catalog) -> None:
    alone = probed("price", wide, personas=people(1), policy=shoppers(), trials=20, pages=10)
    assert {(one.change.value, one.change.interval, one.change.note) for one in alone.effects} == {
        (None, None, "not estimable: one persona")
    }
    same = probed("price", wide, personas=people(10), policy=shoppers(), trials=20, pages=1)
    assert {one.change.note for one in same.effects} == {"not estimable: one page"}


def test_targets_do_not_have_the_brand_already(wide: Catalog) -> None:
    probe = probes("DUNK")["brand"]
    pages = draw_pages(wide, probe, number=40, rng=np.random.default_rng(0))
    assert {page.products[page.target].brand for page in pages} == {"Calor", "Ede", "Fann"}
    dunk = Catalog.from_products([one for one in map(wide.product, range(40)) if one.brand == "Dunk"], name="dunk")
    with pytest.raises(ValueError, match="Every product of 'dunk' is of 'DUNK' already"):
        draw_pages(dunk, probe, number=1, rng=np.random.default_rng(0))


def test_a_page_can_be_walked(wide: Catalog) -> None:
    page = draw_pages(wide, probes()["rating"], number=1, rng=np.random.default_rng(1))[0]
    shop = open_page(page, probes()["rating"].baseline, wide)
    assert isinstance(page, ProbePage)
    assert isinstance(shop, Shop)
    assert len(shop.ranking.rank("kettle", limit=20).rows) == PAGE_SIZE


def test_a_probe_is_a_table_and_survives_its_file(wide: Catalog) -> None:
    result = probed("price", wide, personas=people(60), policy=shoppers(price=-4.0), trials=180, pages=12)
    frame = result.to_polars()
    assert len(frame) == len(result.effects)
    assert frame.filter(changed_to="+50%", outcome="view", segment=EVERYONE)["verdict"].to_list() == ["lower"]
    assert set(frame["level"].drop_nulls()) == {0.95}
    assert len(repr(result).splitlines()) <= 20
    assert "What does the price change?" in result._repr_html_()
    assert ProbeResult.model_validate_json(result.model_dump_json()) == result


def test_a_probe_keeps_its_result_and_its_steps_in_a_folder(wide: Catalog, tmp_path: Path) -> None:
    settings = {
        "personas": people(3),
        "policy": shoppers(),
        "trials": 4,
        "pages": 2,
        "out": tmp_path,
        "record": "steps",
    }
    result = probed("rating", wide, **settings)  # type: ignore[arg-type]
    assert ProbeResult.model_validate_json((tmp_path / "result.json").read_bytes()) == result
    steps = StepReader(tmp_path / "steps" / "steps.jsonl.zst")
    assert len(steps.keys()) == 4 * 3
    first = steps.read("+1 star 0000000")
    assert first[0].session == "+1 star 0000000"
    assert first[0].shown
    with pytest.raises(FileExistsError, match="another folder"):
        probed("rating", wide, **settings)  # type: ignore[arg-type]
