"""The one reader of what servers answer: an HTTP body, whoever's, becomes a `Reply`, or a `ModelError` is raised.

Tolerant in what it takes (either provider's form, whole or in pieces, with the ways of compatible servers: see
``tests/redteam/replies``), strict in what it gives.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from paars_gym.llm.chat import Finish, Reply, Request, ToolCall, Usage, sound
from paars_gym.llm.errors import (
    BrokenReplyError,
    MissingKeyError,
    ModelError,
    OutOfCreditError,
    RateLimitError,
    RequestError,
    ServerError,
)
from paars_gym.llm.streams import joined, read_pieces
from paars_gym.llm.wire import status_error
from paars_gym.llm.written import Written, called, end_of_thought, tool_name, unfenced, without_thoughts, written_calls

_FINISHES: dict[Finish, tuple[str, ...]] = {
    "length": ("length", "max_tokens", "max_length", "model_length", "model_context_window_exceeded"),
    "refusal": ("content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist"),
    "tool_calls": ("tool_calls", "tool_call", "tool_use", "function_call"),
}
_FINISH = {word: finish for finish, words in _FINISHES.items() for word in words}
_MOST_TOKENS = 10**9
_REASONED = ("reasoning_content", "reasoning", "thinking")


class Asked(NamedTuple):
    """What was asked, as far as reading the answer takes it.

    Attributes:
        spec: Of the model.
        tools: Names of the tools on offer; without any, text stays text.
        turn: Tells this request from the others of a conversation: ids that a server leaves out are made from it.
        dropped: What was not sent.
    """

    spec: str
    tools: frozenset[str] = frozenset()
    turn: str = ""
    dropped: tuple[str, ...] = ()

    @classmethod
    def by(cls, spec: str, request: Request, dropped: tuple[str, ...]) -> Asked:
        """What a request asks."""
        names = frozenset(tool.name for tool in request.tools)
        return cls(spec, names, f"{request.seed}:{request.draw}:{len(request.messages)}", dropped)


def read_reply(answer: bytes | Mapping[str, Any], asked: Asked) -> Reply:
    """Reads an answer that came with status 200.

    Args:
        answer: The HTTP body, or a JSON object out of a batch.
        asked: What it answers.

    Raises:
        BrokenReplyError: It is no answer.
        ModelError: It tells of an error, as gateways do with status 200.
    """
    payload, whole = _payload(answer, asked) if isinstance(answer, bytes) else (answer, True)
    usage = read_usage(payload.get("usage") or payload.get("usageMetadata") or payload)
    try:
        _check_error(payload, asked)
        reply = _message(payload, asked) if "choices" not in payload else _choice(payload, asked)
        if not whole:
            raise BrokenReplyError(f"{asked.spec} broke off: the answer has no end.")
    except ModelError as error:
        # A server that says it did not take the request has not answered it.
        error.answered = not isinstance(error, RateLimitError | MissingKeyError | OutOfCreditError | RequestError)
        error.usage = usage if usage != Usage() else None
        raise
    name = payload.get("model") or asked.spec.partition(":")[2]
    return reply.model_copy(update={"usage": usage, "model": sound(str(name))})


def read_usage(told: Any) -> Usage:
    """Tokens by kind under any provider's names; `Usage()` where it tells nothing that can be."""
    if not isinstance(told, Mapping):
        return Usage()
    prompt, completion = (_mapping(told.get(f"{side}_tokens_details")) for side in ("prompt", "completion"))
    output_details = _mapping(told.get("output_tokens_details"))
    output = _first(told, "completion_tokens", "output_tokens", "eval_count", "candidatesTokenCount")
    reasoning = _first(completion, "reasoning_tokens") or _first(output_details, "thinking_tokens", "reasoning_tokens")
    if "input_tokens" in told and "prompt_tokens" not in told:
        read = _first(told, "cache_read_input_tokens")
        written = _first(told, "cache_creation_input_tokens")
        return Usage(
            input=_first(told, "input_tokens"), cache_read=read, cache_write=written, output=output, reasoning=reasoning
        )
    everything = _first(told, "prompt_tokens", "prompt_eval_count", "promptTokenCount")
    read = min(everything, _first(prompt, "cached_tokens"))
    written = min(everything - read, _first(prompt, "cache_write_tokens"))
    return Usage(
        input=everything - read - written, cache_read=read, cache_write=written, output=output, reasoning=reasoning
    )


def arguments_text(value: Any) -> str:
    """A call's arguments as JSON text of one object, where they can be read as one; otherwise as they were."""
    if isinstance(value, str) and _is_object(value):
        return sound(value.strip())
    parsed = value
    for _ in range(3):
        # Some servers encode the text once more.
        if isinstance(parsed, str):
            parsed = _parsed(parsed)
    if parsed is None or parsed == "":
        return "{}"
    if isinstance(parsed, list) and len(parsed) == 1:
        parsed = parsed[0]
    if isinstance(value, str) and not isinstance(parsed, Mapping):
        return sound(value)
    return sound(json.dumps(parsed, ensure_ascii=False, default=str, skipkeys=True))


def _payload(body: bytes, asked: Asked) -> tuple[Mapping[str, Any], bool]:
    failure: BrokenReplyError
    try:
        pieces = read_pieces(body)
        if pieces.streamed:
            return joined(pieces, asked.tools)
        value = pieces.values[0]
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            # Gemini's gateway puts an error into a list.
            value = value[0]
        if isinstance(value, Mapping):
            return value, True
        failure = _broken(asked, f"a {type(value).__name__} and no object", body)
    except ValueError as error:
        failure = _broken(asked, str(error), body)
    failure.answered = True
    raise failure


def _broken(asked: Asked, why: str, body: bytes) -> BrokenReplyError:
    shown = " ".join(body[:160].decode("utf-8", "replace").split())
    hint = " A web page: is the URL that of an API, with /v1 at its end?" if "<html" in shown.lower() else ""
    return BrokenReplyError(f"{asked.spec} gave no answer that can be read ({why}): {shown!r}.{hint}")


def _check_error(payload: Mapping[str, Any], asked: Asked) -> None:
    """Raises what the answer calls an error."""
    choices = payload.get("choices")
    error = payload.get("error")
    if not error and isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        error = choices[0].get("error")
    if not error and (payload.get("object") == "error" or payload.get("type") == "error"):
        error = payload
    if not error and not {"choices", "content", "message", "response"} & payload.keys():
        error = payload.get("detail") or payload.get("errors")
    if not error:
        return
    if isinstance(error, list):
        error = error[0]
    if not isinstance(error, Mapping):
        error = {"message": str(error)}
    words = error.get("message") or error.get("detail") or json.dumps(error, default=str)
    code, kind = error.get("code"), str(error.get("type") or "")
    status = _count(error.get("status")) or _count(code) or _count(payload.get("code"))
    if not 400 <= status < 600:
        status = 400 if kind in ("invalid_request_error", "BadRequestError") else 200
        status = 401 if kind in ("authentication_error", "permission_error") else status
    code = kind if not isinstance(code, str) or code.isdigit() else code
    if status < 400 and code in ("context_length_exceeded", "content_filter", "content_policy_violation"):
        status = 400
    raise status_error(status, f"{asked.spec}: {sound(str(words))[:300]}", code=code)


def _choice(payload: Mapping[str, Any], asked: Asked) -> Reply:
    """A ``chat.completion``."""
    choices = payload.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else choices
    if not isinstance(choice, Mapping):
        raise BrokenReplyError(f"{asked.spec} answered without choices.")
    message = choice.get("message") or choice.get("delta")
    if message is None and "text" not in choice:
        raise BrokenReplyError(f"{asked.spec} answered with a choice without a message.")
    if not isinstance(message, Mapping):
        message = {"content": choice.get("text") if message is None else message}
    return _said(message, choice.get("finish_reason"), asked)


def _message(payload: Mapping[str, Any], asked: Asked) -> Reply:
    """A ``message`` of Anthropic's, or an answer whose message stands by itself, as in Ollama's own API."""
    inner = payload.get("message")
    if isinstance(inner, Mapping):
        return _said(inner, payload.get("done_reason") or payload.get("finish_reason"), asked)
    content = payload.get("content")
    if content is None or not (payload.get("stop_reason") or content):
        raise BrokenReplyError(f"{asked.spec} gave an answer without choices and without content.")
    blocks: Sequence[Any] = content if isinstance(content, list) else [{"type": "text", "text": content}]
    used = [block for block in blocks if isinstance(block, Mapping) and block.get("type") == "tool_use"]
    texts = [block for block in blocks if block not in used]
    reply = _said({"content": texts, "tool_calls": used}, payload.get("stop_reason"), asked)
    # Reasoning is signed, and wanted back before the results of the tools that it called.
    if used and any(isinstance(block, Mapping) and "thinking" in str(block.get("type")) for block in blocks):
        # Neither lone halves of pairs nor numbers that JSON has not: both would break the next request.
        text = sound(json.dumps([block for block in blocks if isinstance(block, Mapping)], ensure_ascii=False))
        native = json.loads(text, parse_constant=lambda _: None)
        kept = ({name: part for name, part in block.items() if part is not None} for block in native)
        return reply.model_copy(update={"native": tuple(kept)})
    return reply


def _said(message: Mapping[str, Any], ended: Any, asked: Asked) -> Reply:
    """A reply out of one message, in whichever form its parts are."""
    reason = str(ended or "").lower()
    finish = _FINISH.get(reason, "stop")
    refusal = _text(message.get("refusal"))
    if reason == "error":
        raise ServerError(f"{asked.spec} broke off with an error.")
    native = message.get("tool_calls")
    native = [*(native if isinstance(native, list) else [native]), message.get("function_call")]
    calls = [call for call in map(called, native) if call is not None]
    keys = [_key(value) for value in native if called(value) is not None]
    text = _text(message.get("content"))
    if not refusal:
        text = without_thoughts(text, cut=finish == "length")
        if not text.strip() and not calls and finish != "length":
            text = end_of_thought(next((said for name in _REASONED if (said := _text(message.get(name)))), ""))
        if asked.tools and not calls:
            text, calls = written_calls(text, asked.tools)
    made = _tool_calls(calls, keys, asked)
    if refusal or finish == "refusal":
        finish = "refusal"
    elif made and finish == "stop":
        finish = "tool_calls"
    elif not made and finish == "tool_calls":
        finish = "stop"
    return Reply(text=sound(refusal or text), tool_calls=made, finish=finish, dropped=asked.dropped)


def _tool_calls(calls: Sequence[Written], keys: Sequence[str], asked: Asked) -> tuple[ToolCall, ...]:
    made: list[ToolCall] = []
    for index, call in enumerate(calls):
        arguments = arguments_text(call.arguments)
        key = keys[index] if index < len(keys) else ""
        if not key or any(other.id == key for other in made):
            # Nine letters and digits: Mistral takes no other.
            words = f"{asked.turn}:{index}:{call.name}:{arguments}".encode("utf-8", "replace")
            key = hashlib.sha256(words).hexdigest()[:9]
        made.append(ToolCall(id=key, name=tool_name(call.name, asked.tools) or sound(call.name), arguments=arguments))
    return tuple(made)


def _key(value: Any) -> str:
    key = value.get("id") or value.get("tool_call_id") if isinstance(value, Mapping) else None
    return sound(str(key)) if isinstance(key, str | int) else ""


def _text(content: Any) -> str:
    """The text of a message's content: a string, or a list of parts of which reasoning is none."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, Mapping):
        if not (content.get("type") in (None, "text", "output_text", "refusal") and "text" in content):
            return "" if "type" in content else json.dumps(content, ensure_ascii=False)
        return _text(content["text"])
    if isinstance(content, list):
        return "".join(_text(part) for part in content)
    return json.dumps(content)


def _parsed(text: str) -> Any:
    """The value of a text that should be one JSON object; None for an empty one, the text itself where it is none."""
    plain = unfenced(text)
    if not plain:
        return None
    try:
        value, end = json.JSONDecoder().raw_decode(plain)
        rest = plain[end:].strip()
        # A server that repeats the end of a call: {}"" or the whole object once more.
        if not rest or (isinstance(value, dict) and rest in ('""', "''", "{}", "null", plain[:end].strip())):
            return value
    except (ValueError, RecursionError):
        pass
    try:
        # Small models write single quotes.
        return ast.literal_eval(plain) if plain.startswith("{") and len(plain) < 4_000 else text
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(told: Mapping[str, Any], *names: str) -> int:
    return next((count for name in names if (count := _count(told.get(name)))), 0)


def _count(value: Any) -> int:
    """A number of tokens; 0 for what can be none."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return 0
    return int(number) if math.isfinite(number) and 0 < number <= _MOST_TOKENS else 0
