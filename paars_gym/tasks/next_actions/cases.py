"""Cases of the next action: beginnings of real sessions, what can be done next, and what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, get_args

import numpy as np

from paars_gym.alignment.session_log import UNSCORED
from paars_gym.catalog.product import Product
from paars_gym.sessions.event import Event, EventKind, Session
from paars_gym.tasks.reference_people import ReferencePeople

KINDS: tuple[EventKind, ...] = get_args(EventKind)
MOST_TOLD = 20
"""Actions that a shopper is told, at most: the last ones."""
WORDS: Mapping[EventKind, str] = {
    "search": "Search the shop for something",
    "next_page": "Turn to the next page of results",
    "view": "Open a product",
    "add": "Put a product into the cart",
    "remove": "Take a product out of the cart",
    "purchase": "Buy",
    "stop": "Leave the shop",
}
OFF_PAGE = "Open a product that is not on this page"


class Option(NamedTuple):
    """What can be done next.

    Attributes:
        kind: Of the action.
        place: 1-based, of the result that is opened; 0 where none is named.
        shown: As a shopper sees it.
    """

    kind: EventKind
    place: int
    shown: Product


class NextCase(NamedTuple):
    """The beginning of a session, and what came next.

    Attributes:
        session: Its key.
        shopper: Whose.
        before: Kinds of all actions so far, at least one.
        told: The last of them in words.
        options: What can be done next.
        right: Index of the option that was taken.
        last: Whether it is the session's last action, by which the outcome is judged.
    """

    session: str
    shopper: str
    before: tuple[EventKind, ...]
    told: tuple[str, ...]
    options: tuple[Option, ...]
    right: int
    last: bool

    @property
    def kind(self) -> EventKind:
        """Of the action that came next."""
        return self.options[self.right].kind


class NextCases(NamedTuple):
    """All cases of some sessions.

    Attributes:
        cases: In the order of the sessions.
        kinds: Of actions that there are among them.
        notes: What was left out, and why.
    """

    cases: tuple[NextCase, ...]
    kinds: tuple[EventKind, ...]
    notes: tuple[str, ...]


def actions_of(session: Session) -> tuple[Event, ...]:
    """What was done, to the last action: the purchase where a session ends with one, and leaving where it does not.

    Lines of one purchase are one action. A session that was cut off by a limit ends with what was done last.
    """
    actions: list[Event] = []
    for event in session.events:
        same = actions and event.kind == actions[-1].kind == "purchase" and event.time == actions[-1].time
        if event.kind != "stop" and not same:
            actions.append(event)
    if session.end == "stop" and not (actions and actions[-1].kind == "purchase"):
        actions.append(Event(kind="stop"))
    return tuple(actions)


def next_cases(people: ReferencePeople, *, most: int, rng: np.random.Generator) -> NextCases:
    """Every action of a session but the first is a case: before the first there is nothing to predict from.

    Args:
        people: Whose sessions.
        most: Sessions at most, drawn at random.
        rng: Of that draw.

    Raises:
        ValueError: The log records no searches, views or purchases, or no session has two actions.
    """
    people.require("Next action", "searches", "views", "purchases")
    total = len(people.source)
    drawn = set(rng.permutation(total)[:most].tolist()) if total > most else range(total)
    sessions = [
        (session, actions_of(session))
        for number, session in enumerate(people.source)
        if number in drawn and session.end not in UNSCORED
    ]
    long = [(session, actions) for session, actions in sessions if len(actions) > 1]
    if not long:
        raise ValueError(f"No session of {people.name} has two actions: there is nothing to predict.")
    found = {action.kind for _, actions in long for action in actions}
    kinds = tuple(kind for kind in KINDS if kind in found)
    results = {one for _, actions in long for action in actions for one in action.results or ()}
    products, notes = _products(people, results)
    cases = [case for session, actions in long for case in _cases_of(session, actions, kinds, products)]
    if short := len(sessions) - len(long):
        notes.append(f"{short:,} of {len(sessions):,} sessions have no second action, and no case.")
    return NextCases(tuple(cases), kinds, tuple(notes))


def _products(people: ReferencePeople, wanted: Iterable[str]) -> tuple[dict[str, Product], list[str]]:
    """The products on people's pages, so far as their catalog is known and has them."""
    wanted = sorted(wanted)
    if not wanted:
        return {}, [
            "The log has no result lists: which product is opened is not asked, and exact means the right type."
        ]
    try:
        catalog = people.catalog
    except ValueError as unknown:
        return {}, [f"Which product is opened is not asked. {unknown}"]
    there = {}
    for product in wanted:
        try:
            there[product] = catalog[product]
        except KeyError:
            continue
    if lost := len(wanted) - len(there):
        return there, [f"{lost:,} products on people's pages are not in the catalog, and none of the options."]
    return there, []


def _cases_of(
    session: Session, actions: Sequence[Event], kinds: Sequence[EventKind], products: Mapping[str, Product]
) -> list[NextCase]:
    cases: list[NextCase] = []
    page: tuple[str, ...] = ()
    for at, action in enumerate(actions):
        if at:
            shown = tuple(one for one in page if one in products)
            options = _options(kinds, [products[one] for one in shown])
            place = shown.index(action.product) + 1 if action.kind == "view" and action.product in shown else 0
            right = next(i for i, one in enumerate(options) if (one.kind, one.place) == (action.kind, place))
            before = tuple(each.kind for each in actions[:at])
            told = tuple(_in_words(each, products) for each in actions[max(0, at - MOST_TOLD) : at])
            last = at == len(actions) - 1 and session.end == "stop"
            cases.append(NextCase(session.key, session.shopper, before, told, options, right, last))
        if action.kind in ("search", "next_page"):
            page = action.results or ()
    return cases


def _options(kinds: Sequence[EventKind], page: Sequence[Product]) -> tuple[Option, ...]:
    options = []
    for kind in kinds:
        if kind == "view":
            options += [
                Option(kind, place, one.model_copy(update={"title": f"Open {one.title}"}))
                for place, one in enumerate(page, 1)
            ]
        text = OFF_PAGE if kind == "view" and page else WORDS[kind]
        options.append(Option(kind, 0, Product(id=f"action-{kind}", title=text)))
    return tuple(options)


def _in_words(action: Event, products: Mapping[str, Product]) -> str:
    known = products.get(action.product or "")
    what = action.title or (known.title if known else "") or "a product"
    match action.kind:
        case "search":
            return f"searched for {action.query}" if action.query else "searched"
        case "next_page":
            return "turned to the next page"
        case "view":
            return f"opened {what}"
        case "add":
            return f"put {what} into the cart"
        case "remove":
            return f"took {what} out of the cart"
        case "purchase":
            return f"bought {what}"
        case "stop":
            return "left"
