from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import paars_gym.abtest.fit.population as fitting
from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.fit.fitted_population import (
    MOMENTS,
    FittedPopulation,
    distance,
    known_moments,
    moments_of,
    nearest_shares,
)
from paars_gym.abtest.fit.population import fit_population
from paars_gym.abtest.fit.weights import persona_traits, rake, read_marginals, resample
from paars_gym.abtest.outcomes import measure
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.personas.intentions import MIX
from paars_gym.personas.persona import Persona, Trait
from paars_gym.ranking.registry import make_ranking
from paars_gym.report.abtest import notes, stage_notes
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.sessions.split import is_held_out
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.reference_prices import reference_prices
from tests.abtest.shoppers import people
from tests.shoppers.shopping import shop_often

RATES = {"buy": (0.6, 3.0), "compare": (0.2, 6.0), "browse": (0.05, 1.0)}


def sessions(shares: dict[str, float], number: int, seed: int, name: str) -> list[Session]:
    """Each goal has its own chance to buy and its own number of views."""
    rng = np.random.default_rng(seed)
    distances = []
    for index in range(number):
        goal = str(rng.choice(list(shares), p=list(shares.values())))
        buys, views = RATES[goal]
        events = [Event(kind="search", query="x")] + [Event(kind="view", product="a")] * int(rng.poisson(views))
        events += [Event(kind="purchase", product="a", units=1, price=1.0)] * int(rng.random() < buys)
        intention = Intention(text="x", goal=goal)
        distances.append(
            Session(shopper=f"p{index % 20}", key=f"{name}{index}", events=tuple(events), intention=intention)
        )
    return distances


def moments(made: list[Session]) -> np.ndarray:
    return moments_of(measure(session) for session in made)


def test_the_mix_that_made_the_sessions_is_found() -> None:
    true = {"buy": 0.2, "compare": 0.3, "browse": 0.5}
    human = moments(sessions(true, 4_000, 1, "h"))
    of_goal = np.stack([moments(sessions({goal: 1.0}, 2_000, 2, goal)).mean(axis=0) for goal in true])
    target, scale = human.mean(axis=0), np.maximum(human.std(axis=0), 1e-9)
    shares = nearest_shares(of_goal, target, scale)
    assert shares == pytest.approx(list(true.values()), abs=0.05)
    assert shares.sum() == pytest.approx(1)
    assert distance(shares @ of_goal, target, scale) < 0.3 * distance(of_goal.mean(axis=0), target, scale)


def test_no_session_has_no_moments() -> None:
    with pytest.raises(ValueError, match="no session"):
        moments([])


def test_raking_meets_all_marginals() -> None:
    rng = np.random.default_rng(0)
    traits = {"age": rng.choice(["young", "old"], 200).tolist(), "home": rng.choice(["owner", "renter"], 200).tolist()}
    weights = rake(traits, {"age": {"young": 0.7, "old": 0.3}, "home": {"owner": 2, "renter": 8}})
    assert weights.mean() == pytest.approx(1)
    assert weights[np.array(traits["age"]) == "young"].sum() / 200 == pytest.approx(0.7)
    assert weights[np.array(traits["home"]) == "owner"].sum() / 200 == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("marginals", "says"),
    [
        ({"size": {"1": 1}}, "Unknown trait 'size'"),
        ({"age": {"young": 1}}, "'old' occurs and has no target"),
        ({"age": {"young": 1, "old": 1, "middle": 1}}, "No persona has age == 'middle'"),
        ({"age": {"young": -1, "old": 1}}, "must be >= 0"),
        ({"age": {"young": 1, "old": 9}, "twin": {"young": 9, "old": 1}}, "contradict each other"),
    ],
)
def test_marginals_that_cannot_be(marginals: dict[str, dict[str, float]], says: str) -> None:
    traits = {"age": ["young", "old"] * 5, "twin": ["young", "old"] * 5}
    with pytest.raises(ValueError, match=says):
        rake(traits, marginals)


def test_resampling_follows_the_weights() -> None:
    asked = people(4)
    names = [persona.shopper for persona in resample(asked, [0, 1, 2, 1], 400, np.random.default_rng(0))]
    assert [names.count(f"p{index:03d}") for index in range(4)] == [0, 100, 200, 100]
    assert set(persona_traits(asked)["age_range"]) == {"unknown"}
    with pytest.raises(ValueError, match="one weight"):
        resample(asked, [1, 1], 3, np.random.default_rng(0))


def test_what_a_log_does_not_tell_is_not_matched() -> None:
    human = moments(sessions({"buy": 0.5, "browse": 0.5}, 200, 1, "h"))
    assert known_moments(("purchases", "products"), human) == ("conversion", "units")
    assert known_moments(("searches", "views"), human) == ("views", "no view", "one view", "many views")
    with pytest.raises(ValueError, match="nothing varies"):
        known_moments(("searches",), human)
    assert set(known_moments(("purchases", "searches", "views"), human)) < set(MOMENTS)


def customers() -> list[Persona]:
    """A third of the 24 are young."""
    return [
        persona.model_copy(
            update={
                "profile": persona.profile.model_copy(
                    update={"age_range": Trait(value="25-34" if index % 3 == 0 else "65+", confidence=1.0)}
                )
            }
        )
        for index, persona in enumerate(people(24))
    ]


def fitted(catalog: Catalog, human: list[Session] | None = None, **options: object) -> FittedPopulation:
    """By default of people whose log shows no results, so that choices cannot be fitted."""
    human = sessions({"buy": 0.1, "compare": 0.2, "browse": 0.7}, 400, 1, "h") if human is None else human
    settings = {"personas": customers(), "sessions": 60, **options}
    names = [name for name in settings if name in RunConfig.model_fields]
    run = RunConfig(**{name: settings.pop(name) for name in names})  # type: ignore[arg-type]
    return fit_population(human, run, ShopConfig(catalog=catalog), **settings)  # type: ignore[arg-type]


def eager(catalog: Catalog, number: int) -> list[Session]:
    """People who buy far more readily than the defaults, and all come to buy."""
    shop = Shop(catalog, make_ranking("bm25", catalog))
    policy = BehaviouralShopper(
        parameters={"outside": 0.0, "attraction": 0.0}, reference_prices=reference_prices(catalog)
    )
    known = {persona.shopper: persona for persona in customers()}
    return shop_often(shop, policy, number, known, [Intention(text="red shoes"), Intention(text="headphones")])


def test_what_brings_the_population_nearer_is_kept(catalog: Catalog, tmp_path: Path) -> None:
    human = eager(catalog, 400)
    population = fitted(catalog, human, sessions=200)
    choices = population.stages[0]
    assert choices.name == "choices"
    assert choices.kept
    assert choices.after is not None
    assert choices.after < 0.7 * choices.before
    assert population.parameters["outside"] < 2
    assert population.reference_prices == reference_prices(catalog).prices
    assert population.after.distance < 0.7 * population.before.distance
    assert population.train_sessions + population.held_out_sessions == len(human)
    assert population.train_sessions == sum(not is_held_out(session.shopper) for session in human)
    assert any(line.startswith("choices: kept: distance") for line in stage_notes(population))
    population.write(tmp_path / "population.json")
    assert FittedPopulation.read(tmp_path / "population.json") == population


def test_people_who_judge_decide_nothing(catalog: Catalog) -> None:
    human = eager(catalog, 200)
    other = [one.model_copy(update={"events": one.events[:1]}) if is_held_out(one.shopper) else one for one in human]
    first, second = fitted(catalog, human), fitted(catalog, other)
    assert (first.stages, first.parameters, first.mix) == (second.stages, second.parameters, second.mix)
    assert first.after != second.after or first.human != second.human


def test_a_stage_that_does_not_gain_is_dropped(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    human = sessions({"buy": 1.0}, 400, 1, "h")
    monkeypatch.setattr(fitting, "nearest_shares", lambda of_goal, *_: np.eye(len(of_goal))[-1])
    population = fitted(catalog, human)
    choices, mix = population.stages
    assert (choices.name, choices.kept, choices.after) == ("choices", False, None)
    assert "sessions shows results or a product opened" in choices.note
    assert not mix.kept
    assert mix.after is not None
    assert mix.after >= mix.before
    assert population.mix == MIX
    assert (population.parameters, population.weights) == ({}, {})
    assert population.after == population.before
    assert any("mix: dropped, it does not bring the population nearer" in line for line in stage_notes(population))


def test_weights_are_used_where_they_help(catalog: Catalog) -> None:
    marginals = {"age_range": {"25-34": 0.75, "65+": 0.25}}
    population = fitted(catalog, marginals=marginals, options={"parameters": {"outside": 2.5}})
    assert [stage.name for stage in population.stages] == ["mix", "weights"]
    assert population.parameters["outside"] == 2.5
    assert fitted(catalog, marginals=marginals, options={"parameters": {"outside": 2.5}}) == population
    weights = {persona.shopper: 2.25 if index % 3 == 0 else 0.375 for index, persona in enumerate(customers())}
    assert population.weights in ({}, pytest.approx(weights))
    population = population.model_copy(update={"weights": weights})
    come = [persona.shopper for persona in population.people(customers(), 480)]
    assert sum(int(name[1:]) % 3 == 0 for name in come) == pytest.approx(0.75 * len(come), abs=1)
    test = ABTest(Arm("bm25"), Arm("price"))
    run, shop = RunConfig(sessions=60, personas=customers()), ShopConfig(catalog=catalog)
    result = test.run(run, shop, population=population)
    assert any("choices fitted, personas weighted; " in line for line in notes(result))


def test_a_population_is_not_used_for_something_else(catalog: Catalog, tmp_path: Path) -> None:
    weights = {persona.shopper: 1.0 for persona in customers()}
    population = fitted(catalog).model_copy(update={"weights": weights})
    assert population.parameters == {}
    test = ABTest(Arm("bm25"), Arm("price"))
    other = Catalog.from_products(list(catalog), name="other")
    for options, says in (
        ({"policy": "uniform"}, "fitted for policy 'behavioural' in condition 'persona', not for 'uniform'"),
        ({"condition": "base"}, "not for 'behavioural' in 'base'"),
        ({"catalog": other}, "fitted in catalog 'twelve', not in 'other'"),
        ({"personas": people(30)}, "Persona 'p024' has no weight"),
        ({"intentions": lambda persona, rng: Intention(text="x")}, "one or the other"),
    ):
        settings = {"sessions": 10, "personas": customers(), **options}
        shop = ShopConfig(catalog=settings.pop("catalog", catalog))
        with pytest.raises(ValueError, match=says):
            test.run(RunConfig(**settings), shop, population=population)  # type: ignore[arg-type]
    chosen = population.model_copy(update={"parameters": {"price": -1.0}})
    run = RunConfig(personas=customers(), options={"parameters": {}})
    with pytest.raises(ValueError, match="give it, or a fitted shopper"):
        chosen.applied_to(run, catalog, customers())
    file = tmp_path / "population.json"
    with pytest.raises(FileNotFoundError, match="paars calibrate"):
        FittedPopulation.read(file)
    for text in ("{}", population.model_dump_json().replace('"mix":{', '"mix":{"steal":1,')):
        file.write_text(text)
        with pytest.raises(ValueError, match="is no population"):
            FittedPopulation.read(file)


def test_bad_calibrations(catalog: Catalog) -> None:
    for options, says in (
        ({"sessions": 0}, "sessions == 0"),
        ({"personas": []}, "no personas"),
        ({"condition": "all"}, "Unknown condition"),
        ({"what_is_known": ("carts",)}, "nothing varies"),
        ({"marginals": {"age_range": {"25-34": 1}}}, "'65\\+' occurs and has no target share"),
    ):
        with pytest.raises(ValueError, match=says):
            fitted(catalog, **options)
    alone = [Session(shopper="a", key=str(index)) for index in range(5)]
    with pytest.raises(ValueError, match="of 1 shoppers"):
        fit_population(alone, RunConfig(personas=customers()), ShopConfig(catalog=catalog))


def test_marginals_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "marginals"
    wanted = {"age_range": {"25-34": 0.75, "65+": 0.25}, "home": {"owner": 1.0}}
    file.write_text('{"age_range": {"25-34": 0.75, "65+": 0.25}, "home": {"owner": 1}}')
    assert read_marginals(file) == wanted
    file.write_text("trait,value,share\nage_range,25-34,0.75\nage_range,65+,0.25\nhome,owner,1\n")
    assert read_marginals(file) == wanted
    for text in (
        "",
        "{",
        '{"home": 1}',
        "trait,share\nhome,1\n",
        "trait,value,share\nhome,owner,nan\n",
        '{"home": {}}',
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match="holds no"):
            read_marginals(file)
