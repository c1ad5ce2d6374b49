"""Does a benchmark that is killed leave no process behind?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import served, workers

ROOT = Path(__file__).parents[2]
CODE = """\
import os, sys, time
from pathlib import Path

import typer

from benchmarks.processes import served, workers
from paars_gym.cli.running import run_command


def sleeps(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def main(folder: str) -> None:
    with served(sleeps, folder), workers(2) as pool:
        for job in [pool.submit(sleeps, folder) for _ in range(2)]:
            job.result()


if __name__ == "__main__":
    run_command(main)
"""


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs Linux's /proc")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_no_child_outlives_a_killed_benchmark(sent: int, code: int, tmp_path: Path) -> None:
    (tmp_path / "sleeping.py").write_text(CODE)
    children = tmp_path / "children"
    children.mkdir()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-m", "sleeping", str(children)]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}) as process:
        until = time.monotonic() + 60
        while len(list(children.iterdir())) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        started = [int(child.name) for child in children.iterdir()]
        assert len(started) == 3
        process.send_signal(sent)
        assert process.wait(timeout=10) == code
    until = time.monotonic() + 5
    while any(map(is_alive, started)) and time.monotonic() < until:
        time.sleep(0.05)
    assert [child for child in started if is_alive(child)] == []


def test_results_come_back() -> None:
    with workers(1) as pool:
        assert pool.submit(abs, -3).result() == 3


def test_a_server_ends_with_its_block() -> None:
    begun = time.monotonic()
    with served(time.sleep, 60):
        pass
    assert time.monotonic() - begun < 30
