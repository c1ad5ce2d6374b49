"""The shoppers that a task asks: policies by name become `TaskShopper`, with one account for each language model."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from paars_gym.catalog.language import DEFAULT
from paars_gym.config import Condition, ModelConfig, RunConfig
from paars_gym.embedding import load_embedder
from paars_gym.llm.chat import ChatModel
from paars_gym.llm.dry_run import Forecast
from paars_gym.llm.ledger import sharing
from paars_gym.llm.stack import open_model
from paars_gym.personas.mining import mine_persona
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor
from paars_gym.personas.statistics import count_persona
from paars_gym.sessions.event import History
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.shoppers.protocol import check_condition
from paars_gym.shoppers.registry import answerer_factory, reading, shopper_maker, shown_name
from paars_gym.tasks.asking import PersonaSource, TaskShopper, TaskShoppers, ask_shoppers
from paars_gym.tasks.elsewhere import AnswerReader, QuestionWriter
from paars_gym.tasks.reference_people import ReferencePeople

HISTORY_TOKENS = 6000
"""Of the history in a persona, at most."""
SAMPLE = 24
"""Cases of each set that a forecast is made from."""
TaskPolicy = str | FittedShopper | QuestionWriter | AnswerReader
"""Who is asked: a name for `answerer_factory`, a shopper fitted to people, or a file of questions or answers."""
Origin = Literal["mined", "counted"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)


class KnownPersonas:
    """Personas that were there before."""

    source = "given"

    def __init__(self, personas: Mapping[str, Persona]) -> None:
        self._personas = personas

    async def __call__(self, questions: Any, index: int) -> Persona:
        return self._personas[questions.shopper(index)]


class CountedPersonas:
    """Personas from the statistics of the history: no model, no guess about demographics, no reasoning."""

    source = "counted"

    def __init__(self, history_tokens: int = HISTORY_TOKENS) -> None:
        self._tokens = history_tokens

    async def __call__(self, questions: Any, index: int) -> Persona:
        return count_persona(questions.history(index), questions.catalog, token_budget=self._tokens)


class MinedPersonas:
    """Personas mined by a model in two steps, as in the paper, once for all cases that may know the same."""

    source = "mined"

    def __init__(self, model: ChatModel, history_tokens: int = HISTORY_TOKENS) -> None:
        self._model, self._tokens = model, history_tokens
        self._redactor = Redactor()
        self._made: dict[Any, asyncio.Future[Persona]] = {}

    async def __call__(self, questions: Any, index: int) -> Persona:
        key = questions.history_key(index)
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(self._mine(questions.history(index)))
        try:
            return await self._made[key]
        except Exception:
            self._made.pop(key, None)  # the next case tries again
            raise

    async def _mine(self, history: History) -> Persona:
        return await mine_persona(history, self._model, token_budget=self._tokens, redactor=self._redactor)


def task_shoppers(
    run: RunConfig,
    policies: Sequence[str],
    conditions: Sequence[Condition],
    *,
    personas: PersonaSource | Origin | None = None,
    history_tokens: int = HISTORY_TOKENS,
    embedder: str | None = None,
    language: str = DEFAULT,
) -> TaskShoppers:
    """Policies by name under several conditions. Whatever is wrong with them is found here, before any case is mined.

    All that ask the same model share one account of it: its cache, limits and budget.

    Args:
        run: Their options, model and budget.
        policies: Names for `answerer_factory`.
        conditions: Rows of Table 3.
        personas: Where those come from: ``mined`` by the shopper's model or ``counted`` from the history of each case,
            None for mined where there is a model, or a source of one's own.
        history_tokens: Of the history in a mined or counted persona, at most.
        embedder: Of the policy ``embedding``; None for the best that is installed.
        language: Of the catalog of the cases, in which shoppers compare words.

    Raises:
        ValueError: No such shopper, condition, model or option; personas to be mined without a model.
        ModelError: A key is missing.
        FileNotFoundError: A script, or the cache of an offline run, is not there.
    """
    for condition in conditions:
        check_condition(condition)
    if isinstance(personas, str) and personas not in ORIGINS:
        raise ValueError(f"Unknown personas {personas!r}. Available: {', '.join(ORIGINS)}.")
    given = "" if run.model is None else run.model.spec
    specs = {policy: model_behind(policy, given) for policy in policies}
    if given and not any(specs.values()):
        raise ValueError(f"--model {given} is for shoppers that ask a model, and {', '.join(policies)} asks none.")
    config, budget = run.model or ModelConfig(spec=""), sharing(run.budget)
    models = {
        _name_of(spec): open_model(config.model_copy(update={"spec": spec}), budget)
        for spec in dict.fromkeys(specs.values())
        if spec
    }
    counted = CountedPersonas(history_tokens)
    shoppers: list[TaskShopper] = []
    for policy in policies:
        spec = _name_of(specs[policy])
        source: PersonaSource = counted
        if personas is not None and not isinstance(personas, str):
            source = personas
        elif spec and personas != "counted":
            source = MinedPersonas(models[spec], history_tokens)
        elif personas == "mined" and set(conditions) != {"base"}:
            raise ValueError(f"{policy} has no language model that could mine personas: --personas counted.")
        options, model = dict(run.options), None
        if spec:
            # Personas are mined once: a repeat asks the same people again.
            model = config.model_copy(update={"spec": models[spec].repeated(run.noise)})
        elif policy == "embedding" and embedder is not None:
            options["embedder"] = load_embedder(embedder)
        name = shown_name(policy)
        for condition in conditions:
            changes = {"policy": policy, "condition": condition, "options": options, "model": model}
            changed = run.model_copy(update=changes)
            make = answerer_factory(reading(changed, language))
            about = {
                "policy": name,
                "condition": condition,
                "personas": "none" if condition == "base" else source.source,
                **{
                    setting: value for setting, value in getattr(make, "settings", {}).items() if setting != "condition"
                },
            }
            shoppers.append(TaskShopper(f"{name}, {condition}", name, condition, make, source, about))
    at_once = max((model.at_once for model in models.values()), default=run.budget.concurrency)
    return TaskShoppers(tuple(shoppers), models, at_once, noise=run.noise)


def fitted_shoppers(
    run: RunConfig,
    fitted: Sequence[FittedShopper],
    people: ReferencePeople,
    personas: PersonaSource | Origin | None,
    history_tokens: int = HISTORY_TOKENS,
) -> tuple[TaskShopper, ...]:
    """Shoppers fitted to other people, each under the condition that it was fitted for.

    Args:
        run: Its seed.
        fitted: The shoppers.
        people: In whose catalog they were fitted.
        personas: See `task_shoppers`.
        history_tokens: Of the history in a counted persona, at most.
    """
    shoppers: list[TaskShopper] = []
    for shopper in fitted:
        own: dict[str, Any] = {"policy": shopper.policy, "condition": shopper.condition, "options": {}, "model": None}
        run_of_it = shopper.applied_to(run.model_copy(update=own), people.catalog)
        asked = task_shoppers(
            run_of_it,
            (shopper.policy,),
            (shopper.condition,),
            personas=personas,
            history_tokens=history_tokens,
            language=people.language,
        )
        name = f"{fitted_name(shopper.policy)}, {shopper.condition}"
        shoppers += [each._replace(name=name) for each in asked.shoppers]
    return tuple(shoppers)


def fitted_name(policy: str) -> str:
    """How tables call a policy that was fitted to people."""
    return f"{policy}, fitted"


def _name_of(model: Any) -> str:
    """How a model is called, given as a spec or as an object."""
    return model if isinstance(model, str) else str(model.spec)


def policies_of(run: RunConfig, policies: Sequence[TaskPolicy]) -> tuple[tuple[str, ...], tuple[FittedShopper, ...]]:
    """The policies asked by name and the fitted shoppers; the run's own where neither a name nor a file is given."""
    named = tuple(policy for policy in policies if isinstance(policy, str))
    fitted = tuple(policy for policy in policies if isinstance(policy, FittedShopper))
    if not named and len(fitted) == len(policies):
        named = (str(run.policy),)
    return named, fitted


def model_behind(policy: str, model: Any = "") -> Any:
    """The language model that a policy asks: the one given, or its own default; "" for a policy without."""
    try:
        made_with = inspect.signature(shopper_maker(policy.strip())).parameters
    except ValueError:
        return ""  # nobody's name, as answerer_factory will say
    if "model" not in made_with:
        return ""
    own = made_with["model"].default
    return model or (own if isinstance(own, str) else "")


class SomeQuestions:
    """Some of the questions of a set."""

    def __init__(self, questions: Any, rows: Sequence[int]) -> None:
        self._questions, self._rows = questions, rows
        self.seed = questions.seed

    def __len__(self) -> int:
        return len(self._rows)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        of_whole = getattr(self._questions, name)
        if not callable(of_whole):
            return of_whole  # type: ignore[no-any-return]
        return lambda index, *more: of_whole(self._rows[index], *more)


def forecast(sets: Sequence[Any], asked: TaskShoppers) -> dict[str, Forecast]:
    """What each language model would be asked, about, by its spec; nothing is sent.

    Args:
        sets: The questions, of which a sample is put.
        asked: The shoppers, made with the budget of a dry run.

    Raises:
        ValueError: None of the shoppers asks a model.
    """
    if not asked.models:
        raise ValueError("--dry-run says what a language model would take, and none is named: --model.")
    samples: list[Any] = []
    for questions in sets:
        size = min(SAMPLE, len(questions))
        samples.append(SomeQuestions(questions, np.linspace(0, len(questions) - 1, size).astype(int).tolist()))
    asking = tuple(shopper for shopper in asked.shoppers if "model" in shopper.settings)
    ask_shoppers(samples, asked._replace(shoppers=asking))
    sampled, whole = sum(map(len, samples)), sum(map(len, sets))
    return {
        spec: model.forecast(f"{sampled} of {whole:,} cases", times=whole / sampled)
        for spec, model in asked.models.items()
    }
