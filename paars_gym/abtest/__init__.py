"""Simulated A/B tests: two arms, the same shoppers in both, and a difference with an honest interval."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.abtest.arms import Arm
    from paars_gym.abtest.experiment import ABTest
    from paars_gym.abtest.result import ABTestResult

_HOMES = {"ABTest": "experiment", "ABTestResult": "result", "Arm": "arms"}
__all__ = ["ABTest", "ABTestResult", "Arm"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
