"""Item selection: of four items, the one that this person bought (PAARS section 4.3, Table 3).

Uniform and embedding choose without being asked, and so do the bars: popularity, counts and the learned scorer. Any
policy is asked case by case, a language model with personas that it mines from what each case may know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from paars_gym.alignment.item_selection import OPTIONS
from paars_gym.config import CONDITIONS, Condition, RunConfig
from paars_gym.embedding import embedder_label, load_embedder
from paars_gym.llm.dry_run import Forecast
from paars_gym.personas.counting import product_facts
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.tasks.answers import Answers
from paars_gym.tasks.asking import Asking
from paars_gym.tasks.elsewhere import asked_elsewhere
from paars_gym.tasks.items.bars import choose_bars
from paars_gym.tasks.items.baselines import EmbeddingChoice, choose_alike, choose_popular, choose_uniformly
from paars_gym.tasks.items.features import ItemCodes
from paars_gym.tasks.items.groups import by_group
from paars_gym.tasks.items.knowledge import households_of
from paars_gym.tasks.items.questions import ABOUT, DESIGN, ItemDesign, ItemQuestions, ask_items, item_cases
from paars_gym.tasks.items.results import LEARNED, POPULARITY, ItemResults, counts_of, gains_of, row_of
from paars_gym.tasks.persona_sources import HISTORY_TOKENS, CountedPersonas
from paars_gym.tasks.questions import TaskShopper, TaskShoppers
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.shoppers import TaskPolicy, fitted_shoppers, forecast, task_shoppers

HEADLINE = "No language model ran: uniform, embedding and the bars choose"
EMBEDDING_SHOPPER = "embedding shopper"
EMBEDDING_CONDITIONS: tuple[Condition, ...] = ("profile", "preferences", "history", "persona")


def asked_items(
    people: ReferencePeople,
    run: RunConfig,
    *,
    policies: Sequence[TaskPolicy] = (),
    conditions: Sequence[Condition] = CONDITIONS,
    history_tokens: int = HISTORY_TOKENS,
    embedder: str = "minilm-int8",
) -> TaskShoppers:
    """The shoppers that are asked case by case; none where neither a policy nor a model is named.

    Args:
        people: In whose catalog shoppers were fitted.
        run: Their model, options and budget; its ``personas`` says where these come from: ``mined``, ``counted``, or
            None for mined where there is a model, or a source of one's own.
        policies: Names for `answerer_factory`, none and a model: ``llm``; shoppers fitted to other people; and files of
            questions or answers, whose personas are counted.
        conditions: Rows of Table 3.
        history_tokens: Of the history in a mined or counted persona, at most.
        embedder: Of the policy ``embedding``.

    Raises:
        ValueError: No such shopper, condition, model or option; personas to be mined without a model.
    """
    fitted = [policy for policy in policies if isinstance(policy, FittedShopper)]
    by_name = [policy for policy in policies if isinstance(policy, str)]
    by_name = by_name or (["llm"] if run.model is not None else [])
    asked = task_shoppers(
        run,
        by_name,
        conditions,
        personas=run.personas,
        history_tokens=history_tokens,
        embedder=embedder,
        language=people.language,
    )
    # The embedding shopper of the package reads texts; the row of this task counts on shared phrases.
    named = [
        shopper._replace(name=f"{EMBEDDING_SHOPPER}, {shopper.condition}", policy=EMBEDDING_SHOPPER)
        if shopper.policy == "embedding"
        else shopper
        for shopper in asked.shoppers
    ]
    named += fitted_shoppers(run, fitted, people, run.personas, history_tokens)
    # Whoever is elsewhere mines nothing.
    source = run.personas if callable(run.personas) else CountedPersonas(history_tokens)
    return asked_elsewhere(asked._replace(shoppers=tuple(named)), policies, conditions, source)


def forecast_items(
    people: ReferencePeople,
    run: RunConfig,
    *,
    policies: Sequence[TaskPolicy] = (),
    conditions: Sequence[Condition] = CONDITIONS,
    design: ItemDesign = DESIGN,
) -> dict[str, Forecast]:
    """What asking language models would take, by spec; nothing is sent."""
    asked = asked_items(people, run, policies=policies, conditions=conditions, history_tokens=design.history_tokens)
    return forecast(item_questions(people, run, design), asked)


def item_questions(people: ReferencePeople, run: RunConfig, design: ItemDesign = DESIGN) -> list[ItemQuestions]:
    """The questions that `select_items` puts, a set for each protocol."""
    people.require("Item selection", "purchases", "products")
    return [ItemQuestions(cases) for cases in item_cases(people.product_log(), run, design)]


def select_items(
    people: ReferencePeople,
    run: RunConfig,
    *,
    policies: Sequence[TaskPolicy] = (),
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
        policies: Asked case by case; none and a model: ``llm``. Uniform, embedding and bars are always there.
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
        people,
        run,
        policies=policies,
        conditions=conditions,
        history_tokens=design.history_tokens,
        embedder=embedder,
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
        asking = ask_items([ItemQuestions(cases) for cases in sets], asked, design.asked, progress)
    progress("embedding titles and categories, once for all runs")
    vectors = EmbeddingChoice(log.catalog, load_embedder(embedder))
    facts, codes = product_facts(log.catalog), ItemCodes(log.catalog)
    tables: dict[str, list[Any]] = {
        name: [] for name in ("rows", "cases", "gains", "groups", "coefficients", "left_out")
    }
    for cases, answers in zip(sets, asking.answers, strict=True):
        progress(f"choosing: {ABOUT[cases.protocol]}")
        households = households_of(cases, facts)
        likeness = vectors.likeness(cases, households)
        popular, bars = choose_popular(cases), choose_bars(cases, households, codes, likeness)
        learned = bars.chosen.get(f"{LEARNED}, persona")
        barred = {POPULARITY: Answers(popular), **{name: Answers(choices) for name, choices in bars.chosen.items()}}
        chosen = {
            "uniform, base": Answers(choose_uniformly(cases)),
            **{f"embedding, {name}": Answers(choose_alike(likeness, name)) for name in EMBEDDING_CONDITIONS},
            **answers,
        }
        tables["cases"].append(counts_of(cases, bars.told_by_category))
        tables["rows"] += [row_of(name, given, popular, cases, bar=True) for name, given in barred.items()]
        tables["rows"] += [row_of(name, given, popular, cases, learned=learned) for name, given in chosen.items()]
        tables["gains"] += gains_of({**barred, **chosen}, cases)
        tables["coefficients"] += bars.coefficients
        tables["left_out"] += [line for line in bars.left_out if line not in tables["left_out"]]
        if by:
            tables["groups"].append(by_group(by, labels, {POPULARITY: barred[POPULARITY], **chosen}, cases))
    return ItemResults(
        headline=headline(people, asked),
        humans=f"{_kind(people)}: {people.full_name}, {len(log.shoppers):,} of them, {len(log):,} purchase lines",
        synthetic=people.synthetic,
        embedder=embedder_label(vectors.embedder),
        settings={
            "n_cases": run.sessions,
            "per_shopper": design.per_shopper,
            "min_known": design.min_known,
            "asked_cases": design.asked,
            "seed": run.seed,
            "options": OPTIONS,
            "catalog": log.catalog.fingerprint,
            "asked": {shopper.name: dict(shopper.settings) for shopper in asked.shoppers},
        },
        paid=tuple(model.report() for model in asked.models.values()),
        stopped=asking.stopped,
        notes=(*asking.notes, *people.notes),
        **tables,
    )


def headline(people: ReferencePeople, asked: TaskShoppers) -> str:
    """What ran, and what did not."""
    of = f"for {people.name} ({_kind(people)})"
    if elsewhere := sorted({shopper.policy for shopper in asked.shoppers if "by" in shopper.settings}):
        return f"Answers came from elsewhere, by {', '.join(elsewhere)}, beside offline shoppers and the bars, {of}."
    models = [*asked.models, *{str(shopper.settings["text_model"]): 0 for shopper in _by_likelihood(asked)}]
    if not models:
        others = sorted({shopper.policy for shopper in asked.shoppers})
        return f"{HEADLINE} {of}." + (f" Asked as well: {', '.join(others)}." if others else "")
    sources = {str(about) for shopper in asked.shoppers if (about := shopper.settings["personas"]) != "none"}
    return (
        f"The language model {', '.join(models)} is asked, beside offline shoppers, {of}. "
        f"Personas: {' and '.join(sorted(sources)) or 'none'}."
    )


def _by_likelihood(asked: TaskShoppers) -> list[TaskShopper]:
    """Those who take what a language model finds likeliest; it writes nothing, and is no model of the account."""
    return [shopper for shopper in asked.shoppers if "text_model" in shopper.settings]


def _kind(people: ReferencePeople) -> str:
    return "synthetic" if people.synthetic else "real"
