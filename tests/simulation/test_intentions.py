from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.personas.intentions import IntentionMix, check_mix, mine_intentions
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences
from paars_gym.personas.redaction import Redactor
from paars_gym.sessions.event import Event, Session

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def human(key: str, *events: Event) -> Session:
    return Session(shopper="ann", key=key, start=NOON, events=events)


def test_a_mined_intention_is_the_first_query(catalog: Catalog) -> None:
    session = human("a", Event(kind="view", product="k1"), Event(kind="search", query="red shoes"))
    (mined,) = mine_intentions([session], catalog)
    assert (mined.intention.text, mined.shopper, mined.start) == ("red shoes", "ann", NOON)


def test_what_people_typed_is_redacted(catalog: Catalog) -> None:
    typed = "gift for Ann Lee, ann@mail.example, 4111 1111 1111 1111, 12 Main Street"
    sessions = [
        human("a", Event(kind="search", query=typed)),
        human("b", Event(kind="view", product="x", title="a@b.example mug")),
    ]
    redactor = Redactor(listed_names=["Ann Lee"])
    texts = [mined.intention.text for mined in mine_intentions(sessions, catalog, redactor=redactor)]
    assert texts == ["gift for [name], [email], [card], [address]", "[email] mug"]
    assert redactor.counts == {"name": 1, "email": 2, "card": 1, "address": 1}
    (mined, _) = mine_intentions(sessions, catalog)
    assert mined.intention.text == "gift for Ann Lee, [email], [card], [address]"


def test_without_a_search_it_is_the_category_of_the_first_product_opened(catalog: Catalog) -> None:
    session = human("a", Event(kind="view", product="k1"), Event(kind="purchase", product="s1"))
    (mined,) = mine_intentions([session], catalog)
    assert (mined.intention.text, mined.intention.category) == ("kettles", "Kettles")


def test_a_basket_lends_its_categories_and_never_a_product(catalog: Catalog) -> None:
    basket = [Event(kind="purchase", product=product, title="no such words") for product in ("k1", "s1", "s2")]
    texts = Counter(
        mined.intention.text for mined in mine_intentions([human(f"{n}", *basket) for n in range(300)], catalog)
    )
    assert set(texts) == {"kettles", "shoes"}
    assert 60 < texts["kettles"] < 140


def test_unknown_products_lend_their_plain_name_and_silent_sessions_nothing(catalog: Catalog) -> None:
    title = "Velvet armchair with oak legs in three colours"
    sessions = [human("a", Event(kind="view", product="x9", title=title)), human("b"), human("c", Event(kind="stop"))]
    (mined,) = mine_intentions(sessions, catalog)
    assert mined.intention.text == "velvet armchair"


def test_the_goal_does_not_tell_the_outcome(catalog: Catalog) -> None:
    search = Event(kind="search", query="kettle")
    bought = Event(kind="purchase", product="k1", price=34.9)
    buyers = mine_intentions([human(f"{n}", search, bought) for n in range(500)], catalog)
    leavers = mine_intentions([human(f"{n}", search) for n in range(500)], catalog)
    assert [mined.intention for mined in buyers] == [mined.intention for mined in leavers]


def test_a_mix_is_kept_and_popular_categories_are_wanted_more(catalog: Catalog) -> None:
    rng = np.random.default_rng(0)
    mix = IntentionMix(catalog, {"buy": 3, "browse": 1})
    drawn = [mix(None, rng) for _ in range(2_000)]
    goals = Counter(intention.goal for intention in drawn)
    assert goals["compare"] == 0
    assert 1_400 < goals["buy"] < 1_600
    wanted = Counter(intention.category for intention in drawn)
    demand = {"Headphones": 820, "Kettles": 455, "Shoes": 640}
    for category, weight in demand.items():
        assert wanted[category] / 2_000 == pytest.approx(weight / sum(demand.values()), abs=0.04)
    assert all(intention.budget is None for intention in drawn if intention.goal == "browse")


def test_needs_for_nobody_in_particular_follow_demand_on_an_uneven_catalog() -> None:
    products = [Product(id="a0", title="Odd thing", category=("Aaa",))]
    products += [Product(id=f"p{n}", title="Acme phone", category=("Phones", f"Model {n}")) for n in range(399)]
    mix, rng = IntentionMix(Catalog.from_products(products, name="own")), np.random.default_rng(0)
    drawn = [mix(None, rng) for _ in range(2_000)]
    assert Counter(intention.category for intention in drawn)["Aaa"] < 20
    # Models of which there is one each are not what anybody types; the category above them is.
    assert {intention.text for intention in drawn} == {"aaa", "phones"}


def test_a_persona_comes_for_its_interests_above_all_the_first(catalog: Catalog) -> None:
    profile = ConsumerProfile(categories=Interests(values=("Tea", "Kettles")))
    persona = Persona(shopper="p", profile=profile, preferences=ShoppingPreferences(), source="synthetic")
    rng = np.random.default_rng(0)
    wanted = Counter(IntentionMix(catalog)(persona, rng).text for _ in range(500))
    assert wanted["Tea"] > wanted["Kettles"] > 0
    assert 0.5 < wanted["Tea"] / 500 / 0.6 < 0.9


@pytest.mark.parametrize("mix", [{"buy": -1.0}, {"steal": 1.0}, {"buy": 0.0}, {"buy": float("nan")}, {}])
def test_impossible_mixes_are_refused(mix: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"mix ==|Unknown goal"):
        check_mix(mix)  # type: ignore[arg-type]
