"""People's answer to prices beside agents': the same shelves of a scanner panel, and the same model fitted to both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.datasets.panels import Panel
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.files import write_whole
from paars_gym.llm.dry_run import Forecast
from paars_gym.outputs import writing
from paars_gym.probes.shelf import Ints, ShelfChoices, difference, shelf_estimates
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.protocol import Answerer
from paars_gym.shoppers.registry import is_uncalibrated
from paars_gym.simulation.needs import read_people
from paars_gym.tasks.answers import left_out, usable_choice
from paars_gym.tasks.asking import ask_shoppers
from paars_gym.tasks.persona_sources import KnownPersonas
from paars_gym.tasks.questions import TaskShoppers
from paars_gym.tasks.shoppers import forecast, model_behind, task_shoppers

RESULT_FILE = "result.json"
Choice = Literal["buy", "open"]
"""What a shopper is asked: which it would buy, or which it would open on a page of results."""
MARKED = {"display": "on special display", "feature": "advertised this week"}
"""What a title says of a brand's marks."""
NOT_CARRIED_OVER = (
    "What does not carry over: people stood in a store, knew the brands, and had bought some of them before; agents "
    "are told titles and prices, and nothing of what a household bought before. Only purchases are recorded: neither "
    "side may leave. The prices are decades old. Both sides are fitted with one taste for all, without habits and "
    "differences between households: no elasticity here is the market's.",
    "Displays and features stand in the title: a shopper that reads no titles cannot answer to them.",
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShelfQuantity(_Frozen):
    """One quantity of people and of agents.

    Attributes:
        quantity: Such as ``own-price elasticity``.
        of: A brand's title, or ``all brands``, weighted by choices.
        people: Of people.
        agents: Of agents, on the same shelves.
        difference: Agents less people.
    """

    quantity: str
    of: str
    people: Estimate
    agents: Estimate
    difference: Estimate


class PanelResult(Tabular, _Frozen):
    """A finished comparison.

    Attributes:
        panel: Name.
        policy: Who chose, and under which condition.
        choice: What was asked.
        purchases: Of people, and so shelves that were shown.
        households: Whose they are.
        answered: Shelves with a usable answer.
        quantities: Elasticities and effects.
        uncalibrated: Whether the shopper is the behavioural one, fitted to no people.
        notes: What a reader has to know.
        paid: Calls, tokens and dollars of each language model.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("quantity", "of", "side", "estimate", "unit", "verdict", "note")

    panel: str
    policy: str
    choice: Choice
    purchases: int
    households: int
    answered: int
    quantities: tuple[ShelfQuantity, ...]
    uncalibrated: bool = False
    notes: tuple[str, ...] = ()
    paid: tuple[dict[str, Any], ...] = ()

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a quantity and side."""
        return [
            {"quantity": one.quantity, "of": one.of, "side": side, **getattr(one, side).to_dict()}
            for one in self.quantities
            for side in ("people", "agents", "difference")
        ]

    def summary(self) -> str:
        """Who is compared with whom."""
        policy = f"{self.policy}, uncalibrated" if self.uncalibrated else self.policy
        return (
            f"Prices on a shelf: {self.purchases:,} purchases of {self.households:,} households (panel {self.panel}), "
            f"and {policy}"
        )


class ShelfQuestions:
    """Shelves as questions, the brands of each in an order of its own."""

    def __init__(self, panel: Panel, choice: Choice, seed: int) -> None:
        """Args:
        panel: The shelves.
        choice: What is asked.
        seed: Of the orders and of the answers.
        """
        self.panel, self.choice, self.seed = panel, choice, seed
        self._dollars = panel.dollars()
        order = np.array([session_rng(seed, f"shelf {row}").permutation(len(panel.brands)) for row in range(len(self))])
        self.order: Ints = order.astype(np.int64)

    def __len__(self) -> int:
        return len(self.panel.chosen)

    def key(self, index: int) -> str:
        """Of the purchase."""
        return f"purchase {index}"

    def shopper(self, index: int) -> str:
        """The household."""
        return str(self.panel.household[index])

    def shelf(self, index: int) -> list[Product]:
        """The products in the order of the page."""
        return [self._product(index, int(column)) for column in self.order[index]]

    def put(self, index: int, shopper: Answerer) -> Awaitable[int] | int:
        """Asks which is bought, or opened."""
        shelf = self.shelf(index)
        if self.choice == "buy":
            return shopper.choose_item(shelf)
        return shopper.choose_view(self.panel.info.goods, shelf)

    def usable(self, index: int, answer: Any) -> int:
        """The place of a product."""
        return usable_choice(answer, self.order.shape[1])

    def _product(self, index: int, column: int) -> Product:
        info, brand = self.panel.info, self.panel.brands[column]
        said = [
            text for mark, text in MARKED.items() if mark in self.panel.marks and self.panel.marks[mark][index, column]
        ]
        return Product(
            id=brand,
            title=", ".join([info.brands[brand], *said]),
            category=("Groceries", info.goods.capitalize()),
            price=float(self._dollars[index, column]),
        )


class _Asked(NamedTuple):
    questions: ShelfQuestions
    shoppers: TaskShoppers
    notes: tuple[str, ...]


def probe_panel(
    panel: Panel,
    run: RunConfig,
    catalog: Catalog,
    *,
    choice: Choice | None = None,
    out: str | Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> PanelResult:
    """Shows agents the shelves that households bought from, and compares how both answer to prices.

    Args:
        panel: The households' purchases.
        run: Who is asked: its policy, model, budget and seed; whole households with about ``sessions`` purchases. Each
            household is played by one of its personas, in turn.
        catalog: Whose own people these are where the run names none.
        choice: What is asked; by default what would be bought where the policy asks a language model, and what would
            be opened for any other: offline shoppers draw that as in a session, and buy the best of a list for certain.
        out: Folder that gets ``result.json``.
        progress: Told what is going on.

    Raises:
        FileExistsError: ``out`` holds a result already.
        ValueError: A number or name is wrong.
        NobodyAnswersError: The shopper could not be asked at all.
    """
    if out is not None:
        with writing(out, kind="folder"):
            if (Path(out) / RESULT_FILE).exists():
                raise FileExistsError(f"{Path(out) / RESULT_FILE} is there already; give another folder.")
    asked = _asked(panel, run, catalog, choice)
    given = ask_shoppers([asked.questions], asked.shoppers, progress=progress)
    (name, answers), *_ = given.answers[0].items()
    rows = np.flatnonzero(answers.answered)
    shelves, order = asked.questions.panel, asked.questions.order
    chosen = order[rows, answers.choices[rows]]
    people = shelf_estimates(ShelfChoices(shelves, shelves.chosen))
    agents = shelf_estimates(ShelfChoices(shelves.take(rows), chosen, np.argsort(order, axis=1)[rows]))
    stopped = (f"Stopped early, everything so far is kept: {given.stopped}",) if given.stopped else ()
    result = PanelResult(
        panel=panel.name,
        policy=name,
        choice=asked.questions.choice,
        purchases=len(shelves.chosen),
        households=len(np.unique(shelves.household)),
        answered=len(rows),
        quantities=tuple(
            ShelfQuantity(
                quantity=quantity, of=of, people=one, agents=agents[quantity, of],
                difference=difference(one, agents[quantity, of]),
            )
            for (quantity, of), one in people.items()
        ),
        uncalibrated=is_uncalibrated(run),
        notes=(*stopped, *asked.notes, *left_out({name: answers}, "shelves"), *NOT_CARRIED_OVER),
        paid=tuple(model.report() for model in asked.shoppers.models.values()),
    )  # fmt: skip
    if out is not None:
        write_whole(Path(out) / RESULT_FILE, result.model_dump_json(indent=2) + "\n")
    return result


def forecast_panel(
    panel: Panel, run: RunConfig, catalog: Catalog, *, choice: Choice | None = None
) -> dict[str, Forecast]:
    """What asking a language model would take, by its spec; nothing is sent. Arguments as for `probe_panel`."""
    asked = _asked(panel, run, catalog, choice)
    return forecast([asked.questions], asked.shoppers)


def _asked(panel: Panel, run: RunConfig, catalog: Catalog, choice: Choice | None) -> _Asked:
    policy = str(run.policy)
    if choice is None:
        choice = "buy" if model_behind(policy, "" if run.model is None else run.model.spec) else "open"
    elif choice not in ("buy", "open"):
        raise ValueError(f"choice == {choice!r}, must be buy or open.")
    regular = panel.regular()
    drawn = regular.households(run.sessions, session_rng(run.seed, f"households of {panel.name}"))
    people = () if run.condition == "base" else read_people(run, catalog).personas
    houses = [str(house) for house in np.unique(drawn.household).tolist()]
    known = {house: people[number % len(people)] for number, house in enumerate(houses) if people}
    shoppers = task_shoppers(run, [policy], [run.condition], personas=KnownPersonas(known), language="en")
    notes = [f"Shoppers were asked which they would {choice}; the order of a shelf is drawn for each."]
    if drawn.info.note:
        notes.append(drawn.info.note)
    if paid := len(panel.chosen) - len(regular.chosen):
        notes.append(f"{paid} purchases are left out: a price is below a fifth of the usual one, paid with a coupon.")
    if len(drawn.chosen) < len(regular.chosen):
        notes.append(f"These are some of {len(regular.chosen):,} purchases, drawn by household; more: --trials.")
    who = "nobody in particular" if not people else f"{len(people):,} personas, one a household in turn"
    if people and run.personas is None:
        who = f"the people of {catalog.name}, one a household in turn"
    notes.append(f"Agents are {who}: of these households nothing is known.")
    return _Asked(ShelfQuestions(drawn, choice, run.seed), shoppers, tuple(notes))
