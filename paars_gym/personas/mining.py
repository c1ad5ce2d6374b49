"""A persona mined from a shopper's history by two questions to a model (PAARS section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, field_validator

from paars_gym.config import ModelConfig
from paars_gym.llm.ask import ask
from paars_gym.llm.chat import ChatModel, Effort, Message, Request
from paars_gym.personas.history import purchases_before, render_history, with_titles
from paars_gym.personas.persona import ConsumerProfile, Persona, Reasoning, ShoppingPreferences
from paars_gym.personas.prompts import preferences_messages, profile_messages
from paars_gym.personas.redaction import Redactor
from paars_gym.sessions.event import History

MAX_TOKENS = 4000
"""Of an answer: a profile with evidence takes some 600 tokens, preferences 800, and models that reason need more."""


REASONING: Effort = "low"
"""The answer begins with its reasoning, which becomes part of the persona; more, unseen, would only cost."""


class EmptyHistoryError(ValueError):
    """There is nothing to mine: no search, view, cart action or purchase before the date."""


class ProfileAnswer(BaseModel):
    """The form of the answer to step 1; the reasoning comes first, so that it can lead to the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reasoning: str = Field(min_length=1)
    profile: ConsumerProfile

    @field_validator("profile")
    @classmethod
    def _says_something(cls, profile: ConsumerProfile) -> ConsumerProfile:
        if profile.is_empty():
            raise ValueError("every field is unknown; give at least what is bought")
        return profile


class PreferencesAnswer(BaseModel):
    """The form of the answer to step 2."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reasoning: str = Field(min_length=1)
    preferences: ShoppingPreferences

    @field_validator("preferences")
    @classmethod
    def _says_something(cls, preferences: ShoppingPreferences) -> ShoppingPreferences:
        if preferences.is_empty():
            raise ValueError("every scale is null; give your best estimate for at least one")
        return preferences


def mining_request(messages: tuple[Message, ...], *, temperature: float, draw: int = 0) -> Request:
    """A question of either step."""
    return Request(messages=messages, temperature=temperature, max_tokens=MAX_TOKENS, reasoning=REASONING, draw=draw)


async def mine_persona(
    history: History,
    model: ModelConfig | ChatModel | str,
    *,
    as_of: datetime | None = None,
    token_budget: int = 6000,
    titles: Mapping[str, str] | None = None,
    redactor: Redactor | None = None,
    temperature: float = 0.0,
    draw: int = 0,
) -> Persona:
    """Mines a persona: profile first, then preferences given the profile, both with their reasoning.

    The history is redacted before anything of it is put into a prompt, and the persona holds the redacted text.

    Args:
        history: Of one shopper, oldest session first.
        model: Whom to ask: a spec such as ``openai:gpt-4.1-mini``, with our retries around it, or with its
            settings, or a model.
        as_of: Nothing at or after this time is used; by default the history's own date.
        token_budget: Most tokens of the rendered history.
        titles: Titles by product id, for events that have none.
        redactor: With its key, names and recognisers; by default one without names.
        temperature: Where the model takes one.
        draw: Which of several answers to the same questions.

    Raises:
        EmptyHistoryError: There is nothing before that date.
        ModelError: The model could not be asked, refused, or gave two malformed answers. There is no half persona.
    """
    if isinstance(model, str | ModelConfig):
        from paars_gym.llm.stack import open_model

        opened = open_model(model)
        try:
            return await mine_persona(
                history, opened, as_of=as_of, token_budget=token_budget, titles=titles, redactor=redactor,
                temperature=temperature, draw=draw,
            )  # fmt: skip
        finally:
            await opened.aclose()
    redactor = redactor or Redactor()
    clean, redacted = redactor.redact_history(with_titles(history, titles) if titles else history)
    rendered = render_history(clean, as_of=as_of, token_budget=token_budget)
    if not rendered.text:
        raise EmptyHistoryError(
            f"{clean.shopper} did nothing before {rendered.as_of}, or nothing that fits into {token_budget} tokens."
        )
    first = mining_request(profile_messages(rendered.text), temperature=temperature, draw=draw)
    who, _ = await ask(model, first, ProfileAnswer)
    messages = preferences_messages(rendered.text, who.profile, who.reasoning)
    second = mining_request(messages, temperature=temperature, draw=draw)
    how, _ = await ask(model, second, PreferencesAnswer)
    return Persona(
        shopper=clean.shopper,
        profile=who.profile,
        preferences=how.preferences,
        history=rendered.text,
        purchases_before=purchases_before(history, as_of),
        reasoning=Reasoning(profile=who.reasoning, preferences=how.reasoning),
        as_of=rendered.as_of,
        left_out=rendered.left_out,
        source="mined",
        model=model.spec,
        redacted=redacted,
    )
