"""Every reader of sessions takes the same places for them, and says the same where there are none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paars_gym.alignment import mine_query_pairs, mine_rank_cases, open_log
from paars_gym.config import RunConfig
from paars_gym.sessions.opening import NOT_FINISHED, open_store, read_sessions
from paars_gym.simulation.run import run
from paars_gym.tasks.people import reference_people

READERS = (open_store, read_sessions, open_log, mine_rank_cases, mine_query_pairs, reference_people)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    run(folder, RunConfig(sessions=8))
    return folder


def test_a_run_is_read_finished_or_not(finished: Path, tmp_path: Path) -> None:
    unfinished = tmp_path / "run"
    shutil.copytree(finished, unfinished)
    shutil.rmtree(unfinished / "sessions")
    before = sorted(unfinished.iterdir())
    by_key = {session.key: session for session in read_sessions(unfinished)}
    assert by_key == {session.key: session for session in read_sessions(finished)}
    for notes in (open_log(unfinished).notes, reference_people(unfinished).notes):
        assert [note for note in notes if note.startswith(NOT_FINISHED)]
    for notes in (open_log(finished).notes, reference_people(finished).notes):
        assert not [note for note in notes if note.startswith(NOT_FINISHED)]
    for folder in (finished, finished / "sessions", unfinished):
        assert mine_query_pairs(folder).sessions == 8
        assert len(open_log(folder)) == 8
        assert len(reference_people(folder).source) == 8
    assert sorted(unfinished.iterdir()) == before


@pytest.mark.parametrize("read", READERS)
def test_where_nothing_is_all_say_the_same(read: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"No session store in .*paars sessions import"):
        read(tmp_path)


def test_a_run_that_has_only_begun_has_no_sessions(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    assert read_sessions(tmp_path) == []
