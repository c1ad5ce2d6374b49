"""A limit of open files below what the concurrency needs is said before the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paars_gym.llm.open_files import check_open_files

ROOT = Path(__file__).resolve().parents[2]
LIMITED = """
import resource, sys
from paars_gym.cli import main
highest = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_NOFILE, (128, highest))
main()
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")


@pytest.mark.parametrize(
    ("highest", "says"), [(1024, "raise it (ulimit -n "), (128, "may have 128: lower --concurrency to ")]
)
def test_it_is_said_before_anything_is_begun(highest: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "script.jsonl").write_text('{"text": "stop[]"}\n')
    model = f"scripted:{tmp_path / 'script.jsonl'}"
    words = ["simulate", "--policy", "llm", "--model", model, "--concurrency", "200", "--out", str(tmp_path / "run")]
    command = [sys.executable, "-c", LIMITED, str(highest), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2, done.stderr
    assert "concurrency == 200 needs " in done.stderr
    assert says in done.stderr
    assert not (tmp_path / "run").exists()


def test_what_fits_passes() -> None:
    check_open_files(8)
