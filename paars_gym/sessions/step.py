"""The record of one step: what a shopper was shown, what it did, what came of it, and what a model was asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from paars_gym.sessions.event import Event


class ModelTurn(BaseModel):
    """One request to a language model, exactly as it was put, and the reply.

    Messages are JSON objects, such as ``{"role": "user", "text": "…"}``, in the form of whoever asks the model; those
    of `LLMShopper` have the fields of `paars_gym.llm.chat.Message`.

    Attributes:
        prompt: Every message that was sent, in order.
        said: The model's message, its tool calls included.
        parameters: What else the request held: tools, temperature, seed and so on.
        tokens: By kind, such as input and output.
        latency_seconds: From the request to the whole reply, retries and waiting included.
        from_cache: Whether the reply came from our own cache.
        not_sent: Parts of the request that the model does not accept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: tuple[Mapping[str, Any], ...] = ()
    said: Mapping[str, Any] = {}
    parameters: Mapping[str, Any] = {}
    tokens: Mapping[str, int] = {}
    latency_seconds: float | None = None
    from_cache: bool = False
    not_sent: tuple[str, ...] = ()


class StepRecord(BaseModel):
    """One step of a session: the page shown, the action taken, and the shop's answer.

    Attributes:
        session: Key of the session.
        step: 1-based.
        shown: The page as the shopper was shown it, before it acted; empty where it was not recorded.
        action: Text as the shopper gave it; None when the shopper failed instead.
        valid: False when the shop refused it, ``error`` then says why; and when there was no action.
        error: What the shop said about an action that it refused.
        failure: The traceback of a policy that failed in this step, or why it gave up; None for a step like others.
        page: Kind of the page after the step: home, results or product; question where a single question was answered.
        query: Query of that page, if any.
        results: Product ids that page shows, in order.
        first_rank: Rank of the first of them in the whole list.
        product: Product that page shows.
        cart: (product id, units) after the step.
        events: What happened in the step.
        reward: As the environment gave it.
        time: Simulated time, where there is a clock.
        model: What a language model was asked for the action, and said; None for a policy that tells of none.
        latency_seconds: Wall-clock time that the policy took to act; None where it was not measured.
        lost: What of it stood in a damaged part of the run's file and is therefore left out, such as ``shown``,
            ``said`` or ``prompt[0]``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: str
    step: int
    shown: str = ""
    action: str | None
    valid: bool
    error: str | None = None
    failure: str | None = None
    page: str = ""
    query: str | None = None
    results: tuple[str, ...] = ()
    first_rank: int | None = None
    product: str | None = None
    cart: tuple[tuple[str, int], ...] = ()
    events: tuple[Event, ...] = ()
    reward: float = 0.0
    time: AwareDatetime | None = None
    model: ModelTurn | None = None
    latency_seconds: float | None = None
    lost: tuple[str, ...] = ()
