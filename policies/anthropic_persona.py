"""Shoppers played by a model of Anthropic's, under any condition of Table 3: one model, shared by all of a run.

Needs ``ANTHROPIC_API_KEY``::

    paars simulate --policy policies.anthropic_persona:shoppers --condition persona --personas personas.jsonl --out RUN
"""

from __future__ import annotations

from typing import Any

from paars_gym.config import Condition
from paars_gym.shoppers.llm_shared import ModelShoppers, llm_shoppers

MODEL = "anthropic:claude-haiku-4-5"
"""The default: quick and cheap. It takes no temperature (no model of this API version does)."""


def shoppers(*, condition: Condition = "persona", model: str = MODEL, **options: Any) -> ModelShoppers:
    """Makes the shoppers; every option of `llm_shoppers` may be given, such as ``max_usd`` or ``cache``."""
    return llm_shoppers(model=model, condition=condition, **options)
