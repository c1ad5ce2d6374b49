"""Shoppers played by a model of OpenAI's, under any condition of Table 3: one model, shared by all of a run.

Needs ``OPENAI_API_KEY``::

    paars simulate --policy policies.openai_persona:shoppers --condition persona --personas personas.jsonl --out RUN
"""

from __future__ import annotations

from typing import Any

from paars_gym.config import Condition
from paars_gym.shoppers.llm_shared import ModelShoppers, llm_shoppers

MODEL = "openai:gpt-4.1-mini"
"""The default: without reasoning, so that the temperatures (1 in sessions, 0 for single answers) can be set."""


def shoppers(*, condition: Condition = "persona", model: str = MODEL, **options: Any) -> ModelShoppers:
    """Makes the shoppers; every option of `llm_shoppers` may be given, such as ``max_usd`` or ``cache``."""
    return llm_shoppers(model=model, condition=condition, **options)
