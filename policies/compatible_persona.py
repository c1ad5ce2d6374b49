"""Shoppers played by a model on a server of one's own: vLLM, Ollama, llama.cpp, LM Studio, any /v1/chat/completions.

A key is sent only if ``OPENAI_COMPATIBLE_API_KEY`` is set, and OpenAI's own never::

    ollama serve & ollama pull qwen3:8b
    paars simulate --policy policies.compatible_persona:shoppers --condition base --out RUN
"""

from __future__ import annotations

from typing import Any

from paars_gym.config import Condition
from paars_gym.shoppers.llm_prompts import Form
from paars_gym.shoppers.llm_shared import ModelShoppers, llm_shoppers

MODEL = "openai:qwen3:8b@http://127.0.0.1:11434/v1"
"""The default: where Ollama listens."""


def shoppers(
    *, condition: Condition = "persona", model: str = MODEL, form: Form = "tools", **options: Any
) -> ModelShoppers:
    """Makes the shoppers; every option of `llm_shoppers` may be given.

    ``form="json"`` holds actions to a schema, for models that are too small to call tools, and ``form="text"`` asks for
    the grammar in words, for servers that know neither.
    """
    return llm_shoppers(model=model, condition=condition, form=form, **options)
