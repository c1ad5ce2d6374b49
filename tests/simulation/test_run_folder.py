from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.outputs import OutputInUseError, lock_of
from paars_gym.sessions.run_log import read_log, scan
from paars_gym.sessions.step import StepRecord
from paars_gym.sessions.store import Store
from paars_gym.simulation.read_run import Run
from paars_gym.simulation.result import RunResult
from paars_gym.simulation.run import run as simulate
from paars_gym.simulation.run_folder import RunFolder
from tests.simulation.shoppers import Wanderer

ROOT = Path(__file__).resolve().parents[2]


DEFAULTS: dict[str, Any] = {"sessions": 20, "policy": Wanderer, "seed": 1, "personas": ()}


def run(out: Path, catalog: Catalog, **changed: Any) -> RunResult:
    """A run of few sessions; changes are of the shop, of how it is run, and of everything else."""
    shop = {name: changed.pop(name) for name in ("ranking", "page_size", "env", "env_options") if name in changed}
    how = {name: changed.pop(name) for name in ("resume", "progress", "fsync_seconds") if name in changed}
    return simulate(out, RunConfig(**DEFAULTS | changed), ShopConfig(catalog=catalog, **shop), **how)


def lines(out: Path) -> list[bytes]:
    return sorted((out / "sessions.jsonl").read_bytes().splitlines(keepends=True))


def steps_of(read: Run) -> dict[str, list[StepRecord]]:
    """The step records of each session, without the time that the policy took, which differs from run to run."""
    untimed = {"latency_seconds": None}
    return {key: [step.model_copy(update=untimed) for step in read.session(key).steps] for key in read}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )


@pytest.mark.parametrize("kills", [25, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_random_moments_a_run_ends_as_if_nothing_had_happened(kills: int, tmp_path: Path) -> None:
    ended = python("tests/simulation/crashes.py", str(tmp_path), str(kills), "7")
    assert ended.returncode == 0, ended.stderr
    survived = [int(word) for word in ended.stdout.split()]
    assert len(survived) == kills
    assert len(set(survived)) > kills / 10, "the kills did not fall into different moments"
    whole = lines(tmp_path / "whole")
    sessions = list(Store(tmp_path / "whole" / "sessions"))
    assert len(whole) == len(sessions) == len({session.key for session in sessions}) == 150
    runs = sorted(tmp_path.glob("run-*"))
    assert runs
    steps = steps_of(Run(tmp_path / "whole"))
    assert all(steps.values())
    for folder in runs:
        assert lines(folder) == whole
        assert list(Store(folder / "sessions")) == sessions
        assert steps_of(Run(folder)) == steps


def test_a_run_goes_on_from_any_byte_of_its_log(tmp_path: Path, catalog: Catalog) -> None:
    run(tmp_path / "whole", catalog, sessions=3)
    log = (tmp_path / "whole" / "sessions.jsonl").read_bytes()
    ends = [offset + 1 for offset, byte in enumerate(log) if byte == ord("\n")]
    settings = (tmp_path / "whole" / "settings.json").read_bytes()
    # Each class of offsets: around each line's beginning and end, and some within.
    cuts = {cut for end in (0, *ends) for cut in range(end - 25, end + 25)} | set(range(0, len(log), 97))
    for cut in sorted(cut for cut in cuts if 0 <= cut <= len(log)):
        out = tmp_path / f"cut-{cut}"
        out.mkdir()
        (out / "settings.json").write_bytes(settings)
        (out / "sessions.jsonl").write_bytes(log[:cut])
        with RunFolder(out).opened(RunFolder(tmp_path / "whole").settings, resume=True) as kept:
            assert len(kept.ends) == sum(end <= cut for end in ends)
            assert not kept.damaged
        assert (out / "sessions.jsonl").read_bytes() == log[: max([0, *(end for end in ends if end <= cut)])]
    for cut in (0, 1, ends[0] - 1, ends[1] + 40):
        assert run(tmp_path / f"cut-{cut}", catalog, sessions=3, resume=True).stopped == ""
        assert lines(tmp_path / f"cut-{cut}") == lines(tmp_path / "whole")


@pytest.mark.parametrize("damage", [b"x", b"\n", b"\x00"])
def test_a_damaged_line_is_named_set_aside_and_played_again(tmp_path: Path, catalog: Catalog, damage: bytes) -> None:
    whole = run(tmp_path, catalog).folder
    before = lines(whole)
    log = bytearray((whole / "sessions.jsonl").read_bytes())
    third = next(line for line in scan(whole / "sessions.jsonl") if line.number == 3)
    log[third.offset + 30 : third.offset + 31] = damage
    (whole / "sessions.jsonl").write_bytes(log)
    tally = run(tmp_path, catalog, resume=True)
    assert tally.played == 1
    assert "line 3" in tally.damaged[0]
    assert lines(whole) == before
    assert (whole / "sessions.damaged").read_bytes().replace(damage, b"") != b""
    assert len(tally.store) == 20


def test_damaged_step_records_are_named_and_their_sessions_kept(tmp_path: Path, catalog: Catalog) -> None:
    run(tmp_path, catalog, record="steps")
    before = lines(tmp_path)
    steps, log = tmp_path / "steps" / "steps.jsonl.zst", tmp_path / "sessions.jsonl"
    damaged = bytearray(steps.read_bytes())
    damaged[200] ^= 0xFF
    steps.write_bytes(damaged)
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    resumed = run(tmp_path, catalog, record="steps", resume=True)
    assert resumed.played == 1
    assert resumed.damaged == []
    assert resumed.damaged_steps[0].startswith("bytes 0 to ")
    assert lines(tmp_path) == before
    read = Run(tmp_path)
    assert sorted(read) == [f"{number:07d}" for number in range(20)]
    assert sum(not read.session(key).steps for key in read) == 1
    assert any("shown" in step.lost for key in read for step in read.session(key).steps)


def sealed(content: bytes) -> bytes:
    return b'%b,"crc32":"%08x"}\n' % (content, crc32(content))


def test_a_sealed_line_without_a_session_is_damaged_too(tmp_path: Path, catalog: Catalog) -> None:
    run(tmp_path, catalog)
    before = lines(tmp_path)
    log = tmp_path / "sessions.jsonl"
    whole = log.read_bytes().splitlines(keepends=True)
    for content in (b'{"note":1', b'{"session":{"key":"0000003"}', b'{"session":7'):
        log.write_bytes(b"".join([*whole[:3], sealed(content), *whole[4:]]))
        with pytest.raises(ValueError, match=r"line 4 \(no session: session"):
            list(read_log(log))
        tally = run(tmp_path, catalog, resume=True)
        assert tally.played == 1
        assert "line 4 (no session: session" in tally.damaged[0]
        assert lines(tmp_path) == before
        assert (tmp_path / "sessions.damaged").read_bytes().endswith(sealed(content))
        log.write_bytes(b"".join(whole))


def test_other_settings_are_refused_by_name(tmp_path: Path, catalog: Catalog) -> None:
    run(tmp_path, catalog)
    with pytest.raises(ValueError, match="seed == 1 there and 2 now"):
        run(tmp_path, catalog, seed=2, resume=True)
    with pytest.raises(ValueError, match="ranking == 'bm25' there and 'price' now"):
        run(tmp_path, catalog, ranking="price", resume=True)
    with pytest.raises(FileExistsError, match="--resume"):
        run(tmp_path, catalog)
    assert run(tmp_path, catalog, resume=True, concurrency=3).played == 0


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"thesis\.tex"):
        run(tmp_path, catalog, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(ValueError, match=r"thesis\.tex' is a file"):
        run(tmp_path / "thesis.tex" / "run", catalog)


def test_two_processes_do_not_write_one_folder(tmp_path: Path, catalog: Catalog) -> None:
    run(tmp_path, catalog)
    settings = RunFolder(tmp_path).settings
    with ThreadPoolExecutor(1) as other:
        with RunFolder(tmp_path).opened(settings, resume=True), pytest.raises(OutputInUseError, match="is writing"):
            other.submit(run, tmp_path, catalog, resume=True).result()
        assert other.submit(run, tmp_path, catalog, resume=True).result().done == 20
    assert not lock_of(tmp_path).exists()


FULL = """
import resource, sys
from pathlib import Path
from paars_gym.catalog.store import Catalog
from tests.conftest import twelve_products
from tests.simulation.test_run_folder import run
catalog = Catalog.from_products(twelve_products(), name="twelve", synthetic=True, language="en")
resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, resource.RLIM_INFINITY))
try:
    run(Path(sys.argv[1]), catalog)
except OSError as error:
    print(error)
"""


def test_a_full_disk_keeps_every_finished_session(tmp_path: Path, catalog: Catalog) -> None:
    ended = python("-c", FULL, str(tmp_path / "full"))
    assert "make room and resume" in ended.stdout, ended.stderr
    found = list(scan(tmp_path / "full" / "sessions.jsonl"))
    assert 0 < len(found) < 20
    assert all(line.fault is None for line in found)
    tally = run(tmp_path / "full", catalog, resume=True)
    assert tally.played == 20 - len(found)
    run(tmp_path / "whole", catalog)
    assert lines(tmp_path / "full") == lines(tmp_path / "whole")


def test_a_run_whose_first_try_ended_in_a_mistake_is_begun_anew(tmp_path: Path, catalog: Catalog) -> None:
    class Fails:
        name = "fails"

        def rank(self, text: str, filters: Any, *, limit: int = 10, offset: int = 0) -> Any:
            return ["k1"]

    out = tmp_path / "run"
    with pytest.raises(ValueError, match="The ranking fails gave a list, must give a"):
        run(out, catalog, ranking=Fails(), record="none")
    assert (out / "settings.json").exists()
    assert run(out, catalog, ranking="bm25", record="none").done == 20
    with pytest.raises(FileExistsError, match="holds a run already"):
        run(out, catalog, ranking="bm25", record="none")


def test_another_policy_is_no_resumption(tmp_path: Path) -> None:
    shop = ShopConfig(catalog="mini")
    simulate(tmp_path / "run", RunConfig(sessions=2, policy="behavioural"), shop)
    with pytest.raises(ValueError, match="policy == 'behavioural' there and 'uniform' now"):
        simulate(tmp_path / "run", RunConfig(sessions=2, policy="uniform"), shop, resume=True)


def test_the_store_is_sorted_by_key_whatever_the_order_of_the_log(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paars_gym.simulation.run_folder.SESSIONS_AT_ONCE", 3)
    first = list(run(tmp_path / "run", catalog).store)
    folder = RunFolder(tmp_path / "run")
    written = folder.log.read_bytes().splitlines(keepends=True)
    folder.log.write_bytes(b"".join([*written[7:], *reversed(written[:7])]))
    folder.reopen()
    again = list(run(tmp_path / "run", catalog, resume=True).store)
    assert [session.key for session in again] == sorted(session.key for session in again)
    assert again == first
    assert len(first) == 20
