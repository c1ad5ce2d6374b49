"""A shopper's past as text for a model: six months of sessions, and what was bought before (PAARS section 3)."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple

from paars_gym.llm.chat import tokens_in
from paars_gym.personas.persona import LeftOut
from paars_gym.sessions.event import Event, History

MONTHS = 6
ITEM_CHARS = 200
"""Most of one thing bought or seen."""
_VERBS = {"view": "viewed", "add": "put into the cart", "remove": "took out of the cart", "purchase": "bought"}


class RenderedHistory(NamedTuple):
    """A history as text, what did not fit, and as of when it is."""

    text: str
    left_out: LeftOut
    as_of: datetime | None


class _Happened(NamedTuple):
    header: str
    session: int
    time: datetime | None
    event: Event
    only_bought: bool  # what stands under its header was bought, and needs no word for it


class _Line(NamedTuple):
    header: str
    text: str
    happened: tuple[_Happened, ...]


def render_history(history: History, *, as_of: datetime | None = None, token_budget: int = 6000) -> RenderedHistory:
    """The history as text: a paragraph a visit for the last six months, and one a month of purchases before.

    A line is one thing. What was bought, viewed or searched for again stands at its last time, with how often it
    happened in all. Only what happened before ``as_of`` is in it. When it is too long, the oldest lines go first.

    Args:
        history: Sessions, oldest first.
        as_of: Zoned; by default that of the history, or else just after its last event.
        token_budget: Most tokens, as :func:`paars_gym.llm.chat.tokens_in` counts.

    Raises:
        ValueError: The budget is not positive.
    """
    if token_budget < 1:
        raise ValueError(f"token_budget == {token_budget}, must be at least 1.")
    as_of = as_of or history.as_of or _just_after(history)
    lines = _lines(history, as_of)
    first = len(lines) - _fitting(lines[::-1], token_budget)
    lost, kept = lines[:first], lines[first:]
    shown = {happened.session for line in kept for happened in line.happened}
    left_out = LeftOut(
        sessions=len({happened.session for line in lost for happened in line.happened} - shown),
        events=sum(len(line.happened) for line in lost),
        before=lost[-1].happened[-1].time if lost else None,
    )
    return RenderedHistory(_text((line.header, f"- {line.text}") for line in kept), left_out, as_of)


def purchases_before(history: History, as_of: datetime | None = None) -> int:
    """Product lines bought before a date, by default the history's own; all of a log without times."""
    as_of = as_of or history.as_of
    times = [
        event.time or session.start
        for session in history.sessions
        for event in session.events
        if event.kind == "purchase"
    ]
    return len(times) if as_of is None else sum(time is not None and time < as_of for time in times)


class Shortened(NamedTuple):
    """A rendered history that fits, and how many of its lines, the oldest, are left out."""

    text: str
    left_out: int


def shorten_history(text: str, token_budget: int) -> Shortened:
    """A rendered history without its oldest lines, until it fits; a line of its own then says how many are missing.

    Args:
        text: As `render_history` gives it; lines of another form count as one thing each, oldest first.
        token_budget: Most tokens, as :func:`paars_gym.llm.chat.tokens_in` counts; the note about what is missing is a
            few tokens more.
    """
    if tokens_in(len(text.encode())) <= token_budget:
        return Shortened(text, 0)
    rows = text.splitlines()
    lines: list[tuple[str, str]] = []
    header = ""
    for row, following in zip(rows, [*rows[1:], ""], strict=True):
        if not row.startswith("- ") and following.startswith("- "):
            header = row
        else:
            header = header if row.startswith("- ") else ""
            lines.append((header, row))
    size, kept, headers = 0, 0, {""}
    for heading, line in reversed(lines):
        size += len(line.encode()) + 1 + (0 if heading in headers else len(heading.encode()) + 1)
        if tokens_in(size) > token_budget:
            break
        headers.add(heading)
        kept += 1
    left_out = len(lines) - kept
    note = f"(the oldest {left_out:,} of {len(lines):,} lines are left out)"
    return Shortened("\n".join(filter(None, (note, _text(lines[left_out:])))), left_out)


def with_titles(history: History, titles: Mapping[str, str]) -> History:
    """The history with a title, by product id, for each event that has a product and no title."""

    def named(event: Event) -> Event:
        title = titles.get(event.product) if event.product is not None and event.title is None else None
        return event if title is None else event.model_copy(update={"title": title})

    sessions = (
        session.model_copy(update={"events": tuple(named(event) for event in session.events)})
        for session in history.sessions
    )
    return history.model_copy(update={"sessions": tuple(sessions)})


def months_before(moment: datetime, months: int) -> datetime:
    """The same day and time some months earlier, or the last day of that month when it is shorter."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _just_after(history: History) -> datetime | None:
    times = [event.time or session.start for session in history.sessions for event in session.events]
    known = [time for time in times if time is not None]
    return max(known) + timedelta(seconds=1) if known else None


def _lines(history: History, as_of: datetime | None) -> list[_Line]:
    """All there is to tell, oldest first, each thing once."""
    again: dict[object, list[tuple[int, _Happened]]] = {}
    for place, happened in enumerate(_past(history, as_of)):
        again.setdefault(_sameness(happened), []).append((place, happened))
    lines = []
    for same in sorted(again.values(), key=lambda each: each[-1][0]):
        last, times = same[-1][1], len(same)
        text = _item(last.event) if last.only_bought else _words(last.event)
        text += f" ({times} times)" if times > 1 else ""
        lines.append(_Line(last.header, text, tuple(happened for _, happened in same)))
    return lines


def _past(history: History, as_of: datetime | None) -> Iterator[_Happened]:
    """What happened before the date, oldest first: everything of the last months, purchases before them."""
    since = months_before(as_of, MONTHS) if as_of else None
    hours = _tells_hours(history)
    for number, session in enumerate(history.sessions):
        past = [
            (moment, event)
            for event in session.events
            if event.kind != "stop"
            and ((moment := event.time or session.start) is None or as_of is None or moment < as_of)
            and (as_of is None or moment is not None)
        ]
        if not past:
            continue
        only_bought = all(event.kind == "purchase" for _, event in past)
        # Named after the moment at which it began: a visit past midnight stays one.
        header = _when(past[0][0], number, hours=hours) + (", bought:" if only_bought else "")
        for moment, event in past:
            if moment is None or since is None or moment >= since:
                yield _Happened(header, number, moment, event, only_bought)
            elif event.kind == "purchase":
                yield _Happened(f"{moment:%Y-%m}, bought:", number, moment, event, only_bought=True)


def _when(begun: datetime | None, number: int, *, hours: bool) -> str:
    if begun is None:
        return f"Visit {number + 1}"
    return f"{begun:%Y-%m-%d (%A) %H:%M}" if hours else f"{begun:%Y-%m-%d (%A)}"


def _tells_hours(history: History) -> bool:
    """Whether the log knows the time of day: one of days alone has midnight everywhere."""
    moments = (event.time or session.start for session in history.sessions for event in session.events)
    return any(moment is not None and moment.time() != time(0) for moment in moments)


def _sameness(happened: _Happened) -> object:
    event = happened.event
    if event.kind == "search":
        return event.kind, event.query
    if event.kind == "next_page" or not (event.product or event.title):
        return id(event), happened.session
    return event.kind, event.product or event.title, event.options


def _words(event: Event) -> str:
    if event.kind == "next_page":
        return f"looked at page {event.page or 2} of the results"
    if event.kind == "search":
        return f'searched "{_clean(event.query or "")}"'
    return f"{_VERBS[event.kind]} {_item(event)}"


def _text(lines: Iterable[tuple[str, str]]) -> str:
    """Lines under their headers."""
    parts = []
    for header, group in groupby(lines, key=lambda line: line[0]):
        parts += [*([header] if header else []), *(line for _, line in group)]
    return "\n".join(parts)


def _clean(text: str) -> str:
    """One line, and nothing that could close the tag around the history: text of the log is data."""
    return " ".join(text.split()).replace("<", "‹").replace(">", "›")[:ITEM_CHARS]


def _item(event: Event) -> str:
    text = _clean(event.title or event.product or "something")
    if event.units is not None and event.units != 1:
        text = f"{event.units} x {text}"
    if event.options:
        text += f" ({', '.join(f'{_clean(name)} {_clean(value)}' for name, value in event.options)})"
    if event.price is not None:
        text += f" at {event.price:.2f}"
    return text if event.rank is None else f"{text} (result {event.rank})"


def _fitting(newest_first: Sequence[_Line], token_budget: int) -> int:
    """How many of the newest lines fit."""
    size = 0
    headers: set[str] = set()
    for count, line in enumerate(newest_first):
        size += len(line.text.encode()) + 3
        if line.header not in headers:
            headers.add(line.header)
            size += len(line.header.encode()) + 1
        if tokens_in(size) > token_budget:
            return count
    return len(newest_first)
