"""Which of our errors is it, when an SDK raises? Shared by the adapters, whose SDKs name things alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

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
from paars_gym.llm.schema import in_words

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
