"""Where do a metric's draws come from?"""

from __future__ import annotations

import numpy as np


def check_rng(rng: object) -> None:
    """Raises TypeError unless ``rng`` is a generator: a bare seed would give every metric the same draws unnoticed."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng == {rng!r}, must be a numpy Generator, such as np.random.default_rng(0).")
