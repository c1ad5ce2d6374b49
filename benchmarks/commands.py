"""How does a mistake in a benchmark's command line end? As one line on stderr and exit code 2, never as a traceback."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from paars_gym.llm.errors import ModelError

P = ParamSpec("P")


def one_line_errors(command: Callable[P, None]) -> Callable[P, None]:
    """The command, for `typer.run`, with whatever its user may have got wrong told in one line."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (ValueError, LookupError, OSError, ImportError, ModelError) as mistake:
            text = mistake.args[0] if isinstance(mistake, KeyError) and mistake.args else mistake
            typer.echo(f"error: {' '.join(str(text).split())}", err=True)
            raise typer.Exit(2) from None

    return told
