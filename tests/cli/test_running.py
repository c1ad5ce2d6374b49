"""Does every mistake on a command line end in words on stderr and exit code 2?"""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from paars_gym import cli
from paars_gym.cli.running import run_command
from paars_gym.files import StorageError, load_named
from paars_gym.llm.errors import BudgetSpentError, LostCauseError, MissingKeyError


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["score", "--bogus"], "No such option: --bogus"),
        (["score"], "Missing option"),
        (["simulate"], "Missing option '--out'"),
        (["simulate", "--out", "x", "--sessions", "0"], "Invalid value for '--sessions'"),
        (["personas", "mine", "--out", "x"], "Missing option"),
        (["personas", "mine", "--bogus"], "No such option: --bogus"),
        (["abtest", "--bogus"], "No such option: --bogus"),
        (["nope"], "No such command 'nope'"),
    ],
)
def test_wrong_usage(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["paars", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert told in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ValueError("n == 0, must be > 0 [sic]."), 2, "error: n == 0, must be > 0 [sic]."),
        (KeyError("no such product"), 2, "error: no such product"),
        (ImportError("pip install it"), 2, "error: pip install it"),
        (FileNotFoundError("not there"), 2, "error: not there"),
        (MissingKeyError("OPENAI_API_KEY is not set"), 2, "error: OPENAI_API_KEY is not set"),
        (LostCauseError("Nobody is there."), 4, "error: Nobody is there."),
        (
            StorageError(28, "No space left on device", "run/ledger.jsonl"),
            4,
            "No space left on device: run/ledger.jsonl.",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 4, "No space left on device"),
        (BudgetSpentError("0.1 USD of 0.1 are spent."), 5, "error: 0.1 USD"),
        (typer.BadParameter("choose another"), 2, "choose another"),
        (typer.Abort(), 130, "Stopped."),
        (KeyboardInterrupt(), 130, "Stopped."),
        (EOFError(), 130, "Stopped."),
        (typer.Exit(3), 3, ""),
    ],
)
def test_any_function_is_a_command_whose_mistakes_are_one_line(
    error: BaseException, code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(SystemExit) as ended:
        run_command(raising(error))
    said = capsys.readouterr().err
    assert ended.value.code == code
    assert told in said
    assert "Traceback" not in said


def slips() -> None:
    {}["price"]


@pytest.mark.parametrize("command", [raising(ZeroDivisionError("by \x1b[31mzero")), raising(TypeError()), slips])
def test_a_fault_of_ours_says_so_above_its_traceback(
    command: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(SystemExit) as ended:
        run_command(command)
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert ended.value.code == 70
    assert first.startswith("error: This is an error of paars_gym, not of yours. Please report it")
    assert second == "Traceback (most recent call last):"


def test_a_fault_of_the_users_own_module_is_one_line_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_ranking.py").write_text("def rank():\n    return 1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: load_named("own_ranking:rank")())
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: ZeroDivisionError: division by zero at {tmp_path / 'own_ranking.py'}:2\n"


def test_a_process_ends_with_two(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "paars_gym", "score", "--bogus"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "No such option: --bogus" in ended.stderr
    assert "Traceback" not in ended.stderr
