"""How do numbers and their intervals stand in the cells of the benchmarks' tables?"""

from __future__ import annotations

from paars_gym.alignment.report import Measure
from paars_gym.report.alignment import number


def interval(low: float | None, high: float | None, *, percent: bool = False) -> str:
    """``[low, high]``; nothing where there is none, for empty brackets say nothing.

    >>> interval(0.06321, 0.1421), interval(0.051, 0.173, percent=True), interval(None, None)
    ('[0.063, 0.14]', '[+5.1%, +17.3%]', '')
    """
    if low is None or high is None:
        return ""
    # Two digits of an interval's ends are more than they can be trusted with.
    ends = [f"{end:+.1%}" if percent else number(float(f"{end:.2g}")) for end in (low, high)]
    return f"[{', '.join(ends)}]"


def estimate(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A number over its interval; a dash where there is no number."""
    if value is None:
        return "–"
    return "\n".join(filter(None, (number(value), interval(low, high))))


def cell(found: Measure) -> str:
    """A measure over its interval."""
    return estimate(found.estimate.value, found.estimate.low, found.estimate.high)
