"""Sessions as lines of a list, and the choice of those that show most."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Session

OUTCOMES = ("bought", "left a filled cart", "looked and left", "left at once", "cut off", "gave up", "failed")
"""What can become of a session, the best first."""
FAILED = ("gave up", "failed")
_OF_END = {"max_steps": "cut off", "gave_up": "gave up", "policy_error": "failed"}


class SessionRow(NamedTuple):
    """One session in a list.

    Attributes:
        key: Of the session.
        shopper: Whose it is.
        who: The persona in a few words; empty where nothing is known.
        need: What for; empty when unknown.
        goal: To buy, to compare, to browse; empty when unknown.
        outcome: One of `OUTCOMES`.
        cause: Why it gave up or failed; else empty.
        steps: Actions, refused ones included where that is known.
        refused: Of these the shop refused.
        searches: As events.
        views: Products opened.
        units: Bought.
        spent: Of the purchase lines with a price, in the catalog's currency.
        tokens: Input and output of a model.
        seconds: Wall-clock time that it took; None when unknown.
        trace: Equal for sessions in which the same happened.
    """

    key: str
    shopper: str
    who: str
    need: str
    goal: str
    outcome: str
    cause: str
    steps: int
    refused: int
    searches: int
    views: int
    units: int
    spent: float
    tokens: int
    seconds: float | None
    trace: str

    @property
    def failed(self) -> bool:
        """Whether it says nothing about the shop."""
        return self.outcome in FAILED


def outcome_of(session: Session) -> str:
    """What became of it, one of `OUTCOMES`."""
    if session.end in _OF_END:
        return _OF_END[session.end]
    if session.count("purchase"):
        return "bought"
    if session.count("add"):
        return "left a filled cart"
    return "looked and left" if session.count("view") or session.count("search") > 1 else "left at once"


def row_of(session: Session, cause: str | None, told: Mapping[str, Any], persona: Persona | None) -> SessionRow:
    """The line of a session.

    Args:
        session: What happened.
        cause: Why it ended, if it failed.
        told: Its line of the run's telemetry; empty where there is none.
        persona: Whom it was played as, if anybody knows.
    """
    bought = [event for event in session.events if event.kind == "purchase"]
    need = session.intention
    acts = [(event.kind, event.query, event.product) for event in session.events]
    kinds = ("input", "cache_read", "cache_write", "output")
    return SessionRow(
        key=session.key,
        shopper=session.shopper,
        who="" if persona is None else who_is(persona),
        need="" if need is None else need.text,
        goal="" if need is None else need.goal,
        outcome=outcome_of(session),
        cause=cause or "",
        steps=int(told.get("steps", len(session.events))),
        refused=int(told.get("invalid", 0)),
        searches=session.count("search"),
        views=session.count("view"),
        units=sum(event.units or 1 for event in bought),
        spent=sum((event.price or 0.0) * (event.units or 1) for event in bought),
        tokens=sum(int(told.get(kind) or 0) for kind in kinds),
        seconds=told.get("seconds"),
        trace=hashlib.blake2b(repr(acts).encode("utf-8", "replace"), digest_size=8).hexdigest(),
    )


def who_is(persona: Persona) -> str:
    """A persona in a few words: what is known of age, household and income, and how it chooses.

    >>> from paars_gym.synthetic.world import mini_world
    >>> who_is(mini_world(n_shoppers=1).personas[0]).split(", ")[0]
    '45-54'
    """
    profile, preferences = persona.profile, persona.preferences
    told: list[str] = [profile.age_range.value, profile.gender.value, profile.income_band.value]
    words: list[str] = [text for text in told if text != "unknown"]
    style = preferences.decision_style.value
    price = preferences.price_sensitivity.value
    words += [] if style == "unknown" else [style]
    words += (
        [] if price is None else ["price matters"] if price >= 4 else ["price hardly matters"] if price <= 2 else []
    )
    return ", ".join(words)


class BookRow(NamedTuple):
    """One visit: a session, or the two of an A/B pair.

    Attributes:
        sessions: One an arm.
    """

    sessions: tuple[SessionRow, ...]

    @property
    def key(self) -> str:
        """Of the visit."""
        return self.sessions[0].key

    @property
    def parted(self) -> bool:
        """Whether something else happened in the other arm."""
        return len({row.trace for row in self.sessions}) > 1

    @property
    def outcome(self) -> str:
        """That of the session, or both."""
        return " / ".join(dict.fromkeys(row.outcome for row in self.sessions))

    @property
    def failed(self) -> bool:
        """Whether a session of it failed."""
        return any(row.failed for row in self.sessions)


class Chosen(NamedTuple):
    """A visit that is shown, and why."""

    row: BookRow
    why: str


def choose(rows: Sequence[BookRow], most: int) -> list[Chosen]:
    """The visits that show most: failures, each outcome, pairs that part, the least and the most typical, some by lot.

    The reasons take turns, so that whoever shows only the first few shows some of each. The same visits are chosen
    every time.

    Args:
        rows: Of a run or a test.
        most: How many at most.
    """
    by_lot = sorted(rows, key=lambda row: hashlib.blake2b(row.key.encode("utf-8", "replace")).digest())
    distance = _distances(rows)
    usable = [row for row in by_lot if not row.failed]
    typical = sorted(usable, key=lambda row: distance[row.key])
    groups: list[tuple[str, list[BookRow]]] = []
    for outcome in dict.fromkeys(sorted((row.outcome for row in rows), key=_place)):
        mine = [row for row in typical if row.outcome == outcome] or [row for row in by_lot if row.outcome == outcome]
        groups.append((f"outcome: {outcome}", mine))
    groups.append(("a failure", [row for row in by_lot if row.failed]))
    groups.append(("the arms part", [row for row in typical if row.parted]))
    groups.append(("refused actions", sorted((row for row in usable if _refused(row)), key=lambda row: -_refused(row))))
    groups.append(("least typical", typical[::-1]))
    groups.append(("most typical", typical))
    groups.append(("drawn by lot", usable))
    chosen: dict[str, Chosen] = {}
    for turn in zip_longest(*(rows for _, rows in groups)):
        for (why, _), row in zip(groups, turn, strict=True):
            if row is not None and row.key not in chosen and len(chosen) < most:
                chosen[row.key] = Chosen(row, why)
        if len(chosen) >= most:
            break
    return list(chosen.values())


def _place(outcome: str) -> tuple[int, ...]:
    return tuple(OUTCOMES.index(part) for part in outcome.split(" / "))


def _refused(row: BookRow) -> int:
    return sum(session.refused for session in row.sessions)


_MEASURES: tuple[Callable[[SessionRow], float], ...] = (
    lambda row: row.steps,
    lambda row: row.searches,
    lambda row: row.views,
    lambda row: row.units,
)


def _distances(rows: Iterable[BookRow]) -> dict[str, float]:
    """How far each visit is from the middle one, in spreads, over steps, searches, views and units."""
    rows = list(rows)
    far = dict.fromkeys((row.key for row in rows), 0.0)
    for measure in _MEASURES:
        values = {row.key: sum(measure(session) for session in row.sessions) for row in rows}
        middle = statistics.median(values.values()) if values else 0.0
        spread = statistics.fmean(abs(value - middle) for value in values.values()) if values else 0.0
        for key, value in values.items():
            far[key] += abs(value - middle) / (spread or 1.0)
    return far
