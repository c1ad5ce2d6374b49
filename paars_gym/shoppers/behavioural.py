"""A shopper who follows a choice model: the offline stand-in for the agent of PAARS section 4.3.

A session is a chain of logit decisions, each of which leaves a trace in the event log, so that the likelihood of a log
is exact (`paars_gym.shoppers.likelihood`):

1. Query: each content word of the intention is in it with the same probability, at least one is.
2. Examination: down the page from the top, a cascade (Craswell et al. 2008) in which going on to the next result
   becomes rarer with its position and depends on what happened at the last (Chapelle & Zhang 2009). Each result looked
   at is opened by its utility: relevance, price (against the page and against what the category usually costs), rating,
   popularity, brand, category, familiarity, budget. None is opened twice.
3. Purchase: the product that is open goes into the cart by its utility against an outside option, which depends on the
   goal of the session and on what is in the cart already.
4. Done with a page: the next page, another query, or leaving, which patience and a filled cart make likelier.
5. Leaving: a filled cart is bought or abandoned.

The persona's preferences set the coefficients, its profile the brands and categories, its history what is familiar.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paars_gym.catalog.language import DEFAULT, check_language
from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention, Session
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.protocol import check_condition, some
from paars_gym.shoppers.queries import BROWSE, content_words, draw_query
from paars_gym.shoppers.reference_prices import ReferencePrices, shared_prices
from paars_gym.shoppers.taste import FEATURES, Taste, Weights, taste_of, weights
from paars_gym.shoppers.utility import Display, display_for, display_of, opened, seen, utility_of

if TYPE_CHECKING:
    from paars_gym.catalog.store import Catalog
    from paars_gym.shoppers.fitted import FittedShopper
    from paars_gym.shoppers.fitting import LoggedTest

VIEWS, ADDS, PAGES = 24, 6, 8
"""In a session, for which chances are drawn in advance; few have more."""
_EMPTY = display_of((), "")


class BehaviouralShopper:
    """A `Policy` and `Answerer` that follows the choice model above. Sees what the page shows, and nothing else.

    Attributes:
        name: ``behavioural``.
        condition: What of the persona it may use.
        parameters: The numbers of the model.
        reference_prices: What it remembers that things cost; None for nothing.
    """

    name = "behavioural"

    def __init__(
        self,
        condition: Condition = "persona",
        parameters: BehaviouralParameters | Mapping[str, float] | None = None,
        reference_prices: ReferencePrices | Mapping[str, float] | None = None,
        language: str = DEFAULT,
    ) -> None:
        """Args:
            condition: ``base`` uses nothing of the persona.
            parameters: All of them, or those that differ from the defaults.
            reference_prices: By category path, from before any test (`paars_gym.shoppers.reference_prices`). A run, an
                A/B test and a probe fill them in from their catalog, the control arm's; without any, prices count
                against the page alone.
            language: Code of the catalog's, by whose endings words are the same; filled in alike.

        Raises:
            ValueError: Unknown condition or parameter.
        """
        self.condition = check_condition(condition)
        self.parameters = BehaviouralParameters.of(parameters)
        self.reference_prices = None if reference_prices is None else shared_prices(reference_prices)
        self._language = check_language(language)
        self._keep = _logistic(self.parameters.words)

    @staticmethod
    def fit(
        sessions: Iterable[Session],
        catalog: Catalog | str = "mini",
        *,
        personas: Mapping[str, Persona] | None = None,
        condition: Condition = "persona",
        tests: Sequence[LoggedTest] = (),
    ) -> FittedShopper:
        """Fits the parameters to people; see `paars_gym.shoppers.fitting.fit_shopper`, which has more settings.

        The catalog is the one that the sessions shopped in, as an object or by a name that `load_catalog` knows.
        """
        from paars_gym.catalog.load import load_catalog
        from paars_gym.shoppers.fitting import fit_shopper

        opened = load_catalog(catalog) if isinstance(catalog, str) else catalog
        return fit_shopper(sessions, opened, personas=personas, condition=condition, tests=tests)

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`. Without an intention it looks at what is in stock and wants one product of that page."""
        parameters = self.parameters
        self._rng = rng
        self._draw = rng.random
        # See `_Clock`: what it takes to open something, to put something into the cart, and to have enough of a page is
        # drawn first, apart for each kind, so that the same visitor in two shops differs only where the shops do. That
        # makes paired A/B tests sharp: chances by page and position save half as much, chances by product a quarter.
        drawn = rng.standard_exponential(VIEWS + ADDS + PAGES).tolist()
        self._opening = _Clock(rng, drawn[:VIEWS])
        self._adding = _Clock(rng, drawn[VIEWS:-PAGES])
        self._stopping = _Clock(rng, drawn[-PAGES:])
        self._leaving = deque(rng.random(PAGES).tolist())
        self._checkout = float(rng.random())
        self._taste: Taste = taste_of(persona, self.condition, self._language)
        self._weights: Weights = weights(parameters, self._taste.leanings)
        self._budget = None if intention is None else intention.budget
        self._options = {} if intention is None else intention.options
        self._wanted = intention.text if intention is not None else ""
        goal = None if intention is None else intention.goal
        self._outside = parameters.outside - parameters.impulse * self._taste.impulse
        if goal in ("compare", "browse"):
            self._outside += parameters.compare if goal == "compare" else parameters.browse
        self._after_view = parameters.after_view + parameters.comparing * self._taste.comparing
        self._next: deque[str] = deque()
        self._query: str | None = None
        self._words: tuple[str, ...] = ()
        self._products: tuple[Product, ...] = ()
        self._display: Display = _EMPTY
        self._position = 0
        self._viewed: set[str] = set()
        self._pages = 0
        self._cart = 0

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        if self._next:
            return self._next.popleft()
        events = info["events"]
        kind = events[-1].kind if events else None
        if kind == "view":
            return self._decide_on_product(info)
        if kind in ("search", "next_page"):
            return self._begin_page(info)
        if kind == "add":
            self._cart += 1
            return self._go_on(self.parameters.after_add)
        if self._query is None:
            return self._search()
        if kind is None:  # refused: there was no next page after all, or the product is gone
            return self._leave_page(last_page=True)
        return "stop[]"

    def write_query(self, product: Product) -> str:
        """Words of the title, each as likely as a word of an intention."""
        return draw_query(content_words(product.title) or (product.title,), self._keep, self._draw)

    def choose_item(self, products: Sequence[Product]) -> int:
        """The product of the greatest utility beside the others; ties by lot."""
        display = display_for(some(products), "", remembered=self.reference_prices, language=self._language)
        scores = [self._utility(display, index) for index in range(len(products))]
        top = max(scores)
        return int(self._rng.choice([index for index, score in enumerate(scores) if score == top]))

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """The result that the model opens first, drawn from among them: as a session would, given that it opens one."""
        display = display_for(some(results), query, remembered=self.reference_prices, language=self._language)
        parameters, reached, chances = self.parameters, 1.0, []
        for index in range(len(results)):
            click = _logistic(
                parameters.attraction - parameters.trust * math.log1p(index) + self._utility(display, index)
            )
            chances.append(reached * click)
            reached *= (1.0 - click) * _logistic(parameters.scroll - parameters.decay * index)
        return int(self._rng.choice(len(results), p=np.array(chances) / sum(chances)))

    def looks_at(
        self, products: Sequence[Product], position: int, intention: Intention, persona: Persona | None
    ) -> dict[str, tuple[float, float, float]]:
        """Of each feature of a product on a page: its value there, its value on the detail page, its coefficient."""
        display = display_for(products, intention.text, remembered=self.reference_prices, language=self._language)
        taste = taste_of(persona, self.condition, self._language)
        glance, reading = (
            seen(display, position, taste, intention.budget, reading=reading) for reading in (False, True)
        )
        return dict(
            zip(FEATURES, zip(glance, reading, weights(self.parameters, taste.leanings), strict=True), strict=True)
        )

    def _utility(self, display: Display, position: int, *, reading: bool = False) -> float:
        return utility_of(self._weights, seen(display, position, self._taste, self._budget, reading=reading))

    def _search(self) -> str:
        self._words = self._words or content_words(self._wanted)
        if not self._words:
            self._query = ""
            return BROWSE
        self._query = draw_query(self._words, self._keep, self._draw, self._query)
        return f"search[{self._query}]"

    def _begin_page(self, info: dict[str, Any]) -> str:
        products = self._products = info["products"]
        self._page_size, self._reviews_shown = info["page_size"], info["reviews_per_page"]
        if products and not self._words:
            self._wanted = products[int(self._rng.integers(len(products)))].title
            self._words = content_words(self._wanted) or (self._wanted,)
        self._display = display_for(products, self._wanted, self._reviews_shown, self.reference_prices, self._language)
        self._pages += 1
        self._stopping.rewind()
        return self._examine(0) if products else self._leave_page()

    def _examine(self, position: int) -> str:
        """Looks at results from a position on, until one is opened or the shopper has enough of the page."""
        parameters, products = self.parameters, self._products
        while True:
            if products[position].id not in self._viewed:
                attraction = parameters.attraction - parameters.trust * math.log1p(position)
                utility = attraction + self._utility(self._display, position)
                if self._opening.strikes(utility):
                    self._opening.rewind()
                    return self._open(position)
            if position + 1 == len(products) or self._stopping.strikes(parameters.decay * position - parameters.scroll):
                return self._leave_page()
            position += 1

    def _open(self, position: int) -> str:
        self._position = position
        product_id = self._products[position].id
        self._viewed.add(product_id)
        return f"view[{product_id}]"

    def _decide_on_product(self, info: dict[str, Any]) -> str:
        product = info["products"][0]
        if product is not self._products[self._position]:
            self._display = opened(self._display, self._position, product, self._wanted, self._reviews_shown)
        if self._display.items[self._position].available:
            outside = self._outside + self.parameters.satiation * self._cart
            utility = self._utility(self._display, self._position, reading=True) - outside
            if self._adding.strikes(utility):
                self._adding.rewind()
                return self._add(product)
        return self._go_on(self._after_view)

    def _add(self, product: Product) -> str:
        wanted, offered = self._options, product.options
        chosen = [f" | {name}={value}" for name, value in wanted.items() if value in offered.get(name, ())]
        return f"add_to_cart[{product.id}{''.join(chosen)}]"

    def _go_on(self, change: float) -> str:
        """From a product's page back to the results, or not."""
        position, parameters = self._position, self.parameters
        fatigue = parameters.decay * position - parameters.scroll - change
        if position + 1 == len(self._products) or self._stopping.strikes(fatigue):
            action = self._leave_page()
        else:
            action = self._examine(position + 1)
        if action.startswith(("view", "next_page")):
            self._next.append(action)
            return "back[]"
        return action

    def _leave_page(self, *, last_page: bool = False) -> str:
        parameters = self.parameters
        effort = parameters.impatience * (self._pages - 1) + (parameters.sated if self._cart else 0.0)
        more = again = 0.0
        if len(self._products) == self._page_size and not last_page:
            more = math.exp(parameters.next_page - effort)
        if len(self._words) > 1:
            again = math.exp(parameters.reformulate + parameters.refinement * self._display.lacking - effort)
        chance = self._leaving.popleft() if self._leaving and not last_page else self._draw()
        choice = chance * (1.0 + more + again)
        if choice < more:
            return "next_page[]"
        if choice < more + again:
            return self._search()
        if self._cart and self._checkout < _logistic(parameters.checkout):
            return "purchase[]"
        return "stop[]"


class _Clock:
    """Decides a row of yes-or-no questions by one draw a yes.

    A yes of probability p is a hazard of -log(1 - p), and the first yes comes when the hazards so far exceed a draw
    from the standard exponential distribution: for independent questions that is the same as to toss a coin for each.
    But who meets other questions of as much hazard in all, as in a shop that ranks otherwise, says yes as often.
    """

    def __init__(self, rng: np.random.Generator, drawn: list[float]) -> None:
        """Args:
        rng: Of further draws, when they are needed.
        drawn: Those made in advance.
        """
        self._rng = rng
        self._drawn = iter(drawn)
        self._left = next(self._drawn)

    def rewind(self) -> None:
        """Begins anew, with the next draw."""
        left = next(self._drawn, None)
        self._left = float(self._rng.standard_exponential()) if left is None else left

    def strikes(self, utility: float) -> bool:
        """Whether the answer is yes, to a question whose log odds are ``utility``; rewind after a yes."""
        self._left -= math.log1p(math.exp(utility)) if utility < 700 else utility
        return self._left < 0.0


def _logistic(utility: float) -> float:
    return 1.0 / (1.0 + math.exp(-utility)) if utility > -700 else 0.0
