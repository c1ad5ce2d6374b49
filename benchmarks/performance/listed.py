"""The benchmarks of speed by name, in the order of the table; what measures one is imported where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

_HERE = "benchmarks.performance."
BENCHMARKS: Mapping[str, str] = {
    "imports": _HERE + "starting:imports",
    "start": _HERE + "starting:start",
    "env": _HERE + "env:rows",
    "search": _HERE + "search:rows",
    "engines": _HERE + "engines:rows",
    "serving": _HERE + "search:serving",
    "build": _HERE + "building:rows",
    "population": _HERE + "population:rows",
    "ray": _HERE + "on_ray:rows",
    "client": _HERE + "llm_client:rows",
    "import_log": _HERE + "events:importing",
    "counts": _HERE + "events:counting",
    "density": _HERE + "metrics:density",
    "energy": _HERE + "metrics:energy",
    "score": _HERE + "metrics:reports",
    "text_scores": _HERE + "text_scores:rows",
    "learning": _HERE + "learning:rows",
}


def measured(where: str, size: Any) -> Any:
    """What a ``module:function`` gives for a size: whether sizes are reduced, or a number."""
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)(size)
