"""Figures of results: what a result's ``plot()`` gives, and where it is drawn."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

# Results stand at the bottom of the package and drawing near its top. The module that draws is therefore named here and
# loaded when a plot is asked for; no result depends on it, and the extra `report` stays optional.
DRAWING = "paars_gym.report.pages.figures"


class Figure(Protocol):
    """A picture of a result; as the last line of a notebook's cell it shows itself.

    Attributes:
        title: Above it.
        text: What it shows, in words, for who cannot see it.
    """

    @property
    def title(self) -> str:
        """Above it."""
        ...

    @property
    def text(self) -> str:
        """What it shows, in words."""
        ...

    def save(self, path: str | Path, *, scale: float = 2.0) -> Path:
        """Writes it, as the name ends: ``.svg`` or ``.png``.

        Args:
            path: The file; one that is there is replaced.
            scale: Of a PNG: pixels a unit of the drawing.

        Raises:
            ValueError: Another ending, or a scale that is not above 0.
        """
        ...

    # Of one kind alone: a notebook keeps every form of its outputs.
    def _repr_svg_(self) -> str: ...


def figure_of(result: object, *, title: str = "") -> Figure:
    """The figure of a result.

    Args:
        result: An estimate, or a table of results.
        title: Above it; by default what the result says of itself.

    Raises:
        ImportError: The extra ``report`` is not installed.
        ValueError: Nothing in the result can be drawn.
        TypeError: There is no figure of such a thing.
    """
    return cast(Figure, import_module(DRAWING).draw_figure(result, title=title))
