"""Does every command end with the exit code that the table says, and SIGTERM like Ctrl-C?"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paars_gym import cli
from paars_gym.cli import app
from paars_gym.exit_codes import ExitCode
from paars_gym.llm.limits import Retrying
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import write_sessions
from paars_gym.tasks.people import MiniPeople
from tests.benchmarks.running import run_main
from tests.redteam.paying import Paying, paying

ROOT = Path(__file__).parents[2]
NOBODY = ("--model", "openai:m@http://127.0.0.1:1/v1")
ABTEST = ("abtest", "--treatment", "rating", "--sessions", "4")
SIMULATE = ("simulate", "--sessions", "12", "--out", "out")
FAILING = """\
class Failing:
    name = "failing"
    def reset(self, persona, intention, rng): pass
    def act(self, page, info): raise RuntimeError("out of order")
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAARS_HASH_KEY", "one")
    monkeypatch.setattr(Retrying, "_wait", lambda *_: 0.001)
    monkeypatch.setattr("paars_gym.tasks.people.mini_people", lambda: MiniPeople(60, 1, 20))
    Path("always_failing.py").write_text(FAILING)
    Path("questions.yaml").write_text("- {id: r, text: 'Reviews?', choices: [yes, no]}\n")
    write_sessions("damaged", [], provenance=Provenance(what_is_known=("searches",)))
    events = next(path for path in Path("damaged").rglob("*.parquet"))
    events.write_bytes(b"rot" + events.read_bytes()[3:])
    return tmp_path


@pytest.fixture
def server() -> Iterator[Paying]:
    with paying() as one:
        yield one


def capped(*verb: str) -> tuple[str, ...]:
    return (*verb, "--model", "SERVER", "--price", "1,10", "--max-usd", "0")


ENDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "version": (0, ("--version",)),
    "simulate": (0, SIMULATE),
    "a damaged store": (1, ("sessions", "check", "damaged")),
    "no such option": (2, ("score", "--bogus")),
    "no such file": (2, ("personas", "check", "nowhere.jsonl", "--attributes", "nowhere.csv")),
    "no such people": (2, ("score", "--human", "nobody", "--agents", "nobody")),
    "no key": (2, (*SIMULATE, "--policy", "llm", "--model", "openai:gpt-4.1-mini")),
    "a policy that fails": (3, (*SIMULATE, "--policy", "always_failing:Failing")),
    "a policy that fails in a test": (3, (*ABTEST, "--policy", "always_failing:Failing")),
    "nobody answers": (4, (*SIMULATE, "--policy", "llm", *NOBODY)),
    "nobody answers a task": (4, ("tasks", "view", "--cases", "12", *NOBODY)),
    "a capped run": (5, capped(*SIMULATE, "--policy", "llm")),
    "a capped test": (5, capped(*ABTEST, "--policy", "llm")),
    "a capped probe": (5, capped("probe", "price", "--trials", "4", "--policy", "llm")),
    "a capped task": (5, capped("tasks", "view", "--cases", "4")),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_commands_end_with_the_code_of_the_table(
    name: str, place: Path, server: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    code, words = ENDS[name]
    done = run_main(app, *(server.spec if word == "SERVER" else word for word in words))
    assert done.exit_code == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr or not code
    assert server.paid == 0


def test_the_help_and_the_page_have_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    said = " ".join(CliRunner().invoke(cli.app, ["--help"]).output.split())
    page = (ROOT / "paars_gym" / "README.md").read_text(encoding="utf-8")
    for code in ExitCode:
        assert f"{code} {code.meaning}" in said
        assert f"| {code} | {code.meaning} |" in page


def start(*words: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def waits_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not there() and time.monotonic() < until:
        time.sleep(0.05)
    assert there()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (signal.SIGTERM, ExitCode.TERMINATED),
        pytest.param(signal.SIGINT, ExitCode.INTERRUPTED, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_a_run_in_words_and_keeps_what_is_logged(sent: int, code: int, tmp_path: Path) -> None:
    run = ("paars_gym", "simulate", "--sessions", "100000", "--out", "run")
    log = tmp_path / "run" / "sessions.jsonl"
    with start(*run, cwd=tmp_path) as process:
        waits_for(lambda: log.is_file() and log.stat().st_size > 10_000)
        process.send_signal(sent)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    kept = [json.loads(line) for line in log.read_text().splitlines()]
    assert f"Stopped: {len(kept):,} of 100,000 sessions are kept; go on by the same command with --resume." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("received", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_outside_of_a_run(
    received: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["command"])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        cli.running.run_command(lambda: signal.raise_signal(received))
    assert ended.value.code == 128 + received
    assert capsys.readouterr().err.startswith("Stopped. What was logged is kept")
    assert signal.getsignal(signal.SIGTERM) is before
