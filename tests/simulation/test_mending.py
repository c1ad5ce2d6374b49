"""A file of a run is missing, cut or altered: all verbs say the same, and what they advise ends with a good run."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from paars_gym.sessions.event import Session
from paars_gym.sessions.opening import open_store
from paars_gym.sessions.run_log import read_log
from paars_gym.simulation.mending import damage_of_run, mend_run
from paars_gym.simulation.run_folder import RunFolder
from tests.benchmarks.running import Ended, run_main
from tests.simulation.test_run_folder import run

NOTHING_LOST = ("account.json", "telemetry.jsonl")
"""What no session depends on."""
WAYS = ("delete", "truncate", "flip")
FILES = (
    "account.json", "telemetry.jsonl", "settings.json", "sessions.jsonl", "steps/steps.jsonl.zst",
    "sessions/sessions.parquet", "sessions/events-*/checksums.json", "sessions/events-*/part-00000.parquet",
)  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    return run(tmp_path_factory.mktemp("sound") / "run", catalog, sessions=6, record="steps").folder


def damage(folder: Path, name: str, how: str) -> None:
    (path,) = folder.glob(name)
    content = bytearray(path.read_bytes())
    if how == "delete":
        path.unlink()
    elif how == "truncate":
        path.write_bytes(content[: len(content) * 2 // 3])
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def sessions(folder: Path) -> list[Session]:
    return sorted(open_store(folder), key=lambda session: session.key)


def paars(*words: object) -> Ended:
    return run_main(app, *words)


def test_the_files_are_all_there_are(sound: Path) -> None:
    named = {path for name in FILES for path in sound.glob(name)}
    assert named == {path for path in sound.rglob("*") if path.is_file()}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", FILES)
def test_what_is_advised_ends_with_a_good_run(
    sound: Path, name: str, how: str, tmp_path: Path, catalog: Catalog
) -> None:
    before, folder = sessions(sound), tmp_path / "run"
    shutil.copytree(sound, folder)
    damage(folder, name, how)
    checked = paars("sessions", "check", folder)
    described = paars("sessions", "describe", folder)
    if name in NOTHING_LOST:
        assert checked.exit_code == described.exit_code == 0
        assert sessions(folder) == before
        return
    if checked.exit_code:
        assert name.rpartition("/")[2].partition("-0")[0] in (checked.output + checked.stderr).replace("events-*", "")
    for ended in (checked, described):
        if ended.exit_code:
            (advised,) = set(re.findall(r"paars (sessions check \S+ --mend)", " ".join(ended.stderr.split())))
            assert shlex.split(advised)[2] == str(folder)
    mended = paars("sessions", "check", folder, "--mend")
    assert mended.exit_code == 0
    assert sessions(folder) == before
    assert paars("sessions", "check", folder).exit_code == 0
    if name != "settings.json":
        assert run(folder, catalog, sessions=6, record="steps", resume=True).played == 0
        assert sorted(read_log(folder / "sessions.jsonl"), key=lambda session: session.key) == before


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", [name for name in FILES if name not in NOTHING_LOST])
def test_a_run_that_goes_on_mends_itself_or_says_why_it_cannot(
    sound: Path, name: str, how: str, tmp_path: Path, catalog: Catalog
) -> None:
    before, folder = sessions(sound), tmp_path / "run"
    shutil.copytree(sound, folder)
    damage(folder, name, how)
    if name == "settings.json":
        with pytest.raises(ValueError, match="cannot go on"):
            run(folder, catalog, sessions=6, record="steps", resume=True)
        return
    result = run(folder, catalog, sessions=6, record="steps", resume=True)
    assert sessions(folder) == before
    assert bool(result.mended) == (name.startswith("sessions/") and (name, how) != (FILES[5], "delete"))
    assert not {key: one for key, one in damage_of_run(folder).items() if not key.startswith("steps")}


def test_log_and_store_damaged_at_once_leave_what_either_holds(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(sound, folder)
    damage(folder, "sessions.jsonl", "truncate")
    damage(folder, "sessions/events-*/part-00000.parquet", "flip")
    left = len(sessions_of_log(folder))
    done = mend_run(folder)
    assert (done.sessions, done.to_play) == (left, 6 - left)
    assert 0 < left < 6
    assert not RunFolder(folder).is_finished()
    said = paars("sessions", "check", folder, "--mend").output
    assert "have to be played" in said
    assert "--resume" in said


def sessions_of_log(folder: Path) -> list[Session]:
    return list(read_log(folder / "sessions.jsonl"))


def test_without_settings_and_store_the_log_is_kept_as_a_store(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(sound, folder)
    (folder / "settings.json").unlink()
    shutil.rmtree(folder / "sessions")
    described = paars("sessions", "describe", folder)
    assert described.exit_code == 2
    assert "settings.json: it is missing" in described.stderr
    assert paars("sessions", "check", folder, "--mend").exit_code == 0
    assert sessions(folder) == sessions(sound)
