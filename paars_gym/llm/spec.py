"""Which model does a spec string such as ``openai:gpt-4.1-mini`` or ``scripted:replies.jsonl`` name?"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from paars_gym.llm.chat import ChatModel
from paars_gym.llm.families import FAMILIES, Family, Provider

FORMS = "anthropic:<model>, openai:<model>, openai:<model>@<base_url>, scripted:<file>"


class Spec(NamedTuple):
    """A spec string, taken apart: ``model`` is a file for ``scripted``; ``base_url`` is of a compatible server."""

    provider: Provider
    model: str
    base_url: str | None


def parse_spec(spec: str) -> Spec:
    """Takes a spec string apart.

    Raises:
        ValueError: It is none of the four forms, or its URL holds a password, a query or a fragment.
    """
    provider, colon, rest = spec.partition(":")
    if not colon or provider not in FAMILIES or not rest.strip():
        raise ValueError(f"Unknown model {spec!r}. Write one of: {FORMS}.")
    model, base_url = rest, None
    # Model names may hold an @ themselves (@cf/...), so only one that begins a URL separates.
    at = max(rest.rfind("@http://"), rest.rfind("@https://"))
    if provider == "openai" and at >= 0:
        model, base_url = rest[:at], rest[at + 1 :]
        parts = urlsplit(base_url)
        if parts.username or parts.password:
            raise ValueError("A model's URL must not hold a user or a password; put the key into the environment.")
        if parts.query or parts.fragment:
            raise ValueError(
                f"A model's URL must end before its {'query' if parts.query else 'fragment'}: it is stored with every "
                "run, and keys stand there. Put the key into the environment, as OPENAI_COMPATIBLE_API_KEY."
            )
        if not model or not parts.hostname:
            raise ValueError(f"{spec!r} needs a model name before the @ and a host in its URL.")
    return Spec(provider, model, base_url)


def make_model(
    spec: str, *, timeout_seconds: float = 120.0, stream: bool = False, family: Family | None = None
) -> ChatModel:
    """The bare adapter for a spec string, one attempt a call; :mod:`paars_gym.llm.stack` wraps the rest around it.

    Args:
        spec: One of the four forms of :data:`FORMS`.
        timeout_seconds: For one attempt.
        stream: Receive answers in pieces.
        family: What the model accepts, when the table of families does not know better.

    Raises:
        ValueError: The spec is none of the four forms.
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

    return OpenAIChat(model, base_url=base_url, timeout_seconds=timeout_seconds, stream=stream, family=family)
