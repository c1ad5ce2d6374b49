"""Do populations drawn to quotas have the shares asked for, and say which of their people are composed?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import composed_groups
from paars_gym.cli import app
from paars_gym.personas.persona import TRAITS, ConsumerProfile, Interests, Persona, Score, ShoppingPreferences, Trait
from paars_gym.personas.sampling import Quota, parse_quota, sample_personas, with_traits
from paars_gym.personas.store import read_personas, write_personas


def person(name: str, liking: str = "tea", **traits: str) -> Persona:
    told = {trait: Trait(value=value, confidence=1.0) for trait, value in traits.items()}
    interests = {"categories": Interests(values=(liking,))}
    return Persona(
        shopper=name,
        profile=ConsumerProfile().model_copy(update=told | interests),
        preferences=ShoppingPreferences(price_sensitivity=Score(value=2.0)),
        history=f"bought {liking}",
        purchases_before=len(liking),
        source="statistics",
    )


def crowd(n: int, **shares: Mapping[str, float]) -> list[Persona]:
    rng = np.random.default_rng(0)
    return [
        person(f"p{at}", **{trait: str(rng.choice(list(of), p=list(of.values()))) for trait, of in shares.items()})
        for at in range(n)
    ]


def counted(personas: tuple[Persona, ...], trait: str) -> Counter[str]:
    return Counter(getattr(one.profile, trait).value for one in personas)


def test_shares_are_met_and_the_rest_keeps_its_proportions() -> None:
    people = crowd(1_000, age_range={"25-34": 0.6, "45-54": 0.3, "65+": 0.1}, home={"owner": 0.5, "renter": 0.5})
    before = counted(tuple(people), "age_range")
    sample = sample_personas(people, [Quota("age_range", {"65+": 0.3})], 400, rng=np.random.default_rng(1))
    after = counted(sample.personas, "age_range")
    assert after["65+"] == 120
    assert after["25-34"] == pytest.approx(280 * before["25-34"] / (before["25-34"] + before["45-54"]), abs=1)
    assert {one.source for one in sample.personas} == {"statistics"}
    assert len({one.shopper for one in sample.personas}) == 400
    assert [name.partition("~")[0] for name in (one.shopper for one in sample.personas)] == list(sample.donors)
    # Kish: weights of .3 / .1 and .7 / .9 of the average.
    (group,) = sample.groups
    assert (group.given, group.drawn, group.composed) == (before["65+"], 120, 0)
    share = before["65+"] / 1_000
    assert sample.effective == pytest.approx(1_000 / (0.3**2 / share + 0.7**2 / (1 - share)))


def test_two_quotas_hold_together() -> None:
    people = crowd(2_000, age_range={"25-34": 0.7, "65+": 0.3}, home={"owner": 0.8, "renter": 0.2})
    quotas = [Quota("age_range", {"65+": 0.6}), Quota("home", {"renter": 0.5})]
    sample = sample_personas(people, quotas, 500, rng=np.random.default_rng(1))
    assert counted(sample.personas, "age_range")["65+"] == pytest.approx(300, abs=1)
    assert counted(sample.personas, "home")["renter"] == pytest.approx(250, abs=2)
    rng = np.random.default_rng(1)
    opposed = [person(f"a{at}", age_range="65+", home="owner") for at in range(40)]
    with pytest.raises(ValueError, match=r"everybody has one of the values named, and their shares are 0\.3"):
        sample_personas(opposed, [Quota("age_range", {"65+": 0.3})], 10, rng=rng)
    opposed += [person(f"b{at}", age_range="25-34", home="renter") for at in range(40)]
    with pytest.raises(ValueError, match="cannot hold together"):
        sample_personas(opposed, [Quota("age_range", {"65+": 0.0}), Quota("home", {"owner": 1.0})], 10, rng=rng)


def test_a_small_group_is_composed_of_people_like_it() -> None:
    rich = [person(f"r{at}", "wine", age_range="55-64", income_band="150K+", home="owner") for at in range(60)]
    poor = [person(f"q{at}", "bread", age_range="under 25", income_band="under 25K", home="renter") for at in range(60)]
    few = [person(f"f{at}", "wine", age_range="65+", income_band="150K+", home="owner") for at in range(3)]
    sample = sample_personas(
        [*rich, *poor, *few], [Quota("age_range", {"65+": 0.5})], 200, rng=np.random.default_rng(2)
    )
    old = [one for one in sample.personas if one.profile.age_range.value == "65+"]
    assert len(old) == 100
    assert {one.source for one in old} == {"composed"}
    assert {one.history for one in old} == {"bought wine"}, "those nearest in income and home, not the young"
    assert {one.profile.categories.values for one in old} == {("wine",)}
    assert all(one.purchases_before == 4 for one in old)
    assert {one.source for one in sample.personas if one not in old} == {"statistics"}
    (group,) = sample.groups
    assert (group.given, group.drawn, group.composed) == (3, 100, 100)
    assert group.people > 5, "not three people again and again"


def test_a_group_of_nobody_is_composed_of_the_nearest_value() -> None:
    near = [person(f"n{at}", "wine", age_range="55-64") for at in range(50)]
    far = [person(f"f{at}", "milk", age_range="under 25") for at in range(50)]
    sample = sample_personas([*far, *near], [Quota("age_range", {"65+": 0.3})], 100, rng=np.random.default_rng(3))
    old = [one for one in sample.personas if one.profile.age_range.value == "65+"]
    assert len(old) == 30
    assert {one.history for one in old} == {"bought wine"}
    assert old[0].profile.age_range.evidence == "as the quota says"
    whole = sample_personas([*far, *near], [Quota("age_range", {"65+": 1.0})], 40, rng=np.random.default_rng(3))
    assert counted(whole.personas, "age_range") == {"65+": 40}


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("age_range=65+:0.3,under 25:10%", {"65+": 0.3, "under 25": 0.1}),
        ("household_size=5+:1", {"5+": 1.0}),
    ],
)
def test_quotas_are_read(text: str, shares: dict[str, float]) -> None:
    assert parse_quota(text) == Quota(text.partition("=")[0], shares)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age=65+:0.3", "traits: age_range, gender"),
        ("age_range", "must be TRAIT=VALUE:SHARE"),
        ("age_range=66+:0.3", r"'66\+:0.3' must be VALUE:SHARE; values: under 25"),
        ("age_range=65+", "must be VALUE:SHARE"),
        ("age_range=65+:nan", "the share 'nan' must be from 0 to 1"),
        ("age_range=65+:-0.1", "must be from 0 to 1"),
        ("age_range=65+:130%", "must be from 0 to 1"),
        ("age_range=65+:0.6,under 25:0.6", "1.2 together"),
        ("age_range=65+:0.1,65+:0.1", "twice"),
    ],
)
def test_bad_quotas_are_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_quota(text)


def test_what_people_told_takes_the_place_of_guesses() -> None:
    people = [person("a", age_range="25-34"), person("b", age_range="25-34")]
    told = with_traits(people, {"a": {"age_range": "65+", "shoe": "9", "home": "castle"}})
    assert [one.profile.age_range.value for one in told] == ["65+", "25-34"]
    assert told[0].profile.home.value == "unknown"
    with pytest.raises(ValueError, match="No persona is of a shopper"):
        with_traits(people, {"z": {"age_range": "65+"}})


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_personas(Path("all.jsonl"), crowd(200, age_range={"25-34": 0.9, "65+": 0.1}))
    words = ["personas", "sample", "--from", "all.jsonl", "--quota", "age_range=65+:0.4", "--out", "old.jsonl"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    said = " ".join(done.output.split())
    assert "40.0% of 40.0% wanted" in said
    assert "composed" in said
    old = list(read_personas(Path("old.jsonl")))
    assert len(old) == 200
    assert counted(tuple(old), "age_range")["65+"] == 80
    assert isinstance(CliRunner().invoke(app, words).exception, FileExistsError)
    again = CliRunner().invoke(app, [*words[:-1], "again.jsonl"])
    assert again.exit_code == 0
    assert Path("again.jsonl").read_text() == Path("old.jsonl").read_text(), "the same seed"


def test_a_composed_group_is_nearer_where_traits_say_what_people_buy() -> None:
    rng = np.random.default_rng(6)
    answers, shares = {}, {}
    for at in range(300):
        income = int(rng.integers(6))
        age = min(5, max(0, income + int(rng.integers(-1, 2))))
        answers[f"h{at}"] = {
            "income_band": TRAITS["income_band"].values[income],
            "age_range": TRAITS["age_range"].values[age],
        }
        shares[f"h{at}"] = rng.dirichlet([1 + 3 * income, 16 - 3 * income, 10])
    rows = {row.group: row for row in composed_groups.run(answers, shares, draws=10)}
    ends = [row for name, row in rows.items() if name.endswith(("under 25K", "150K+", "under 25", "65+"))]
    assert len(ends) >= 2
    for row in ends:
        assert row.gain.interval is not None
        assert row.gain.interval.low > 0
        assert row.composed < 0.7 * row.others
