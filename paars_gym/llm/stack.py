"""How is a bare model made fit to be paid for? One function that wraps everything around it, in the right order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from paars_gym.llm.batch import Batched
from paars_gym.llm.budget import BATCH_DISCOUNT, Budgeted, Price, Tally
from paars_gym.llm.cache import Cached
from paars_gym.llm.chat import ChatModel, Reply, Request, Usage, Wrapper
from paars_gym.llm.errors import OfflineError
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.rate import RateLimited
from paars_gym.llm.retry import Retrying
from paars_gym.llm.spec import make_model, parse_spec


class Stack(Wrapper):
    """A model with everything around it, and the account of what it did.

    From the outside in: cache (what is there costs nothing), budget, retries, limits (each attempt queues anew), model.
    """

    def __init__(self, cached: Cached | None, budgeted: Budgeted, retrying: Retrying) -> None:
        super().__init__(cached or budgeted)
        self._cached = cached
        self._budgeted = budgeted
        self._retrying = retrying

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        return await self.model.complete(request)

    @property
    def tally(self) -> Tally:
        """What was paid for."""
        return self._budgeted.tally

    def usd_of(self, usage: Usage) -> float | None:
        """Price of these tokens with this model; None when none is known."""
        return self._budgeted.usd_of(usage)

    def report(self) -> dict[str, Any]:
        """Calls, answers from the cache, retries, tokens by kind, dollars, and parameters that were not sent.

        ``dropped`` counts the calls that went without a parameter because the model does not accept it.
        """
        tally = self.tally
        return {
            "model": self.spec,
            "calls": tally.calls,
            "from_cache": self._cached.hits if self._cached else 0,
            "retries": self._retrying.retries,
            "tokens": tally.usage.model_dump(),
            "prompt_cache_share": tally.usage.cached_share,
            "usd": tally.usd,
            "calls_without_price": tally.unpriced,
            "tokens_without_price": tally.unpriced_tokens,
            "dropped": dict(tally.dropped),
        }


class _Absent:
    """Stands for a model that must not be called, so that neither a key nor an SDK is needed."""

    def __init__(self, spec: str, family: Family | None) -> None:
        provider, model, base_url = parse_spec(spec)
        self.spec = spec
        self.family = family or family_of(provider, model, base_url=base_url)

    async def complete(self, request: Request) -> Reply:
        raise OfflineError(f"{self.spec} must not be called.")

    async def aclose(self) -> None:
        pass


def payable(
    model: str | ChatModel,
    *,
    cache: Path | None = None,
    offline: bool = False,
    max_usd: float | None = None,
    price: Price | None = None,
    concurrency: int = 16,
    tokens_per_minute: float | None = None,
    attempts: int = 6,
    timeout_seconds: float = 120.0,
    stream: bool = False,
    batches: Path | None = None,
    announce: Callable[[str], None] | None = None,
    family: Family | None = None,
) -> Stack:
    """A model with cache, budget, retries and limits around it.

    Args:
        model: A spec string, or a bare model.
        cache: SQLite file of replies; None keeps none.
        offline: Forbid calls; everything has to be in the cache.
        max_usd: Most that may be spent through this stack.
        price: Instead of the one that genai-prices knows.
        concurrency: Most calls at once; with ``batches`` there is no such limit.
        tokens_per_minute: Input and output together.
        attempts: Most calls for one request.
        timeout_seconds: For one attempt.
        stream: Receive answers in pieces.
        batches: File of batches handed in; given, questions go through the provider's batches for half the price.
        announce: Told the id of each batch that is handed in, or waited for again.
        family: What the model accepts, when the table of families does not know better.

    Raises:
        ValueError: The spec is wrong, ``offline`` is asked for without a cache, or ``max_usd`` without a price.
        FileNotFoundError: ``offline``, and the cache is not there.
        MissingKeyError: The key is not in the environment.
    """
    if offline and cache is None:
        raise ValueError("offline needs a cache of replies: give its file.")
    if not isinstance(model, str):
        bare = model
    elif offline:
        bare = _Absent(model, family)
    else:
        bare = make_model(model, timeout_seconds=timeout_seconds, stream=stream, family=family)
    inner: ChatModel
    if batches is not None and not offline:
        inner = Batched(bare, batches, announce=announce)
    else:
        inner = RateLimited(bare, concurrency=concurrency, tokens_per_minute=tokens_per_minute)
    retrying = Retrying(inner, attempts=attempts)
    discount = BATCH_DISCOUNT if batches is not None else 1.0
    budgeted = Budgeted(retrying, max_usd=max_usd, price=price, discount=discount)
    return Stack(Cached(budgeted, cache, offline=offline) if cache is not None else None, budgeted, retrying)
