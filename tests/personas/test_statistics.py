from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.personas.counting import ProductFacts, PurchaseLines, Statistics, lines_of, statistics_of
from paars_gym.personas.persona import HouseholdSize, Trait, render
from paars_gym.personas.redaction import Redactor
from paars_gym.personas.statistics import JOURNEY_NORMS, Norms, count_persona, norms_of, preferences_of, profile_of
from paars_gym.sessions.event import Event, History, Session

MONDAY = datetime(2017, 1, 2, 18, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def groceries() -> Catalog:
    rows = [
        ("m1", "Milk, 1 gal", "Milk", "Private label", 2.0),
        ("m2", "Milk, organic, 1 gal", "Milk", "National brand", 4.0),
        ("m3", "Milk, 1 pint", "Milk", "National brand", 3.0),
        ("t1", "Tea, 20 count", "Tea", "National brand", 5.0),
    ]
    return Catalog.from_products(
        Product(id=key, title=title, category=("Grocery", kind), brand=brand, price=price)
        for key, title, kind, brand, price in rows
    )


def bought(*lines: tuple[int, str, float | None]) -> History:
    """(day, product, price paid) each."""
    days = sorted({day for day, _, _ in lines})
    sessions = tuple(
        Session(
            shopper="h1",
            key=f"b{day}",
            start=MONDAY + timedelta(days=day),
            events=tuple(
                Event(kind="purchase", time=MONDAY + timedelta(days=day), product=product, price=paid)
                for when, product, paid in lines
                if when == day
            ),
        )
        for day in days
    )
    return History(shopper="h1", sessions=sessions)


def test_counts_by_hand(groceries: Catalog) -> None:
    facts = ProductFacts(groceries)
    history = bought((0, "m1", 2.0), (0, "t1", 5.0), (7, "m1", 1.0), (7, "m2", 4.0), (14, "m1", None))
    statistics = statistics_of(lines_of(history, facts), facts)
    assert (statistics.lines, statistics.baskets, statistics.days_between) == (5, 3, 7.0)
    assert statistics.private_share == pytest.approx(3 / 5)
    # The median milk costs 3: usual prices are 2/3 of it three times, 4/3 once; tea is its own median.
    assert statistics.price_level == pytest.approx((3 * math.log(2 / 3) + math.log(4 / 3)) / 5)
    assert statistics.deal_share == pytest.approx(1 / 4), "one of four known prices is below the usual one"
    # Of the later three lines only m2 is new.
    assert statistics.new_share == pytest.approx(1 / 3)
    assert (statistics.repeats, statistics.favourite_share) == (4, pytest.approx(3 / 4))
    assert statistics.categories == (("Milk", 4), ("Tea", 1))
    assert statistics.products[0] == ("Milk, 1 gal", 3)
    assert statistics.times[0] == ("weekday evenings", 1.0)


def test_nothing_known_says_nothing(groceries: Catalog) -> None:
    facts = ProductFacts(groceries)
    nothing = statistics_of(lines_of(bought(), facts), facts)
    assert profile_of(nothing).is_empty()
    assert preferences_of(nothing).is_empty()
    history = bought((0, "m1", 2.0), (0, "t1", 5.0), (7, "m1", 1.0), (7, "m2", 4.0), (14, "m1", None))
    assert count_persona(history, groceries, token_budget=1).purchases_before == 5
    assert count_persona(history, groceries, MONDAY + timedelta(days=7)).purchases_before == 2
    persona = count_persona(bought(), groceries)
    assert persona.purchases_before == 0
    assert persona.history == ""
    assert render(persona, "persona").count("(nothing is known)") == 3


def test_nothing_at_or_after_the_date_counts(groceries: Catalog) -> None:
    facts = ProductFacts(groceries)
    history = bought((0, "m1", 2.0), (7, "t1", 5.0))
    as_of = MONDAY + timedelta(days=7)
    before = lines_of(history, facts, as_of)
    assert before.row.tolist() == [groceries.row("m1")]
    persona = count_persona(history, groceries, as_of)
    assert "Tea" not in render(persona, "persona")
    assert persona == count_persona(bought((0, "m1", 2.0)), groceries, as_of)


def test_its_history_is_redacted_and_says_so(groceries: Catalog) -> None:
    history = bought((0, "m1", 2.0))
    typed = Event(kind="search", query="gift for Ann Lee, ann@mail.example, 12 Main Street", time=MONDAY)
    session = history.sessions[0]
    history = history.model_copy(
        update={"sessions": (session.model_copy(update={"events": (typed, *session.events)}),)}
    )
    persona = count_persona(history, groceries, redactor=Redactor(listed_names=["Ann Lee"]))
    assert 'searched "gift for [name], [email], [address]"' in persona.history
    assert persona.redacted == {"name": 1, "email": 1, "address": 1}
    written = count_persona(history, groceries).model_dump_json()
    assert "ann@" not in written
    assert "Main Street" not in written


def test_demographics_stay_unknown_and_the_id_is_not_told(groceries: Catalog) -> None:
    persona = count_persona(bought(*[(day, "m1", 2.0) for day in range(30)]), groceries)
    assert persona.source == "statistics"
    assert persona.model == ""
    assert persona.shopper != "h1"
    assert persona.profile.household_size == Trait[HouseholdSize](value="unknown")
    for name in ("age_range", "gender", "marital_status", "children", "income_band", "home"):
        assert getattr(persona.profile, name).value == "unknown"
    assert persona.profile.categories.values == ("Milk",)
    assert persona.profile.categories.evidence
    assert 0 < persona.profile.categories.confidence < 1


def statistics(**changes: float) -> Statistics:
    base = Statistics(0.284, -0.161, 0.188, 0.445, 0.722, -0.166, 10_000, 10_000, 90, 4.0, (), (), ())
    return base._replace(**changes)  # type: ignore[arg-type]


def test_an_average_household_stands_in_the_middle() -> None:
    scales = preferences_of(statistics()).coefficients()
    assert all(abs(value) < 0.03 for value in scales.values())


@pytest.mark.parametrize(
    ("change", "scale", "sign"),
    [
        ({"private_share": 0.6}, "brand_reputation", -1),
        ({"price_paid": -0.4}, "price_sensitivity", 1),
        ({"price_level": 0.1}, "quality_focus", 1),
        ({"deal_share": 0.4}, "deal_seeking", 1),
        ({"new_share": 0.1}, "novelty_seeking", -1),
        ({"favourite_share": 0.9}, "brand_loyalty", 1),
    ],
)
def test_each_scale_follows_its_statistic(change: dict[str, float], scale: str, sign: int) -> None:
    scales = preferences_of(statistics(**change)).coefficients()
    assert sign * scales[scale] > 0.4
    assert all(abs(value) < 0.05 for name, value in scales.items() if name != scale)


def test_little_known_is_drawn_back_to_the_middle() -> None:
    sure, unsure = (preferences_of(statistics(private_share=0.6, lines=lines)) for lines in (10_000, 10))
    assert sure.brand_reputation.value is not None
    assert unsure.brand_reputation.value is not None
    assert sure.brand_reputation.value < unsure.brand_reputation.value < 3
    assert unsure.brand_reputation.confidence < 0.3 < sure.brand_reputation.confidence


def test_norms_are_mean_and_deviation_of_what_is_known() -> None:
    unknown = statistics(private_share=math.nan)
    norms = norms_of([statistics(private_share=0.2), statistics(private_share=0.4), unknown])
    assert norms.private_share == (pytest.approx(0.3), pytest.approx(0.1))
    assert len(norms) == len(Norms._fields) == len(JOURNEY_NORMS)
    with pytest.raises(ValueError, match="must be 2 or more"):
        norms_of([unknown])


def test_baskets_without_times_have_no_hours(groceries: Catalog) -> None:
    facts = ProductFacts(groceries)
    untimed = History(
        shopper="x", sessions=(Session(shopper="x", key="1", events=(Event(kind="purchase", product="m1"),)),)
    )
    lines = lines_of(untimed, facts)
    assert isinstance(lines, PurchaseLines)
    assert np.isnan(lines.paid).all()
    statistics = statistics_of(lines, facts)
    assert statistics.times == ()
    assert profile_of(statistics).times.values == ()


def test_a_log_of_days_has_days_and_no_hours(groceries: Catalog) -> None:
    facts = ProductFacts(groceries)
    saturday = datetime(2017, 1, 7, tzinfo=UTC)
    sessions = tuple(
        Session(
            shopper="h1",
            key=str(day),
            start=(start := saturday + timedelta(days=day)),
            events=(Event(kind="purchase", time=start, product="m1"),),
        )
        for day in (0, 1, 2, 7)
    )
    statistics = statistics_of(lines_of(History(shopper="h1", sessions=sessions), facts), facts)
    assert statistics.times == (("weekends", 0.75), ("weekdays", 0.25))
