"""The objects in JSON text: one a line, the items of one array, or one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from paars_gym.ingest.cells import MOST_DEPTH, too_deep
from paars_gym.ingest.text_blocks import LINE_BYTES, lines_of

VALUE_CHARACTERS = 16 << 20
SHOWN_CHARACTERS = 200
OVERLONG = f"a line of more than {LINE_BYTES >> 20} MB"
_OPENING = re.compile(r"\s*(?:\{\s*\"[^\"]*\"\s*:\s*)?\[")


class Found(NamedTuple):
    """One object, or what stands in place of one.

    Attributes:
        value: None when it could not be read.
        problem: Why not.
        text: What stood there, where that is known.
        broken: Why nothing from here on can be read; without a problem no object is meant.
    """

    value: dict[str, Any] | None = None
    problem: str = ""
    text: str = ""
    broken: str = ""


def are_json_lines(lines: Sequence[str], *, more: bool) -> bool:
    """Whether the first lines of a text are an object each, and not one object that holds all as a list.

    Args:
        lines: Which are not blank.
        more: Whether there is text behind them.
    """
    whole = [value for line in lines if isinstance(value := _parsed(line), dict)]
    sole = len(lines) == 1 and len(whole) == 1 and not more and len(whole[0]) == 1
    return bool(whole or lines[0].endswith("}")) and not (sole and _is_list_of_objects(next(iter(whole[0].values()))))


def json_lines(blocks: Iterable[tuple[str | None, bool]]) -> Iterator[Found]:
    """One object a line, of blocks of whole lines (None for a line too long), each with whether it is the last."""
    number = 0
    for block, final in blocks:
        if block is None:
            number += 1
            yield Found(problem=OVERLONG)
            continue
        for line in filter(str.strip, lines_of(block)):
            number += 1
            try:
                yield _found(json.loads(line))
            except (ValueError, RecursionError) as error:
                broken = f"it ends inside row {number}" if final else ""
                yield Found(problem=f"not JSON: {error}", text=line[:SHOWN_CHARACTERS], broken=broken)


def json_values(pieces: Iterator[str]) -> Iterator[Found]:
    """The items of one array, also where it is the only thing in an object; or objects one after the other."""
    decode = json.JSONDecoder().raw_decode
    content, position, number, ended, closes = next(pieces, ""), 0, 0, False, ""
    if opening := _OPENING.match(content):
        position, closes = opening.end(), "]"
    while True:
        while position < len(content) and content[position] in " \t\r\n,\x1e\ufeff":
            position += 1
        if closes and content[position : position + 1] == closes:
            return
        try:
            value, end = decode(content, position)
            # A number at the very end of what was read may go on in the next chunk.
            complete = end < len(content) or ended
        except RecursionError:
            yield Found(broken=f"row {number + 1} is nested too deeply; nothing after it was read")
            return
        except ValueError as error:
            complete = False
            if ended and position == len(content) and not closes:
                return
            hopeless = len(content) - position > VALUE_CHARACTERS or (
                isinstance(error, json.JSONDecodeError)
                and error.pos < len(content) - 16
                and not error.msg.startswith("Unterminated string")
            )
            if hopeless or ended:
                where = "it ends inside or before" if ended and not hopeless else f"no JSON ({error}) in"
                yield Found(broken=f"{where} row {number + 1}; nothing from there on was read")
                return
        if complete:
            number += 1
            position = end
            yield _found(value)
        else:
            more = next(pieces, "")
            ended = not more
            content, position = content[position:] + more, 0


def _found(value: Any) -> Found:
    if not isinstance(value, dict):
        return Found(problem=f"not an object but {type(value).__name__}", text=repr(value)[:SHOWN_CHARACTERS])
    return Found(problem=f"nested more than {MOST_DEPTH} deep") if too_deep(value) else Found(value)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
