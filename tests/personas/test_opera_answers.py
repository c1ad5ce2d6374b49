"""Answers of a survey as personas: closed answers are traits, others are notes, and nothing of a session is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paars_gym.personas.opera_answers import FILE, opera_personas
from paars_gym.personas.persona import render

ANN: dict[str, Any] = {
    "shopper": "ann", "age": "25-34 years old", "gender": "Female", "income": "$150,000 or more",
    "employment": "Part-time employee,Student", "prime": "Yes", "shop_frequency": "Once to twice a week",
    "budget": "About $300/month online", "priorities": ["reviews", "quality"], "avoids": ["premium brands"],
    "personality": {"Extraversion": "Extremely high"},
}  # fmt: skip
BOB = {"shopper": "bob", "age": "", "gender": "", "income": "Prefer not to say", "budget": "Not specified"}


def written(folder: Path, *people: dict[str, Any]) -> Path:
    (folder / FILE).write_text("".join(json.dumps(one) + "\n" for one in people), encoding="utf-8")
    return folder


def test_answers_become_traits_and_notes(tmp_path: Path) -> None:
    found = opera_personas(written(tmp_path, ANN, BOB))
    ann, bob = found["ann"], found["bob"]
    assert (ann.profile.age_range.value, ann.profile.gender.value, ann.profile.income_band.value) == (
        "25-34", "female", "150K+"
    )  # fmt: skip
    assert (ann.source, ann.history) == ("told", "")
    told = render(ann, "persona")
    for words in (
        "looks first at reviews, quality",
        "does not care for premium brands",
        "extraversion: extremely high",
    ):
        assert words in told
    assert "unsure" not in told
    assert bob.profile.is_empty()
    assert bob.preferences.is_empty()
    assert bob.preferences.notes == ""


def test_income_is_the_band_that_was_ticked(tmp_path: Path) -> None:
    said = {"Less than $25,000": "under 25K", "$25,000-$49,999": "25-49K", "$50,000-$74,999": "50-74K"}
    people = [{"shopper": answer, "income": answer} for answer in said]
    found = opera_personas(written(tmp_path, *people))
    assert {name: one.profile.income_band.value for name, one in found.items()} == said


def test_mistakes(tmp_path: Path) -> None:
    assert opera_personas(tmp_path) == {}, "whoever has no survey has no personas"
    for bad in ("{", "[]", '{"age": "25"}', '{"shopper": "a", "age": 25}', '{"shopper": "a", "priorities": [1]}'):
        (tmp_path / FILE).write_text(bad + "\n", encoding="utf-8")
        with pytest.raises(ValueError, match=rf"{FILE}, line 1 is no answers of a person"):
            opera_personas(tmp_path)


def test_the_survey_of_opera(shared_data: Path) -> None:
    folder = shared_data / "opera"
    if not (folder / FILE).is_file():
        pytest.skip("the survey is not here")
    found = opera_personas(folder)
    assert len(found) == 52
    assert sum(one.profile.age_range.value != "unknown" for one in found.values()) == 47
    assert sum(one.profile.income_band.value != "unknown" for one in found.values()) == 44
