"""Intentions mined from held-out human sessions, or drawn from a mix of buy, compare and browse.

A mined intention says what its session was about and nothing of how it went: not what was opened last, not whether
anything was bought (PAARS section 4.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from paars_gym.catalog.assortment import sold_categories
from paars_gym.catalog.naming import category_words, plain_name
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor
from paars_gym.sessions.event import Intention, Session, session_rng

Goal = Literal["buy", "compare", "browse"]
GOALS: tuple[Goal, ...] = get_args(Goal)
MIX: dict[Goal, float] = {"buy": 0.5, "compare": 0.3, "browse": 0.2}
"""Shares of goals where nothing is known about them; assumed, not measured."""
OWN_INTERESTS = 0.6
"""How often a persona with known interests comes for one of them, rather than for what is popular."""
BUDGETED = 0.5
"""How often a shopper who comes to buy has a budget in mind."""


class MinedIntention(NamedTuple):
    """An intention mined from a session.

    Attributes:
        intention: What the session was about.
        shopper: Whose session it was.
        start: When it began; None in a log without times.
    """

    intention: Intention
    shopper: str
    start: datetime | None


def check_mix(mix: Mapping[Goal, float]) -> tuple[float, ...]:
    """Shares of `GOALS`, in their order, that sum to 1.

    Raises:
        ValueError: An unknown goal, a negative share, or none above 0.
    """
    unknown = [goal for goal in mix if goal not in GOALS]
    if unknown:
        raise ValueError(f"Unknown goal {unknown[0]!r}. Available: {', '.join(GOALS)}.")
    shares = [float(mix.get(goal, 0.0)) for goal in GOALS]
    if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise ValueError(f"mix == {dict(mix)}, shares must be >= 0 and not all 0.")
    return tuple(share / sum(shares) for share in shares)


class IntentionMix:
    """Draws intentions: a goal from the mix, a category from the persona's interests or by demand.

    Without a persona, categories get their shares of what is wanted (`demand_of`): popularity, or the assortment where
    there is none. Those of a single product are folded up their path (`sold_categories`).

    Attributes:
        name: How settings name it, with the shares.
    """

    def __init__(self, catalog: Catalog, mix: Mapping[Goal, float] = MIX) -> None:
        """Args:
            catalog: What can be wanted.
            mix: Shares of the goals; scaled to sum to 1.

        Raises:
            ValueError: See `check_mix`.
        """
        self._catalog = catalog
        self._mix = dict(mix)
        shares = check_mix(mix)
        self.name = "mix of " + ", ".join(f"{goal} {share:g}" for goal, share in zip(GOALS, shares, strict=True))
        self._goals = np.cumsum(shares)
        self._categories = sold_categories(catalog)
        self._shares = np.cumsum([category.demand.sum() for category in self._categories])
        self._demand = lru_cache(maxsize=1_000)(lambda place: np.cumsum(self._categories[place].demand))
        self._need = lru_cache(maxsize=10_000)(self._need_of)

    def __reduce__(self) -> tuple[Any, ...]:
        """Made anew where it is unpickled, from the catalog as that is opened there."""
        return type(self), (self._catalog, self._mix)

    def __call__(self, persona: Persona | None, rng: np.random.Generator) -> Intention:
        """An intention for one session."""
        goal = GOALS[_place(self._goals, rng)]
        place = _place(self._shares, rng)
        text, category, price = self._need(place, _place(self._demand(place), rng))
        interests = () if persona is None else persona.profile.categories.values
        own, pick, budgeted, generous = rng.random(4)
        if interests and own < OWN_INTERESTS:
            # The first interests are the most important ones.
            text = category = interests[int(len(interests) * pick**2)]
            price = None
        budget = float(np.ceil(price * (1 + generous))) if price and goal == "buy" and budgeted < BUDGETED else None
        return Intention(text=text, goal=goal, category=category, budget=budget)

    def _need_of(self, place: int, product: int) -> tuple[str, str | None, float | None]:
        path, rows, _ = self._categories[place]
        row = int(rows[product])
        _, title, price, *_ = self._catalog.listing(row)
        text = " ".join(category_words(path)) or plain_name(title, brand=self._catalog.value("brand", row) or "")
        return text, path[-1] if path else None, price


def _place(cumulative: npt.NDArray[np.float64], rng: np.random.Generator) -> int:
    return min(int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")), len(cumulative) - 1)


def mine_intentions(
    sessions: Iterable[Session],
    catalog: Catalog | None = None,
    *,
    mix: Mapping[Goal, float] = MIX,
    seed: int = 0,
    redactor: Redactor | None = None,
) -> Iterator[MinedIntention]:
    """What held-out sessions were about, one intention for each session that shows it.

    The text is the session's first query. A session without a search is about the category of the first product that it
    opened, or, where the log has only purchases, of one of the products bought, drawn at random; a product that the
    catalog does not know lends the plain name of its title (`plain_name`). The goal is drawn from ``mix``, whatever the
    session came to: to give "buy" to those who bought would tell the outcome.

    Args:
        sessions: Human sessions that no persona and no model has seen.
        catalog: Gives categories; None where queries and titles must do.
        mix: Shares of the goals.
        seed: Of the draws; each session has its own.
        redactor: With the caller's names and recognisers; by default one without. What people typed is redacted before
            it is an intention: models read it, and run folders hold it. Its ``counts`` say how much was.
    """
    redactor = redactor or Redactor()
    shares = np.cumsum(check_mix(mix))
    for session in sessions:
        rng = session_rng(seed, f"intention of {session.key}")
        goal = GOALS[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]
        subject = _subject(session, catalog, rng)
        if subject is not None:
            text, category = subject
            intention = redactor.redact_intention(
                Intention(text=text, goal=goal, category=category, source=session.key)
            )
            yield MinedIntention(intention, session.shopper, session.start)


def _subject(session: Session, catalog: Catalog | None, rng: np.random.Generator) -> tuple[str, str | None] | None:
    query = next((event.query for event in session.events if event.kind == "search" and event.query), None)
    if query:
        return query, None
    opened = [event for event in session.events if event.kind == "view"]
    # A log of purchases alone shows what a visit was about only by what was bought: the category, never the product.
    shown = opened[:1] or [event for event in session.events if event.kind in ("add", "purchase")]
    if not shown:
        return None
    event = shown[int(rng.integers(len(shown)))]
    if catalog is not None and event.product is not None and event.product in catalog:
        path = catalog.value("category", catalog.row(event.product))
        if path:
            return " ".join(category_words(path)) or path[-1], path[-1]
    return (plain_name(event.title), None) if event.title and event.title.strip() else None
