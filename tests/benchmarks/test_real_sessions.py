"""The columns of real people in the main job: left out with a word where they are not here, refused when named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from benchmarks import parts, real_sessions
from benchmarks.real_sessions import RealSessions, check_human
from benchmarks.scores import scores
from benchmarks.settings import REAL_RUN
from tests.tasks.test_other_shop import buyers


def test_who_is_not_here_is_left_out_and_how_to_get_them_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path / "cache"))
    found = real_sessions.run(tmp_path / "runs")
    assert not found.results
    assert "paars data get opera" in found.lacking
    assert not (tmp_path / "runs").exists()
    assert list(parts.report({"real_sessions": found})) == [f"- {found.lacking}", ""]
    with pytest.raises(FileNotFoundError, match="paars data get opera"):
        real_sessions.run(tmp_path / "runs", "opera")
    with pytest.raises(FileNotFoundError, match="no people 'nobody'"):
        check_human("nobody")
    with pytest.raises(ValueError, match="stand in the tables already"):
        check_human("mini")


def test_other_people_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buyers(tmp_path / "store")
    nothing = tmp_path / "carts"
    buyers(nothing, known=("carts",))
    with pytest.raises(ValueError, match="there are only carts"):
        check_human(str(nothing))
    check_human(str(tmp_path / "store"))
    monkeypatch.setattr(real_sessions, "REAL_RUN", REAL_RUN.model_copy(update={"sessions": 40}))
    told: list[tuple[Path, parts.Given]] = []

    def run(folder: Path, given: parts.Given) -> BaseModel:
        told.append((folder, given))
        return RealSessions()

    monkeypatch.setitem(parts.PARTS, "real_sessions", run)
    parts.run_parts(["real_sessions"], tmp_path, parts.Given(human="people"))
    assert [(folder.name, given.human) for folder, given in told] == [("real_sessions", "people")]
    people = real_sessions.reference_people(tmp_path / "store")
    default = real_sessions.generate_sessions(people, real_sessions.REAL_RUN, tmp_path / "runs", embedder=None)
    results = {"real_sessions": RealSessions(results=(default,))}
    found = scores(results)
    assert {row["people"] for row in found["table2"]["rows"]} == {"real"}
    assert "counts together" in {row["column"] for row in found["table2"]["rows"]}
    titles = [str(getattr(piece, "title", "")).partition(":")[0] for piece in parts.tables(results)]
    assert titles == ["Table 2", "Beside Table 2", "Does the persona help? KL with it less KL without it, nats, with "
                      "95% intervals", "Table 4, diversity"]  # fmt: skip
