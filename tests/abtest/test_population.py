from __future__ import annotations

import numpy as np
import pytest

from paars_gym.abtest.population import fit_mix, persona_traits, rake, resample
from paars_gym.sessions.event import Event, Intention, Session
from tests.abtest.shoppers import people

RATES = {"buy": (0.6, 3.0), "compare": (0.2, 6.0), "browse": (0.05, 1.0)}


def sessions(shares: dict[str, float], number: int, seed: int, name: str) -> list[Session]:
    """Each goal has its own chance to buy and its own number of views."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(number):
        goal = str(rng.choice(list(shares), p=list(shares.values())))
        buys, views = RATES[goal]
        events = [Event(kind="search", query="x")] + [Event(kind="view", product="a")] * int(rng.poisson(views))
        events += [Event(kind="purchase", product="a", units=1, price=1.0)] * int(rng.random() < buys)
        intention = Intention(text="x", goal=goal)
        found.append(Session(shopper=f"p{index % 20}", key=f"{name}{index}", events=tuple(events), intention=intention))
    return found


def test_the_mix_that_made_the_sessions_is_found() -> None:
    true = {"buy": 0.2, "compare": 0.3, "browse": 0.5}
    human = sessions(true, 6_000, 1, "h")
    fit = fit_mix(human[:4_000], human[4_000:], sessions({"buy": 0.5, "compare": 0.3, "browse": 0.2}, 6_000, 2, "s"))
    assert fit.mix == pytest.approx(true, abs=0.05)
    assert sum(fit.mix.values()) == pytest.approx(1)
    assert fit.distance_after < 0.3 * fit.distance_before
    assert fit.after["conversion"] == pytest.approx(fit.human["conversion"], abs=0.03)


def test_a_mix_needs_goals_and_parts_that_do_not_overlap() -> None:
    human = sessions({"buy": 1.0}, 20, 1, "h")
    with pytest.raises(ValueError, match="both in the training part"):
        fit_mix(human, human[5:], human)
    with pytest.raises(ValueError, match="need intentions"):
        fit_mix(human[:10], human[10:], [session.model_copy(update={"intention": None}) for session in human])
    with pytest.raises(ValueError, match="no session"):
        fit_mix([], human, human)


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
    crowd = people(4)
    names = [persona.shopper for persona in resample(crowd, [0, 1, 2, 1], 400, np.random.default_rng(0))]
    assert [names.count(f"p{index:03d}") for index in range(4)] == [0, 100, 200, 100]
    assert set(persona_traits(crowd)["age_range"]) == {"unknown"}
    with pytest.raises(ValueError, match="one weight"):
        resample(crowd, [1, 1], 3, np.random.default_rng(0))
