"""The options that say where a verb writes: checked before it works, and kept from other processes while it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import Any

from paars_gym.outputs import Kind, writing


def with_outputs(**kinds: Kind) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb whose outputs are there for it alone, and can be written, before it begins; not in a dry run.

    Args:
        kinds: Whether each of its options is a ``file`` or a ``folder``, by parameter; the option is called ``--`` and
            that name, but ``json_file`` is ``--json``.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def with_checks(*arguments: Any, **given: Any) -> None:
            bound = signature.bind(*arguments, **given)
            bound.apply_defaults()
            with ExitStack() as held:
                if not getattr(bound.arguments.get("asking"), "dry_run", False):
                    for name, kind in kinds.items():
                        option = f"--{name.removesuffix('_file').replace('_', '-')}"
                        if (output := bound.arguments[name]) is not None:
                            held.enter_context(writing(Path(output), called=option, kind=kind))
                verb(*arguments, **given)

        signature = inspect.signature(verb, eval_str=True)
        with_checks.__signature__ = signature  # type: ignore[attr-defined]
        with_checks.outputs = kinds  # type: ignore[attr-defined]  # for the tests
        return with_checks

    return decorate
