"""The state of a visit, and the rules by which an action changes it. Pure: no clock, no randomness, no I/O.

A visit is where the shopper is (`Page`), how they came there (``trail``), what is in the cart and what was bought.
Searching, viewing and paging depend on the page alone; everything else on the cart. `apply` never raises: an action
that is not possible leaves the state as it was and says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

from paars_gym.catalog.filters import NO_FILTERS, Filters, Sort
from paars_gym.catalog.product import Product
from paars_gym.sessions.event import Event
from paars_gym.shop.actions import (
    Action,
    AddToCart,
    Back,
    Mistake,
    NextPage,
    Purchase,
    RemoveFromCart,
    Search,
    Stop,
    View,
)

MAX_LINES = 50
MAX_UNITS = 10
TRAIL_LENGTH = 20
"""How many pages ``back[]`` remembers."""

_BRACKETS = re.compile(r"\[([^\[\]\s]+)\]")
_AROUND_WORDS = "\"'`,.;:()#"

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Home:
    """Where a visit begins."""


@dataclass(frozen=True, slots=True)
class Results:
    """A page of search results.

    Attributes:
        query: As searched.
        filters: Conditions on every result.
        sort: Order asked for.
        number: 1-based page.
    """

    query: str
    filters: Filters = NO_FILTERS
    sort: Sort = "relevance"
    number: int = 1


@dataclass(frozen=True, slots=True)
class Detail:
    """A product's page.

    Attributes:
        product: Its id.
        origin: The results it was chosen from, if any; later views from this page still have their rank there.
        number: 1-based page of its reviews.
    """

    product: str
    origin: Results | None = None
    number: int = 1


Page = Home | Results | Detail


class CartLine(NamedTuple):
    """A product in the cart."""

    product: str
    units: int
    options: Options = ()


Cart = tuple[CartLine, ...]


class Bought(NamedTuple):
    """A product line that was bought; the price is for one unit, None when the catalog has none."""

    product: str
    units: int
    price: float | None
    options: Options = ()


class State(NamedTuple):
    """A visit, small and immutable: keep it to return to it.

    Attributes:
        page: Where the shopper is.
        trail: Pages behind, oldest first, at most `TRAIL_LENGTH`.
        cart: One line a product and choice of options.
        bought: All lines bought in this visit.
        ended: True after ``stop[]``.
    """

    page: Page = Home()
    trail: tuple[Page, ...] = ()
    cart: Cart = ()
    bought: tuple[Bought, ...] = ()
    ended: bool = False


class Transition(NamedTuple):
    """What an action led to; with an ``error`` the state is the one before."""

    state: State
    events: tuple[Event, ...] = ()
    error: str | None = None


class Shown(NamedTuple):
    """What a results page shows.

    Attributes:
        ids: Product ids, in order.
        first_rank: Rank of the first in the whole list.
        total: Number of products that match.
    """

    ids: tuple[str, ...]
    first_rank: int
    total: int


class Assortment(Protocol):
    """What the rules need of a shop: its products and its result lists."""

    reviews_per_page: int

    def product(self, product_id: str) -> Product | None:
        """The product, or None when the shop has no such id."""
        ...

    def shown(self, results: Results) -> Shown:
        """What a page of results shows."""
        ...


def apply(assortment: Assortment, state: State, action: Action | Mistake) -> Transition:
    """The state after an action, what happened, and the error when it was not possible."""
    if state.ended:
        return Transition(state, error="The visit is over.")
    match action:
        case Mistake():
            return Transition(state, error=action.message)
        case Search() | View() | NextPage():
            page, events, error = navigate(assortment, state.page, action)
            if page is None:
                return Transition(state, error=error)
            trail = (*state.trail[1 - TRAIL_LENGTH :], state.page)
            return Transition(State(page, trail, state.cart, state.bought), events)
        case Back():
            if not state.trail:
                return Transition(state, error="There is no page to go back to.")
            return Transition(state._replace(page=state.trail[-1], trail=state.trail[:-1]))
        case AddToCart():
            return _add(assortment, state, action)
        case RemoveFromCart():
            return _remove(assortment, state, action)
        case Purchase():
            return _purchase(assortment, state)
        case Stop():
            return Transition(state._replace(ended=True), (Event(kind="stop"),))


class Step(NamedTuple):
    """Where a navigation leads; ``page`` is None when it is not possible, and ``error`` says why."""

    page: Page | None
    events: tuple[Event, ...] = ()
    error: str | None = None


def navigate(assortment: Assortment, page: Page, action: Search | View | NextPage) -> Step:
    """Where searching, viewing or paging leads from a page; depends on nothing else."""
    match action:
        case Search():
            if not action.query and action.filters.empty:
                return Step(None, error="An empty search needs a filter: search[words] or search[ | category=Name].")
            return _show(assortment, Results(action.query, action.filters, action.sort), "search")
        case View():
            return _view(assortment, page, meant_id(assortment, action.product_id))
        case NextPage():
            return _next_page(assortment, page)


def _show(assortment: Assortment, results: Results, kind: Literal["search", "next_page"]) -> Step:
    return Step(
        results,
        (
            Event.model_construct(
                kind=kind,
                query=results.query,
                filters=None if results.filters.empty else results.filters,
                sort=results.sort,
                results=assortment.shown(results).ids,
                page=results.number,
            ),
        ),
    )


def _view(assortment: Assortment, page: Page, product_id: str) -> Step:
    product = assortment.product(product_id)
    if product is None:
        return Step(None, error=_no_such_product(product_id))
    origin = page if isinstance(page, Results) else page.origin if isinstance(page, Detail) else None
    rank = None
    if origin is not None:
        shown = assortment.shown(origin)
        rank = shown.first_rank + shown.ids.index(product_id) if product_id in shown.ids else None
    return Step(
        Detail(product_id, origin),
        (_view_event(product_id, product.title, rank),),
    )


@lru_cache(maxsize=16_384)
def _view_event(product: str, title: str, rank: int | None) -> Event:
    # As below.
    return Event.model_construct(kind="view", product=product, title=title, rank=rank)


def _next_page(assortment: Assortment, page: Page) -> Step:
    error = why_last(assortment, page)
    if error is not None:
        return Step(None, error=error)
    match page:
        case Results(query, filters, sort, number):
            return _show(assortment, Results(query, filters, sort, number + 1), "next_page")
        case Detail(product_id, origin, number):
            return Step(Detail(product_id, origin, number + 1))
        case Home():
            raise AssertionError("the home page is the last one")


def meant_id(assortment: Assortment, written: str) -> str:
    """The id that a shopper means who writes a line of the page, such as ``[M04271] Rustwick kettle``.

    What is an id as it stands means itself; of a longer text the first part in brackets that is one, else its first
    word, else its last.
    """
    if assortment.product(written) is not None:
        return written
    words = [word.strip(_AROUND_WORDS) for word in written.replace("[", " ").replace("]", " ").split()]
    # "result 3" names no product, whatever ids a shop has.
    telling = [word for word in (*words[:1], *words[-1:]) if len(word) > 3 or not word.isdigit()]
    candidates = [*_BRACKETS.findall(written), *telling]
    return next((one for one in candidates if assortment.product(one) is not None), written)


def why_last(assortment: Assortment, page: Page) -> str | None:
    """Why no page follows this one; None if one does. Takes no further search."""
    match page:
        case Results(number=number):
            shown = assortment.shown(page)
            if shown.first_rank - 1 + len(shown.ids) >= shown.total:
                return f"Page {number} is the last page of these results."
        case Detail(product=product_id, number=number):
            product = assortment.product(product_id)
            if product is None or number * assortment.reviews_per_page >= len(product.reviews):
                return "There are no more reviews."
        case Home():
            return "There is no next page here; search for something first."
    return None


def _add(assortment: Assortment, state: State, action: AddToCart) -> Transition:
    product = assortment.product(meant_id(assortment, action.product_id))
    if product is None:
        return Transition(state, error=_no_such_product(action.product_id))
    if not product.available:
        return Transition(state, error=f"{product.id} is out of stock and cannot be added to the cart.")
    for name, value in action.options.items():
        if value not in product.options.get(name, ()):
            choices = "; ".join(f"{key}: {', '.join(values)}" for key, values in product.options.items())
            error = f"{product.id} has no option {name} = {value}. Choices: {choices or 'none'}."
            return Transition(state, error=error)
    options = tuple(sorted(action.options.items()))
    at = next((i for i, line in enumerate(state.cart) if line.product == product.id and line.options == options), None)
    units = action.units + (state.cart[at].units if at is not None else 0)
    if units > MAX_UNITS:
        return Transition(state, error=f"At most {MAX_UNITS} units of {product.id} fit into the cart.")
    line = CartLine(product.id, units, options)
    if at is not None:
        cart = (*state.cart[:at], line, *state.cart[at + 1 :])
    elif len(state.cart) < MAX_LINES:
        cart = (*state.cart, line)
    else:
        return Transition(state, error=f"The cart is full: it holds at most {MAX_LINES} lines.")
    return Transition(
        State(state.page, state.trail, cart, state.bought),
        (_cart_event("add", product.id, product.title, action.units, None, options),),
    )


def _remove(assortment: Assortment, state: State, action: RemoveFromCart) -> Transition:
    meant = meant_id(assortment, action.product_id)
    gone = [line for line in state.cart if line.product == meant]
    if not gone:
        inside = ", ".join(line.product for line in state.cart) or "nothing"
        return Transition(state, error=f"{action.product_id} is not in the cart; the cart holds {inside}.")
    cart = tuple(line for line in state.cart if line.product != meant)
    return Transition(
        State(state.page, state.trail, cart, state.bought),
        tuple(_cart_event("remove", line.product, None, line.units, None, line.options) for line in gone),
    )


def _purchase(assortment: Assortment, state: State) -> Transition:
    if not state.cart:
        return Transition(state, error="The cart is empty; add a product before you purchase.")
    lines, events = [], []
    for product_id, units, options in state.cart:
        product = assortment.product(product_id)
        assert product is not None, "the cart holds known products only"
        lines.append(Bought(product_id, units, product.price, options))
        events.append(_cart_event("purchase", product_id, product.title, units, product.price, options))
    return Transition(State(state.page, state.trail, (), (*state.bought, *lines)), tuple(events))


@lru_cache(maxsize=16_384)
def _cart_event(
    kind: Literal["add", "remove", "purchase"],
    product: str,
    title: str | None,
    units: int,
    price: float | None,
    options: Options,
) -> Event:
    # Made from validated parts, and the same event over and over: neither validation nor a new object is needed.
    return Event.model_construct(kind=kind, product=product, title=title, units=units, price=price, options=options)


def _no_such_product(product_id: str) -> str:
    return f"There is no product {product_id!r} in this shop; use an id shown in brackets."
