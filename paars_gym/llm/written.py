"""Thoughts and tool calls that a model writes into its text, in the forms that model families were taught.

Hermes and Qwen, Mistral, Llama, GLM, DeepSeek, Kimi, gpt-oss, Granite, Phi, Cohere, MiniMax: where a server knows the
form it gives calls as such; where it does not, they come as text.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

_THOUGHT = r"think|thinking|thought|thoughts|reasoning|reflection|seed:think"
_OPEN = re.compile(rf"\s*(?:<({_THOUGHT})>|\[THINK\]|◁think▷)", re.IGNORECASE)
_CLOSE = re.compile(rf"</(?:{_THOUGHT})>|\[/THINK\]|◁/think▷", re.IGNORECASE)
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>(.*)", re.DOTALL)
_END = re.compile(r"(\s*(<\|(im_end|eot_id|eom_id|endoftext|end|return|call|eot)\|>|</s>|<end_of_turn>|<eos>))+\s*$")
_MARK = re.compile(
    r"<(?:\w+:)?tool_calls?>|<toolcall>|<\|tool_call|<function_?calls?>|<function=|<tool_use>|<(?:\w+:)?invoke\s|\[TOOL_CALLS\]"
    r"|<\|python_tag\|>|<｜tool▁calls?▁begin｜>|<\|START_ACTION\|>|\bfunctools\[|```tool_(?:call|code)\b"
    r"|<\|channel\|>\s*commentary\s+to=",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[\w-]*[ \t]*\n?(.*?)```\s*$", re.DOTALL)
_TAGGED = re.compile(
    r"<function=\s*\"?([\w.:-]+)\"?\s*>(.*?)(?:</function>|(?=<function=)|$)"
    r"|<(?:\w+:)?invoke\s+name=\"([\w.:-]+)\"\s*>(.*?)(?:</(?:\w+:)?invoke>|$)",
    re.DOTALL | re.IGNORECASE,
)
_FIELD = re.compile(
    r"<parameter(?:=|\s+name=)\s*\"?([\w.-]+)\"?\s*>\n?(.*?)\n?(?:</parameter>|(?=<parameter[= ])|$)"
    r"|<arg_key>\s*(.*?)\s*</arg_key>\s*<arg_value>(.*?)</arg_value>",
    re.DOTALL | re.IGNORECASE,
)
_KEYED = re.compile(r"<tool_call>\s*([\w.:-]+)\s*(<arg_key>.*?)?(?:</tool_call>|$)", re.DOTALL)
_NAME_BEFORE = re.compile(
    r"([A-Za-z_][\w.:-]*)\s*(?:\[(?:ARGS|CALL_ID)\]\w*\s*|<[|｜][^<>]*[|｜]>\s*(?:json\s*)?|```json\s*|>\s*)*$"
)
_ACTION = re.compile(r"`*[A-Za-z_]+\s*\[[^\n]*\]`*")
_ABOUT = frozenset({"name", "type", "id", "function", "tool_name", "index", "call_id", "tool_call_id"})
ARGUMENTS = ("arguments", "parameters", "args", "input", "kwargs")
"""Fields that servers and models put a call's arguments under."""
LONGEST = 20_000
"""Characters of a text that calls are looked for in: what is longer is a runaway, and reading it would take long."""


class Written(NamedTuple):
    """A tool call as it was found in a text; ``arguments`` is whatever JSON or text stood there, None for nothing."""

    name: str
    arguments: Any


def without_thoughts(text: str, *, cut: bool = False) -> str:
    """The text without the reasoning before it.

    Of a thought that never closes only an action, a tool call or a JSON object at its end is kept; nothing when the
    answer was ``cut`` off.
    """
    if (final := _FINAL.search(text)) is not None:
        text = final[1]
    text = _END.sub("", text)
    opened = _OPEN.match(text)
    if opened is None and text.lstrip().startswith(("{", "[{")):
        # Such a word inside a JSON string is part of an answer.
        return text
    closed = list(_CLOSE.finditer(text))
    if closed and (opened is not None or not re.search(rf"<({_THOUGHT})>", text, re.IGNORECASE)):
        return text[closed[-1].end() :].lstrip()
    return text if opened is None else "" if cut else end_of_thought(text[opened.end() :])


def end_of_thought(thought: str) -> str:
    """The action, tool call or JSON object that a thought ends with; empty when there is none."""
    thought = thought.strip()
    if (mark := _MARK.search(thought)) is not None:
        return thought[mark.start() :]
    last = thought.rpartition("\n")[2].strip()
    if _ACTION.fullmatch(last):
        return last
    for start in re.finditer(r"^(?:```\w*\n)?(\{)", thought, re.MULTILINE):
        value, end = _decoded(thought, start.start(1))
        if isinstance(value, dict) and not thought[end:].strip("`\n "):
            return thought[start.start(1) : end]
    return ""


def unfenced(text: str) -> str:
    """What stands between the fences, where the text is one fenced block; otherwise the text."""
    stripped = text.strip()
    fence = _FENCE.match(stripped)
    return fence[1].strip() if fence is not None and "```" not in fence[1] else stripped


def written_calls(text: str, tools: Collection[str]) -> tuple[str, list[Written]]:
    """The tool calls in a text, and the text before them.

    A call counts where it is marked as one, or where a reply, or the fenced block at its end, is nothing but calls of
    known tools: a model that speaks of a tool calls none.

    Args:
        text: Without thoughts.
        tools: Names of the tools that there are.
    """
    if len(text) > LONGEST:
        return text, []
    mark = _MARK.search(text)
    if mark is not None:
        calls = list(_marked(text[mark.start() :], tools))
        return (text[: mark.start()].strip(), calls) if calls else (text, [])
    fence = _FENCE.search(text)
    for before, body in (("", unfenced(text)), (text[: fence.start()], fence[1]) if fence else ("", "")):
        if calls := _bare(body.strip(), tools):
            return before.strip(), calls
    return text, []


def called(value: Any) -> Written | None:
    """A JSON value as a tool call, in any of the forms that servers and models write; None when it is none."""
    if not isinstance(value, Mapping):
        return None
    inner = value.get("function")
    outer, value = value, inner if isinstance(inner, Mapping) else value
    name = value.get("name") or value.get("tool_name") or (inner if isinstance(inner, str) else "")
    if not isinstance(name, str) or not name.strip():
        return None
    for part in (value, outer):
        for field in ARGUMENTS:
            if field in part:
                return Written(name, part[field])
    return Written(name, None)


def _marked(text: str, tools: Collection[str]) -> Iterator[Written]:
    tagged = list(_TAGGED.finditer(text))
    for call in tagged:
        name, inside = (call[1], call[2]) if call[1] else (call[3], call[4])
        yield Written(name, _fields(inside) or inside.strip() or None)
    if tagged:
        return
    found = list(_scanned(text, tools))
    if not found:
        found = [
            Written(call[1], _fields(call[2] or "")) for call in _KEYED.finditer(text) if call[2] or call[1] in tools
        ]
    yield from found or _pythonic(text, tools)


def _fields(text: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field in _FIELD.finditer(text):
        name, value = (field[1], field[2]) if field[1] is not None else (field[3], field[4])
        parsed, end = _decoded(value.strip(), 0)
        # Numbers, lists and objects are written as JSON, words as they are.
        fields[name] = parsed if end == len(value.strip()) and not isinstance(parsed, str) else value
    return fields


def _scanned(text: str, tools: Collection[str]) -> Iterator[Written]:
    """The calls among the JSON values of a text, and ``NAME {arguments}``."""
    position = floor = failures = 0
    while (start := _next(text, position)) >= 0 and failures < 200:
        value, end = _decoded(text, start)
        if end < 0:
            position, failures = start + 1, failures + 1
            continue
        for one in value if isinstance(value, list) else [value]:
            call = called(one)
            before = _NAME_BEFORE.search(text[max(floor, start - 200) : start])
            if before is not None and tool_name(before[1], tools) and isinstance(value, dict):
                yield Written(before[1], value)
            elif call is not None:
                yield call
        position = floor = end


def _bare(text: str, tools: Collection[str]) -> list[Written]:
    """The calls that a text consists of; none when there is anything else in it."""
    if not text.startswith(("{", "[")):
        return list(_pythonic(text, tools)) if re.match(r"[\w.]+\(", text) else []
    found: list[Written] = []
    position = 0
    while position < len(text):
        value, end = _decoded(text, position)
        for one in value if isinstance(value, list) else [value]:
            call = called(one) if end >= 0 else None
            if call is None or not tool_name(call.name, tools):
                return list(_pythonic(text, tools)) if text.startswith("[") else []
            if call.arguments is None and not set(one) <= _ABOUT:
                return []
            found.append(call)
        position = end + len(text[end:]) - len(text[end:].lstrip(" \t\r\n;,"))
    return found


def _pythonic(text: str, tools: Collection[str]) -> Iterator[Written]:
    """``search(query="kettle")``, alone or in a list, as Llama and Gemma write calls."""
    code = re.sub(r"<[|｜]?[^<>]{1,40}[|｜]?>|```\w*|functools", "", text).strip()
    try:
        with warnings.catch_warnings():
            # Of a backslash in a query, for example.
            warnings.simplefilter("ignore")
            tree = ast.parse(code.replace(".call(", "("), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in tools:
            try:
                yield Written(name, {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg})
            except (ValueError, TypeError, MemoryError, RecursionError):
                continue


def tool_name(name: str, tools: Collection[str]) -> str | None:
    """The tool that a name means, however it is decorated (``functions.search:0``, ``Search``); None for none."""
    bare = re.sub(r"^(functions?|tools?|default_api)[.:]|:\d+$", "", name.partition("<|")[0].strip())
    return next((one for one in (name, bare, bare.lower()) if one in tools), None)


def _next(text: str, position: int) -> int:
    places = [place for place in (text.find("{", position), text.find("[", position)) if place >= 0]
    return min(places, default=-1)


def _decoded(text: str, position: int) -> tuple[Any, int]:
    """The JSON value that begins there, and where it ends; -1 when there is none."""
    try:
        return json.JSONDecoder().raw_decode(text, position)
    except (ValueError, RecursionError):
        return None, -1
