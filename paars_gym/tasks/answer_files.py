"""Files of questions and answers for who is asked elsewhere: their fields, and what counts as an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.files import read_text
from paars_gym.llm.chat import Request, sound

_NUMBER = re.compile(
    r"\W*(?:(?:option|choice|answer|number|item|result|no)\b\W*)?(?:is\b\W*)?(\d{1,6})\W*", re.IGNORECASE
)
"""``2``, ``2.``, ``option 2``, ``Answer: (2)``; nothing else may stand beside the number."""
SHOWN = 60


class GivenAnswer(NamedTuple):
    """A line of a file of answers.

    Attributes:
        id: Of the question.
        answer: As it stands there; None or "" for none.
        by: Who gave it, or "".
        at: When, an ISO date or time, or "".
        line: Its number in the file, from 1.
    """

    id: str
    answer: Any
    by: str
    at: str
    line: int

    @property
    def given(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None and self.answer != ""


def read_answer_file(path: Path) -> dict[str, GivenAnswer]:
    """The answers by the id of their question.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no answer, a question has two, or there is no answer at all.
    """
    answers: dict[str, GivenAnswer] = {}
    for number, row in enumerate(read_text(path, "--answers").split("\n"), start=1):
        if not row.strip():
            continue
        one = _read_line(row, number, f"--answers {path}, line {number}")
        if (other := answers.get(one.id)) is not None:
            raise ValueError(
                f"--answers {path}: lines {other.line} and {number} answer the same question, id {one.id[:SHOWN]!r}: "
                "keep one of them, or give the answers of each person in a file and a run of their own."
            )
        answers[one.id] = one
    if not any(one.given for one in answers.values()):
        raise ValueError(
            f"--answers {path} holds no answer: write a JSON object a line, with the id of the question and answer."
        )
    return answers


def _read_line(row: str, number: int, where: str) -> GivenAnswer:
    try:
        value = json.loads(row)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is no JSON: {str(error)[:SHOWN]}.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no JSON object, must be one with id and answer.")
    for name in ("id", "by", "at"):
        if value.get(name) is not None and not isinstance(value[name], str):
            raise ValueError(f"{where}: {name} is {str(value[name])[:SHOWN]}, must be a text.")
    one = GivenAnswer(
        id=(value.get("id") or "").strip(),
        answer=value.get("answer"),
        by=sound(" ".join((value.get("by") or "").split())),
        at=(value.get("at") or "").strip(),
        line=number,
    )
    if not one.id:
        raise ValueError(f"{where} has no id, that of the question it answers.")
    try:
        date_of(one.at or "2000-01-01")
    except ValueError:
        raise ValueError(f"{where}: at is {one.at[:SHOWN]!r}, must be a date or a time such as 2026-11-29.") from None
    return one


def date_of(at: str) -> str:
    """The day of an ISO date or time; raises ValueError for anything else."""
    return datetime.fromisoformat(at).date().isoformat()


def fields_of(request: Request) -> dict[str, Any]:
    """What of a request goes into a file: its turns, the possible answers in the order shown, and the schema."""
    schema = request.output_schema or {}
    _, about = _field(schema)
    shown = f"{request.messages[-1].text}\n"
    options = sorted(_options(about), key=lambda option: shown.find(f"\n- {option}\n"))
    messages = [{"role": message.role, "text": sound(message.text)} for message in request.messages]
    return {"messages": messages, "choices": options or None, "schema": schema}


def as_asked_for(answer: Any, schema: Mapping[str, Any]) -> str:
    """An answer as the JSON text that a schema of one field wants.

    Taken are the value alone, text with a number in it (``option 2``), and the JSON object, as it is or as text.

    Raises:
        ValueError: It is none of the possible answers; says what is possible.
    """
    name, about = _field(schema)
    value = _unwrapped(answer, name)
    shown = str(answer)[:SHOWN]
    if options := _options(about):
        wanted = _number(value) if isinstance(options[0], int) else _word(value, options)
        if wanted not in options:
            possible = f"{options[0]} to {options[-1]}" if isinstance(options[0], int) else ", ".join(options)
            raise ValueError(f"it was answered {shown!r}, must be {possible}")
        return json.dumps({name: wanted})
    text = sound(str(value).strip()) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    least, most = about.get("minLength", 1), about.get("maxLength")
    if len(text) < least or (most is not None and len(text) > most):
        limit = f"{least} to {most} characters" if most is not None else "a text"
        raise ValueError(f"it was answered {shown!r}, must be {limit}")
    return json.dumps({name: text})


def _field(schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The one field of the forms of single answers."""
    fields: Mapping[str, Mapping[str, Any]] = schema["properties"]
    return next(iter(fields.items()))


def _options(about: Mapping[str, Any]) -> list[Any]:
    return list(about.get("enum", [about["const"]] if "const" in about else []))


def _unwrapped(answer: Any, name: str) -> Any:
    """The field's value of an object, or of one written as text with words around; else the answer as it is."""
    if isinstance(answer, str) and (start := answer.find("{")) >= 0:
        try:
            found, _ = json.JSONDecoder().raw_decode(answer, start)
        except (ValueError, RecursionError):
            return answer
        answer = found if name in found else answer
    return answer.get(name) if isinstance(answer, Mapping) else answer


def _number(value: Any) -> int | None:
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value)):
        return int(match[1])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _word(value: Any, options: list[Any]) -> Any:
    """The option that is meant: letter by letter, or without regard to case, spaces and what ends a sentence."""
    text = str(value)
    alike = [option for option in options if _plain(option) == _plain(text)]
    return text if text in options else alike[0] if len(alike) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip("\"'.! ")
