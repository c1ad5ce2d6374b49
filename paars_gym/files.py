"""What does ``module:name`` on a command line stand for? Somebody's own ranking, shopper or function."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def load_named(reference: str) -> Callable[..., Any]:
    """The callable that ``module:name`` stands for; the module may lie in the working directory.

    Raises:
        LookupError: No such module.
        ValueError: Nothing in it of that name that can be called.
        ModuleNotFoundError: The module lacks something that it imports itself.
    """
    module_name, _, name = reference.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)  # as `python -m` does; an installed command does not
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module exists, and lacks something itself
        raise LookupError(f"No module {module_name!r} to import for {reference!r}.") from None
    finally:
        sys.path.remove(here)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ValueError(f"Module {module_name!r} has no class or function {name!r}.")
    return found  # type: ignore[no-any-return]
