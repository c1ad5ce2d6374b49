"""Simulated A/B tests: two arms, the same shoppers in both, and a difference with an honest interval."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.abtest.arms import Arm as Arm
    from paars_gym.abtest.experiment import ABTest as ABTest
    from paars_gym.abtest.result import ABTestResult as ABTestResult
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "ABTest": "experiment",
            "ABTestResult": "result",
            "Arm": "arms",
        },
    )
