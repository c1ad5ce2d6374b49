"""Does a user's mistake end as one line and exit code 2, in every benchmark that says so?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import pytest
import typer

from benchmarks.cells import estimate
from benchmarks.command import run_command


def end_of(main: Callable[..., None], *words: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["benchmark", *words])
        with pytest.raises(SystemExit) as ended:
            run_command(main)
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "mistake",
    [
        ValueError("Unknown [x].\nThere is y."),
        KeyError("Unknown [x]. There is y."),
        ImportError("Unknown [x]. There is y."),
    ],
)
def test_a_mistake_is_one_line(mistake: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise mistake

    assert end_of(main) == 2
    said = capsys.readouterr()
    assert said.err == "error: Unknown [x]. There is y.\n"
    assert not said.out


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    def main() -> None:
        raise AssertionError("ours")

    with pytest.raises(AssertionError, match="ours"):
        end_of(main)


def test_options_and_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    def main(n: Annotated[int, typer.Option(min=2)] = 2) -> None:
        print(n)

    assert end_of(main, "--n", "3") == 0
    assert capsys.readouterr().out == "3\n"
    assert end_of(main, "--n", "1") == 2
    assert "Traceback" not in capsys.readouterr().err
    assert end_of(main, "--help") == 0


def test_unknown_parts_and_shoppers_are_such_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.__main__ import main as whole
    from benchmarks.rank_selection import main as ranks

    assert end_of(whole, "--only", "nothing") == 2
    assert "session_generation" in capsys.readouterr().err
    assert end_of(ranks, "--human", "/nowhere") == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_cell_has_no_empty_brackets() -> None:
    assert estimate(0.5) == "0.5"
    assert estimate(None) == "–"
    assert estimate(0.5, 0.41234, 0.6) == "0.5\n[0.41, 0.6]"
