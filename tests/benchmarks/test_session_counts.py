"""Do real sessions pass through the report, with what they do not record left unsaid?"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.session_counts import run


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
        run(human=tmp_path / "nowhere")
