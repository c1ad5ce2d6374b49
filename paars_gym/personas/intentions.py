"""Intentions mined from held-out human sessions, or drawn from a mix of buy, compare and browse.

A mined intention says what its session was about and nothing of how it went: not what was opened last, not whether
anything was bought (PAARS section 4.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np

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
TITLE_WORDS = 5


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
    """Draws intentions: a goal from the mix, a category from the persona's interests or by popularity.

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
        shares = check_mix(mix)
        self.name = "mix of " + ", ".join(f"{goal} {share:g}" for goal, share in zip(GOALS, shares, strict=True))
        self._goals = np.cumsum(shares)
        # One more than the demand: what nobody bought yet can be wanted too.
        self._demand = np.cumsum(np.where(catalog.available, 1.0 + np.nan_to_num(catalog.popularity), 1e-9))
        self._need = lru_cache(maxsize=10_000)(self._need_of)

    def __call__(self, persona: Persona | None, rng: np.random.Generator) -> Intention:
        """An intention for one session."""
        goal = GOALS[int(np.searchsorted(self._goals, rng.random() * self._goals[-1], side="right"))]
        row = int(np.searchsorted(self._demand, rng.random() * self._demand[-1], side="right"))
        text, category, price = self._need(row)
        interests = () if persona is None else persona.profile.categories.values
        own, pick, budgeted, generous = rng.random(4)
        if interests and own < OWN_INTERESTS:
            # The first interests are the most important ones.
            text = category = interests[int(len(interests) * pick**2)]
            price = None
        budget = float(np.ceil(price * (1 + generous))) if price and goal == "buy" and budgeted < BUDGETED else None
        return Intention(text=text, goal=goal, category=category, budget=budget)

    def _need_of(self, row: int) -> tuple[str, str | None, float | None]:
        _, title, price, *_ = self._catalog.listing(row)
        path = self._catalog.value("category", row)
        return (path[-1], path[-1], price) if path else (title, None, price)


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
    catalog does not know lends the first words of its title. The goal is drawn from ``mix``, whatever the session came
    to: to give "buy" to those who bought would tell the outcome.

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
            intention = redactor.redact_intention(Intention(text=text, goal=goal, category=category))
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
            return path[-1], path[-1]
    words = (event.title or "").split()[:TITLE_WORDS]
    return (" ".join(words), None) if words else None
