"""What the adapters share: which of our errors an SDK's is, and how a JSON schema is written for a provider."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from paars_gym.exit_codes import ExitCode
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
from paars_gym.prompts import FORM

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
_KEY = re.compile(r"\b(?:sk|rk|pk)-[\w*-]{8,}|(?<=Bearer )[\w.~+/=*-]{8,}")
_REFUSALS = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
_BUSY = frozenset({"overloaded_error", "rate_limit_error", "rate_limit_exceeded"})
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_error", "insufficient_funds"})
_SAYS_NO_CREDIT = re.compile(
    r"credit balance is too low|exceeded your current quota|insufficient[ _](credits?|funds|balance|quota)"
    r"|out of credits?|no credits? left|billing hard limit",
    re.IGNORECASE,
)


def scrub(text: str, secrets: Sequence[str]) -> str:
    """The text without keys, should a server repeat them in any form, and not longer than a log line should be."""
    for secret in sorted({secret.strip() for secret in secrets if len(secret.strip()) >= 4}, key=len, reverse=True):
        for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], b64encode(secret.encode()).decode()):
            text = text.replace(form, "[key]")
    text = _KEY.sub("[key]", text)
    return text if len(text) <= 400 else text[:400] + "…"


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
    if status == 402 or code in _NO_CREDIT or (status in (400, 403, 429) and _SAYS_NO_CREDIT.search(text)):
        return OutOfCreditError(f"The account has nothing left to spend: add credit, and go on. {said}")
    if status in (401, 403):
        refused = MissingKeyError(f"The server does not accept the key in {key_name}, set one that it does: {said}")
        refused.exit_code = ExitCode.MODEL_FAILED
        return refused
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


def as_model_error(error: Exception, *, secrets: Sequence[str], key_name: str, began: bool = False) -> ModelError:
    """Our error for whatever an SDK, its HTTP client or our own code raised; its text holds no key.

    Args:
        error: What was raised.
        secrets: Keys.
        key_name: Name of the key's variable.
        began: An answer with status 200 had begun.
    """
    kind = type(error).__name__
    if isinstance(error, ModelError):
        error.args = (scrub(str(error), secrets),)
        return error
    status = getattr(error, "status_code", None)
    text = scrub(str(getattr(error, "message", "") or error) or kind, secrets)
    if isinstance(status, int) and not began:
        code = getattr(error, "code", None) or getattr(error, "type", None) or ""
        response = getattr(error, "response", None)
        headers = getattr(response, "headers", {})
        if 300 <= status < 400:
            where = scrub(str(headers.get("location", "nowhere")), secrets)
            return RequestError(f"HTTP {status}: the server sends us on to {where}: name that URL if it is meant.")
        ours = status_error(status, text, code=str(code), headers=headers, key_name=key_name)
        if isinstance(ours, RequestError) and code in ("unsupported_parameter", "unsupported_value"):
            ours.parameter = str(getattr(error, "param", None) or "")
        return ours
    if "Timeout" in kind:
        late = ModelTimeoutError(f"No answer in time ({kind}).")
        late.lost = not (began or _unsent(error))
        return late
    if kind == "APIResponseValidationError" or isinstance(error, json.JSONDecodeError):
        return BrokenReplyError(f"The answer is not what the protocol promises ({kind}): {text}")
    if kind in ("InvalidURL", "UnsupportedProtocol", "LocalProtocolError") or (
        not began and isinstance(error, ValueError | TypeError)
    ):
        return RequestError(f"The request could not be sent ({kind}): {text}")
    broken = UnreachableError(f"The connection failed or broke off ({kind}): {text}")
    broken.lost = not (began or _unsent(error))
    return broken


def _unsent(error: BaseException) -> bool:
    """Whether there was no connection: then nobody has read the request."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    return any(type(one).__name__ in ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError") for one in causes)


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
    return FORM.format(schema=text)
