"""Do OPeRA's people get the personas that they told, from either of its two files, and nothing that was filled in?"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from paars_gym.personas.opera_survey import STATEMENTS, attributes_of, persona_of, read_opera_people
from paars_gym.personas.persona import render

TOLD = {
    "shopper": "p1", "age": "18-24 years old", "gender": "Female", "income": "Less than $25,000",
    "education": "Graduate degree", "employment": "Student", "prime": "Yes", "shop_frequency": "Once to twice a week",
    "priorities": ["reviews", "brand loyalty", "speed / good-enough", "delivery speed"],
    "avoids": ["premium brands", "ads / sponsored"],
}  # fmt: skip


def part(folder: Path, *rows: object) -> Path:
    text = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    (folder / "personas.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_bands_and_priorities_become_a_persona(tmp_path: Path) -> None:
    (person,) = read_opera_people(part(tmp_path, TOLD))
    persona = persona_of(person)
    assert (persona.shopper, persona.source) == ("p1", "survey")
    profile, preferences = persona.profile, persona.preferences
    assert [profile.age_range.value, profile.gender.value, profile.income_band.value] == [
        "under 25", "female", "under 25K",
    ]  # fmt: skip
    scores = {name: getattr(preferences, name).value for name in ("review_reliance", "brand_loyalty", "comparison")}
    assert scores == {"review_reliance": 4.0, "brand_loyalty": 4.0, "comparison": 2.0}
    assert preferences.brand_reputation.value == 2.0
    assert preferences.quality_focus.value is None, "neither agreed nor disagreed, or not asked"
    assert preferences.notes == "delivery speed: agrees; ads / sponsored: disagrees"
    assert "said in a survey" in render(persona, "persona")
    assert attributes_of(person)["prime"] == "Yes"
    assert attributes_of(person)["premium brands"] == "disagrees"


def test_what_was_filled_in_for_who_said_nothing_is_unknown(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("age", "gender", "income", "education", "prime", "shop_frequency"), "")
    filled = {
        "shopper": "p6",
        "employment": "Shopper",
        "priorities": ["reviews", "value"],
        "avoids": ["unclear listings"],
    }
    (person,) = read_opera_people(part(tmp_path, nothing | filled))
    persona = persona_of(person)
    assert persona.profile.is_empty()
    assert persona.preferences.is_empty()
    assert attributes_of(person) == {}


def test_the_hubs_user_table_has_the_strength_of_agreement(tmp_path: Path) -> None:
    said = {name: statement for statement, name in STATEMENTS.items()}
    survey = {
        "Demographic Information": {"Age": "35-44 years old", "Gender": "Male", "City": "Somewhere"},
        "Shopping Preference": {
            "Amazon Prime membership": "No",
            "To what extent do you agree with the following statements": {
                said["quality"]: "Strongly agree",
                said["best value"]: "Somewhat disagree",
                said["speed / good-enough"]: "Strongly disagree",
                said["reviews"]: "Neither agree nor disagree",
            },
        },
    }
    rows = {
        "user_id": ["a", "b", "c"],
        "survey": [json.dumps(survey), None, "[1]"],
        "interview_transcript": ["long"] * 3,
    }
    pl.DataFrame(rows).write_parquet(tmp_path / "user-train-train.parquet")
    part(tmp_path, TOLD)  # the table goes before the part
    people = read_opera_people(tmp_path)
    assert [one.shopper for one in people] == ["a", "b", "c"]
    first, second, _ = map(persona_of, people)
    assert first.profile.age_range.value == "35-44"
    preferences = first.preferences
    assert [preferences.quality_focus.value, preferences.value_perception.value, preferences.comparison.value] == [
        5,
        2,
        5,
    ]
    assert preferences.review_reliance.value == 3
    assert second.profile.is_empty()
    assert "Somewhere" not in first.model_dump_json()
    assert "long" not in first.model_dump_json()


def test_damage_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 2: no JSON object with a shopper"):
        read_opera_people(part(tmp_path, TOLD, "[]"))
    assert read_opera_people(part(tmp_path, {"shopper": "x", "priorities": [["reviews"], 3], "avoids": None}))
    pl.DataFrame({"user_id": ["a"]}).write_parquet(tmp_path / "user.parquet")
    with pytest.raises(ValueError, match="no user table of OPeRA"):
        read_opera_people(tmp_path)
    (tmp_path / "empty").mkdir()
    assert read_opera_people(tmp_path / "empty") == []
