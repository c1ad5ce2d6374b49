"""A shopper's past as text for a model: six months of sessions, then older purchases (PAARS section 3)."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from paars_gym.llm.chat import tokens_in
from paars_gym.personas.persona import LeftOut
from paars_gym.sessions.event import Event, History

MONTHS = 6
_OLDER = "Purchases before that"
_VERBS = {"view": "viewed", "add": "put into the cart", "remove": "took out of the cart", "purchase": "bought"}
_Dated = list[tuple[datetime | None, Event]]


class RenderedHistory(NamedTuple):
    """A history as text, what did not fit, and as of when it is."""

    text: str
    left_out: LeftOut
    as_of: datetime | None


class _Line(NamedTuple):
    header: str
    text: str
    events: int
    session: int
    time: datetime | None


def render_history(history: History, *, as_of: datetime | None = None, token_budget: int = 6000) -> RenderedHistory:
    """The history as text: a paragraph a day for the last six months, then the purchases before, a line a day.

    Only what happened before ``as_of`` is in it. When it is too long, the oldest lines go first.

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
    recent, older = _lines(history, as_of)
    newest_first = [*reversed(recent), *reversed(older)]
    kept = _fitting(newest_first, token_budget)
    lost = newest_first[kept:]
    shown = {line.session for line in newest_first[:kept]}
    left_out = LeftOut(
        sessions=len({line.session for line in lost} - shown),
        events=sum(line.events for line in lost),
        before=lost[0].time if lost else None,
    )
    in_order = newest_first[: min(kept, len(recent))][::-1] + newest_first[len(recent) : kept][::-1]
    parts = [
        "\n".join([header, *(f"- {line.text}" for line in lines)])
        for header, lines in groupby(in_order, key=lambda line: line.header)
    ]
    return RenderedHistory("\n".join(parts), left_out, as_of)


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
    """A rendered history without its oldest lines, until it fits; the first line then says how many are missing.

    Args:
        text: As `render_history` gives it; lines of another form count as one thing each, oldest first.
        token_budget: Most tokens, as :func:`paars_gym.llm.chat.tokens_in` counts; the note about what is missing is a
            few tokens more.
    """
    if tokens_in(len(text.encode())) <= token_budget:
        return Shortened(text, 0)
    rows = text.splitlines()
    lines: list[tuple[str | None, str]] = []
    header: str | None = None
    for row, following in zip(rows, [*rows[1:], ""], strict=True):
        if not row.startswith("- ") and following.startswith("- "):
            header = row
        else:
            header = header if row.startswith("- ") else None
            lines.append((header, row))
    # What was bought longest ago stands last, under a heading of its own.
    oldest_first = sorted(range(len(lines)), key=lambda index: (lines[index][0] != _OLDER, index))
    size, kept = 0, set[int]()
    headers: set[str | None] = {None}
    for index in reversed(oldest_first):
        heading, line = lines[index]
        size += len(line.encode()) + 1 + (0 if heading in headers else len(str(heading).encode()) + 1)
        if tokens_in(size) > token_budget:
            break
        headers.add(heading)
        kept.add(index)
    parts = [f"(the oldest {len(lines) - len(kept):,} of {len(lines):,} lines are left out)"]
    for heading, group in groupby((lines[index] for index in sorted(kept)), key=lambda line: line[0]):
        parts += [*([heading] if heading is not None else []), *(line for _, line in group)]
    return Shortened("\n".join(parts), len(lines) - len(kept))


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


def _lines(history: History, as_of: datetime | None) -> tuple[list[_Line], list[_Line]]:
    """Lines of the last months, and of the purchases before them, both oldest first."""
    since = months_before(as_of, MONTHS) if as_of else None
    recent: list[_Line] = []
    older: list[_Line] = []
    for number, session in enumerate(history.sessions):
        events: _Dated = [(event.time or session.start, event) for event in session.events if event.kind != "stop"]
        if as_of is None or since is None:
            recent += _visit_lines(f"Visit {number + 1}", number, events)
            continue
        past = [(time, event) for time, event in events if time is not None and time < as_of]
        new: _Dated = [(time, event) for time, event in past if time >= since]
        # Named after the day on which it began: a visit past midnight stays one.
        for start in past[:1]:
            recent += _visit_lines(f"{start[0]:%Y-%m-%d} ({start[0]:%A})", number, new)
        older += _older_lines(number, [(time, event) for time, event in past if time < since])
    return recent, older


def _visit_lines(header: str, number: int, events: _Dated) -> list[_Line]:
    lines = []
    # Ten things bought in the same minute are one line.
    for (stamp, kind), group in groupby(
        events, key=lambda pair: (f"{pair[0]:%H:%M} " if pair[0] else "", pair[1].kind)
    ):
        members = list(group)
        if kind in ("search", "next_page"):
            text = "; ".join(_search(event) for _, event in members)
        else:
            text = f"{_VERBS[kind]} {'; '.join(_item(event) for _, event in members)}"
        lines.append(_Line(header, stamp + text, len(members), number, members[0][0]))
    return lines


def _older_lines(number: int, events: list[tuple[datetime, Event]]) -> list[_Line]:
    lines = []
    bought = [(time, event) for time, event in events if event.kind == "purchase"]
    for day, group in groupby(bought, key=lambda pair: pair[0].date()):
        members = list(group)
        text = f"{day}: {'; '.join(_item(event) for _, event in members)}"
        lines.append(_Line(_OLDER, text, len(members), number, members[0][0]))
    return lines


def _clean(text: str) -> str:
    """One line, and nothing that could close the tag around the history: text of the log is data."""
    return " ".join(text.split()).replace("<", "‹").replace(">", "›")


def _search(event: Event) -> str:
    if event.kind == "next_page":
        return f"looked at page {event.page or 2} of the results"
    return f'searched "{_clean(event.query or "")}"'


def _item(event: Event) -> str:
    text = _clean(event.title or event.product or "something")
    if event.units is not None and event.units != 1:
        text = f"{event.units} x {text}"
    if event.options:
        text += f" ({', '.join(f'{_clean(name)} {_clean(value)}' for name, value in event.options)})"
    if event.price is not None:
        text += f" at {event.price:.2f}"
    return text if event.rank is None else f"{text} (result {event.rank})"


def _fitting(newest_first: list[_Line], token_budget: int) -> int:
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
