"""How does a benchmark's command end when its user made a mistake? With one line, and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from paars_gym.llm.errors import ModelError

MISTAKES = (ValueError, LookupError, OSError, ImportError, ModelError)
"""What the package raises for unknown names, missing data and missing extras, each with what to do next."""
WIDTH = 124
"""Of files, and of what is no terminal: Table 2 fits."""


def run_command(main: Callable[..., Any]) -> None:
    """Runs a function as a command, as ``typer.run`` does, but a user's mistake never ends as a traceback."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        # In its standalone mode Typer itself ends what it understands: wrong options with code 2, help with 0.
        app()
    except MISTAKES as mistake:
        text = mistake.args[0] if isinstance(mistake, KeyError) and mistake.args else mistake
        _say(f"[red]error:[/red] {escape(' '.join(str(text).split()))}")
        sys.exit(2)


def wide_console(**options: Any) -> Console:
    """A console on which the widest table fits, unless it is a terminal: that is as wide as it is."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH, **options)


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)
