"""Is a true profile called true, a silent one silent, and does counting beat the commonest value when it can?"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.cli import app
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.personas.mining import mine_persona
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences, TraitValues
from paars_gym.personas.redaction import pseudonym
from paars_gym.personas.store import write_personas
from paars_gym.report.tasks import validity_table
from paars_gym.sessions.event import Event, History, Session
from paars_gym.tasks.persona_validity import (
    UNKNOWN,
    PersonaValidity,
    commonest,
    counted,
    share_right,
    validate_personas,
)
from tests.benchmarks.running import run_main

FOUR = TraitValues(("a", "b", "c", "d"), ordered=True)
ANSWERS = {
    str(number): {"age_range": ("25-34", "45-54", "65+")[number % 3], "home": ("owner", "renter")[number % 2]}
    for number in range(60)
}


def persona(house: str, **traits: str) -> Persona:
    profile = ConsumerProfile.model_validate(
        {name: {"value": value} for name, value in traits.items()} | {"categories": Interests(values=("Milk",))}
    )
    return Persona(shopper=pseudonym(house), profile=profile, preferences=ShoppingPreferences(), source="mined")


def test_a_case_by_hand() -> None:
    right = share_right(np.array([0, 2, UNKNOWN, 3]), np.array([0, 1, 1, 1]), ordered=True)
    assert (right.sizes, right.details["answered"], right.value) == ({"shoppers": 4}, 0.75, 0.25)
    assert right.number("steps_off") == pytest.approx((0 + 1 + 2) / 3)
    assert right.interval is not None
    assert right.interval.low < 0.25 < right.interval.high
    assert share_right(np.array([0]), np.array([1]), ordered=False).number("steps_off") is None
    with pytest.raises(ValueError, match="no shoppers"):
        share_right(np.array([], dtype=np.int64), np.array([], dtype=np.int64), ordered=True)


def test_true_silent_and_wrong_profiles() -> None:
    true = validate_personas([persona(house, **traits) for house, traits in ANSWERS.items()], ANSWERS)
    for field in ("age_range", "home"):
        assert (true.find(field, "profile").value, true.find(field, "profile").details["answered"]) == (1.0, 1.0)
    assert {row.field for row in true.rows} == {"age_range", "home"}
    assert true.find("age_range", "profile").number("steps_off") == 0
    silent = validate_personas([persona(house) for house in ANSWERS], ANSWERS).find("age_range", "profile")
    assert (silent.value, silent.details["answered"], silent.number("steps_off")) == (0.0, 0.0, None)
    # Only those with a persona count, and strangers do not.
    few = validate_personas([persona(name, home="owner") for name in "01x"], ANSWERS)
    right = few.find("home", "profile")
    assert (right.sizes["shoppers"], right.value) == (2, 0.5)
    assert few.to_dicts()[-1]["way"] == "commonest"
    with pytest.raises(KeyError, match="counted"):
        few.find("home", "counted")


def test_baselines_are_cross_fitted() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, size=400)
    folds = np.arange(400) % 10
    noise = rng.normal(size=(400, 5))
    assert (counted(noise, truth, folds, FOUR).value or 0) < 0.35
    telling = np.column_stack([noise, truth + rng.normal(scale=0.3, size=400), np.abs(truth - 1.5)])
    fitted, mode = counted(telling, truth, folds, FOUR), commonest(truth, folds, FOUR)
    assert (fitted.value or 0) > (mode.value or 0) + 0.2
    assert (fitted.number("steps_off") or 9) < (mode.number("steps_off") or 0) / 2
    # Each value once, a fold each: the commonest of the others is never one's own.
    assert commonest(np.arange(4), np.arange(4), FOUR).value == 0


def test_answers_that_no_profile_could_give_are_refused() -> None:
    with pytest.raises(ValueError, match="home 'castle', must be one of owner"):
        validate_personas([], {"1": {"home": "castle"}, "2": {"home": "owner"}})


def test_profiles_checked_from_the_command_line(tmp_path: Path) -> None:
    write_personas(tmp_path / "p.jsonl", [persona(house, **traits) for house, traits in ANSWERS.items()])
    rows = [f"{house},{traits['home']}" for house, traits in ANSWERS.items()]
    (tmp_path / "answers.csv").write_text("\n".join(("shopper,home", *rows)) + "\n", encoding="utf-8")
    checked = ("personas", "check", tmp_path / "p.jsonl", "--attributes", tmp_path / "answers.csv")
    done = run_main(app, *checked)
    assert done.exit_code == 0, done.stderr
    assert "100.0 (94–100)" in done.output
    kept = PersonaValidity.model_validate_json(run_main(app, *checked, "--json").output)
    assert kept.find("home", "profile").value == 1.0
    (tmp_path / "strangers.csv").write_text("shopper,home\nx,owner\n", encoding="utf-8")
    strange = run_main(app, *checked[:-1], tmp_path / "strangers.csv")
    assert strange.exit_code == 2
    assert "PAARS_HASH_KEY" in strange.stderr


def test_personas_mined_by_a_script() -> None:
    """From histories through both prompts of mining to the table."""
    profile = {
        **{name: {"value": "unknown", "confidence": 0, "evidence": ""} for name in ConsumerProfile.model_fields},
        **{name: {"values": [], "confidence": 0, "evidence": ""} for name in ("categories", "brands", "times")},
        "home": {"value": "owner", "confidence": 0.6, "evidence": "garden hose"},
    }
    scale = {"value": 3, "confidence": 0.5, "evidence": ""}
    scales = {name: scale for name in ShoppingPreferences.model_fields if name not in ("decision_style", "notes")}
    how = {**scales, "decision_style": {"value": "routine", "confidence": 0.5, "evidence": ""}, "notes": ""}
    answers: list[dict[str, Any]] = [
        {"reasoning": "Hose.", "profile": profile},
        {"reasoning": "Even.", "preferences": how},
    ]
    when = datetime(2017, 3, 1, 12, tzinfo=UTC)
    event = Event(kind="purchase", time=when, product="p", title="Garden hose", price=9.0)

    async def mine() -> list[Persona]:
        model = ScriptedChat([Line(text=json.dumps(answer)) for _ in range(4) for answer in answers])
        sessions = (Session(shopper="h", key="k", start=when, events=(event,)),)
        return [await mine_persona(History(shopper=str(house), sessions=sessions), model) for house in range(4)]

    checked = validate_personas(asyncio.run(mine()), ANSWERS)
    home = checked.find("home", "profile")
    assert (home.value, home.details["answered"]) == (0.5, 1.0)
    assert checked.find("age_range", "profile").details["answered"] == 0
    assert validity_table(checked).row_count == 4
