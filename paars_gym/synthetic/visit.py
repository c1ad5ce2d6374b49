"""A visit of an invented person: by habits and chances, page after page, in the shop's own result lists.

Not the behavioural shopper's model: no cascade down the page and no utility. People jump on a page, search the same
again, come back to what they saw, mistype, fill carts and leave them behind.

A visit is a dialogue (`Outing.actions`): it gives actions and is sent what the shop answers. So the same visit can be
played straight in a shop (`Outing.play`) and, as a policy, in any environment (`paars_gym.synthetic.kinds`).
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from copy import copy
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from paars_gym.catalog.naming import category_words
from paars_gym.catalog.product import Product
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.shop.rewards import NoReward
from paars_gym.shop.shop import Shop
from paars_gym.shop.visit import Visit
from paars_gym.synthetic.people import Luck, Person
from paars_gym.synthetic.queries import Wording, mistyped

SEVERAL, DROPS = 0.08, 0.15
"""Chances to take two or three units, and to take a line out of a full cart again before leaving."""
MAX_STEPS = 60
"""After which a visit looks no further."""
MOST_STEPS = 10 * MAX_STEPS
"""That a visit may take until the shop cuts it off; none does."""
DWELL_SECONDS = {"home": 5.0, "results": 9.0, "product": 28.0}
"""Median time on a page."""
DWELL_SPREAD = 0.8


class Need(NamedTuple):
    """What a visit is for.

    Attributes:
        intention: In words.
        query: First words to search for; empty when a usual product is opened straight away.
        product: Catalog id of the product that the person has in mind, which need not be found nor bought.
        habitual: Whether it is a usual one.
    """

    intention: Intention
    query: str
    product: str
    habitual: bool


class Act(NamedTuple):
    """What an invented person does next.

    Attributes:
        action: In the words of the shop.
        seconds: Spent on the page before it.
    """

    action: str
    seconds: int


Acts = Generator[Act, Mapping[str, Any], None]
"""Actions, each of which is sent the ``info`` that it led to."""


class Outing:
    """One visit of one person, from the door to the door; it can be played once.

    Attributes:
        person: Who comes.
        need: What for.
        key: Of the session.
        start: When it begins.
        luck: All draws of the visit.
    """

    def __init__(
        self, memory: Shop, wording: Wording, person: Person, need: Need, key: str, start: datetime, luck: Luck
    ) -> None:
        """Args:
        memory: The shop as it was before any test, for products that the person has in mind and does not see.
        wording: What its products are called.
        person: Who comes.
        need: What for.
        key: Of the session.
        start: When it begins.
        luck: All draws of the visit.
        """
        self.person, self.need, self.luck = person, need, luck
        self.key, self.start = key, start
        self._memory, self._wording = memory, wording
        self._shown: dict[str, Product] = {}
        self._results: tuple[str, ...] = ()
        self._opened: list[str] = []
        self._cart: list[str] = []
        self._steps = 0
        self._expected_adds = self._expected_drops = 0.0
        self._page = "home"
        self._valid = True

    def again(self) -> Outing:
        """The same visit once more, with the same draws, for another arm; this one must not have been played."""
        fresh = copy(self)
        fresh.luck = self.luck.again()
        fresh._shown, fresh._opened, fresh._cart = {}, [], []
        return fresh

    def play(self, shop: Shop) -> Session:
        """Everything that happened in a shop, with zoned times."""
        visit = Visit(shop, max_steps=MOST_STEPS, reward=NoReward())
        events: list[Event] = []
        now = self.start
        acts = self.actions()
        act = next(acts)
        try:
            while True:
                now += timedelta(seconds=act.seconds)
                info = visit.make_move(act.action)[0].info
                events += [event.model_copy(update={"time": now}) for event in info["events"]]
                act = acts.send(info)
        except StopIteration:
            return Session.model_construct(
                shopper=self.person.name,
                key=self.key,
                start=self.start,
                events=tuple(events),
                intention=self.need.intention,
                end="stop",
            )

    def actions(self) -> Acts:
        """What the person does, from the first search to ``stop[]``."""
        segment, luck = self.person.segment, self.luck
        if self.need.query:
            yield from self._search(self.need.query)
        else:
            yield from self._view(self.need.product)
            yield from self._search(self._wording.short_query(self._product(self.need.product), luck))
        while self._steps < MAX_STEPS:
            yield from self._look()
            if self._opened and luck.chance(segment.return_to):
                yield from self._view(luck.pick(self._opened))
            # Who has found something seldom looks further, but may need something else.
            further = 0.35 if self._cart else 1.0
            if self._cart and luck.chance(0.3):
                yield from self._search(self._query_for(self._usual(), self.person.words))
                continue
            if self._results and luck.chance(segment.on * further):
                yield from self._do("next_page[]")
            elif luck.chance((0.85 if not self._results else segment.again) * further):
                yield from self._search(self._other_words())
            else:
                break
        yield from self._leave()

    def _look(self) -> Acts:
        """Opens some of the results: mostly from the top, or jumping to a liked brand or to the cheapest."""
        seen: set[str] = set()
        for _ in range(self.luck.count(self.person.segment.views)):
            if not self._results or len(self._cart) >= 6:
                return
            product = self._choose()
            if product not in seen:
                seen.add(product)
                yield from self._view(product)

    def _choose(self) -> str:
        results, luck, person = self._results, self.luck, self.person
        if luck.chance(0.12 + 0.1 * (person.scales["brand_loyalty"] - 3)):
            liked = [key for key in results if self._product(key).brand in person.brands]
            if liked:
                return liked[0]
        if luck.chance(0.1 + 0.1 * (person.scales["price_sensitivity"] - 3)):
            return min(results, key=lambda key: self._product(key).price or math.inf)
        # Top results draw most clicks; a fifth of the clicks fall anywhere.
        place = luck.below(len(results)) if luck.chance(0.2) else luck.count(1.6)
        return results[min(place, len(results) - 1)]

    def _view(self, product: str) -> Acts:
        yield from self._do(f"view[{product}]")
        if not self._valid:
            return
        self._opened.append(product)
        goal, chance = self.need.intention.goal, self.person.segment.add
        chance *= {"buy": 1.0, "compare": 0.35, "browse": 0.15}[goal]
        if self.need.habitual and product == self.need.product:
            chance += 0.45
        if self._product(product).brand in self.person.brands:
            chance *= 1.5
        chance *= 0.5 if product in self._cart else 1.0
        self._expected_adds += min(chance, 1.0) if self._product(product).available else 0.0
        if self.luck.chance(chance):
            units = f" | units={2 + self.luck.below(2)}" if self.luck.chance(SEVERAL) else ""
            yield from self._do(f"add_to_cart[{product}{units}]")
            if self._valid:
                self._cart.append(product)

    def _search(self, query: str) -> Acts:
        options = ""
        if self.person.segment.dear < 0.3 and self.luck.chance(0.2):
            budget = self.need.intention.budget
            options = f" | max_price={budget:.0f}" if budget and self.luck.chance(0.4) else " | sort=price_low"
        typed = mistyped(query, self.luck) if self.luck.chance(self.person.typo) else query
        yield from self._do(f"search[{typed}{options}]")

    def _other_words(self) -> str:
        """The next query: corrected, shorter, longer, the same once more, or about something else."""
        luck, need = self.luck, self.need
        product = self._product(need.product)
        if not self._results or luck.chance(0.25):
            return self._wording.short_query(product, luck)
        if need.intention.goal == "browse" and luck.chance(0.6) and self._opened:
            kind = category_words(self._product(luck.pick(self._opened)).category)
            return " ".join(kind) or need.intention.text
        if luck.chance(0.2) and need.query:
            return need.query
        return self._query_for(product, self.person.words + 1)

    def _leave(self) -> Acts:
        luck = self.luck
        if len(self._cart) > 1:
            self._expected_drops = DROPS * sum(map(self._cart.count, self._cart)) / len(self._cart)
        if self._cart and len(self._cart) > 1 and luck.chance(DROPS):
            dropped = luck.pick(self._cart)
            yield from self._do(f"remove_from_cart[{dropped}]")
            if self._valid:
                self._cart = [key for key in self._cart if key != dropped]
        if self._cart and not luck.chance(self._abandons):
            yield from self._do("purchase[]")
        yield from self._do("stop[]")

    @property
    def _abandons(self) -> float:
        return self.person.segment.abandon * (0.5 if self.need.habitual else 1.0)

    @property
    def expected_units(self) -> float:
        """Units bought, expected given the products that were opened, once the visit is played: less noise, same mean.

        What each product opened adds is counted by its chance, not by the draw (the compensator of the number of
        additions), and so are the second thoughts at the end. Where a person wanted to leave, the shop has no say.
        """
        return (1 - self._abandons) * (1 + 1.5 * SEVERAL) * (self._expected_adds - self._expected_drops)

    def _do(self, action: str) -> Acts:
        """Acts after a dwell on the page, and reads the next one; ``_valid`` is False when the shop refuses."""
        self._steps += 1
        seconds = DWELL_SECONDS.get(self._page, DWELL_SECONDS["results"]) * math.exp(DWELL_SPREAD * self.luck.normal())
        info = yield Act(action, max(1, min(round(seconds), 1200)))
        self._page = info["page"]
        self._valid = bool(info["action_valid"])
        if info["page"] == "results":
            self._results = info["results"]
        for product in info["products"]:
            self._shown[product.id] = product

    def _query_for(self, product: Product, words: float) -> str:
        return self._wording.query_for(product, words, self.luck, self.person.brands)

    def _usual(self) -> Product:
        return self._product(self._memory.catalog.listing(self.luck.pick(self.person.usual)[1])[0])

    def _product(self, key: str) -> Product:
        """As it was shown, or as the person remembers it."""
        product = self._shown.get(key) or self._memory.product(key)
        assert product is not None, "people know products of the catalog only"
        return product
