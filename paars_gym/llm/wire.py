"""What the adapters share: which of our errors an SDK's is, and how a JSON schema is written for a provider."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from paars_gym.llm.chat import Message, Request
from paars_gym.llm.errors import (
    BrokenReplyError,
    ContextLengthError,
    MissingKeyError,
    ModelError,
    ModelTimeoutError,
    OutOfCreditError,
    RateLimitError,
    RefusedError,
    RequestError,
    ServerError,
    UnreachableError,
)

_BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
)
_NOISE = ("default", "title")
_TOO_LONG = re.compile(
    r"context.{0,3}(length|window|size)|maximum context|prompt is too long|too many (input )?tokens", re.IGNORECASE
)
_REFUSALS = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
_BUSY = frozenset({"overloaded_error", "rate_limit_error", "rate_limit_exceeded"})
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_error"})


def scrub(text: str, secret: str) -> str:
    """The text without the key, should a server repeat it, and not longer than a log line should be."""
    clean = text.replace(secret, "[key]") if len(secret) >= 6 else text
    return clean if len(clean) <= 400 else clean[:400] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks us to wait: ``retry-after-ms``, or ``Retry-After`` as seconds or as a date."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def status_error(
    status: int, text: str, *, code: str = "", headers: Mapping[str, str] | None = None, key_name: str = ""
) -> ModelError:
    """Our error for an HTTP status; ``code`` is the provider's word for it, where it gives one."""
    said = f"HTTP {status}{f' ({code})' if code else ''}: {text}"
    wait = retry_after(headers or {})
    if status in (401, 403):
        return MissingKeyError(f"The server does not accept the key in {key_name}: {said}")
    if status == 402 or code in _NO_CREDIT:
        return OutOfCreditError(said)
    if status in (429, 503, 529) or code in _BUSY:
        return RateLimitError(said, retry_after=wait)
    # Below 400: an error that arrives inside a stream that had begun well.
    if status < 400 or status >= 500 or status in (408, 409):
        return ServerError(said, retry_after=wait)
    if code in _REFUSALS:
        return RefusedError(said)
    if status == 413 or code == "context_length_exceeded" or (status == 400 and _TOO_LONG.search(text)):
        return ContextLengthError(said)
    return RequestError(said)


def as_model_error(error: Exception, *, secret: str, key_name: str) -> ModelError:
    """Our error for whatever an SDK, its HTTP client or the JSON decoder raised; its text holds no key."""
    kind = type(error).__name__
    status = getattr(error, "status_code", None)
    text = scrub(str(getattr(error, "message", "") or error) or kind, secret)
    if kind == "APIResponseValidationError" or isinstance(error, ValueError):
        return BrokenReplyError(f"The answer is not what the protocol promises ({kind}): {text}")
    if isinstance(status, int):
        code = getattr(error, "code", None) or getattr(error, "type", None) or ""
        response = getattr(error, "response", None)
        headers = getattr(response, "headers", {})
        return status_error(status, text, code=str(code), headers=headers, key_name=key_name)
    if "Timeout" in kind:
        return ModelTimeoutError(f"No answer in time ({kind}).")
    if kind == "APIError":
        # An error that arrives inside a stream, after the status 200.
        return ServerError(f"The server broke off: {text}")
    return UnreachableError(f"The connection failed or broke off ({kind}): {text}")


def told_schema(request: Request) -> Request:
    """The request with its schema in words at the end of the last user turn, for models that do not enforce one."""
    if request.output_schema is None:
        return request
    words = in_words(request.output_schema)
    messages = list(request.messages)
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "user":
            messages[index] = messages[index].model_copy(update={"text": f"{messages[index].text}\n\n{words}"})
            break
    else:
        messages.append(Message(role="user", text=words))
    return request.model_copy(update={"messages": tuple(messages)})


def enforceable(schema: dict[str, Any], *, bounds: bool) -> dict[str, Any]:
    """The schema as OpenAI's and Anthropic's structured outputs take it.

    Every object is closed and all its properties are required; defaults, titles and docstrings go; a ``$ref`` stands
    alone; and without ``bounds`` the limits move into the description, where the model reads them.
    """
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    result = {key: value for key, value in schema.items() if key not in _NOISE}
    for name in ("properties", "$defs"):
        if name in result:
            result[name] = {key: enforceable(value, bounds=bounds) for key, value in result[name].items()}
    for name in ("anyOf", "oneOf", "allOf"):
        if name in result:
            result["allOf" if name == "allOf" else "anyOf"] = [
                enforceable(value, bounds=bounds) for value in result.pop(name)
            ]
    if isinstance(result.get("items"), dict):
        result["items"] = enforceable(result["items"], bounds=bounds)
    if result.get("type") == "object":
        # What a class is for is told in the prompt; its docstring is for programmers.
        result.pop("description", None)
        result["additionalProperties"] = False
        result["required"] = list(result.get("properties", {}))
    if not bounds:
        limits = [f"{name} {result.pop(name)}" for name in _BOUNDS if name in result]
        if limits:
            result["description"] = "; ".join([*([result["description"]] if "description" in result else []), *limits])
    return result


def in_words(schema: dict[str, Any]) -> str:
    """A sentence to add to a question for a model that cannot be held to a schema."""
    text = json.dumps(enforceable(schema, bounds=True), separators=(",", ":"), ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It has to fit this JSON schema:\n{text}"
