"""What each family of models accepts: the table that decides what is sent."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from paars_gym.llm.specs import Provider


class Family(NamedTuple):
    """What the models of one family accept.

    Attributes:
        name: For people.
        temperature: Takes a temperature; ``without reasoning`` when only with reasoning switched off.
        seed: Takes a seed.
        tools: Takes tools; ``without reasoning`` as above.
        schema: Enforces a JSON schema. Where not, or only ``perhaps``, the schema is put into words.
        bounds: The enforced schema may hold limits such as ``maximum``; where not, they are put into words.
        reasoning: Takes an effort.
        no_reasoning: The provider's word for no reasoning; empty where it cannot be switched off.
        max_tokens: Name of the field for the length of the answer.
    """

    name: str
    temperature: bool | Literal["without reasoning"] = True
    seed: bool = True
    tools: bool | Literal["without reasoning"] = True
    schema: bool | Literal["perhaps"] = True
    bounds: bool = False
    reasoning: bool = False
    no_reasoning: str = ""
    max_tokens: str = "max_tokens"


_CLAUDE = Family("Claude", temperature=False, seed=False, reasoning=True, no_reasoning="disabled")
_CHAT = Family("GPT without reasoning", max_tokens="max_completion_tokens")
_REASONING = Family(
    "GPT with reasoning", temperature=False, seed=False, reasoning=True, max_tokens="max_completion_tokens"
)

SERVER = Family("any server with /v1/chat/completions", schema="perhaps", bounds=True)
"""vLLM, Ollama, llama.cpp, LM Studio: they take the older field names, and ignore what they do not know."""

SCRIPTED = Family("scripted", bounds=True)

# First match wins. The API version that the anthropic SDK sends since 1.0 knows no temperature, top_p or seed.
FAMILIES: dict[Provider, tuple[tuple[str, Family], ...]] = {
    "anthropic": (
        (r"claude-(2|instant|3)", _CLAUDE._replace(name="Claude 2 and 3", schema=False, reasoning=False)),
        (r"claude-(opus|sonnet)-4-(0|\d{8})", _CLAUDE._replace(name="Claude 4.0", schema=False, reasoning=False)),
        (r"claude-(opus-4-1|(sonnet|haiku)-4-5)", _CLAUDE._replace(name="Claude 4.1 and 4.5", reasoning=False)),
        (r"claude-(opus-5-5|fable|mythos)", _CLAUDE._replace(name="Claude that always reasons", no_reasoning="")),
        (r"claude-sonnet-5-5", _CLAUDE._replace(name="Claude Sonnet 5.5", no_reasoning="between_tools")),
        (r"", _CLAUDE),
    ),
    "openai": (
        (r"(gpt-3\.5|gpt-4(-|$))", _CHAT._replace(name="GPT-3.5 and 4", schema=False, max_tokens="max_tokens")),
        (r"(gpt-4|chatgpt-4|gpt-[\d.]+-chat)", _CHAT),
        (r"o\d", _REASONING._replace(name="o-series")),
        (r"gpt-5(-|$)", _REASONING._replace(name="GPT-5")),
        (r"gpt-[\d.]+-(pro|codex)", _REASONING._replace(name="GPT pro and codex")),
        (
            r"gpt-5\.[123]",
            _REASONING._replace(name="GPT-5.1 to 5.3", temperature="without reasoning", no_reasoning="none"),
        ),
        (
            r"gpt-5\.4",
            _REASONING._replace(
                name="GPT-5.4", temperature="without reasoning", tools="without reasoning", no_reasoning="none"
            ),
        ),
        (r"", _REASONING._replace(name="GPT-5.5 and later", tools="without reasoning", no_reasoning="none")),
    ),
    "scripted": ((r"", SCRIPTED),),
}


def family_of(provider: Provider, model: str, *, base_url: str | None = None) -> Family:
    """The row of the table for a model; a server of one's own is the most permissive one."""
    if base_url is not None:
        return SERVER
    # Fine-tuned models carry their base in the name: ft:gpt-4.1-mini-2025-04-14:someone::id.
    name = model.removeprefix("ft:").lower()
    return next(family for pattern, family in FAMILIES[provider] if re.match(pattern, name))
