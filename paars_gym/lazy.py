"""Names of a package that load when they are first used, so that importing the package costs little."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` for the ``__init__`` of a package (PEP 562).

    The same names stand there below ``if TYPE_CHECKING:``, which is what a type checker reads; the two functions are
    assigned in its ``else:``, so that it refuses any other name. There is no ``__all__``: ``help`` would print all that
    it names in full.

    Args:
        package: Its name.
        homes: The module below it that defines each name.
    """

    def load(name: str) -> Any:
        if name not in homes:
            text = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=sys.modules[package])
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    def names() -> list[str]:
        own = (name for name in vars(sys.modules[package]) if name.startswith("__"))
        return sorted({*own, *homes})

    return load, names
