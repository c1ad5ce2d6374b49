"""Requests to a chat model and its replies, whoever provides it; `ChatModel` is what all of them implement."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from paars_gym.llm.families import Family

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "tool_calls", "length", "refusal"]
Effort = Literal["none", "minimal", "low", "medium", "high"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(_Frozen):
    """A tool that the model wants called.

    Attributes:
        id: The provider's id, repeated in the answer to it.
        name: As the model wrote it; it need not be a tool that was offered.
        arguments: JSON text as the model wrote it; it may be cut off or no JSON at all.
    """

    id: str
    name: str
    arguments: str


class Message(_Frozen):
    """One turn of a conversation.

    Attributes:
        role: ``tool`` answers the tool call ``call_id``.
        text: May be empty in an assistant's turn that only calls tools.
        tool_calls: Of an assistant's turn.
        call_id: Of a tool's turn.
        native: The provider's own blocks of an assistant's turn (signed reasoning among them), which that provider
            wants back as they were. They are bound to what came before: whoever changes earlier turns clears them.
    """

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    native: tuple[dict[str, Any], ...] = ()


class Tool(_Frozen):
    """A function that the model may call; ``parameters`` is the JSON schema of its arguments, an object."""

    name: str
    description: str
    parameters: dict[str, Any]

    @cached_property
    def size(self) -> int:
        """Bytes of its text; the same few tools go with every request of a session."""
        return len(f"{self.name}{self.description}{self.parameters}".encode())


class Request(_Frozen):
    """One question to a model. What a model family does not accept is left out when it is sent.

    Attributes:
        messages: System turns first: tools and system turns are the stable prefix that providers cache.
        tools: In a fixed order, for the same reason.
        output_schema: JSON schema that the answer's text has to fit.
        temperature: None leaves it to the provider.
        max_tokens: Most tokens of the answer, reasoning included.
        seed: For servers that take one.
        reasoning: How much to think before the answer, where a model can be told.
        draw: Which of several answers to the same question this is; part of the cache's key, never sent.
    """

    messages: tuple[Message, ...] = Field(min_length=1)
    tools: tuple[Tool, ...] = ()
    output_schema: dict[str, Any] | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int = Field(default=1024, ge=1)
    seed: int | None = None
    reasoning: Effort | None = None
    draw: int = 0


class Usage(_Frozen):
    """Tokens, by what they cost. All input = input + cache_read + cache_write; output includes reasoning."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input=self.input + other.input,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
        )

    @property
    def all_input(self) -> int:
        """Input tokens of every price."""
        return self.input + self.cache_read + self.cache_write

    @property
    def cached_share(self) -> float:
        """Share of the input that the provider had in its prompt cache; 0 without input."""
        return self.cache_read / self.all_input if self.all_input else 0.0


class Reply(_Frozen):
    """What the model answered.

    Attributes:
        text: Without reasoning; what a refusal says, for a refusal.
        tool_calls: In order.
        finish: Why it ended.
        usage: As the provider counts.
        model: Name that the provider gives itself.
        dropped: Parts of the request that were not sent because the model does not accept them.
        native: See :class:`Message`.
        cached: True when it came from our own cache and cost nothing now.
        usd: Price of this call; None when no price is known, 0 when it came from our cache.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    usage: Usage = Usage()
    model: str = ""
    dropped: tuple[str, ...] = ()
    native: tuple[dict[str, Any], ...] = ()
    cached: bool = False
    usd: float | None = None

    def message(self) -> Message:
        """The turn to append to the conversation."""
        return Message(role="assistant", text=self.text, tool_calls=self.tool_calls, native=self.native)


class ChatModel(Protocol):
    """Anything that answers requests: an adapter of a provider, or a wrapper around another ChatModel."""

    @property
    def spec(self) -> str:
        """Names the model, for example ``openai:gpt-4.1-mini``; never holds a key."""
        ...

    @property
    def family(self) -> Family:
        """What the model accepts."""
        ...

    async def complete(self, request: Request) -> Reply:
        """Answers.

        Raises:
            ModelError: One of :mod:`paars_gym.llm.errors`.
        """
        ...

    async def aclose(self) -> None:
        """Gives connections and files back."""
        ...


class Wrapper:
    """What the wrappers share: the wrapped model's name and abilities, and closing it."""

    def __init__(self, model: ChatModel) -> None:
        self.model = model

    @property
    def spec(self) -> str:
        """The wrapped model's."""
        return self.model.spec

    @property
    def family(self) -> Family:
        """The wrapped model's."""
        return self.model.family

    def unusable(self, request: Request) -> None:
        """Says that the reply to a request is none that can be used, for a cache within."""
        if isinstance(self.model, Wrapper):
            self.model.unusable(request)

    async def aclose(self) -> None:
        """Closes the wrapped model."""
        await self.model.aclose()


def sound(text: str) -> str:
    """Text without lone halves of surrogate pairs, which no request could carry."""
    return text.encode("utf-8", "replace").decode()


def untagged(text: str) -> str:
    """Text of others that can neither open nor close a tag of ours around it, and holds no lone half of a pair."""
    return sound(text.replace("<", "‹"))


def tokens_in(size: int) -> int:
    """About how many tokens a text of so many bytes of UTF-8 has: one per 3.5, rounded up.

    English prose has a token every 4 to 4.5 characters with today's tokenizers and lists of products one every 3.5, so
    this errs on the side of too many. No tokenizer is asked: each provider has its own.
    """
    return -(-size * 2 // 7)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has; see :func:`tokens_in`."""
    return tokens_in(len(text.encode()))


def expected_tokens(request: Request) -> int:
    """About how many input tokens a request has, tools and schema included."""
    texts = [message.text for message in request.messages]
    texts += [call.arguments for message in request.messages for call in message.tool_calls]
    texts.append(str(request.output_schema or ""))
    size = len("".join(texts).encode()) + sum([tool.size for tool in request.tools])
    return tokens_in(size) + 4 * len(request.messages)


def fit(request: Request, family: Family) -> tuple[Request, tuple[str, ...]]:
    """The request as this family takes it, and the names of what was dropped, sorted.

    An effort that was changed, or chosen by us, is named with its value: ``reasoning=none``.

    A model that accepts tools or a temperature only without reasoning is asked not to reason, unless (for the
    temperature) the request wants reasoning.
    """
    changes: dict[str, object] = {}
    dropped: set[str] = set()
    effort = request.reasoning
    if effort is not None and not family.reasoning:
        # A model that cannot reason does as asked when it is asked not to.
        changes["reasoning"], effort = None, None
        if request.reasoning != "none":
            dropped.add("reasoning")
    if effort == "none" and not family.no_reasoning and family.reasoning:
        changes["reasoning"] = effort = "low"
        dropped.add("reasoning")
    if request.tools and family.tools == "without reasoning" and effort != "none":
        changes["reasoning"] = "none"
        if effort is not None:
            dropped.add("reasoning")
        effort = "none"
    if request.temperature is not None:
        if family.temperature == "without reasoning" and effort in (None, "none"):
            changes["reasoning"] = effort = "none"
        elif family.temperature is not True:
            changes["temperature"] = None
            dropped.add("temperature")
    for name, accepted in (("seed", family.seed), ("tools", family.tools), ("output_schema", family.schema)):
        if getattr(request, name) not in (None, ()) and not accepted:
            changes[name] = () if name == "tools" else None
            dropped.add(name)
    if effort not in (None, request.reasoning):
        dropped = {*dropped - {"reasoning"}, f"reasoning={effort}"}
    return request.model_copy(update=changes) if changes else request, tuple(sorted(dropped))
