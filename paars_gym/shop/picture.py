"""A page as a picture, for recorders of videos and libraries that ask every environment for one."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 800, 600
"""Pixels; the same for every page, since a video's frames have one size."""
MARGIN, LINE, FONT_SIZE = 16, 18, 14
COLUMNS, LINES = 104, (HEIGHT - 2 * MARGIN) // LINE


def page_picture(page: str) -> npt.NDArray[np.uint8]:
    """The beginning of a page, dark on light.

    Args:
        page: Its text.

    Returns:
        Shape (`HEIGHT`, `WIDTH`, 3).

    Raises:
        ImportError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError as missing:
        raise ImportError('Pictures of pages need Pillow: python -m pip install "paars_gym[render]".') from missing
    lines = [part for line in page.splitlines() for part in textwrap.wrap(line, COLUMNS) or [""]]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], "…"]
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ImageDraw.Draw(picture).multiline_text(
        (MARGIN, MARGIN), "\n".join(lines), fill="black", font=_font(), spacing=LINE - FONT_SIZE
    )
    return np.asarray(picture, dtype=np.uint8)


@lru_cache(maxsize=1)
def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(FONT_SIZE)
