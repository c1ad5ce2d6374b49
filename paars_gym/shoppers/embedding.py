"""A shopper who goes by likeness alone: chooses the product whose text is nearest to the persona's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.embedding.load import default_embedder
from paars_gym.embedding.protocol import Embedder, Vectors
from paars_gym.personas.persona import NOTHING_KNOWN, Persona, render
from paars_gym.sessions.event import Intention
from paars_gym.shoppers.protocol import check_condition, some
from paars_gym.shoppers.queries import BROWSE, content_words

PIECES = 100
"""Pieces of each part of a persona that are read, the last ones: they are the newest of a history."""
QUERY_WORDS = 5
_DAY = re.compile(r"(?:\d{4}-\d\d(?:-\d\d \(\w+\)(?: \d\d:\d\d)?)?|Visit \d+)(?:, bought:)?")
_NOTE = re.compile(
    r"^\W*(?:viewed|bought|put into the cart|took out of the cart)?\s*(?:\d+ x )?"
    r"|(?: at \d+\.\d\d)?(?: \(result \d+\))?(?: \(\d+ times\))?$"
)


class TextVectors:
    """Vectors of texts, each worked out once for all shoppers that share it."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._vectors: dict[str, Vectors] = {}
        self.persona = lru_cache(maxsize=4_096)(self._mean)

    def of(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dim)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if len(self._vectors) + len(new) > 200_000:
            self._vectors.clear()
            new = list(dict.fromkeys(texts))
        if new:
            self._vectors.update(zip(new, self.embedder.embed(new), strict=True))
        return np.array([self._vectors[text] for text in texts])

    def _mean(self, text: str) -> Vectors:
        # A sentence encoder reads some 200 words; a persona has thousands. Pieces also recur from shopper to shopper.
        parts = [self.of(part_pieces).mean(axis=0) for part in text.split("\n\n## ") if (part_pieces := pieces(part))]
        mean: Vectors = np.mean(parts or self.of([text]), axis=0)
        return mean


class EmbeddingShopper:
    """A `Policy` and `Answerer` that goes by cosine similarity between product and persona, intention or query.

    In the shop it searches for the intention, or without one for what is in stock; opens the ``views`` results on the
    first page that are most alike; and buys the best of them when it came to buy. What it knows of the persona is
    ``render(persona, condition)``, read in pieces (a line of the profile, an item of the history); the mean of its
    parts' mean vectors is the persona's.

    Attributes:
        name: ``embedding``.
        condition: What of the persona it may use.
        vectors: Of texts; give it to other instances to share them.
    """

    name = "embedding"

    def __init__(
        self,
        condition: Condition = "persona",
        *,
        embedder: Embedder | None = None,
        vectors: TextVectors | None = None,
        views: int = 3,
    ) -> None:
        """Args:
            condition: ``base`` uses nothing of the persona.
            embedder: By default the best that is installed.
            vectors: Of another instance, in place of an embedder.
            views: Products opened in a session.

        Raises:
            ValueError: Unknown condition, or less than one view.
        """
        if views < 1:
            raise ValueError(f"views == {views}, must be >= 1.")
        self.condition = check_condition(condition)
        if vectors is None:
            vectors = TextVectors(embedder or default_embedder())
        self.vectors = vectors
        self._views = views

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        self._rng = rng
        self._intention = intention
        text = "" if persona is None else render(persona, self.condition)
        self._known: list[Vectors] = [self.vectors.persona(text)] if text else []
        self._plan: list[str] | None = None

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        if self._plan is None and info["page"] == "home":
            return self._search()
        if self._plan is None:
            self._plan = self._make_plan(info["products"])
        return self._plan.pop(0) if self._plan else "stop[]"

    def write_query(self, product: Product) -> str:
        """The title's first words."""
        return " ".join(content_words(product.title)[:QUERY_WORDS]) or product.title

    def choose_item(self, products: Sequence[Product]) -> int:
        """The product nearest to the persona; by lot when nothing is known of it."""
        return int(self._order(some(products), self._known)[0])

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """The result nearest to query and persona together."""
        return int(self._order(some(results), [*self.vectors.of([query]), *self._known])[0])

    def _search(self) -> str:
        if self._intention is None:
            return BROWSE
        return f"search[{' '.join(content_words(self._intention.text)) or 'anything'}]"

    def _make_plan(self, products: Sequence[Product]) -> list[str]:
        wanted = [] if self._intention is None else [*self.vectors.of([self._intention.text])]
        best = [products[index] for index in self._order(products, [*wanted, *self._known])[: self._views]]
        plan = []
        for product in best:
            plan += [f"view[{product.id}]", "back[]"]
        affordable = [product for product in best if product.available and self._affords(product)]
        if affordable and (self._intention is None or self._intention.goal == "buy"):
            plan += [f"add_to_cart[{affordable[0].id}]", "purchase[]"]
        return plan

    def _affords(self, product: Product) -> bool:
        budget = None if self._intention is None else self._intention.budget
        return budget is None or product.price is None or product.price <= budget

    def _order(self, products: Sequence[Product], known: list[Vectors]) -> list[int]:
        """Indices by likeness to the sum of what is known, the likest first; ties by lot."""
        lots = self._rng.permutation(len(products))
        if not known or not products:
            return [int(index) for index in lots]
        likeness = self.vectors.of([product_text(product) for product in products]) @ np.sum(known, axis=0)
        return sorted(range(len(products)), key=lambda index: (-float(likeness[index]), lots[index]))


def product_text(product: Product) -> str:
    """What of a product is compared: its title, and its narrowest category where the title does not say it."""
    category = product.category[-1] if product.category else ""
    return product.title if category.casefold() in product.title.casefold() else f"{product.title} ({category})"


def pieces(text: str) -> list[str]:
    """A part of a rendered persona in pieces of one thought, at most `PIECES`, the last first.

    Its heading, and the dates, prices, counts and verbs of a log are left out.

    >>> pieces("## Shopping history\\n2026-01-02 (Friday) 10:30\\n- bought 2 x Tea at 3.00 (4 times)\\n- viewed Milk")
    ['Milk', 'Tea']
    """
    thoughts: list[str] = []
    for line in text.splitlines()[1:]:
        if not line.startswith("<") and line != NOTHING_KNOWN and not _DAY.fullmatch(line):
            thoughts += [piece for part in line.split("; ") if (piece := _NOTE.sub("", part).strip())]
    return list(dict.fromkeys(reversed(thoughts)))[:PIECES]
