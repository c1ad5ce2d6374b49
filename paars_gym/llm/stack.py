"""A model with all that is around it: redaction, cache, budget, retries, limits, batches, or a dry run's stand-in."""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.llm.batch import BATCHED_AT_ONCE, Batched
from paars_gym.llm.budget import Budgeted
from paars_gym.llm.cache import Cached
from paars_gym.llm.chat import ChatModel, Reply, Request, Usage, Wrapper
from paars_gym.llm.connection import environment_of
from paars_gym.llm.dry_run import Forecast, StandIn
from paars_gym.llm.errors import OfflineError
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.ledger import LEDGER_FILE, CallLedger, ledger_of
from paars_gym.llm.limits import CallLimits, RateLimited, Retrying
from paars_gym.llm.lost_causes import Watched
from paars_gym.llm.open_files import check_open_files
from paars_gym.llm.prices import BATCH_DISCOUNT, parse_price
from paars_gym.llm.redacted import Redacted
from paars_gym.llm.specs import parse_spec
from paars_gym.llm.spending import Spending
from paars_gym.llm.turns import with_instructions
from paars_gym.redaction.texts import TextRedactor

REPLIES_FILE = "replies.sqlite"


class StackAccount(NamedTuple):
    """What a stack did, to be added to that of another one for the same model.

    Attributes:
        spending: What was paid for.
        from_cache: Answers from the cache.
        retries: Further tries of calls that failed.
        redacted: Pieces of personal data found, by kind.
    """

    spending: Spending
    from_cache: int
    retries: int
    redacted: Counter[str]


class Stack(Wrapper):
    """A model with everything around it, and the account of what it did; see `open_model`.

    From the outside in: redaction (nothing of a customer goes further), the watch for lost causes, cache (what is there
    costs nothing), retries, budget (each attempt that is answered is paid for), limits (each attempt queues anew), and
    the model.

    Attributes:
        environment: See `environment_of`.
        at_once: How many questions to put at once: with batches as many as there are, so that they go out together.
        stand_in: What answers in a dry run; None in earnest.
        prompt: Added to the instructions of every request.
    """

    def __init__(
        self,
        cached: Cached | None,
        budgeted: Budgeted,
        retrying: Retrying,
        *,
        at_once: int,
        stand_in: StandIn | None = None,
        prompt: str = "",
        redactor: TextRedactor | None = None,
    ) -> None:
        offline = cached is not None and cached.offline
        self._watched = Watched(cached or retrying, ledger=budgeted.ledger, at_once=at_once, offline=offline)
        self._redacted = Redacted(self._watched, redactor)
        super().__init__(self._redacted)
        self.environment = environment_of(self.spec)
        self.at_once = at_once
        self.stand_in = stand_in
        self.prompt = prompt
        self._cached = cached
        self._budgeted = budgeted
        self._retrying = retrying
        self._shift = 0

    def repeated(self, noise: str) -> Stack:
        """The same model with the same account, cache and limits, whose requests have draws of their own.

        No reply to another repeat's request answers them, and servers that take a seed are given another one.

        Args:
            noise: Names the repeat; empty for the model itself.
        """
        if not noise:
            return self
        again = copy.copy(self)
        again._shift = int.from_bytes(hashlib.sha256(noise.encode()).digest()[:4], "big") >> 1
        return again

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        return await self.model.complete(self.told(request))

    def unusable(self, request: Request) -> None:
        """See `Wrapper.unusable`."""
        super().unusable(self.told(request))

    def told(self, request: Request) -> Request:
        """The request with this repeat's draw, and the configuration's prompt at the end of its first system turn."""
        if self._shift:
            seed = None if request.seed is None else (request.seed + self._shift) % 2**31
            request = request.model_copy(update={"draw": (request.draw + self._shift) % 2**31, "seed": seed})
        if not self.prompt:
            return request
        return request.model_copy(update={"messages": with_instructions(request.messages, self.prompt)})

    @property
    def dry_run(self) -> bool:
        """Whether a `StandIn` answers."""
        return self.stand_in is not None

    @property
    def spending(self) -> Spending:
        """What was paid for."""
        return self._budgeted.spending

    @property
    def ledger(self) -> CallLedger:
        """Every call, those of other processes included."""
        return self._budgeted.ledger

    @property
    def unanswered(self) -> str:
        """See `Watched.unanswered`."""
        return self._watched.unanswered

    @property
    def account(self) -> StackAccount:
        """What it did so far."""
        hits = self._cached.hits if self._cached else 0
        return StackAccount(self.spending, hits, self._retrying.retries, self._redacted.counts)

    def add(self, account: StackAccount) -> None:
        """Takes in what another stack for this model did, in another process."""
        self._budgeted.spending += account.spending
        if self._cached:
            self._cached.hits += account.from_cache
        self._retrying.retries += account.retries
        self._redacted.counts.update(account.redacted)

    def usd_of(self, usage: Usage) -> float | None:
        """Price of these tokens with this model; None when none is known."""
        return self._budgeted.usd_of(usage)

    def report(self) -> dict[str, Any]:
        """Calls, answers from the cache, retries, tokens by kind, dollars, what was redacted, and what was not sent.

        ``redacted`` counts the pieces of personal data, by kind, that requests still held when they came to be sent.
        ``dropped`` counts the calls that went without a parameter because the model does not accept it. ``in_all`` is
        what the file of the ledger holds, other tries and processes included.
        """
        spending, in_all = self.spending, self.ledger.taken()
        return {
            "model": self.spec,
            "calls": spending.calls,
            "from_cache": self._cached.hits if self._cached else 0,
            "retries": self._retrying.retries,
            "tokens": spending.usage.model_dump(),
            "prompt_cache_share": spending.usage.cached_share,
            "usd": spending.usd,
            "calls_without_price": spending.unpriced,
            "tokens_without_price": spending.unpriced_tokens,
            "calls_without_usage": spending.estimated,
            "in_all": {
                "calls": in_all.calls,
                "usd": in_all.usd,
                "open_calls": len(in_all.open),
                "open_usd": in_all.open_usd,
            },
            **({"environment": self.environment} if self.environment else {}),
            "dropped": dict(spending.dropped),
            "redacted": dict(self._redacted.counts),
        }

    def forecast(self, basis: str, *, times: float = 1.0) -> Forecast:
        """What the real thing would take, from what this model was asked in a dry run.

        Args:
            basis: What was asked, in words, such as ``24 sessions``.
            times: How often the real thing holds what was asked, such as 1,000 sessions / 24.

        Raises:
            ValueError: It is no dry run.
        """
        if self.stand_in is None:
            raise ValueError(f"{self.spec} was asked in earnest: a forecast is made from a dry run.")
        spending = self.spending
        # Call by call: prices of some models depend on the length of a request.
        cached = [self.usd_of(usage) or 0.0 for usage in self.stand_in.with_prompt_cache]
        usd = None if spending.unpriced else times * spending.usd
        usd_cached = times * sum(cached)
        return Forecast(
            round(times * spending.calls),
            round(times * spending.usage.input),
            round(times * spending.usage.output),
            usd,
            basis,
            usd_cached if usd is not None and usd_cached < usd else None,
        )


class _Absent:
    """Stands for a model that must not be called, so that neither a key nor an SDK is needed."""

    def __init__(self, spec: str) -> None:
        provider, model, base_url = parse_spec(spec)
        self.spec = spec
        self.family = family_of(provider, model, base_url=base_url)

    async def complete(self, request: Request) -> Reply:
        raise OfflineError(f"{self.spec} must not be called.")

    async def aclose(self) -> None:
        pass


def open_model(
    model: ModelConfig | ChatModel | str,
    budget: BudgetConfig | None = None,
    *,
    announce: Callable[[str], None] | None = None,
    kept: Path | None = None,
) -> Stack:
    """A model with redaction, cache, budget, retries and limits around it, or a dry run's stand-in for it.

    Args:
        model: A spec string, a bare model, or either with its settings. One that has everything around it already is
            given back as it is.
        budget: What it may take; None for the defaults.
        announce: Told the id of each batch that is handed in, or waited for again.
        kept: Folder where a dry run keeps its ledger, and its replies where the budget has a cache: so large they get.

    Raises:
        ValueError: The spec or the price is wrong, ``offline`` is asked for without a cache, ``max_usd`` without a
            price, or more calls at once than this process may have files open.
        FileNotFoundError: ``offline``, and the cache is not there.
        MissingKeyError: The key is not in the environment.
    """
    config, budget = ModelConfig.of(model), budget or BudgetConfig()
    if isinstance(config.spec, Stack):
        return config.spec
    price = None if config.price is None else parse_price(config.price)
    discount = BATCH_DISCOUNT if budget.batches is not None and budget.batch_api is None else 1.0
    at_once = budget.concurrency if budget.batches is None else BATCHED_AT_ONCE
    if budget.dry_run:
        stand_in = StandIn(config.spec if isinstance(config.spec, str) else config.spec.spec)
        ledger = None if kept is None else CallLedger(kept / LEDGER_FILE)
        budgeted = Budgeted(stand_in, price=price, discount=discount, ledger=ledger)
        retrying = Retrying(budgeted)
        cached = None if kept is None or budget.cache is None else Cached(retrying, kept / REPLIES_FILE)
        return Stack(
            cached,
            budgeted,
            retrying,
            at_once=at_once,
            stand_in=stand_in,
            prompt=config.prompt,
            redactor=config.redactor,
        )
    if budget.offline and budget.cache is None:
        raise ValueError("offline needs a cache of replies: give its file.")
    bare: ChatModel
    if not isinstance(config.spec, str):
        bare = config.spec
    elif budget.offline:
        bare = _Absent(config.spec)
    else:
        bare = make_model(config.spec, timeout_seconds=budget.timeout_seconds, stream=budget.stream)
    if budget.batches is None and not budget.offline:
        check_open_files(budget.concurrency)
    environment = environment_of(bare.spec)
    inner: ChatModel
    booking: dict[str, Any] = {"ledger": ledger_of(budget.ledger), "part": budget.part}
    if budget.batches is not None and not budget.offline:
        api = None if budget.batch_api is None else budget.batch_api(bare)
        inner = Batched(bare, budget.batches, announce=announce, environment=environment, api=api)
        booking["handed_in"] = inner.handed_in
    else:
        own = CallLimits(concurrency=budget.concurrency, tokens_per_minute=budget.tokens_per_minute)
        inner = RateLimited(bare, budget.limits or own)
    budgeted = Budgeted(inner, max_usd=budget.max_usd, price=price, discount=discount, **booking)
    retrying = Retrying(budgeted, attempts=budget.attempts)
    cached = None
    if budget.cache is not None:
        cached = Cached(retrying, budget.cache, offline=budget.offline, environment=environment)
    return Stack(cached, budgeted, retrying, at_once=at_once, prompt=config.prompt, redactor=config.redactor)


def make_model(
    spec: str, *, timeout_seconds: float = 120.0, stream: bool = False, family: Family | None = None
) -> ChatModel:
    """The bare adapter for a spec string, one attempt a call; `open_model` wraps the rest around it.

    Args:
        spec: One of :data:`paars_gym.llm.specs.FORMS`.
        timeout_seconds: For one attempt.
        stream: Receive answers in pieces.
        family: What the model accepts, when the table of families does not know better.

    Raises:
        ValueError: The spec is none of these forms.
        FileNotFoundError: The script is not there.
        MissingKeyError: The provider needs a key that is not in the environment.
    """
    provider, model, base_url = parse_spec(spec)
    if provider == "scripted":
        from paars_gym.llm.scripted import ScriptedChat

        return ScriptedChat.from_file(Path(model))
    if provider == "anthropic":
        from paars_gym.llm.anthropic import AnthropicChat

        return AnthropicChat(model, timeout_seconds=timeout_seconds, stream=stream, family=family)
    from paars_gym.llm.openai import OpenAIChat

    return OpenAIChat(
        model, base_url=base_url, timeout_seconds=timeout_seconds, stream=stream, family=family, provider=provider
    )
