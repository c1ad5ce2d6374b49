"""Chat models behind one protocol, and what is needed to pay for them: retries, limits, a cache, a budget, batches."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paars_gym.llm.budget import Metered
    from paars_gym.llm.chat import ChatModel, Message, Reply, Request, Tool, ToolCall, Usage
    from paars_gym.llm.errors import ModelError
    from paars_gym.llm.stack import Stack, make_model, open_model

__all__ = [
    "ChatModel",
    "Message",
    "Metered",
    "ModelError",
    "Reply",
    "Request",
    "Stack",
    "Tool",
    "ToolCall",
    "Usage",
    "make_model",
    "open_model",
]

_HOMES = {"Metered": "budget", "ModelError": "errors", "Stack": "stack", "make_model": "stack", "open_model": "stack"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Late: the command line needs the errors alone, and pydantic models take a quarter of a second to build.
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'chat')}"), name)
