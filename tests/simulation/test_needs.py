"""Where needs come from, and that under ``base`` they tell nothing of who comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from scipy.stats import binomtest

from paars_gym.catalog.store import Catalog
from paars_gym.config import NEEDS_SOURCES, Condition, RunConfig
from paars_gym.personas.intentions import IntentionMix, MinedIntention
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.sessions.split import is_held_out
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.simulation import default_people
from paars_gym.simulation.needs import Needs, read_people
from paars_gym.simulation.run import run
from paars_gym.simulation.schedule import make_schedule

CATEGORIES = ("Headphones", "Kettles", "Shoes")


def persona(name: str, *interests: str) -> Persona:
    profile = ConsumerProfile(categories=Interests(values=interests))
    return Persona(shopper=name, profile=profile, preferences=ShoppingPreferences(), source="synthetic")


PERSONAS = [persona(f"p{number}", CATEGORIES[number % 3]) for number in range(30)]


def mined() -> list[MinedIntention]:
    """Everybody's own need, which names the one whose it is."""
    return [
        MinedIntention(
            Intention(text=f"thing of {one.shopper}", category=one.profile.categories.values[0]), one.shopper, None
        )
        for one in PERSONAS
    ]


def visits(
    catalog: Catalog, run_config: RunConfig, *, personas: list[Persona] | None = None
) -> list[tuple[str, Intention]]:
    """Who comes and what for."""
    run_config = run_config.model_copy(update={"personas": personas or PERSONAS})
    schedule = make_schedule(run_config, read_people(run_config, catalog))
    return [(visit.shopper, visit.intention) for visit in schedule.arrivals() if visit.intention is not None]


@pytest.mark.parametrize("given", [None, mined()], ids=["drawn", "mined"])
def test_the_need_of_a_visit_is_the_same_whoever_comes(catalog: Catalog, given: list[MinedIntention] | None) -> None:
    base = RunConfig(sessions=60, condition="base", intentions=given)
    first = visits(catalog, base)
    other = visits(catalog, base, personas=PERSONAS[::-1])
    assert [who for who, _ in first] != [who for who, _ in other]
    assert [what for _, what in first] == [what for _, what in other]
    if given is None:
        # With a persona it is not so.
        own = base.model_copy(update={"condition": "persona"})
        assert visits(catalog, own)[:10] != visits(catalog, own, personas=PERSONAS[::-1])[:10]


@pytest.mark.parametrize("given", [None, mined()], ids=["drawn", "mined"])
def test_base_needs_lie_in_the_personas_own_categories_as_by_chance(
    catalog: Catalog, given: list[MinedIntention] | None
) -> None:
    interests = {one.shopper: one.profile.categories.values[0] for one in PERSONAS}

    def own(condition: Condition) -> tuple[int, float, int]:
        came = visits(catalog, RunConfig(sessions=900, condition=condition, intentions=given))
        theirs = Counter(interests[who] for who, _ in came)
        wanted = Counter(what.category for _, what in came)
        chance = sum(theirs[name] * wanted[name] for name in CATEGORIES) / len(came) ** 2
        return sum(what.category == interests[who] for who, what in came), chance, len(came)

    hits, chance, n = own("base")
    assert binomtest(hits, n, chance).pvalue > 0.001
    hits, chance, n = own("persona")
    assert binomtest(hits, n, chance).pvalue < 1e-9


def test_base_and_persona_draw_from_the_same_needs(catalog: Catalog) -> None:
    base, own = (
        Counter(what.category for _, what in visits(catalog, RunConfig(sessions=1_500, condition=condition)))
        for condition in ("base", "persona")
    )
    for name in CATEGORIES:
        assert base[name] / 1_500 == pytest.approx(own[name] / 1_500, abs=0.06)


@pytest.mark.parametrize("given", [None, mined()], ids=["drawn", "mined"])
def test_the_same_needs_for_every_condition(catalog: Catalog, given: list[MinedIntention] | None) -> None:
    source = "same" if given is None else Needs(given, "same")
    base, own = (
        visits(catalog, RunConfig(sessions=40, condition=condition, intentions=source))
        for condition in ("base", "persona")
    )
    assert base == own == visits(catalog, RunConfig(sessions=40, condition="persona", intentions=given))


@pytest.fixture
def humans(tmp_path: Path) -> Store:
    sessions = [
        Session(shopper=f"p{number}", key=f"h{number}", events=(Event(kind="search", query=f"query {number}"),))
        for number in range(30)
    ]
    return write_sessions(tmp_path / "humans", sessions, provenance=Provenance(name="ours"))


@pytest.mark.parametrize("condition", ["base", "persona"])
def test_needs_of_people_are_of_the_half_that_is_fitted_on(
    catalog: Catalog, humans: Store, condition: Condition
) -> None:
    config = RunConfig(sessions=200, condition=condition, intentions=f"people:{humans.folder}")
    came = visits(catalog, config)
    lenders = {what.source.replace("h", "p") for _, what in came}
    assert lenders == {f"p{number}" for number in range(30) if not is_held_out(f"p{number}")}
    own = sum(what.source.replace("h", "p") == who for who, what in came)
    assert own == 200 if condition == "persona" else own < 40
    assert visits(catalog, config.model_copy(update={"intentions": humans})) == came


def test_too_few_people_are_no_source(catalog: Catalog, tmp_path: Path) -> None:
    visit = Session(shopper="p1", key="h", events=(Event(kind="search", query="a kettle"),))
    write_sessions(tmp_path / "one", [visit], provenance=Provenance())
    with pytest.raises(ValueError, match=r"people:.*one has [01] sessions with a need in the half .* at least 10"):
        visits(catalog, RunConfig(intentions=f"people:{tmp_path / 'one'}"))


@pytest.mark.parametrize("given", ["humans", Path("humans"), "people:", "nearest"])
def test_an_unknown_source_is_refused_with_the_right_spelling(given: str | Path) -> None:
    with pytest.raises(
        ValueError, match=r"Unknown source of needs .* marginal, persona, same, people:STORE.*write people:"
    ):
        RunConfig(intentions=given)


@pytest.fixture
def few_people(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(default_people, "HOUSEHOLDS", 4)
    monkeypatch.setattr(default_people, "INTENTIONS", 20)
    default_people.default_people.cache_clear()
    yield
    default_people.default_people.cache_clear()


@pytest.mark.parametrize("personas", [None, PERSONAS[:4]], ids=["own people", "given personas"])
@pytest.mark.parametrize("source", [*NEEDS_SOURCES, "people"])
def test_every_source_serves_own_catalogs_and_personas(
    catalog: Catalog, humans: Store, source: str, personas: list[Persona] | None, few_people: None
) -> None:
    given = f"people:{humans.folder}" if source == "people" else source
    for condition in ("base", "persona"):
        config = RunConfig(sessions=12, condition=condition, intentions=given, personas=personas)
        people = read_people(config, catalog)
        came = list(make_schedule(config, people).arrivals())
        assert all(visit.intention is not None and visit.persona is not None for visit in came)
        assert people.told
        assert people.intentions.startswith(("marginal", "persona", "same"))


def test_a_run_says_where_its_needs_came_from_and_goes_on_with_no_others(catalog: Catalog, tmp_path: Path) -> None:
    from paars_gym.config import ShopConfig

    shop = ShopConfig(catalog=catalog)
    config = RunConfig(sessions=4, personas=PERSONAS, condition="base", policy="uniform")
    result = run(tmp_path / "run", config, shop)
    assert result.needs == "drawn from the population's, whoever comes"
    assert result.store.provenance.notes == (f"Needs: {result.needs}.",)
    with pytest.raises(ValueError, match="intentions"):
        run(tmp_path / "run", config.model_copy(update={"intentions": "same"}), shop, resume=True)
    again = config.model_copy(update={"intentions": "marginal"})
    assert run(tmp_path / "run", again, shop, resume=True).done == 4
    of_own = config.model_copy(update={"intentions": IntentionMix(catalog), "condition": "persona"})
    assert run(tmp_path / "other", of_own, shop).needs == "the personas' own"
