"""Who is asked, through which model, and who pays? Shoppers by name become `Asked`, on one account a model."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.items.answers import Asked
from benchmarks.items.personas import HISTORY_TOKENS, Counted, Mined, PersonaSource, Source
from paars_gym.cache import cache_dir
from paars_gym.config import CONDITIONS, BudgetConfig, Condition, ModelConfig, RunConfig
from paars_gym.embedding import load_embedder
from paars_gym.files import load_named
from paars_gym.llm.batch import BATCHED_AT_ONCE
from paars_gym.llm.chat import Reply, Request
from paars_gym.llm.errors import OfflineError
from paars_gym.llm.families import family_of, parse_spec
from paars_gym.llm.stack import Stack, open_model
from paars_gym.shoppers.protocol import check_condition
from paars_gym.shoppers.registry import SHOPPERS, answerer_factory


class Unasked:
    """Stands for a model in a dry run: it has its name and abilities, and is never asked."""

    def __init__(self, spec: str) -> None:
        provider, model, base_url = parse_spec(spec)
        self.spec, self.family = spec, family_of(provider, model, base_url=base_url)

    async def complete(self, request: Request) -> Reply:
        raise OfflineError(f"{self.spec} must not be called in a dry run.")

    async def aclose(self) -> None:
        pass


class Payment(NamedTuple):
    """How calls are made and paid for; see `open_model`.

    Attributes:
        cache: File of replies: a repeated or resumed run makes no call again.
        offline: Forbid calls.
        max_usd: Most to spend on each model.
        price: Dollars per million tokens, instead of the known ones.
        concurrency: Calls, and cases, at once.
        batch: Through the provider's batches.
        attempts: Most calls for one question.
        timeout_seconds: For one attempt.
        dry: Nothing is sent, and no key is needed.
    """

    cache: Path | None = None
    offline: bool = False
    max_usd: float | None = None
    price: str | None = None
    concurrency: int = 16
    batch: bool = False
    attempts: int = 6
    timeout_seconds: float = 120.0
    dry: bool = False

    @property
    def cases_at_once(self) -> int:
        """How many cases are under way."""
        return BATCHED_AT_ONCE if self.batch else self.concurrency

    def stack(self, spec: str) -> Stack:
        """A model on this account; see `open_model` for what it raises."""
        config = ModelConfig(spec=spec, price=self.price)
        if self.dry:
            return open_model(config, BudgetConfig(dry_run=True))
        batches = None
        if self.batch:
            batches = (self.cache or cache_dir("replies") / "items.sqlite").with_suffix(".batches.jsonl")
        return open_model(
            config,
            BudgetConfig(
                cache=self.cache,
                offline=self.offline,
                max_usd=self.max_usd,
                concurrency=self.concurrency,
                attempts=self.attempts,
                timeout_seconds=self.timeout_seconds,
                batches=batches,
            ),
        )


class Shoppers(NamedTuple):
    """Shoppers to ask, the models behind them by spec, and how many cases may be under way."""

    asked: tuple[Asked, ...] = ()
    models: dict[str, Stack] = {}  # noqa: RUF012 (never changed)
    cases_at_once: int = 16


def model_behind(policy: str, model: str = "") -> str:
    """Spec of the language model that a policy asks: the one given, or its own default; "" for a policy without."""
    reference = SHOPPERS.get(policy.strip().lower(), policy.strip())
    if ":" not in reference:
        return ""  # nobody's name, as answerer_factory will say
    try:
        made_with = inspect.signature(load_named(reference)).parameters
    except (LookupError, ValueError):
        return ""  # likewise
    if "model" not in made_with:
        return ""
    own = made_with["model"].default
    return model or (own if isinstance(own, str) else "")


def shoppers(
    policies: Sequence[str],
    *,
    model: str = "",
    conditions: Sequence[Condition] = CONDITIONS,
    personas: Source | None = None,
    payment: Payment = Payment(),  # noqa: B008 (a tuple)
    embedder: str = "minilm-int8",
    history_tokens: int = HISTORY_TOKENS,
    options: dict[str, Any] | None = None,
) -> Shoppers:
    """Shoppers by name under several conditions. Whatever is wrong with them is found here, before any case is mined.

    All that ask the same model share one account of it: its cache, limits and budget.

    Args:
        policies: Names for `answerer_factory`; none and a model: ``llm``.
        model: Spec, for those that ask one.
        conditions: Rows of Table 3.
        personas: ``mined`` by the shopper's model, or ``counted``; by default mined where there is a model.
        payment: Of the calls.
        embedder: Of the shopper ``embedding``.
        history_tokens: Of the history in a persona, at most.
        options: More for shoppers that ask a model.

    Raises:
        ValueError: No such shopper, condition, model or option; personas to be mined without a model.
        ModelError: A key is missing.
        FileNotFoundError: A script, or the cache of an offline run, is not there.
    """
    for condition in conditions:
        check_condition(condition)
    policies = list(policies) or (["llm"] if model else [])
    specs = {policy: model_behind(policy, model) for policy in policies}
    if model and policies and not any(specs.values()):
        raise ValueError(f"--model {model} is for shoppers that ask a model, and {', '.join(policies)} asks none.")
    models = {spec: payment.stack(spec) for spec in dict.fromkeys(specs.values()) if spec}
    counted = Counted(history_tokens)
    asked: list[Asked] = []
    for policy in policies:
        spec = specs[policy]
        source: PersonaSource = counted
        if spec and personas != "counted":
            source = Mined(models[spec], history_tokens)
        elif not spec and personas == "mined" and conditions != ["base"]:
            raise ValueError(f"{policy} has no language model that could mine personas: --personas counted.")
        given: dict[str, Any] = {}
        if spec:
            given = {"model": ModelConfig(spec=models[spec], options=options or {})}
        elif policy == "embedding":
            given = {"embedder": load_embedder(embedder)}
        for condition in conditions:
            make = answerer_factory(RunConfig(policy=policy, condition=condition, options=given))
            about = {
                "policy": policy,
                "condition": condition,
                "personas": "none" if condition == "base" else source.source,
                **{name: value for name, value in getattr(make, "settings", {}).items() if name != "condition"},
            }
            # The embedding shopper of the package reads texts; the benchmark's own counts on shared phrases.
            label = f"{policy}{' shopper' * (policy == 'embedding')}"
            asked.append(Asked(f"{label}, {condition}", label, condition, make, source, about))
    return Shoppers(tuple(asked), models, payment.cases_at_once)
