from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from paars_gym.abtest import ABTest, ABTestResult, Arm
from paars_gym.abtest.compare import Pairs, compare, pair_up
from paars_gym.abtest.outcomes import COLUMNS, measure
from paars_gym.abtest.patch import Change
from paars_gym.catalog.store import Catalog
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig, ShopConfig
from paars_gym.report.abtest import notes
from paars_gym.sessions.event import Event, Session
from paars_gym.simulation.read_run import Run
from tests.abtest.shoppers import FirstBuyer, Spender, dear_pages, headphones, people


def run(test: ABTest, catalog: Catalog, **options: object) -> ABTestResult:
    settings = {
        "personas": people(20),
        "intentions": headphones,
        "policy": FirstBuyer,
        "sessions": 60,
        **options,
    }
    ours = {name: settings.pop(name) for name in ("out", "resume", "level") if name in settings}
    return test.run(RunConfig(**settings), ShopConfig(catalog=catalog), **ours)  # type: ignore[arg-type]


def test_measures_of_a_session_by_hand() -> None:
    session = Session(
        shopper="a",
        key="1",
        events=(
            Event(kind="search", query="x"),
            Event(kind="view", product="h1", rank=3),
            Event(kind="view", product="h2"),
            Event(kind="add", product="h1"),
            Event(kind="purchase", product="h1", units=2, price=5.0),
            Event(kind="stop"),
        ),
    )
    assert dict(zip(COLUMNS, measure(session), strict=True)) == {
        "units": 2,
        "revenue": 10,
        "converted": 1,
        "adds": 1,
        "searches": 1,
        "views": 2,
        "ranks": 3,
        "ranked_views": 1,
        "abandoned": 0,
        "carts": 1,
        "priced": 1,
        "unpriced": 0,
    }


def test_a_treatment_that_ends_all_sales_is_found(catalog: Catalog) -> None:
    too_dear = Arm("bm25", patch=[Change(category="Headphones", price=200)])
    result = run(ABTest(Arm("bm25"), too_dear), catalog)
    sales = result.outcomes["sales_units"]
    assert sales.control == pytest.approx(0.8, abs=0.15)
    assert sales.difference.value == -sales.control
    assert sales.relative.value == -1.0
    assert sales.difference.high < 0
    assert sales.difference.verdict == "lower"
    assert sales.difference.number("p_adjusted") < 0.001
    assert sales.unpaired_sessions > 0
    assert sales.welch.high < 0
    searches = result.outcomes["searches"]
    none = searches.difference
    assert (none.value, none.interval, none.note) == (0, None, "no pair differs")
    assert searches.per_shopper.interval is None
    assert not result.identical_arms
    assert result.treatment.patched_products == 4
    assert (result.control.sessions, result.personas, result.excluded) == (60, 20, 0)


def test_identical_arms_are_flagged_and_independent_noise_tells_them_apart(catalog: Catalog) -> None:
    same = run(ABTest(Arm("bm25"), Arm("bm25")), catalog)
    assert same.identical_arms
    assert all(estimate.interval is None for estimate in same.outcomes["sales_units"].estimates.values()
               if estimate.note == "identical_arms")  # fmt: skip
    noisy = run(ABTest(Arm("bm25"), Arm("bm25"), independent_noise=True), catalog)
    assert not noisy.identical_arms
    assert noisy.outcomes["sales_units"].difference.number("standard_error") > 0


def test_draws_are_sessions_of_the_same_visitor_with_other_noise(catalog: Catalog, tmp_path: Path) -> None:
    from paars_gym.sessions.run_log import read_log

    result = run(ABTest(Arm("bm25"), Arm("price")), catalog, sessions=10, draws=3, out=tmp_path)
    assert result.outcomes["views"].sessions == 60
    for arm in ("control", "treatment"):
        sessions = {session.key: session for session in read_log(tmp_path / arm / "sessions.jsonl")}
        assert len(sessions) == 30
        assert len({sessions[f"0000004.{draw}"].shopper for draw in range(3)}) == 1
        assert len({sessions[f"{pair:07d}.{draw}"].count("purchase") for pair in range(10) for draw in range(3)}) == 2


def test_a_test_in_a_folder_is_that_in_memory_and_is_resumed(catalog: Catalog, tmp_path: Path) -> None:
    test = ABTest(Arm("bm25"), Arm("price"))
    in_memory = run(test, catalog, seed=3)
    kept = run(test, catalog, seed=3, out=tmp_path)
    assert kept == in_memory == ABTestResult.read(tmp_path)
    log = tmp_path / "treatment" / "sessions.jsonl"
    whole = sorted(log.read_bytes().splitlines())
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:17])[:-5])
    with pytest.raises(FileExistsError, match="--resume"):
        run(test, catalog, seed=3, out=tmp_path)
    assert run(test, catalog, seed=3, out=tmp_path, resume=True) == in_memory
    assert sorted(log.read_bytes().splitlines()) == whole
    with pytest.raises(ValueError, match="seed == 3 there and 4 now"):
        run(test, catalog, seed=4, out=tmp_path, resume=True)


def test_a_result_is_a_table_with_named_estimates(catalog: Catalog) -> None:
    result = run(ABTest(Arm("bm25"), Arm("price")), catalog)
    views = result.outcomes["views"]
    assert list(views.estimates) == [
        "difference", "relative", "shrunken", "welch", "welch_relative", "cuped", "cuped_relative", "per_shopper",
        "per_shopper_relative", "sequential",
    ]  # fmt: skip
    rows = result.to_dicts()
    assert len(rows) == 8 * len(views.estimates)
    primary = next(row for row in rows if (row["outcome"], row["name"]) == ("views", "difference"))
    assert (primary["value"], primary["control"]) == (views.difference.value, views.control)
    assert (primary["unit"], primary["n_pairs"]) == ("products opened a session", 60)
    lines = repr(result).splitlines()
    assert lines[0] == "price against bm25, twelve (synthetic), first buyer"
    assert 9 < len(lines) <= 20
    assert "sales_units" in result._repr_html_()
    assert len(repr(views).splitlines()) <= 20
    assert len(result.to_pandas()) == len(result.to_polars()) == len(result.to_csv().splitlines()) - 1 == len(rows)


def test_failed_sessions_leave_with_their_pair_and_are_counted(catalog: Catalog) -> None:
    fragile = partial(FirstBuyer, fails_at=0.3, fails_above={"h1": 100})
    treatment = Arm("bm25", patch=[Change(product="h1", price=150)])
    result = run(ABTest(Arm("bm25"), treatment), catalog, policy=fragile)
    assert (result.control.failed, result.treatment.failed) == (0, result.excluded)
    assert 8 < result.excluded < 30
    assert result.sample_ratio.control == result.excluded
    assert result.sample_ratio.p_value < 0.01
    assert result.outcomes["views"].sessions == 2 * (60 - result.excluded)


def test_an_arm_in_which_everything_fails_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="All 60 sessions of the control arm failed"):
        run(ABTest(Arm("bm25"), Arm("price")), catalog, policy=partial(FirstBuyer, fails_at=1.0))
    with pytest.raises(ValueError, match="treatment arm is empty"):
        pair_up({"1": "a"}, {"1": (0.0,) * len(COLUMNS)}, {})


def test_cuped_adjusts_for_purchases_not_for_words(catalog: Catalog) -> None:
    worded = [
        persona.model_copy(update={"history": f'- 10:00 searched "most bought kettle{"; " * index}"'})
        for index, persona in enumerate(people(20))
    ]
    test = ABTest(Arm("bm25"), Arm("price"), independent_noise=True)
    plain, other = run(test, catalog), run(test, catalog, personas=worded)
    assert plain.outcomes["sales_units"].cuped == other.outcomes["sales_units"].cuped
    assert plain.outcomes["sales_units"].cuped.interval is not None
    unknown = [persona.model_copy(update={"purchases_before": 0}) for persona in people(20)]
    assert "covariate does not vary" in run(test, catalog, personas=unknown).outcomes["sales_units"].cuped.note


def test_one_persona_tells_nothing(catalog: Catalog) -> None:
    too_dear = Arm("bm25", patch=[Change(category="Headphones", price=200)])
    result = run(ABTest(Arm("bm25"), too_dear), catalog, personas=people(1))
    assert not result.identical_arms
    for outcome in result.outcomes.values():
        difference = outcome.difference
        assert (difference.value, difference.interval) == (None, None)
        assert difference.note in ("not estimable: one persona", "not estimable: nothing to divide by")
        assert outcome.welch.interval is None


def pairs_of(control: dict[str, tuple[float, ...]], treatment: dict[str, tuple[float, ...]]) -> Pairs:
    return pair_up({key: f"p{int(key) // 2}" for key in control}, control, treatment)


def rows(number: int) -> dict[str, tuple[float, ...]]:
    rng = np.random.default_rng(0)
    return {f"{index:03d}": tuple(rng.integers(1, 5, len(COLUMNS)).astype(float)) for index in range(number)}


def test_arms_are_identical_only_if_every_number_is() -> None:
    control = rows(20)
    assert pairs_of(control, dict(control)).identical
    revenue = COLUMNS.index("revenue")
    unknown = {key: (*row[:revenue], 0.0, *row[revenue + 1 : -2], 0.0, 1.0) for key, row in control.items()}
    same = compare(pairs_of(unknown, dict(unknown)))
    assert pairs_of(unknown, dict(unknown)).identical
    assert same["sales_units"].difference.note == "identical_arms"
    assert same["sales_units"].difference.interval is None
    assert same["revenue"].difference.value is None
    # All sell one more: no variance, nothing estimable in sales; the arms differ all the same.
    more = pairs_of(control, {key: (row[0] + 1, *row[1:]) for key, row in control.items()})
    assert not more.identical
    outcomes = compare(more)
    assert outcomes["sales_units"].difference.value is None
    assert outcomes["views"].difference.interval is None
    assert outcomes["views"].difference.note == "no pair differs"


def test_sessions_count_alike_in_the_sequential_interval() -> None:
    control = rows(240)
    rng = np.random.default_rng(1)
    treatment = {key: (row[0] + rng.integers(0, 3), *row[1:]) for key, row in control.items()}
    # The first 40 sessions are of ten people, the others of a hundred.
    shoppers = {key: f"p{int(key) // 4 if int(key) < 40 else int(key) // 2}" for key in control}
    sales = compare(pair_up(shoppers, control, treatment))["sales_units"]
    paired, always = sales.difference, sales.sequential
    assert np.mean(always.interval.ends) == pytest.approx(always.value) == pytest.approx(paired.value)
    assert always.low < paired.low < paired.high < always.high


def test_ratios_a_shopper_by_hand() -> None:
    place = COLUMNS.index("ranks"), COLUMNS.index("ranked_views")

    def row(ranks: float, views: float) -> tuple[float, ...]:
        values = [0.0] * len(COLUMNS)
        values[place[0]], values[place[1]] = ranks, views
        return tuple(values)

    control = {"000": row(2, 1), "001": row(4, 1), "002": row(1, 1), "003": row(0, 0), "004": row(1, 1)}
    treatment = {"000": row(3, 1), "001": row(6, 2), "002": row(5, 1), "003": row(0, 0), "004": row(0, 0)}
    per_shopper = compare(pairs_of(control, treatment))["rank_viewed"].per_shopper
    # p0: 6 of 2 before, 9 of 3 after: 0; p1: from 1 to 5; p2 looked at nothing in the treatment.
    assert per_shopper.value == 2.0
    assert "of 2 of 3 shoppers" in per_shopper.note


def test_an_arm_may_have_an_environment_of_its_own(catalog: Catalog, tmp_path: Path) -> None:
    test = ABTest(Arm("bm25"), Arm("bm25", env=dear_pages))
    for out in (None, tmp_path):
        result = run(test, catalog, out=out)
        assert result.treatment.name == "bm25, dear_pages"
        assert result.outcomes["sales_units"].control > 0.5
        assert result.outcomes["sales_units"].treatment == 0
        assert result.outcomes["views"].difference.value == 0
    both = ABTest(Arm("bm25"), Arm("price")).run(
        RunConfig(personas=people(5), intentions=headphones, policy=FirstBuyer, sessions=10),
        ShopConfig(catalog=catalog, env="tests.abtest.shoppers:dear_pages"),
    )
    assert both.outcomes["sales_units"].control == both.outcomes["sales_units"].treatment == 0


def test_both_arms_record_their_steps(catalog: Catalog, tmp_path: Path) -> None:
    result = run(ABTest(Arm("bm25"), Arm("price")), catalog, sessions=6, out=tmp_path, record="steps")
    for arm in ("control", "treatment"):
        session = Run(tmp_path / arm).session("0000003")
        assert session.steps[0].action == "search[headphones]"
        assert session.steps[0].shown
    assert result.control.sessions == 6


def test_both_arms_have_one_budget(catalog: Catalog, tmp_path: Path) -> None:
    config = RunConfig(
        personas=people(5),
        intentions=headphones,
        policy="tests.abtest.shoppers:Spender",
        sessions=20,
        model=ModelConfig(spec="openai:gpt-4.1-mini"),
        budget=BudgetConfig(max_usd=1.0),
    )
    for out in (None, tmp_path):
        Spender.allowed.clear()
        result = ABTest(Arm("bm25"), Arm("price")).run(config, ShopConfig(catalog=catalog), out=out)
        assert sorted(set(Spender.allowed)) == pytest.approx([0.8, 1.0])
        assert (result.control.usd, result.treatment.usd) == (pytest.approx(0.2), pytest.approx(0.2))


def test_revenue_is_unknown_where_prices_are(catalog: Catalog) -> None:
    free = Catalog.from_products([product.model_copy(update={"price": None}) for product in catalog], name="unpriced")
    result = run(ABTest(Arm("bm25"), Arm("popularity")), free)
    assert result.outcomes["revenue"].difference.value is None
    assert "purchase lines has a price" in result.outcomes["revenue"].difference.note
    assert result.outcomes["sales_units"].control > 0


def test_lines_without_a_price_are_counted() -> None:
    def bought(*prices: float | None) -> tuple[float, ...]:
        events = tuple(Event(kind="purchase", product=f"p{n}", units=2, price=price) for n, price in enumerate(prices))
        return measure(Session(shopper="a", key="a", events=events))

    shoppers = {str(number): f"s{number}" for number in range(8)}
    control = {key: bought(1.0, 2.0) for key in shoppers}
    treatment = {key: bought(3.0, None if key == "0" else float(key)) for key in shoppers}
    revenue = compare(pair_up(shoppers, control, treatment))["revenue"].difference
    # Sessions of 6 against 6 and 6 + 2, 4, ... 14: 7 more in the mean.
    assert revenue.value == pytest.approx(7.0)
    assert (revenue.number("priced_lines"), revenue.number("unpriced_lines")) == (31, 1)
    assert compare(pair_up(shoppers, control, control))["revenue"].difference.number("unpriced_lines") is None
    nothing = compare(pair_up(shoppers, {key: bought(None) for key in shoppers}, treatment | {"0": bought(None)}))
    assert nothing["revenue"].difference.value is not None
    unknown = compare(pair_up(shoppers, *[{key: bought(None) for key in shoppers}] * 2))["revenue"].difference
    assert (unknown.value, unknown.note) == (None, "not estimable: none of 16 purchase lines has a price")


def test_a_product_without_a_price_is_told_beside_the_revenue(catalog: Catalog) -> None:
    top = max((one for one in catalog if "Headphones" in one.category), key=lambda one: one.popularity)
    free = [one.model_copy(update={"price": None}) if one.id == top.id else one for one in catalog]
    result = run(ABTest(Arm("bm25"), Arm("popularity")), Catalog.from_products(free, name="all but one priced"))
    revenue = result.outcomes["revenue"].difference
    assert revenue.value is not None
    assert revenue.number("unpriced_lines") > 0
    assert [line for line in notes(result) if line.startswith("revenue: of lines with a price")]


def test_an_arm_without_a_ranking_has_the_shops(catalog: Catalog) -> None:
    cheaper = Arm(patch=[Change(all=True, price_percent=-50)])
    run_config = RunConfig(personas=people(4), intentions=headphones, policy=FirstBuyer, sessions=8)
    result = ABTest(Arm(), cheaper).run(run_config, ShopConfig(catalog=catalog, ranking="rating"))
    assert (result.control.ranking, result.treatment.ranking) == ("rating(bm25)", "rating(bm25)")
    assert (result.control.name, result.treatment.name) == ("rating", "rating, 1 content changes")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sessions": 0}, "sessions == 0"),
        ({"draws": 0}, "draws == 0"),
        ({"level": 1.0}, "level == 1.0"),
        ({"condition": "all"}, "Unknown condition 'all'"),
        ({"personas": []}, "no personas"),
        ({"seed": -1}, "seed == -1"),
    ],
)
def test_bad_settings(catalog: Catalog, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        run(ABTest(Arm("bm25"), Arm("price")), catalog, **options)


def test_logged_lists_are_replayed_and_the_rest_counted(catalog: Catalog, tmp_path: Path) -> None:
    pl.DataFrame({"query": ["headphones"], "products": [["h3", "h2", "gone"]]}).write_parquet(
        tmp_path / "lists.parquet"
    )

    def wants(persona, rng):  # type: ignore[no-untyped-def]
        return headphones(persona, rng).model_copy(update={"text": "headphones" if rng.random() < 0.75 else "kettle"})

    result = run(ABTest(Arm("bm25"), Arm(f"logged:{tmp_path}/lists.parquet")), catalog, intentions=wants)
    assert result.control.queries_fell_back is None
    assert 0.1 < result.treatment.queries_fell_back < 0.4
    assert (result.control.unknown_products, result.treatment.unknown_products) == (0, 1)
    assert result.outcomes["sales_units"].difference.value < 0  # h3 costs 149
