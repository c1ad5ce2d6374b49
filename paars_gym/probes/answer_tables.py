"""Files of answers to closed questions: of people, or of models told who they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.ingest.documents import open_feed

NO_ANSWER = -1
PERSON = ("person", "shopper", "pid", "respondent", "participant", "id")
CONSTRUCTION = ("construction", "condition", "model")
LONG = ("question", "answer")


class AnswerTable(NamedTuple):
    """Who answered what.

    Attributes:
        people: Their ids.
        questions: Their ids.
        choices: Every answer that occurs, sorted.
        answers: Index into choices, or `NO_ANSWER`, shape (people, questions).
    """

    people: tuple[str, ...]
    questions: tuple[str, ...]
    choices: tuple[str, ...]
    answers: npt.NDArray[np.int16]

    def with_choices(self, choices: tuple[str, ...]) -> AnswerTable:
        """The same answers, as indices into choices that hold its own.

        Raises:
            ValueError: They lack one.
        """
        if lacking := sorted(set(self.choices) - set(choices)):
            raise ValueError(f"The answer {lacking[0]!r} is none of {', '.join(choices)}.")
        places = np.array([*(choices.index(one) for one in self.choices), NO_ANSWER], dtype=np.int16)
        return self._replace(choices=choices, answers=places[self.answers])


def read_answers(path: str | Path) -> dict[str, AnswerTable]:
    """Answers from a table in any format that feeds may have, by construction; "" where the file names none.

    A column names the person (``person``, ``shopper``, ``pid``, ``respondent``, ``participant`` or ``id``). Either each
    other column is a question and each row a person, or the columns ``question`` and ``answer`` hold one answer a row.
    A column ``construction`` (or ``condition``, ``model``) tells several tables apart. An empty cell is no answer.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It has no person column or no answers, or somebody answers a question twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No file of answers {str(path)!r}.")
    found: dict[str, dict[str, dict[str, str]]] = {}
    person = ""
    with open_feed(path) as file:
        for row in file:
            if row.values is None:
                raise ValueError(f"{path}, row {row.number}: {row.problem}.")
            cells = {str(name).strip(): text for name, cell in row.values.items() if (text := _text(cell))}
            named = {name.lower(): name for name in map(str.strip, map(str, row.values))}
            person = next((named[name] for name in PERSON if name in named), "")
            if not person:
                raise ValueError(f"{path} names nobody: one column must be {', '.join(PERSON)}. It has {_some(named)}.")
            if person not in cells:
                raise ValueError(f"{path}, row {row.number}: {person} is empty.")
            construction = next((named[name] for name in CONSTRUCTION if name in named), "")
            told = {name: text for name, text in cells.items() if name not in (person, construction)}
            if all(name in named for name in LONG):
                question, answer = (cells.get(named[name], "") for name in LONG)
                told = {question: answer} if question and answer else {}
            given = found.setdefault(cells.get(construction, ""), {}).setdefault(cells[person], {})
            if again := sorted(given.keys() & told.keys()):
                raise ValueError(f"{path}, row {row.number}: {cells[person]!r} answers {again[0]!r} a second time.")
            given.update(told)
    tables = {name: _table(rows) for name, rows in found.items()}
    if not any(table.choices for table in tables.values()):
        raise ValueError(f"{path} holds no answers.")
    return tables


def _table(rows: Mapping[str, Mapping[str, str]]) -> AnswerTable:
    questions = {name: column for column, name in enumerate(dict.fromkeys(one for row in rows.values() for one in row))}
    choices = {name: index for index, name in enumerate(sorted({one for row in rows.values() for one in row.values()}))}
    answers = np.full((len(rows), len(questions)), NO_ANSWER, dtype=np.int16)
    for line, row in enumerate(rows.values()):
        for name, answer in row.items():
            answers[line, questions[name]] = choices[answer]
    return AnswerTable(tuple(rows), tuple(questions), tuple(choices), answers)


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    # 1 and 1.0 are one answer, whichever of the files has a gap in its column.
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


def _some(names: Mapping[str, str]) -> str:
    return ", ".join([*list(names.values())[:6], *(["…"] if len(names) > 6 else [])])
