"""Whether models answer: one tiny request to each, for ``paars doctor --ask``."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence

from paars_gym.cli.installed import KEYS, Finding
from paars_gym.config import BudgetConfig
from paars_gym.llm.chat import Message, Request
from paars_gym.llm.errors import ModelError
from paars_gym.llm.stack import open_model
from paars_gym.simulation.steps import environment_keys, without_keys

PART = "models that were asked"
USUAL = {"ANTHROPIC_API_KEY": "anthropic:claude-haiku-4-5", "OPENAI_API_KEY": "openai:gpt-4.1-mini"}
"""Asked where their key is set: small models that are likely to be there for years."""
QUESTION = Request(messages=(Message(role="user", text="Reply with the one word yes."),), max_tokens=16)
PATIENCE_SECONDS = 20.0


def models_to_ask(named: Sequence[str]) -> list[str]:
    """Those that are named, else a small one of each provider whose key is set."""
    return list(named) or [spec for key, spec in USUAL.items() if os.environ.get(key, "").strip()]


def ask_models(specs: Sequence[str]) -> list[Finding]:
    """What each model answered, or why it did not.

    Args:
        specs: As of ``--model``.

    Raises:
        ValueError: A spec is none.
    """
    if not specs:
        to_do = f"set one of {', '.join(KEYS)}, or name a model: paars doctor --ask --model ollama:NAME"
        return [Finding(PART, "none", "optional", "no key is set, and no model named", to_do)]
    return [asyncio.run(_asked(spec)) for spec in specs]


async def _asked(spec: str) -> Finding:
    started = time.perf_counter()
    try:
        model = open_model(spec, BudgetConfig(attempts=1, timeout_seconds=PATIENCE_SECONDS, concurrency=1))
        try:
            reply = await model.complete(QUESTION)
        finally:
            await model.aclose()
    except ModelError as error:
        # A server may quote the key that it refuses.
        said = without_keys(" ".join(str(error).split()), environment_keys())[:300]
        return Finding(
            PART, spec, "missing", f"{type(error).__name__}: {said}", "see above; the others are not touched"
        )
    seconds = time.perf_counter() - started
    text = without_keys(" ".join(reply.text.split()), environment_keys())[:40]
    return Finding(PART, spec, "ok", f"answered {text!r} after {seconds:.1f} s")
