"""How time and memory grow with sessions, products and concurrency: points by size, and the exponent through them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

SIZES: Mapping[str, tuple[int, ...]] = {
    "sessions": (1_000, 10_000, 100_000, 1_000_000),
    "products": (1_000, 10_000, 100_000, 1_000_000),
    "concurrency": (1, 4, 16, 64, 256, 512),
}
REDUCED: Mapping[str, tuple[int, ...]] = {"sessions": (100, 400), "products": (1_000, 3_000), "concurrency": (1, 8)}
MEASURES = {
    "sessions": "benchmarks.performance.population:growth_point",
    "products": "benchmarks.performance.building:growth_point",
    "concurrency": "benchmarks.performance.llm_client:growth_point",
}
"""What measures one size, in a process of its own: a function of the size that gives figures by ``name, unit``."""
MOST = {("sessions", "peak memory, MB"): 1_500.0}
"""Bars of figures, at any size."""


class Curve(NamedTuple):
    """Figures of one kind.

    Attributes:
        unit_of_size: What grows, such as sessions.
        name: What is measured.
        unit: Of the values.
        sizes: Ascending.
        values: One a size.
    """

    unit_of_size: str
    name: str
    unit: str
    sizes: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def most(self) -> float | None:
        """The bar, where there is one."""
        return MOST.get((self.unit_of_size, f"{self.name}, {self.unit}"))

    def missed(self) -> list[str]:
        """The sizes at which the bar is missed, in words."""
        return [
            f"{self.name} of {size:,} {self.unit_of_size}: {value:,.0f} {self.unit}, must be at most {self.most:,.0f}"
            for size, value in zip(self.sizes, self.values, strict=True)
            if self.most is not None and value > self.most
        ]


class Fitted(NamedTuple):
    """A power law through points.

    Attributes:
        exponent: Of the size: 1 where a figure is in proportion to it, 0 where it does not grow.
        error: Its standard error; None for two points, through which any line goes.
    """

    exponent: float
    error: float | None


def fit(sizes: Sequence[float], values: Sequence[float]) -> Fitted | None:
    """The exponent by least squares of logarithms; None for less than two points, or for one that has no logarithm."""
    if len(sizes) < 2 or min(sizes) <= 0 or min(values) <= 0:
        return None
    x, y = np.log(np.asarray(sizes, dtype=float)), np.log(np.asarray(values, dtype=float))
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    if len(sizes) == 2:
        return Fitted(slope, None)
    left = y - y.mean() - slope * (x - x.mean())
    return Fitted(slope, math.sqrt(float((left**2).sum()) / (len(sizes) - 2) / spread))


def curves(points: Mapping[str, Mapping[int, Mapping[str, float]]]) -> list[Curve]:
    """Points of `MEASURES` as curves.

    Args:
        points: Figures by what grows, by size, and by ``name, unit``.
    """
    made = []
    for grows, by_size in points.items():
        names = dict.fromkeys(name for figures in by_size.values() for name in figures)
        for name in names:
            sizes = tuple(size for size in sorted(by_size) if name in by_size[size])
            what, _, unit = name.rpartition(", ")
            made.append(Curve(grows, what, unit, sizes, tuple(by_size[size][name] for size in sizes)))
    return made


def bytes_more(curve: Curve) -> float | None:
    """Bytes for each more between the two largest sizes of a curve in MB; None for a single size."""
    if len(curve.sizes) < 2:
        return None
    return 1e6 * (curve.values[-1] - curve.values[-2]) / (curve.sizes[-1] - curve.sizes[-2])
