"""Item selection: of four items, the one that this person bought (PAARS section 4.3, Table 3).

Uniform, popularity and embedding choose without being asked; any policy is asked case by case, a language model with
personas that it mines from what each case may know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from paars_gym.alignment.item_selection import OPTIONS, PROTOCOLS, ItemCases, Protocol, mine_item_cases
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import CONDITIONS, Condition, RunConfig
from paars_gym.embedding import embedder_label, load_embedder
from paars_gym.llm.dry_run import Forecast
from paars_gym.sessions.event import History
from paars_gym.sessions.purchases import ProductLog
from paars_gym.shoppers.protocol import Answerer
from paars_gym.tasks.asking import Answers, Asking, TaskShoppers, ask_shoppers, usable_choice
from paars_gym.tasks.item_baselines import EmbeddingChoice, choose_popular, choose_uniformly
from paars_gym.tasks.item_results import POPULARITY, ItemResults, by_group, counts_of, gains_of, row_of
from paars_gym.tasks.people import ReferencePeople
from paars_gym.tasks.shoppers import HISTORY_TOKENS, forecast, task_shoppers

HEADLINE = "No language model ran: uniform, popularity and embedding choose"
EMBEDDING_CONDITIONS: tuple[Condition, ...] = ("profile", "preferences", "history", "persona")
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
    """

    protocols: Sequence[Protocol] = PROTOCOLS
    per_shopper: int = 2
    min_known: int = 20
    history_tokens: int = HISTORY_TOKENS


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


def asked_items(
    run: RunConfig,
    *,
    policies: Sequence[str] = (),
    conditions: Sequence[Condition] = CONDITIONS,
    history_tokens: int = HISTORY_TOKENS,
    embedder: str = "minilm-int8",
) -> TaskShoppers:
    """The shoppers that are asked case by case; none where neither a policy nor a model is named.

    Args:
        run: Their model, options and budget; its ``personas`` says where these come from: ``mined``, ``counted``, or
            None for mined where there is a model, or a source of one's own.
        policies: Names for `answerer_factory`; none and a model: ``llm``.
        conditions: Rows of Table 3.
        history_tokens: Of the history in a mined or counted persona, at most.
        embedder: Of the policy ``embedding``.

    Raises:
        ValueError: No such shopper, condition, model or option; personas to be mined without a model.
    """
    policies = list(policies) or (["llm"] if run.model is not None else [])
    asked = task_shoppers(
        run, policies, conditions, personas=run.personas, history_tokens=history_tokens, embedder=embedder
    )
    # The embedding shopper of the package reads texts; the row of this task counts on shared phrases.
    apart = {policy: f"{policy} shopper" * (policy == "embedding") or policy for policy in policies}
    named = [
        shopper._replace(name=f"{apart[shopper.policy]}, {shopper.condition}", policy=apart[shopper.policy])
        for shopper in asked.shoppers
    ]
    return asked._replace(shoppers=tuple(named))


def forecast_items(
    people: ReferencePeople,
    run: RunConfig,
    *,
    policies: Sequence[str] = (),
    conditions: Sequence[Condition] = CONDITIONS,
    design: ItemDesign = DESIGN,
) -> dict[str, Forecast]:
    """What asking language models would take, by spec; nothing is sent."""
    asked = asked_items(run, policies=policies, conditions=conditions, history_tokens=design.history_tokens)
    people.require("Item selection", "purchases", "products")
    sets = [ItemQuestions(cases) for cases in item_cases(people.product_log(), run, design)]
    return forecast(sets, asked)


def select_items(
    people: ReferencePeople,
    run: RunConfig,
    *,
    policies: Sequence[str] = (),
    conditions: Sequence[Condition] = CONDITIONS,
    design: ItemDesign = DESIGN,
    embedder: str = "minilm-int8",
    by: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ItemResults:
    """Mines the cases and lets every shopper choose.

    Args:
        people: Whose purchases.
        run: Its ``sessions`` cases at most for each protocol, the seed of cases and choices, model and budget; its
            ``personas`` are ``mined``, ``counted``, or None for mined where there is a model.
        policies: Asked case by case; none and a model: ``llm``. Uniform, popularity and embedding are always there.
        conditions: Rows of Table 3, of those asked.
        design: How the cases are made.
        embedder: Name for `load_embedder`.
        by: A trait of the people: accuracy in each group as well.
        progress: Told what is going on.

    Raises:
        ImportError: The embedder is missing.
        ValueError: A number out of range, no such trait, no purchases or no cases.
        NobodyAnswersError: A shopper could not be asked in any case.
    """
    asked = asked_items(
        run, policies=policies, conditions=conditions, history_tokens=design.history_tokens, embedder=embedder
    )
    people.require("Item selection", "purchases", "products")
    labels = people.labels(by) if by else {}
    progress("reading what people bought")
    log = people.product_log()
    sets = item_cases(log, run, design, progress)
    asking = Asking([{} for _ in sets], "")
    if asked.shoppers:
        # First: it may fail, and the rest would have been for nothing.
        progress("asking")
        asking = ask_shoppers([ItemQuestions(cases) for cases in sets], asked, progress=progress)
    progress("embedding titles and categories, once for all runs")
    vectors = EmbeddingChoice(log.catalog, load_embedder(embedder))
    tables: dict[str, list[Any]] = {"rows": [], "cases": [], "gains": [], "groups": []}
    for cases, answers in zip(sets, asking.answers, strict=True):
        progress(f"choosing: {ABOUT[cases.protocol]}")
        popular = choose_popular(cases)
        chosen = {
            "uniform, base": Answers(choose_uniformly(cases)),
            POPULARITY: Answers(popular),
            **{f"embedding, {name}": Answers(vectors.choose(cases, name)) for name in EMBEDDING_CONDITIONS},
            **answers,
        }
        tables["cases"].append(counts_of(cases))
        tables["rows"] += [row_of(name, given, popular, cases) for name, given in chosen.items()]
        tables["gains"] += gains_of(chosen, cases)
        if by:
            tables["groups"].append(by_group(by, labels, chosen, cases))
    return ItemResults(
        headline=headline(people, asked),
        humans=f"{_kind(people)}: {people.full_name}, {len(log.shoppers):,} of them, {len(log):,} purchase lines",
        synthetic=people.synthetic,
        embedder=embedder_label(vectors.embedder),
        settings={
            "n_cases": run.sessions,
            "per_shopper": design.per_shopper,
            "min_known": design.min_known,
            "seed": run.seed,
            "options": OPTIONS,
            "catalog": log.catalog.fingerprint,
            "asked": {shopper.name: dict(shopper.settings) for shopper in asked.shoppers},
        },
        paid=tuple(model.report() for model in asked.models.values()),
        stopped=asking.stopped,
        notes=people.notes,
        **tables,
    )


def headline(people: ReferencePeople, asked: TaskShoppers) -> str:
    """What ran, and what did not."""
    of = f"for {people.name} ({_kind(people)})"
    if not asked.models:
        others = sorted({shopper.policy for shopper in asked.shoppers})
        return f"{HEADLINE} {of}." + (f" Asked as well: {', '.join(others)}." if others else "")
    sources = {str(about) for shopper in asked.shoppers if (about := shopper.settings["personas"]) != "none"}
    return (
        f"The language model {', '.join(asked.models)} is asked, beside offline shoppers, {of}. "
        f"Personas: {' and '.join(sorted(sources)) or 'none'}."
    )


def _kind(people: ReferencePeople) -> str:
    return "synthetic" if people.synthetic else "real"
