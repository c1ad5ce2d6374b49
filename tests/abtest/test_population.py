from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.fit.fitted_population import (
    MOMENTS,
    FittedPopulation,
    distance,
    known_moments,
    moments_of,
    nearest_shares,
)
from paars_gym.abtest.fit.population import fit_moments, fit_population
from paars_gym.abtest.fit.weights import persona_traits, rake, read_marginals, resample
from paars_gym.abtest.outcomes import measure
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.personas.persona import Persona, Trait
from paars_gym.report.abtest import notes
from paars_gym.sessions.event import Event, Intention, Session
from tests.abtest.shoppers import people

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


def test_parameters_are_found_by_their_moments() -> None:
    """Three moments of two parameters, one through a logistic curve: exact, so that the target can be reached."""

    def simulate(values: np.ndarray) -> np.ndarray:
        share = 1 / (1 + np.exp(-values[0]))
        return np.array([3 * share, values[1] * share, values[1]])

    fit = fit_moments(simulate, simulate(np.array([-1.5, 2.0])), np.array([2.0, 0.0]), rounds=10)
    assert fit.values == pytest.approx([-1.5, 2.0], abs=0.05)
    assert fit.distances[0] > 1
    assert fit.distance == fit.distances[-1] < 0.02
    assert list(fit.distances) == sorted(fit.distances, reverse=True)


def test_a_step_that_leads_away_is_not_taken() -> None:
    fit = fit_moments(lambda values: np.abs(values) + 1, np.array([1.0]), np.array([0.0]), rounds=5)
    assert (fit.values.tolist(), fit.rounds) == ([0.0], 0)


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


def fitted(catalog: Catalog, **options: object) -> FittedPopulation:
    human = sessions({"buy": 0.1, "compare": 0.2, "browse": 0.7}, 400, 1, "h")
    settings = {"personas": customers(), "sessions": 60, "rounds": 1, **options}
    names = [name for name in settings if name in RunConfig.model_fields]
    run = RunConfig(**{name: settings.pop(name) for name in names})  # type: ignore[arg-type]
    return fit_population(human, run, ShopConfig(catalog=catalog), **settings)  # type: ignore[arg-type]


def test_a_population_is_calibrated_and_judged_on_other_people(catalog: Catalog, tmp_path: Path) -> None:
    marginals = {"age_range": {"25-34": 0.75, "65+": 0.25}}
    population = fitted(catalog, marginals=marginals)
    names = [stage.name for stage in population.stages]
    assert names == ["always buys", "default mix", "personas weighted", "choices fitted", "mix fitted"]
    assert population.stages[-1].distance < 0.7 * population.stages[0].distance
    assert population.floor < population.stages[-1].distance
    assert sum(population.mix.values()) == pytest.approx(1)
    assert (population.train_sessions, population.held_out_sessions) == (200, 200)
    assert population.weights["p000"] == pytest.approx(0.75 * 3)
    assert fitted(catalog, marginals=marginals) == population
    population.write(tmp_path / "population.json")
    assert FittedPopulation.read(tmp_path / "population.json") == population

    come = [persona.shopper for persona in population.people(customers(), 480)]
    assert sum(int(name[1:]) % 3 == 0 for name in come) == pytest.approx(0.75 * len(come), abs=1)
    test = ABTest(Arm("bm25"), Arm("price"))
    run, shop = RunConfig(sessions=60, personas=customers()), ShopConfig(catalog=catalog)
    result = test.run(run, shop, population=population)
    assert "choices fitted, personas weighted; 200 sessions of people." in notes(result)[1]
    assert result.outcomes["conversion"].control < test.run(run, shop).outcomes["conversion"].control


def test_a_population_is_not_used_for_something_else(catalog: Catalog, tmp_path: Path) -> None:
    population = fitted(catalog, rounds=0, marginals={"age_range": {"25-34": 1, "65+": 1}})
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
    file = tmp_path / "population.json"
    with pytest.raises(FileNotFoundError, match="paars calibrate"):
        FittedPopulation.read(file)
    for text in ("{}", population.model_dump_json().replace('"mix":{', '"mix":{"steal":1,')):
        file.write_text(text)
        with pytest.raises(ValueError, match="is no population"):
            FittedPopulation.read(file)


def test_bad_calibrations(catalog: Catalog) -> None:
    for options, says in (
        ({"held_out": 1.0}, "held_out == 1.0"),
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
