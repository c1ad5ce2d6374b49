"""What time is it in a simulated session? The session's date, moved on by a random dwell on every page.

Dwell times are log-normal. The medians are round figures for reading a page of text, assumed and not fitted: no metric
that is measured against people depends on them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

MEDIAN_DWELL_SECONDS = {"home": 6.0, "results": 15.0, "product": 30.0}
DWELL_SPREAD = 0.8
"""Standard deviation of the logarithm of a dwell time."""
MAX_DWELL_SECONDS = 1_500
"""Below the 30 minutes of inactivity that separate sessions in a log."""
_DWELLS = [timedelta(seconds=seconds) for seconds in range(MAX_DWELL_SECONDS + 1)]


class Clock:
    """Simulated time of one session, in whole seconds, strictly increasing."""

    def __init__(self, start: datetime, steps: int, rng: np.random.Generator) -> None:
        """Args:
        start: ScheduledVisit, zoned.
        steps: Most that can follow; a dwell for each is drawn at once.
        rng: The session's generator.
        """
        self.now = start
        self._haste = iter(rng.lognormal(sigma=DWELL_SPREAD, size=steps).tolist())

    def leave(self, page: str) -> datetime:
        """The time after dwelling on a page (home, results, product), when the shopper acts."""
        seconds = int(MEDIAN_DWELL_SECONDS[page] * next(self._haste)) + 1
        self.now = now = self.now + (_DWELLS[seconds] if seconds < MAX_DWELL_SECONDS else _DWELLS[-1])
        return now
