"""Answers that come in pieces (server-sent events, or a JSON value a line), and the whole answer that they make up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_NEW_LINE = re.compile(r"\r\n|\r|\n")
_EVENTS = re.compile(r"^(data|event|id|retry|):", re.MULTILINE)
_LAST_EVENT = re.compile(rb'^(data: ?\[DONE\]|event: ?message_stop|data: ?\{"type": ?"message_stop")', re.MULTILINE)


class Pieces(NamedTuple):
    """What an HTTP body holds.

    Attributes:
        values: JSON values in order: one where it is no stream.
        ended: The server said that it was done, as ``[DONE]``, or the body is one whole value.
        streamed: They are pieces of an answer.
    """

    values: list[Any]
    ended: bool
    streamed: bool


def is_over(body: bytes | bytearray) -> bool:
    """Whether a stream has said that it is done; some servers keep the connection open after that."""
    return _LAST_EVENT.search(body, max(0, len(body) - 400)) is not None


def read_pieces(body: bytes) -> Pieces:
    """The JSON values of a body, whether a stream was asked for or not: some servers give the other one.

    Raises:
        ValueError: There is something in it that is no JSON.
    """
    text = _decoded(body).strip()
    if not text:
        raise ValueError("the body is empty")
    try:
        return Pieces([json.loads(text)], ended=True, streamed=False)
    except (ValueError, RecursionError) as error:
        failure = ValueError(str(error))
    if text[0] in "{[<" or not _EVENTS.search(text):
        lines = [line for line in _NEW_LINE.split(text) if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
            values = [_value(line) for line in lines]
            return Pieces(values, ended=bool(values[-1].get("done")), streamed=True)
        raise failure
    values = []
    for data in _events(text):
        try:
            values.append(_value(data))
            continue
        except ValueError:
            # Some servers leave out the blank line between two events.
            lines = data.split("\n")
        for line in lines:
            if line.strip() == "[DONE]":
                return Pieces(values, ended=True, streamed=True)
            values.append(_value(line))
    return Pieces(values, ended=False, streamed=True)


def joined(pieces: Pieces, tools: frozenset[str]) -> tuple[dict[str, Any], bool]:
    """The answer that the pieces of a stream make up, in the form of one that came whole, and whether it is whole.

    Args:
        pieces: Chunks of ``chat.completion.chunk``, or the events of Anthropic's Messages.
        tools: Names of the tools on offer: they tell a name that goes on from one that is repeated.
    """
    values = [value for value in pieces.values if isinstance(value, Mapping)]
    for value in values:
        if value.get("error") or value.get("type") == "error" or value.get("object") == "error":
            return {**value, "usage": _last(values, "usage")}, False
    if any(str(value.get("type", "")).startswith(("message_", "content_block")) for value in values):
        return _joined_events(values, ended=pieces.ended)
    return _joined_chunks(values, tools, ended=pieces.ended)


def _decoded(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None


def _events(text: str) -> Iterator[str]:
    data: list[str] = []
    for line in (*_NEW_LINE.split(text), ""):
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def _last(values: Sequence[Mapping[str, Any]], name: str) -> Any:
    return next((value[name] for value in reversed(values) if value.get(name)), None)


def _joined_chunks(
    values: Sequence[Mapping[str, Any]], tools: frozenset[str], *, ended: bool
) -> tuple[dict[str, Any], bool]:
    text: dict[str, list[Any]] = {"content": [], "refusal": [], "reasoning_content": []}
    calls = _Calls(tools)
    finish: Any = None
    spoke = False
    for value in values:
        choices = value.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping):
            continue
        spoke = True
        finish = choice.get("finish_reason") or finish
        # Some servers repeat the whole message at the end: then that is what they said.
        whole = choice.get("message")
        delta = choice.get("delta") or (whole if not text["content"] and not calls.list else None)
        if not isinstance(delta, Mapping):
            text["content"].append(choice.get("text"))
            continue
        text["content"].append(delta.get("content"))
        text["refusal"].append(delta.get("refusal"))
        text["reasoning_content"].append(delta.get("reasoning_content") or delta.get("reasoning"))
        called = delta.get("tool_calls")
        for piece in called if isinstance(called, list) else (called,):
            calls.add(piece)
        if isinstance(delta.get("function_call"), Mapping):
            calls.add({"index": "function_call", "function": delta["function_call"]})
    if values and not values[-1].get("choices") and isinstance(values[-1].get("usage"), Mapping):
        # Tokens without a choice are the last thing that is sent.
        ended = True
    message: dict[str, Any] = {name: _parts(parts) for name, parts in text.items()}
    message["tool_calls"] = calls.list
    choices = [{"finish_reason": finish, "message": message}] if spoke else []
    answer = {"choices": choices, "usage": _last(values, "usage"), "model": _last(values, "model")}
    return answer, ended or finish is not None


def _parts(parts: Sequence[Any]) -> list[Any]:
    flat: list[Any] = []
    for part in parts:
        flat += part if isinstance(part, list) else [part]
    return flat


class _Calls:
    """Tool calls put together from their pieces, whose ``index``, id and name servers give, leave out or repeat."""

    def __init__(self, tools: frozenset[str]) -> None:
        self.list: list[dict[str, Any]] = []
        self._tools = tools

    def add(self, piece: Any) -> None:
        if not isinstance(piece, Mapping):
            return
        inner = piece.get("function")
        named = inner if isinstance(inner, Mapping) else piece
        index, key, name = piece.get("index"), _text(piece.get("id")), _text(named.get("name"))
        given = next((named[field] for field in ("arguments", "parameters", "args", "input") if field in named), None)
        part = given if isinstance(given, str) else "" if given is None else json.dumps(given, ensure_ascii=False)
        call = self._open(index, key, name, part)
        if call is None:
            self.list.append({"index": index, "id": key, "name": name, "arguments": part})
            return
        call["id"] = call["id"] or key
        call["name"] = self._named(call["name"], name)
        before = call["arguments"]
        # Some servers send the whole text so far each time.
        call["arguments"] = part if len(before) > 1 and part.startswith(before) else before + part

    def _open(self, index: Any, key: str, name: str, part: str) -> dict[str, Any] | None:
        """The call that a piece goes on with; None when it begins one."""
        candidates = [call for call in self.list if index is None or call["index"] == index]
        known = [call for call in candidates if key and call["id"] == key]
        if known or not candidates:
            return known[-1] if known else None
        call = candidates[-1]
        if not name:
            return call
        goes_on = name.startswith(call["name"]) and call["name"] not in self._tools
        complete = _is_object(call["arguments"])
        new_id = bool(key and call["id"])
        if name == call["name"]:
            again = complete and part != call["arguments"] and part.lstrip().startswith("{")
            return None if (new_id and (index is None or complete)) or again else call
        if index is None:
            return call if goes_on else None
        return None if complete or {name, call["name"]} <= self._tools else call

    def _named(self, known: str, name: str) -> str:
        if not name or name == known or known in self._tools:
            return known
        return name if name.startswith(known) else known + name


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _joined_events(values: Sequence[Mapping[str, Any]], *, ended: bool) -> tuple[dict[str, Any], bool]:
    """A ``message`` out of its events."""
    answer: dict[str, Any] = {"type": "message", "content": [], "stop_reason": None}
    usage: dict[str, Any] = {}
    blocks: dict[Any, dict[str, Any]] = {}
    for value in values:
        kind = value.get("type")
        part: Mapping[str, Any] = next(
            (value[n] for n in ("message", "content_block", "delta") if isinstance(value.get(n), Mapping)), {}
        )
        for told in (part.get("usage"), value.get("usage")):
            usage |= {k: v for k, v in told.items() if v is not None} if isinstance(told, Mapping) else {}
        if kind == "message_start":
            answer["model"] = part.get("model")
        elif kind == "message_delta":
            answer["stop_reason"] = part.get("stop_reason") or answer["stop_reason"]
        elif kind == "content_block_start":
            blocks[str(value.get("index"))] = dict(part)
        elif kind == "content_block_delta":
            block = blocks.setdefault(str(value.get("index")), {"type": "text"})
            _extend(block, part)
        elif kind == "message_stop":
            ended = True
    for block in blocks.values():
        if "partial" in block:
            block["input"] = block.pop("partial") or block.get("input")
    answer |= {"content": list(blocks.values()), "usage": usage}
    return answer, ended or answer["stop_reason"] is not None


def _extend(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name, into in (("text", "text"), ("partial_json", "partial"), ("thinking", "thinking"), ("signature",) * 2):
        if isinstance(delta.get(name), str):
            block[into] = _text(block.get(into)) + delta[name]
