"""How wide is what a benchmark prints?"""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console

WIDTH = 132
"""Of files, and of what is no terminal: Table 2 fits."""


def wide_console(**options: Any) -> Console:
    """A console on which the widest table fits, unless it is a terminal: that is as wide as it is."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH, **options)
