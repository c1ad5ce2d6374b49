"""A session step by step, as the shopper saw it; and the two of an A/B pair, with the steps where they part."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from paars_gym.printable import clean
from paars_gym.report.pages.session_rows import SessionRow
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.step import StepRecord

REBUILT = (
    "The pages are rebuilt: the run kept no step records, so that the logged actions were done again in the same shop. "
    "Actions that the shop refused, and most steps back, are in no log."
)
UNLIKE = "The shop answers otherwise than the log has it: it is not the shop of this run, and its pages are another's."
PAGES_PART, ACTS_PART = "the page differs", "the shopper does something else"
NO_PAGES = "The run kept no step records, and the pages cannot be rebuilt: {why} What the log has is below."


@dataclass(frozen=True)
class StepView:
    """One step.

    Attributes:
        number: 1-based.
        shown: The page before the shopper acted; empty where it is unknown.
        page: Kind of the page that followed.
        said: The model's words; empty where none was asked.
        action: As the shopper gave it; empty where it failed instead.
        refused: Why the shop refused it; empty where it did not.
        failure: What the policy raised, or why it gave up; else empty.
        happened: The step's events, in words.
        cart: Lines of the cart after it.
        tokens: Of the model, by kind.
        seconds: That the shopper took to act; None when unknown.
        from_cache: Whether the reply came from our own cache.
        parts: What differs from the other arm here for the first time; else empty.
    """

    number: int
    shown: str = ""
    page: str = ""
    said: str = ""
    action: str = ""
    refused: str = ""
    failure: str = ""
    happened: tuple[str, ...] = ()
    cart: tuple[str, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    from_cache: bool = False
    parts: str = ""


@dataclass(frozen=True)
class SessionView:
    """One session.

    Attributes:
        row: Its line in the list.
        arm: Of a test; else empty.
        persona: Whom it was played as, as text; empty where nobody knows.
        told: What a model was told before the first page; empty where none was asked.
        steps: In order.
        note: Where the pages come from, if not from the run's records.
        budget: What the shopper may spend, in words; empty when unknown.
    """

    row: SessionRow
    arm: str
    persona: str
    told: str
    steps: tuple[StepView, ...]
    note: str = ""
    budget: str = ""


class PairView(NamedTuple):
    """What one page shows: a session, or the two arms of a pair.

    Attributes:
        sessions: One an arm.
        parts: Where they part, in a sentence; empty for one session.
    """

    sessions: tuple[SessionView, ...]
    parts: str


def step_views(records: Sequence[StepRecord]) -> tuple[StepView, ...]:
    """The steps of a session from its records."""
    titles: dict[str, str] = {}
    views = []
    for record in records:
        titles |= {event.product: event.title for event in record.events if event.product and event.title}
        turn = record.model
        said = {} if turn is None else turn.said
        views.append(
            StepView(
                number=record.step,
                shown=record.shown,
                page=record.page,
                said=str(said.get("text") or ""),
                action=_action(record, said),
                refused=record.error or "",
                failure=record.failure or "",
                happened=tuple(event_words(event) for event in record.events),
                cart=tuple(f"{units} × {titles.get(product) or product}" for product, units in record.cart),
                tokens={} if turn is None else {kind: count for kind, count in turn.tokens.items() if count},
                seconds=_seconds(record),
                from_cache=turn is not None and turn.from_cache,
            )
        )
    return tuple(views)


def event_views(session: Session) -> tuple[StepView, ...]:
    """What the log alone says of a session, an event a step."""
    return tuple(
        StepView(number, happened=(event_words(event),), action=event.kind)
        for number, event in enumerate(session.events, start=1)
    )


def told_before(records: Sequence[StepRecord]) -> str:
    """What a model was told before it saw the first page: its system messages."""
    first = next((record.model for record in records if record.model is not None), None)
    messages = () if first is None else first.prompt
    return "\n\n".join(str(one.get("text", "")) for one in messages if one.get("role") == "system")


def event_words(event: Event) -> str:
    """An event in words."""
    thing = " ".join(clean(event.title or event.product or "").split())
    match event.kind:
        case "search":
            found = "" if event.results is None else f", {len(event.results)} results on the page"
            return f"searched for “{event.query or ''}”{found}"
        case "next_page":
            return f"went to page {event.page} of the results"
        case "view":
            return f"opened {thing}" + (f", rank {event.rank}" if event.rank else "")
        case "add":
            return f"put {event.units or 1} × {thing} into the cart"
        case "remove":
            return f"took {thing} out of the cart"
        case "purchase":
            price = "" if event.price is None else f" at {event.price:,.2f}"
            return f"bought {event.units or 1} × {thing}{price}"
        case _:
            return "left the shop"


def paired(sessions: Sequence[SessionView]) -> PairView:
    """The sessions of a visit; of two it is marked where their pages and where their shoppers part."""
    if len(sessions) != 2:
        return PairView(tuple(sessions), "")
    one, other = sessions
    both = list(zip(one.steps, other.steps, strict=False))
    pages = next((place for place, (a, b) in enumerate(both) if a.shown != b.shown), None)
    acts = next((place for place, (a, b) in enumerate(both) if _acts(a) != _acts(b)), None)
    if acts is None and len(one.steps) != len(other.steps):
        acts = len(both)
    marks: dict[int, str] = {}
    if pages is not None:
        marks[pages] = PAGES_PART
    if acts is not None:
        marks[acts] = f"{PAGES_PART}, and {ACTS_PART}" if acts == pages else ACTS_PART
    marked = tuple(_marked(session, marks) for session in sessions)
    if not marks:
        return PairView(marked, "The same in both arms, from the first step to the last.")
    said = [f"at step {place + 1} {what}" for place, what in sorted(marks.items())]
    alike = "" if acts is not None else "; the shopper does the same to the end"
    return PairView(marked, f"The arms part: {', '.join(said)}{alike}.")


def _acts(step: StepView) -> tuple[str, tuple[str, ...]]:
    # The ranks in the words of the events differ where the page does.
    return (step.action, ()) if step.action else ("", step.happened)


def _marked(session: SessionView, marks: Mapping[int, str]) -> SessionView:
    steps = [replace(step, parts=marks.get(place, "")) for place, step in enumerate(session.steps)]
    return replace(session, steps=tuple(steps))


def shortened(view: PairView, most: int) -> PairView:
    """The same with no text longer than ``most`` characters, for a file that holds many."""
    sessions = []
    for session in view.sessions:
        steps = [
            replace(step, shown=_cut(step.shown, most), said=_cut(step.said, most), failure=_cut(step.failure, most))
            for step in session.steps
        ]
        cut = replace(session, steps=tuple(steps), told=_cut(session.told, most), persona=_cut(session.persona, most))
        sessions.append(cut)
    return view._replace(sessions=tuple(sessions))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most:,} more characters: paars view"


def _seconds(record: StepRecord) -> float | None:
    own = None if record.model is None else record.model.latency_seconds
    return record.latency_seconds if own is None else own


def _action(record: StepRecord, said: Mapping[str, Any]) -> str:
    if record.action is not None:
        return record.action
    calls = said.get("tool_calls") or ()
    return "; ".join(json.dumps(call, ensure_ascii=False, default=str) for call in calls)
