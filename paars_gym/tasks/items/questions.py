"""The cases of item selection as questions, and which of them are put to whoever is asked (PAARS section 4.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from paars_gym.alignment.item_selection import OPTIONS, PROTOCOLS, ItemCases, Protocol, mine_item_cases
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.sessions.event import History, session_rng
from paars_gym.sessions.purchases import ProductLog
from paars_gym.sessions.split import is_held_out
from paars_gym.shoppers.protocol import Answerer
from paars_gym.tasks.answers import NOT_DRAWN, usable_choice
from paars_gym.tasks.asking import Asking, ask_shoppers
from paars_gym.tasks.persona_sources import HISTORY_TOKENS
from paars_gym.tasks.questions import TaskShoppers
from paars_gym.tasks.shoppers import SomeQuestions

ABOUT: dict[Protocol, str] = {
    "interests": "The paper's distractors are of categories that the household never bought",
    "popularity": "Matched distractors are bought by the others as often as the right item, and never by the household",
}


class ItemDesign(NamedTuple):
    """How the cases are made.

    Attributes:
        protocols: How distractors are drawn.
        per_shopper: Cases a person, at most, each from another of its last baskets.
        min_known: Purchase lines that must be left of the history.
        history_tokens: Of the history in a mined or counted persona, at most.
        asked: Cases of each protocol that are put to those who are asked, drawn at random among those of households
            that judge (`is_held_out`); None for all cases of all. The bars choose in all.
    """

    protocols: Sequence[Protocol] = PROTOCOLS
    per_shopper: int = 2
    min_known: int = 20
    history_tokens: int = HISTORY_TOKENS
    asked: int | None = None


DESIGN = ItemDesign()


class ItemQuestions:
    """Item cases as questions.

    Attributes:
        cases: The cases.
        catalog: Of their items.
        seed: Of the answers.
    """

    def __init__(self, cases: ItemCases) -> None:
        self.cases, self.seed = cases, cases.seed
        self.catalog: Catalog = cases.log.catalog

    def __len__(self) -> int:
        return len(self.cases)

    def key(self, index: int) -> str:
        """Of the case."""
        return self.cases[index].key

    def shopper(self, index: int) -> str:
        """Who bought."""
        return self.cases[index].shopper

    def history(self, index: int) -> History:
        """What may be known when the case is answered: nothing of any of the four items."""
        return self.cases.history(index)

    def history_key(self, index: int) -> tuple[int, int, bytes]:
        """The same for cases that may know the same."""
        cases = self.cases
        return int(cases.shopper[index]), int(cases.entry[index]), cases.known(index).tobytes()

    def options(self, index: int) -> list[Product]:
        """The four items, in the order shown."""
        return [self.catalog[product] for product in self.cases[index].options]

    def put(self, index: int, shopper: Answerer) -> Awaitable[int] | int:
        """Asks which of the four would be bought."""
        return shopper.choose_item(self.options(index))

    def usable(self, index: int, answer: Any) -> int:
        """The index of an item."""
        return usable_choice(answer, OPTIONS)


def item_cases(
    log: ProductLog, run: RunConfig, design: ItemDesign, progress: Callable[[str], None] = lambda _: None
) -> list[ItemCases]:
    """The cases of each protocol.

    Args:
        log: What everybody bought.
        run: Its ``sessions`` cases at most, drawn by its seed.
        design: How they are made.
        progress: Told what is going on.

    Raises:
        ValueError: A number out of range, or no cases.
    """
    sets = []
    for protocol in design.protocols:
        if protocol not in PROTOCOLS:
            raise ValueError(f"Unknown protocol {protocol!r}. Available: {', '.join(PROTOCOLS)}.")
        progress(f"mining cases: {ABOUT[protocol]}")
        cases = mine_item_cases(
            log,
            protocol=protocol,
            n_cases=run.sessions,
            per_shopper=design.per_shopper,
            min_known=design.min_known,
            seed=run.seed,
        )
        if not len(cases):
            raise ValueError(f"No case with min_known == {design.min_known}; lower it.")
        sets.append(cases)
    return sets


def ask_items(
    sets: Sequence[ItemQuestions], asked: TaskShoppers, most: int | None, progress: Callable[[str], None]
) -> Asking:
    """Asks all questions, or so many of each set, drawn among those of households that judge."""
    if most is None:
        return ask_shoppers(sets, asked, progress=progress)
    drawn = []
    for questions in sets:
        judging = [index for index in range(len(questions)) if is_held_out(questions.shopper(index))]
        order = session_rng(questions.seed, "item selection: asked").permutation(len(judging))[:most]
        drawn.append(sorted(judging[place] for place in order))
    asking = ask_shoppers(
        [SomeQuestions(questions, rows) for questions, rows in zip(sets, drawn, strict=True)], asked, progress=progress
    )
    for questions, rows, answers in zip(sets, drawn, asking.answers, strict=True):
        for given in answers.values():
            values = [NOT_DRAWN] * len(questions)
            for row, value in zip(rows, given.values, strict=True):
                values[row] = value
            given.values = values
    return asking
