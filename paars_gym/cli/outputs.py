"""The options that say where a verb writes: checked before it works, and kept from other processes while it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any, Literal

import typer

from paars_gym.exit_codes import ExitCode
from paars_gym.outputs import Kind, writing
from paars_gym.remote import is_remote, url_of
from paars_gym.remote.working import work_path


def with_outputs(**kinds: Kind | Literal["run"]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb whose outputs are there for it alone, and can be written, before it begins; not in a dry run.

    Where an output is a URL the verb gets a local path, and what it made there is sent when it has ended.

    Args:
        kinds: Whether each of its options is a ``file`` or a ``folder``, by parameter; the option is called ``--`` and
            that name, but ``json_file`` is ``--json``. A ``run`` is a folder; the verb gets its URL, and sends it.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def with_checks(*arguments: Any, **given: Any) -> None:
            bound = signature.bind(*arguments, **given)
            bound.apply_defaults()
            ended: typer.Exit | None = None
            dry = getattr(bound.arguments.get("asking"), "dry_run", False)
            with ExitStack() as held:
                for name, kind in kinds.items():
                    option = f"--{name.removesuffix('_file').replace('_', '-')}"
                    output = bound.arguments[name]
                    if output is not None and kind == "run" and is_remote(output) and not dry:
                        continue
                    if output is not None and not dry:
                        what: Kind = "folder" if kind == "run" else kind
                        bound.arguments[name] = held.enter_context(writing(output, called=option, kind=what))
                    elif output is not None and is_remote(output):
                        bound.arguments[name] = work_path(url_of(output))
                try:
                    verb(*bound.args, **bound.kwargs)
                except typer.Exit as end:
                    if end.exit_code not in (ExitCode.DONE, ExitCode.CHECK_FAILED):
                        raise
                    ended = end  # after what was written is sent
            if ended is not None:
                raise ended

        signature = inspect.signature(verb, eval_str=True)
        with_checks.__signature__ = signature  # type: ignore[attr-defined]
        with_checks.outputs = kinds  # type: ignore[attr-defined]  # for the tests
        return with_checks

    return decorate
