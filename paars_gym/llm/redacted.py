"""The door to models: no request goes out with personal data in it, whoever made it.

Everything in a request that is text is redacted: all turns, what tool calls hold, and the words (not the structure) of
tools and schemas. The page of a shop is a part of a turn like others, for what a customer typed is echoed on it: titles
and reviews are redacted as well. Only the id of a product, where the shop's grammar has one, stays as it is when it
looks like a telephone or card number: a model could not act on it otherwise. Signed blocks of a provider (`native`) are
what a model said, and go back as they came.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Any

from paars_gym.llm.chat import ChatModel, Message, Reply, Request, Tool, Wrapper
from paars_gym.redaction.texts import TextRedactor

_REMEMBERED = 20_000_000
"""Characters of texts whose redaction is remembered: each turn is sent again with every later one."""
# Where pages, actions and the arguments of tool calls hold an id.
_IDS = re.compile(
    r"^ *\d+(?:\.| x) \[([^\]\s]{1,200})\]"
    r"|^[^\n\[\"]{1,200}: \[([^\]\s]{1,200})\]"
    r"|\b(?:view|add_to_cart|remove_from_cart)\[([^\]\s]{1,200})[\];,]"
    r"|(?<!\\)\"(?:id|product|product_id|item_id)\": ?\"([^\"\\\s]{1,200})\"",
    re.MULTILINE,
)
_STRUCTURE = frozenset({"type", "format", "pattern", "required", "$ref", "$schema", "$id"})


def ids_in(text: str) -> frozenset[str]:
    """Ids of products that stand where the shop's pages and actions have them, and hold a digit."""
    found = (next(filter(None, match.groups())) for match in _IDS.finditer(text))
    return frozenset(name for name in found if any(map(str.isdigit, name)))


class Redacted(Wrapper):
    """Redacts every request before the wrapped model, its cache among it, sees it.

    Args:
        model: Whom to ask.
        redactor: By default one with the usual recognisers.

    Attributes:
        counts: How many pieces of each kind were replaced, those of a text once, however often it was sent.
    """

    def __init__(self, model: ChatModel, redactor: TextRedactor | None = None) -> None:
        super().__init__(model)
        self.redactor = redactor or _usual()
        self.counts: Counter[str] = Counter()
        self._known: dict[str, str] = {}
        self._size = 0

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        return await self.model.complete(self.as_sent(request))

    def unusable(self, request: Request) -> None:
        """See `Wrapper.unusable`."""
        super().unusable(self.as_sent(request))

    def as_sent(self, request: Request) -> Request:
        """The request without personal data; the same object where there was none."""
        changes: dict[str, Any] = {}
        messages = tuple(map(self._message, request.messages))
        if any(new is not old for new, old in zip(messages, request.messages, strict=True)):
            changes["messages"] = messages
        tools = tuple(map(self._tool, request.tools))
        if any(new is not old for new, old in zip(tools, request.tools, strict=True)):
            changes["tools"] = tools
        if (schema := self._schema(request.output_schema)) != request.output_schema:
            changes["output_schema"] = schema
        return request.model_copy(update=changes) if changes else request

    def _message(self, message: Message) -> Message:
        changes: dict[str, Any] = {}
        if (text := self._text(message.text)) != message.text:
            changes["text"] = text
        calls = tuple(
            call if (arguments := self._text(call.arguments)) == call.arguments
            else call.model_copy(update={"arguments": arguments})
            for call in message.tool_calls
        )  # fmt: skip
        if calls != message.tool_calls:
            changes["tool_calls"] = calls
        return message.model_copy(update=changes) if changes else message

    def _tool(self, tool: Tool) -> Tool:
        description, parameters = self._text(tool.description), self._schema(tool.parameters)
        if description == tool.description and parameters == tool.parameters:
            return tool
        return tool.model_copy(update={"description": description, "parameters": parameters})

    def _schema(self, node: Any, key: str = "") -> Any:
        if isinstance(node, str):
            return node if key in _STRUCTURE else self._text(node)
        if isinstance(node, list):
            return [self._schema(item, key) for item in node]
        if isinstance(node, dict):
            return {name: self._schema(value, name) for name, value in node.items()}
        return node

    def _text(self, text: str) -> str:
        known = self._known.get(text)
        if known is None:
            self._size += len(text)
            if self._size > _REMEMBERED:
                self._known.clear()
                self._size = len(text)
            before = self.redactor.counts.copy()
            known = self._known[text] = self.redactor.redact(text, keep=ids_in(text))
            self.counts.update(self.redactor.counts - before)
        return known


def redacting(model: ChatModel) -> ChatModel:
    """The model, behind a door of its own unless it is behind one already."""
    return model if _door(model) else Redacted(model)


def as_sent(model: ChatModel, request: Request) -> Request:
    """The request as the model's door lets it out."""
    door = _door(model)
    return request if door is None else door.as_sent(request)


def text_as_sent(model: ChatModel, text: str) -> str:
    """A text as the model's door lets it out: for who has to know it before the answer comes, such as a choice."""
    return as_sent(model, Request(messages=(Message(role="user", text=text),))).messages[0].text


def _door(model: ChatModel) -> Redacted | None:
    inner: ChatModel | None = model
    while inner is not None and not isinstance(inner, Redacted):
        inner = inner.model if isinstance(inner, Wrapper) else None
    return inner


@cache
def _usual() -> TextRedactor:
    return TextRedactor()
