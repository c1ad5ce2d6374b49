"""One writer an output: whoever comes second is told who is there, and what cannot be written is said at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from paars_gym.files import StorageError
from paars_gym.outputs import OutputInUseError, check_file, check_folder, lock_of, writing

ROOT = Path(__file__).resolve().parents[1]
HOLD = """
import sys, time
from paars_gym.outputs import writing
with writing(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")


class Holder:
    """Another process that holds an output until it is told to end."""

    def __init__(self, output: Path) -> None:
        command = [sys.executable, "-c", HOLD, str(output)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._file(self.process.stdout).readline() == "held\n"

    @staticmethod
    def _file(file: IO[str] | None) -> IO[str]:
        assert file is not None
        return file

    def end(self, *, killed: bool = False) -> None:
        if killed:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def test_a_second_process_is_told_who_writes_and_what_to_do(tmp_path: Path) -> None:
    out = tmp_path / "personas.jsonl"
    holder = Holder(out)
    with pytest.raises(OutputInUseError) as refused, writing(out, called="--out"):
        pass
    said = str(refused.value)
    assert said.startswith(f"Process {holder.process.pid} (-c {out}"[:40])
    assert "since " in said
    assert said.endswith(f"is writing {str(out)!r}; wait for it to end, or choose another --out.")
    holder.end()
    with writing(out):
        assert [path.name for path in tmp_path.iterdir()] == [".personas.jsonl.lock"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_keeps_nobody_out(tmp_path: Path) -> None:
    holder = Holder(tmp_path / "run")
    holder.end(killed=True)
    assert lock_of(tmp_path / "run").is_file()
    with writing(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_thread_enters_again_what_it_holds_and_no_other_thread_or_fork_does(tmp_path: Path) -> None:
    out = tmp_path / "run"

    def enter() -> None:
        with writing(out):
            pass

    with ThreadPoolExecutor(1) as other, writing(out), writing(out):
        with pytest.raises(OutputInUseError, match="This process"):
            other.submit(enter).result()
        child = os.fork()
        if child == 0:
            try:
                enter()
            except OutputInUseError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert lock_of(out).exists()
    enter()


def test_an_output_is_one_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    assert (
        len({lock_of(Path(name)) for name in ("real/x", "link/x", "./real/../link/x", str(tmp_path / "real/x"))}) == 1
    )


def test_of_many_writers_one_at_a_time_is_let_in(tmp_path: Path) -> None:
    inside, most, entered = 0, 0, 0
    guard = threading.Lock()

    def try_often() -> None:
        nonlocal inside, most, entered
        for _ in range(300):
            try:
                with writing(tmp_path / "out"):
                    with guard:
                        inside, entered = inside + 1, entered + 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
            except OutputInUseError:
                continue

    threads = [threading.Thread(target=try_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert entered > 8
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    check_file(None)
    check_folder(None)
    for path, says in (
        (tmp_path, "is a folder, must be a file"),
        (tmp_path / "no" / "x.json", "there is no folder"),
        (tmp_path / "file" / "x.json", "there is no folder"),
        (Path("/proc/x.json"), "cannot be written to"),
        (Path("a\0b"), "NUL character"),
    ):
        with pytest.raises(ValueError, match=says), writing(path, called="--out", kind="file"):
            pass
    for path, says in (
        (tmp_path / "file", "is a file, must be a folder"),
        (tmp_path / "file" / "deep" / "run", "cannot be made"),
        (Path("/proc/run"), "cannot be (made|written to)"),
        (Path("a\0b"), "NUL character"),
    ):
        with pytest.raises(ValueError, match=says), writing(path, called="--out", kind="folder"):
            pass
    with writing(tmp_path / "new" / "run", kind="folder") as run:
        assert not run.exists()
    assert (tmp_path / "file").read_text() == "kept"


FULL = """
import resource, sys
from pathlib import Path
from paars_gym.outputs import writing
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
for kind in ("file", "folder"):
    try:
        with writing(Path(sys.argv[1], kind), kind=kind):
            print("entered")
    except OSError as error:
        print(type(error).__name__, error.exit_code, error)
"""


def test_a_full_disk_is_found_before_any_work(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [[StorageError.__name__, "4"]] * 2
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_written_without_a_lock() -> None:
    with writing("/dev/null", kind="file"), writing("/dev/null", kind="file"):
        assert not lock_of(Path("/dev/null")).exists()
