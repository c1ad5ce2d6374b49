"""What does every number of the alignment suite carry with it?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

Settings = Mapping[str, object]
LEVEL = 0.95
Z95 = 1.959963984540054  # the standard normal's 97.5% point


class Interval(NamedTuple):
    """A confidence interval and how it was made.

    Attributes:
        low: Lower end, in the estimate's unit.
        high: Upper end.
        method: How, and what it holds fixed.
        level: Nominal coverage.
    """

    low: float
    high: float
    method: str
    level: float = LEVEL

    @classmethod
    def normal(cls, estimate: float, standard_error: float, method: str) -> Interval:
        """Estimate ± 1.96 standard errors."""
        return cls(estimate - Z95 * standard_error, estimate + Z95 * standard_error, method)

    def clip(self, low: float = 0.0, high: float = math.inf) -> Interval:
        """The part that the quantity can take; cutting off impossible values costs no coverage."""
        return self._replace(low=min(max(self.low, low), high), high=min(max(self.high, low), high))


class Sizes(NamedTuple):
    """How many observations (sessions, queries, titles) stand on each side."""

    human: int
    agent: int
