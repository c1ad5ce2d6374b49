"""Chat models behind one protocol, and what is needed to pay for them: retries, limits, a cache, a budget, batches."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.llm.budget import Metered as Metered
    from paars_gym.llm.chat import ChatModel as ChatModel
    from paars_gym.llm.chat import Message as Message
    from paars_gym.llm.chat import Reply as Reply
    from paars_gym.llm.chat import Request as Request
    from paars_gym.llm.chat import Tool as Tool
    from paars_gym.llm.chat import ToolCall as ToolCall
    from paars_gym.llm.chat import Usage as Usage
    from paars_gym.llm.errors import ModelError as ModelError
    from paars_gym.llm.stack import Stack as Stack
    from paars_gym.llm.stack import make_model as make_model
    from paars_gym.llm.stack import open_model as open_model
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "ChatModel": "chat",
            "Message": "chat",
            "Metered": "budget",
            "ModelError": "errors",
            "Reply": "chat",
            "Request": "chat",
            "Stack": "stack",
            "Tool": "chat",
            "ToolCall": "chat",
            "Usage": "chat",
            "make_model": "stack",
            "open_model": "stack",
        },
    )
