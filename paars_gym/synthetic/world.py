"""A synthetic reference population for a shop that never had people. Reports call it synthetic everywhere.

Public logs that hold searches, views and purchases of one person together are few and small, without the pages that
people saw (OPeRA has 51 people, `paars data list opera`). These people stand in for them, so that each task of the
alignment suite can be run and its code be checked; what is measured against them says nothing about people.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from paars_gym.personas.history import purchases_before, render_history, with_titles
from paars_gym.personas.intentions import GOALS, MinedIntention
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import History, Intention, Session, session_rng
from paars_gym.sessions.store import Provenance
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop
from paars_gym.synthetic.people import (
    Luck,
    Person,
    categories_for_sale,
    draw_product,
    make_person,
    preferences_of,
    profile_of,
)
from paars_gym.synthetic.queries import Wording
from paars_gym.synthetic.visit import Need, Outing
from paars_gym.synthetic.visitors import Errand, Visitors, draw_errand

AS_OF = datetime(2025, 1, 6, tzinfo=UTC)
DAYS, PAST_DAYS = 28, 170
MEAN_PAST_VISITS = 4.0


class World:
    """Invented people around a shop. Session i is the same however many are asked for, in whatever order.

    Attributes:
        shop: Where they shop; their sessions hold its result lists.
        people: All of them.
        seed: Decides everything.
        synthetic: True. Reports have to say so.
    """

    synthetic = True

    def __init__(self, shop: Shop, *, n_shoppers: int, seed: int) -> None:
        """See `mini_world`."""
        if n_shoppers < 1:
            raise ValueError(f"n_shoppers == {n_shoppers}, must be >= 1.")
        self.shop, self.seed = shop, seed
        if not shop.catalog.available.any():
            raise ValueError(f"Nothing in catalog {shop.catalog.name!r} is for sale; nobody can shop there.")
        self._categories = categories_for_sale(shop.catalog)
        self.people: tuple[Person, ...] = tuple(
            make_person(index, self._categories, seed) for index in range(n_shoppers)
        )
        self._wording = Wording(shop.catalog.frame("title")["title"].to_list())
        self._visitors = Visitors(self.people, self._categories)

    @property
    def name(self) -> str:
        """How reports call the population."""
        return f"{self.shop.catalog.name} humans (synthetic)"

    @property
    def provenance(self) -> Provenance:
        """For a store of the sessions."""
        return Provenance(
            name=self.name,
            synthetic=True,
            format="paars_gym.synthetic.world",
            source=(f"{len(self.people)} invented shoppers, seed {self.seed}, {self.shop.catalog.name}",),
            timezone="UTC",
            what_is_known=(
                "searches",
                "filters",
                "sorts",
                "results",
                "pages",
                "views",
                "ranks",
                "carts",
                "purchases",
                "products",
                "prices",
            ),
            notes=("Invented people: nothing measured against them says anything about real ones.",),
        )

    @cached_property
    def personas(self) -> tuple[Persona, ...]:
        """Everybody's persona as of `AS_OF`, in the order of ``people``; the first use takes about a second."""
        return tuple(self._persona(person) for person in self.people)

    def humans(self, n_sessions: int, *, shop: Shop | None = None) -> list[Session]:
        """The first sessions of the people, from `AS_OF` on.

        Args:
            n_sessions: How many.
            shop: An arm of a test with the same products, where the same people go for the same needs; None for the
                world's own.

        Raises:
            ValueError: Fewer than one.
        """
        return [outing.play(shop or self.shop) for outing in self.outings(n_sessions)]

    def mined_intentions(self, n_sessions: int) -> list[MinedIntention]:
        """What these sessions are for, whose they are and when they begin; nothing of how they go."""
        return [
            MinedIntention(outing.need.intention, outing.person.name, outing.start)
            for outing in self.outings(n_sessions)
        ]

    def needs(self, n_visits: int) -> list[MinedIntention]:
        """What the same people come for on other visits, which are none of `humans`: nothing there is quoted.

        Args:
            n_visits: How many.

        Raises:
            ValueError: Fewer than one.
        """
        return [
            MinedIntention(outing.need.intention, outing.person.name, outing.start)
            for outing in self.outings(n_visits, kind="need")
        ]

    def intentions(self, n_sessions: int) -> list[Intention]:
        """What these sessions are for: a mix of buy, compare and browse."""
        return [mined.intention for mined in self.mined_intentions(n_sessions)]

    def history(self, person: Person) -> History:
        """What a person did in the half year before `AS_OF`, oldest first; none of it is among `humans`."""
        rng = session_rng(self.seed, f"past of {person.name}")
        number = 1 + int(rng.poisson(MEAN_PAST_VISITS - 1))
        days = np.sort(rng.integers(1, PAST_DAYS, size=number))[::-1].tolist()
        visits = []
        for index, day in enumerate(days):
            key = f"past-{person.name}-{index:02d}"
            luck = Luck(session_rng(self.seed, key))
            start = self._moment(AS_OF - timedelta(days=day), person, luck)
            # By this person alone: whoever else shops here changes nobody's past.
            errand = draw_errand(0, person, self._categories, luck)
            outing = Outing(self.shop, self._wording, person, self._need(person, errand, key, luck), key, start, luck)
            visits.append(outing.play(self.shop))
        return History(shopper=person.name, as_of=AS_OF, sessions=tuple(visits))

    def outings(self, n_sessions: int, *, seed: int | None = None, kind: str = "human") -> Iterator[Outing]:
        """The visits to come: whose they are, when they begin and what for.

        Args:
            n_sessions: How many.
            seed: Of the visits; other seeds give other visits of the same people. None for the world's own.
            kind: Begins their keys; visits of different kinds are different visits.

        Raises:
            ValueError: Fewer than one.
        """
        if n_sessions < 1:
            raise ValueError(f"n_sessions == {n_sessions}, must be >= 1.")
        for index in range(n_sessions):
            key = f"{kind}-{index:06d}"
            luck = Luck(session_rng(self.seed if seed is None else seed, key))
            errand = self._visitors.draw(luck)
            person = self.people[errand.person]
            start = self._moment(AS_OF + timedelta(days=luck.below(DAYS)), person, luck)
            yield Outing(self.shop, self._wording, person, self._need(person, errand, key, luck), key, start, luck)

    def _moment(self, day: datetime, person: Person, luck: Luck) -> datetime:
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(seconds=round(3600 * ((person.hour + 1.5 * luck.normal()) % 23.5)))

    def _need(self, person: Person, errand: Errand, key: str, luck: Luck) -> Need:
        segment, category = person.segment, self._categories[errand.category]
        habitual = errand.row is not None
        # Nobody browses for a usual product, so that browsing is more of what is left.
        usual = 0.0 if habitual else 1 - segment.habit
        goals = (1.0, 1.0, 0.0) if habitual else (usual, usual, 1.0)
        goal = GOALS[luck.place(np.cumsum(np.multiply(segment.goals, goals)))]
        row = draw_product(category, person.dear, luck) if errand.row is None else errand.row
        product = self.shop.product(self.shop.catalog.listing(row)[0])
        assert product is not None, "needs are for products of the catalog"
        # A usual query is always worded the same.
        words = Luck(session_rng(self.seed, f"{person.name} {row}")) if habitual else luck
        query = self._wording.query_for(
            product, 1.0 if goal == "browse" else person.words, words, person.brands if habitual else ()
        )
        budget = None
        if product.price and goal != "browse" and luck.chance(0.6 if segment.dear < 0.3 else 0.2):
            budget = float(np.ceil(product.price * (1 + 0.5 * luck.uniform())))
        intention = Intention(text=query, goal=goal, budget=budget, category=category.name or None, source=key)
        direct = habitual and luck.chance(0.25)
        return Need(intention, "" if direct else query, product.id, habitual)

    def _persona(self, person: Person) -> Persona:
        history = self.history(person)
        rendered = render_history(self._titled(history), as_of=AS_OF)
        return Persona(
            shopper=person.name,
            profile=profile_of(person, self._categories, self.seed),
            preferences=preferences_of(person),
            history=rendered.text,
            purchases_before=purchases_before(history, AS_OF),
            as_of=AS_OF,
            left_out=rendered.left_out,
            source="synthetic",
        )

    def _titled(self, history: History) -> History:
        ids = {event.product for session in history.sessions for event in session.events if event.product is not None}
        catalog = self.shop.catalog
        return with_titles(history, {key: catalog.listing(catalog.row(key))[1] for key in ids})


def mini_world(shop: Shop | None = None, *, n_shoppers: int = 600, seed: int = 0) -> World:
    """The synthetic people of a shop.

    Args:
        shop: By default that of the catalog ``mini`` with its plain ranking.
        n_shoppers: How many people there are.
        seed: Of everything about them.

    Raises:
        ValueError: No people, a negative seed, or a shop with nothing for sale.
    """
    return World(open_shop("mini", "bm25") if shop is None else shop, n_shoppers=n_shoppers, seed=seed)
