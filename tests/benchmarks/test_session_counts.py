"""Do real sessions pass through the report, with what they do not record left unsaid?"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.session_counts import run
from paars_gym.tasks.people import MiniPeople


def test_halves_of_real_people_are_not_told_apart(shared_data: Path) -> None:
    report = run()
    views = report.find("views", "JS")
    assert views.estimate.verdict == "not told apart"
    assert sum(found.sessions for found in report.populations) == 12_330
    assert {m.of for m in report.measures} == {"views"}
    assert "Searches are not recorded on both sides." in report.notes
    assert not report.populations[0].synthetic


def test_absent_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="online_shoppers_intention"):
        run(uci=tmp_path / "nowhere")


def test_other_people_by_the_names_that_every_verb_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.tasks.people.mini_people", lambda: MiniPeople(60, 1, 20))
    report = run(human="mini")
    assert report.populations[0].synthetic
    assert "searches" in {measure.of for measure in report.measures}
