"""Whether a sale with a beginning and an end runs on a day."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from paars_gym.ingest.shaping import filled


def as_of_day(text: str | None) -> datetime:
    """The noon of a day as ISO 8601 writes it, or the instant; now by default.

    Raises:
        ValueError: Neither.
    """
    if text is None:
        return datetime.now(UTC)
    moment = _moment(text, time(12))
    if moment is None:
        raise ValueError(f"as_of == {text!r}, must be a day such as 2026-11-29.")
    return moment


def is_on(as_of: datetime, starts: Any, ends: Any) -> bool:
    """Whether a sale runs: a missing end is none, one that cannot be read is over."""
    begin, end = _moment(starts, time.min), _moment(ends, time.max)
    if (filled(starts) and begin is None) or (filled(ends) and end is None):
        return False
    return (begin is None or begin <= as_of) and (end is None or as_of <= end)


def _moment(value: Any, clock: time) -> datetime | None:
    """A date or a time as an instant: a date at some clock time, one without a zone in UTC."""
    if not filled(value):
        return None
    text = str(value).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= 10:
        moment = datetime.combine(moment.date(), clock)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
