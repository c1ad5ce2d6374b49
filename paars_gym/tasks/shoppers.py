"""The shoppers that a task asks: policies by name become `TaskShopper`, with one account for each language model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np

from paars_gym.catalog.language import DEFAULT
from paars_gym.config import Condition, ModelConfig, RunConfig
from paars_gym.llm.dry_run import Forecast
from paars_gym.llm.ledger import sharing, temporary_ledger
from paars_gym.llm.stack import open_model
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.shoppers.protocol import check_condition
from paars_gym.shoppers.registry import shopper_maker, shown_name
from paars_gym.tasks.asking import ask_shoppers
from paars_gym.tasks.elsewhere import AnswerReader, QuestionWriter
from paars_gym.tasks.persona_sources import HISTORY_TOKENS, CountedPersonas, MinedPersonas
from paars_gym.tasks.questions import PersonaSource, TaskShopper, TaskShoppers
from paars_gym.tasks.recipes import Recipe, name_of
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.spread_asking import on_ray

SAMPLE = 24
"""Cases of each set that a forecast is made from."""
TaskPolicy = str | FittedShopper | QuestionWriter | AnswerReader
"""Who is asked: a name for `answerer_factory`, a shopper fitted to people, or a file of questions or answers."""
Origin = Literal["mined", "counted"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)


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
    config = run.model or ModelConfig(spec="")
    budget = sharing(run.budget, temporary_ledger() if run.backend == "ray" else None)
    models = {
        name_of(spec): open_model(config.model_copy(update={"spec": spec}), budget)
        for spec in dict.fromkeys(specs.values())
        if spec
    }
    counted = CountedPersonas(history_tokens)
    shoppers: list[TaskShopper] = []
    for policy in policies:
        spec = name_of(specs[policy])
        source: PersonaSource = counted
        if personas is not None and not isinstance(personas, str):
            source = personas
        elif spec and personas != "counted":
            source = MinedPersonas(models[spec], history_tokens)
        elif personas == "mined" and set(conditions) != {"base"}:
            raise ValueError(f"{policy} has no language model that could mine personas: --personas counted.")
        config_of_it = config.model_copy(update={"spec": specs[policy]}) if spec else None
        name = shown_name(policy)
        for condition in conditions:
            changes = {"policy": policy, "condition": condition, "options": dict(run.options), "model": config_of_it}
            recipe = Recipe(run.model_copy(update=changes), language, embedder)
            make = recipe.maker(models[spec] if spec else None)
            about = {
                "policy": name,
                "condition": condition,
                "personas": "none" if condition == "base" else source.source,
                **{
                    setting: value for setting, value in getattr(make, "settings", {}).items() if setting != "condition"
                },
            }
            shoppers.append(TaskShopper(f"{name}, {condition}", name, condition, make, source, about, recipe))
    at_once = max((model.at_once for model in models.values()), default=run.budget.concurrency)
    ask = on_ray(budget, run.address) if run.backend == "ray" else None
    return TaskShoppers(tuple(shoppers), models, at_once, noise=run.noise, ask=ask)


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
    ask_shoppers(samples, asked._replace(shoppers=asking, ask=None))
    sampled, whole = sum(map(len, samples)), sum(map(len, sets))
    return {
        spec: model.forecast(f"{sampled} of {whole:,} cases", times=whole / sampled)
        for spec, model in asked.models.items()
    }
