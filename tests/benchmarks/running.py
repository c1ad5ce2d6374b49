"""A benchmark's command as its user runs it, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

import pytest
import typer

from paars_gym.cli.running import run_command


class Ended(NamedTuple):
    """How it ended, and what it printed on either."""

    exit_code: int
    output: str
    stderr: str


def run_main(main: typer.Typer | Callable[..., Any], *arguments: object, columns: int = 200) -> Ended:
    """Runs a ``main`` with arguments on a terminal so wide."""
    out, err, code = StringIO(), StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["benchmark", *map(str, arguments)])
        patch.setenv("COLUMNS", str(columns))
        try:
            run_command(main)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())
