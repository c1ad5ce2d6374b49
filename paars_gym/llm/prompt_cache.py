"""What a provider would find in its prompt cache of a session's requests, reckoned in a dry run."""

from __future__ import annotations

import re

from paars_gym.llm.chat import Request, Usage, expected_tokens
from paars_gym.llm.specs import parse_spec

_SMALLEST = (
    (r"claude-3", 2048),
    (r"claude-sonnet-4-6", 2048),
    (r"claude-(sonnet|opus-4-1|opus-4-0)", 1024),
    (r"claude", 4096),
)
"""Tokens of the shortest beginning that Anthropic keeps, by its documentation of 2026; first match wins."""
_SMALLEST_ELSEWHERE = 1024


def with_prompt_cache(before: Request | None, request: Request, spec: str) -> Usage:
    """Input of a request, told apart by what the provider has kept of the request before it in the same session.

    Anthropic keeps what our adapter marks (`AnthropicChat`), the instructions and every later end of the conversation,
    and charges for keeping it; others keep every beginning, for nothing.

    Args:
        before: The request before; None or one of another session where there is none.
        request: The request.
        spec: Of the model.
    """
    provider, model, _ = parse_spec(spec)
    marked, smallest = provider == "anthropic", _SMALLEST_ELSEWHERE
    if marked:
        smallest = next(tokens for name, tokens in ((*_SMALLEST, (r"", 4096))) if re.match(name, model))
    whole = expected_tokens(request)
    kept = _tokens(request, _end(request) if marked else len(request.messages))
    read = 0 if before is None else _tokens(request, _found(before, request, marked=marked))
    read = read if read >= smallest else 0
    written = kept - read if marked and kept >= smallest else 0
    return Usage(input=whole - read - written, cache_read=read, cache_write=written)


def _found(before: Request, request: Request, *, marked: bool) -> int:
    """How many of the request's messages were kept."""
    if (before.tools, before.output_schema) != (request.tools, request.output_schema):
        return 0
    common = 0
    for old, new in zip(before.messages, request.messages, strict=False):
        if old != new:
            break
        common += 1
    if not marked:
        return common
    return next((end for end in (_end(before), _instructions(before)) if end <= common), 0)


def _end(request: Request) -> int:
    """How many messages stand before the last mark."""
    turns = any(message.role == "assistant" for message in request.messages)
    return len(request.messages) if turns else _instructions(request)


def _instructions(request: Request) -> int:
    return sum(message.role == "system" for message in request.messages)


def _tokens(request: Request, messages: int) -> int:
    return expected_tokens(request.model_copy(update={"messages": request.messages[:messages]})) if messages else 0
