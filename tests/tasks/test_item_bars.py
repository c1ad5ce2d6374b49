"""Do the bars of item selection count and learn right, from other households, without a trace of the answer?"""

from __future__ import annotations

import copy

import numpy as np
import polars as pl
import pytest

from benchmarks.scores import scores
from paars_gym.alignment.item_selection import ItemCases, mine_item_cases
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.embedding import load_embedder
from paars_gym.personas.counting import product_facts
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.sessions.purchases import ProductLog
from paars_gym.tasks.items.bars import Bars, choose_bars, choose_by_counts, cross_fit, held_out
from paars_gym.tasks.items.baselines import EmbeddingChoice
from paars_gym.tasks.items.features import Feature, ItemCodes, count_like, features_of, title_parts
from paars_gym.tasks.items.knowledge import households_of
from paars_gym.tasks.items.questions import ItemDesign
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.items.selection import select_items
from tests.tasks.conftest import Households

COLUMNS = ["shopper", "session", "key", "start", "offset", "kind", "time", "row", "units", "price", "rank"]
DAY = 86_400_000_000


def catalog(*, paths: bool = True, prices: bool = True) -> Catalog:
    """Eight kinds of ten products each, two kinds on a shelf, two shelves in a department."""
    return Catalog.from_products(
        Product(
            id=f"p{kind}{number}",
            title=f"Kind {kind}, sort {number}",
            category=("AB"[kind // 4], f"Shelf {kind // 2}", f"Kind {kind}") if paths else (),
            brand=f"Brand {number % 3}",
            price=1.0 + number if prices else None,
        )
        for kind in range(8)
        for number in range(10)
    )


def bought(shop: Catalog, households: int = 60, *, baskets: int = 8, seed: int = 0) -> ProductLog:
    """Households that buy of two kinds each, and the cheaper of them more often."""
    rng = np.random.default_rng(seed)
    rows = []
    cheap = 0.8 ** np.arange(10)
    for household in range(households):
        kinds = rng.choice(8, 2, replace=False)
        for basket in range(baskets):
            number = household * baskets + basket
            for _ in range(4):
                row = shop.row(f"p{rng.choice(kinds)}{rng.choice(10, p=cheap / cheap.sum())}")
                day = basket * DAY
                rows.append((f"h{household:02d}", number, f"b{number}", day, 0, "purchase", day, row, 1, 2.0, None))
    return ProductLog(shop, pl.DataFrame(rows, schema=COLUMNS, orient="row"))


def features(cases: ItemCases) -> list[Feature]:
    shop = cases.log.catalog
    households = households_of(cases, product_facts(shop))
    likeness = EmbeddingChoice(shop, load_embedder("lexical")).likeness(cases, households)
    return features_of(cases, households, count_like(cases, households, ItemCodes(shop)), likeness)


def bars(cases: ItemCases) -> Bars:
    shop = cases.log.catalog
    households = households_of(cases, product_facts(shop))
    likeness = EmbeddingChoice(shop, load_embedder("lexical")).likeness(cases, households)
    return choose_bars(cases, households, ItemCodes(shop), likeness)


@pytest.fixture(scope="module")
def log() -> ProductLog:
    return bought(catalog())


@pytest.fixture(scope="module", params=["interests", "popularity"])
def cases(log: ProductLog, request: pytest.FixtureRequest) -> ItemCases:
    return mine_item_cases(log, protocol=request.param, min_known=3, seed=1)


def test_counts_by_hand(log: ProductLog) -> None:
    cases = mine_item_cases(log, min_known=3, seed=1)
    shop = log.catalog
    counts = count_like(cases, households_of(cases, product_facts(shop)), ItemCodes(shop))
    for index in (0, 17):
        lines = [event for session in cases.history(index).sessions for event in session.events]
        before = [shop[event.product or ""] for event in lines]
        for place, key in enumerate(cases[index].options):
            item = shop[key]
            same = {
                "department": [one for one in before if one.category[:1] == item.category[:1]],
                "category": [one for one in before if one.category[:2] == item.category[:2]],
                "leaf category": [one for one in before if one.category == item.category],
            }
            for level, found in same.items():
                assert counts.levels[level][index, place] == len(found)
            assert counts.brand[index, place] == sum(one.brand == item.brand for one in before)
            parts = title_parts(item.title)
            shared = sum(part in title_parts(one.title) for one in before for part in parts)
            assert counts.phrases[index, place] == pytest.approx(shared / len(parts))
            ages = [
                (cases[index].as_of - session.start).days
                for session in cases.history(index).sessions
                for event in session.events
                if session.start is not None and shop[event.product or ""].category == item.category
            ]
            assert counts.recent["leaf category"][index, place] == pytest.approx(sum(0.5 ** (age / 30) for age in ages))


def test_ties_of_a_count_go_to_the_second_key(log: ProductLog) -> None:
    cases = copy.copy(mine_item_cases(log, min_known=3, seed=1))
    cases.options, cases.answer = cases.options[:2], cases.answer[:2]
    cases.others_purchases = np.array([[1, 9, 3, 3], [5, 0, 2, 8]])
    zero = np.zeros((2, 4))
    levels = {
        "department": np.array([[0.0, 0, 7, 1], [9, 0, 0, 0]]),
        "category": np.array([[2.0, 2, 2, 0], [0, 1, 0, 0]]),
        "leaf category": np.array([[1.0, 0, 1, 0], [0, 0, 0, 0]]),
    }
    chosen, left_out = choose_by_counts(cases, count_of(levels, zero))
    assert not left_out
    assert {name: choices.tolist() for name, choices in chosen.items()} == {
        "category then department": [2, 1],
        "category then popularity": [1, 1],
        "leaf then popularity": [2, 3],
    }


def count_of(levels: dict[str, np.ndarray], rest: np.ndarray) -> object:
    from paars_gym.tasks.items.features import Counts

    return Counts(levels, levels, rest, rest)


def test_no_feature_knows_the_purchase_that_is_asked_for(cases: ItemCases) -> None:
    """The features of a case are the same when the household never bought any of the four, nor anything since."""
    whole = {feature.name: feature.values for feature in features(cases)}
    log = cases.log
    mine = cases.shopper == cases.shopper[0]
    index = int(np.flatnonzero(mine)[-1])
    entries = np.arange(len(log))
    theirs = (entries >= log.bounds[cases.shopper[index]]) & (entries < log.bounds[cases.shopper[index] + 1])
    gone = theirs & ((entries >= cases.entry[index]) | np.isin(log.title[log.row], log.title[cases.options[index]]))
    assert gone.sum() > 4
    clean = copy.copy(cases)
    # The place of the basket is kept by a line of a product that no case asks for.
    household = log._frame.filter(~pl.Series(gone & (entries != cases.entry[index])))
    clean.log = ProductLog(log.catalog, household)
    clean.shopper, clean.options, clean.answer = (of[[index]] for of in (cases.shopper, cases.options, cases.answer))
    clean.entry = cases.entry[[index]] - (gone & (entries < cases.entry[index])).sum()
    clean.__dict__.pop("others_purchases", None)
    households = households_of(clean, product_facts(log.catalog))
    counts = count_like(clean, households, ItemCodes(log.catalog))
    before = count_like(cases, households_of(cases, product_facts(log.catalog)), ItemCodes(log.catalog))
    for level in counts.levels:
        assert counts.levels[level][0].tolist() == before.levels[level][index].tolist()
        assert counts.recent[level][0] == pytest.approx(before.recent[level][index])
    assert counts.phrases[0].tolist() == before.phrases[index].tolist()
    assert counts.brand[0].tolist() == before.brand[index].tolist()
    assert clean.others_purchases[0].tolist() == cases.others_purchases[index].tolist()
    assert whole["popularity, log"][index] == pytest.approx(np.log1p(clean.others_purchases[0]))


def test_answers_by_lot_cannot_be_learnt(log: ProductLog) -> None:
    cases = mine_item_cases(log, min_known=3, per_shopper=6, seed=1)
    known = features(cases)
    right, n = 0, 0
    for seed in range(5):
        lot = copy.copy(cases)
        lot.answer = np.random.default_rng(seed).integers(4, size=len(cases))
        utilities, _ = cross_fit(lot, known)
        right += int((utilities.argmax(axis=1) == lot.answer).sum())
        n += len(cases)
    assert n > 1000
    assert right / n == pytest.approx(0.25, abs=3 * (0.25 * 0.75 / n) ** 0.5)
    utilities, _ = cross_fit(cases, known)
    assert (utilities.argmax(axis=1) == cases.answer).mean() > 0.8


def test_no_household_is_judged_by_a_fit_that_saw_it(cases: ItemCases) -> None:
    known = features(cases)
    utilities, _ = cross_fit(cases, known)
    halves = held_out(cases)
    assert {bool(half) for half in halves} == {False, True}
    for half in (False, True):
        # Other answers of its own half change nothing about a household's utilities; those of the other half do.
        moved = copy.copy(cases)
        moved.answer = np.where(halves == half, (cases.answer + 1) % 4, cases.answer)
        changed, _ = cross_fit(moved, known)
        assert np.array_equal(changed[halves == half], utilities[halves == half])
        assert not np.allclose(changed[halves != half], utilities[halves != half])


def test_bars_on_a_small_log(cases: ItemCases) -> None:
    found = bars(cases)
    accuracy = {name: (choices == cases.answer).mean() for name, choices in found.chosen.items()}
    assert list(accuracy) == [
        "category then department", "category then popularity", "leaf then popularity",
        "learned, base", "learned, profile", "learned, preferences", "learned, history", "learned, persona",
    ]  # fmt: skip
    # A household buys of two kinds and the distractors are of others, or it never bought them.
    assert accuracy["learned, history"] > accuracy["learned, base"] + 0.1
    assert found.told_by_category is not None
    if cases.protocol == "interests":
        assert found.told_by_category > 0.8
        assert accuracy["category then popularity"] > 0.9
    else:
        assert found.told_by_category < 0.8
    terms = {weight.term: weight.estimate for weight in found.coefficients}
    assert {"popularity, log", "similarity to the profile", "leaf category before, log"} <= set(terms)
    sure = [estimate for estimate in terms.values() if estimate.interval is not None]
    assert len(sure) > 15
    for estimate in sure:
        assert estimate.value in estimate.interval
        assert estimate.details["standard_error"] > 0


def choose(log: ProductLog) -> ItemResults:
    run = RunConfig(sessions=4600, seed=1)
    design = ItemDesign(min_known=3, protocols=("popularity",))
    return select_items(Households(log), run, design=design, embedder="lexical")


@pytest.fixture(scope="module")
def results(log: ProductLog) -> ItemResults:
    return choose(log)


def test_one_household_teaches_nothing() -> None:
    results = choose(bought_by_one())
    shoppers = {row.shopper for row in results.rows}
    assert "leaf then popularity" in shoppers
    assert not [shopper for shopper in shoppers if shopper.startswith("learned")]
    said = " ".join(table_3_remarks(results))
    assert "The learned scorer is left out: it is fitted on other households than it judges" in said
    assert "has 0 with cases" in said or "has 1 with cases" in said
    table_3(results)


def bought_by_one() -> ProductLog:
    """One household that is asked about, and others that come once and are not."""
    shop = catalog()
    log = bought(shop, 8)
    kept = pl.col("shopper").eq("h00") | pl.col("session").mod(8).eq(0)
    return ProductLog(shop, log._frame.filter(kept))


def test_catalogs_without_categories_or_prices() -> None:
    bare = choose(bought(catalog(paths=False, prices=False)))
    shoppers = {row.shopper for row in bare.rows}
    assert {"learned, base", "learned, persona"} <= shoppers
    assert not [shopper for shopper in shoppers if "then" in shopper]
    said = " ".join(table_3_remarks(bare))
    assert "'leaf then popularity' is left out: the catalog does not tell one leaf category from another" in said
    assert not [weight.term for weight in bare.coefficients if "price" in weight.term or "category" in weight.term]
    priced = choose(bought(catalog(paths=False)))
    assert [weight.term for weight in priced.coefficients if "price" in weight.term]


def test_results_hold_the_bars(results: ItemResults) -> None:
    bars = results.bars()
    found = scores({"item_selection": results})["table3"]
    assert found["bars"] == bars
    assert {row["policy"] for row in found["rows"]} >= {"popularity", "learned", "uniform"}
    assert [{name: value for name, value in row.items() if name != "policy"} for row in found["rows"]] == (
        results.to_dicts()
    )
    assert {row["measure"] for row in bars} == {"accuracy"}
    assert {row["shopper"] for row in bars} == {row.shopper for row in results.rows if row.bar}
    assert {"popularity", "leaf then popularity", "learned, persona"} <= {row["shopper"] for row in bars}
    assert not [row for row in bars if str(row["shopper"]).startswith(("embedding", "uniform"))]
    rows = results.to_polars()
    assert {"over learned", "weight of popularity, log", "persona over history"} <= set(rows["measure"])
    learned = [
        gain for gain in results.gains if (gain.shopper, gain.first, gain.second) == ("learned", "history", "persona")
    ]
    assert "clustered by shopper" in learned[0].gain.interval.method


def test_what_is_said_of_the_persona(results: ItemResults) -> None:
    for low, high, expected in (
        (-0.01, 0.02, "add nothing that can be measured"),
        (0.01, 0.03, "history add +"),
        (-0.03, -0.01, "history cost -"),
    ):
        gains = tuple(
            gain.model_copy(update={"gain": moved(gain.gain, low, high)}) if gain.shopper == "learned" else gain
            for gain in results.gains
        )
        said = " ".join(table_3_remarks(results.model_copy(update={"gains": gains})))
        assert expected in said
        assert "hurt" not in said


def moved(estimate: object, low: float, high: float) -> object:
    from dataclasses import replace

    from paars_gym.estimate import Interval

    return replace(estimate, value=(low + high) / 2, interval=Interval(low, high))
