"""Runs a command so that a user's mistake ends in words on stderr and exit code 2, never in a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from paars_gym.files import own_place
from paars_gym.llm.errors import ModelError

MISTAKES = (ValueError, LookupError, OSError, ImportError, ModelError)
"""What functions of this package raise when they are given what they cannot use."""
INTERRUPTED = 130


WIDTH = 132
"""Of what is no terminal: Table 2 fits."""


def wide_console(**options: Any) -> Console:
    """A console on which the widest table fits, unless it is a terminal: that is as wide as it is."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH, **options)


def run_command(command: typer.Typer | Callable[..., Any]) -> None:
    """Runs an application, or a function as a command of its own as `typer.run` does, with ``sys.argv``.

    A mistake of the user is told on stderr, and the process ends with exit code 2; an interrupt is 130.

    Args:
        command: The application, or the function.
    """
    if not isinstance(command, typer.Typer):
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command()(command)
        command = single
    try:
        code = command(standalone_mode=False)
    except Exception as mistake:
        sys.exit(_tell(mistake))
    except KeyboardInterrupt:
        sys.exit(_tell(typer.Abort()))
    if code == INTERRUPTED:
        sys.exit(_tell(typer.Abort()))
    if isinstance(code, int) and code:
        sys.exit(code)


def _tell(mistake: Exception) -> int:
    """Says what was wrong, and returns the exit code; what is no mistake of the user is raised on."""
    if isinstance(mistake, typer.Abort):
        _say("Stopped.")
        return INTERRUPTED
    # By its shape: typer 0.29 brings its own copy of click, whose exceptions are no longer click's.
    show, code = getattr(mistake, "show", None), int(getattr(mistake, "exit_code", 0))
    if callable(show):
        show()
        return code or 2
    if place := own_place(mistake):  # a ranking, an environment or a function of the user's raised
        _say(f"[red]error:[/red] {escape(f'{type(mistake).__name__}: {mistake}')} at {escape(place)}")
        return 2
    if not isinstance(mistake, MISTAKES):
        raise mistake
    text = mistake.args[0] if isinstance(mistake, KeyError) and mistake.args else mistake
    _say(f"[red]error:[/red] {escape(str(text) or type(mistake).__name__)}")
    return code or 2


def _say(text: str) -> None:
    # Made here: stderr may have been redirected since this module was imported.
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)
