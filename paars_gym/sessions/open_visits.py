"""Visits that are still going on, or that a killed process left: a file each, a checksummed line a step.

A visit of a person or of an outside agent may last an hour, and is a line of the run's log only when it has ended.
Until then ``open/<key>.jsonl`` holds it: first a line ``{"visit": …}`` with who came, when and what for, then
``{"step": …}`` for each step as it is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from paars_gym.sessions.event import End, Event, Intention, Session
from paars_gym.sessions.run_log import read_log
from paars_gym.sessions.step import StepRecord
from paars_gym.sessions.store import LOG_FILE

OPEN_FOLDER = "open"
PEOPLE, OUTSIDE_AGENTS = "people", "outside agents"
VISITORS = (PEOPLE, OUTSIDE_AGENTS)
"""What the settings of a folder name as the policy where nobody is simulated: `paars play` and `paars serve --mcp`."""


class OpenVisit(NamedTuple):
    """A visit as far as it is written down.

    Attributes:
        session: What happened so far, as if the visitor had left then.
        steps: Their records.
    """

    session: Session
    steps: tuple[StepRecord, ...]


def visit_line(key: str, shopper: str, start: datetime, intention: Intention | None) -> bytes:
    """The first line of a visit's file."""
    came_for = None if intention is None else intention.model_dump(mode="json", exclude_defaults=True)
    return _sealed({"visit": {"key": key, "shopper": shopper, "start": start.isoformat(), "intention": came_for}})


def step_line(step: StepRecord) -> bytes:
    """The line of a step."""
    return _sealed({"step": step.model_dump(mode="json", exclude_defaults=True)})


def read_open_visit(path: Path) -> OpenVisit | None:
    """The visit in a file, up to the first line that is not as it was written; None where not even the first is."""
    steps: list[StepRecord] = []
    head: dict[str, Any] | None = None
    for raw in path.read_bytes().splitlines():
        line = _unsealed(raw)
        if line is None:
            break
        try:
            if head is None:
                head = line["visit"]
            else:
                steps.append(StepRecord.model_validate(line["step"]))
        except (KeyError, TypeError, ValueError):
            break
    try:
        return None if head is None else OpenVisit(session_of(steps, end="stop", **head), tuple(steps))
    except (TypeError, ValueError):
        return None


def session_of(
    steps: list[StepRecord],
    *,
    key: str,
    shopper: str,
    start: datetime | str,
    intention: Intention | dict[str, Any] | None,
    end: End,
) -> Session:
    """The session that some steps make.

    Args:
        steps: In order, with their events.
        key: Of the session.
        shopper: Whose it is.
        start: Zoned time of arrival.
        intention: What for.
        end: How it ended.
    """
    events: list[Event] = [event for step in steps for event in step.events]
    content = {"key": key, "shopper": shopper, "start": start, "intention": intention}
    return Session.model_validate({**content, "events": tuple(events), "end": end})


def open_visits(folder: Path) -> Iterator[OpenVisit]:
    """The visits in a run folder that are not in its log, by key."""
    files = sorted((folder / OPEN_FOLDER).glob("*.jsonl"))
    if not files:
        return
    log = folder / LOG_FILE
    there = {session.key for session in read_log(log)} if log.is_file() else set()
    for path in files:
        visit = read_open_visit(path)
        if visit is not None and visit.session.key not in there:
            yield visit


def _sealed(content: dict[str, Any]) -> bytes:
    # ASCII, so that half a surrogate pair in what somebody typed does no harm.
    raw = json.dumps(content, separators=(",", ":")).encode()
    return b"%08x %b\n" % (crc32(raw), raw)


def _unsealed(raw: bytes) -> dict[str, Any] | None:
    try:
        seal, content = raw[:8], raw[9:]
        if int(seal, 16) != crc32(content):
            return None
        line = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None
