"""The account of a build or an import: what each column became, and what became of each row; ``account.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from paars_gym.files import read_model, write_whole

ACCOUNT_FILE = "account.json"
EXAMPLES = 2
EXAMPLE_CHARACTERS = 60
MOST_REASONS = 200
"""Different reasons for rejections that are told apart; further ones are counted together."""


class ColumnAccount(BaseModel):
    """What became of one field.

    Attributes:
        field: Of a product, or of an event.
        columns: Columns or paths that fill it, the first that is filled; empty where a format computes it.
        how: Who chose them: "by name", "as you say", or "as FORMAT writes it".
        filled: Share of the products (events) that have it.
        examples: Values as the file writes them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    columns: tuple[str, ...] = ()
    how: str
    filled: float
    examples: tuple[str, ...] = ()


class ReadingAccount(BaseModel):
    """What became of a file, or of the files of a log.

    Attributes:
        source: The files.
        format: How they were read.
        recognised: True when the format was found by the columns, and not named.
        fields: Each field.
        unused: Columns that became nothing.
        counts: Rows by what became of them.
        rejected: Rows, and parts of rows, by the reason for which they could not be used.
        facts: Everything else: currency, number notation, time resolution, sessions split or joined.
        warnings: What somebody should look at, in sentences.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: tuple[str, ...]
    format: str
    recognised: bool = False
    fields: tuple[ColumnAccount, ...] = ()
    unused: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    rejected: dict[str, int] = {}
    facts: dict[str, str] = {}
    warnings: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """The account in a folder.

        Raises:
            FileNotFoundError: There is none.
            ValueError: Something else is in the file.
        """
        made_by = "paars catalog build FEED --out DIR, or paars sessions import LOG --out DIR"
        return read_model(cls, Path(folder, ACCOUNT_FILE), "account", make=made_by)

    def write(self, path: str | Path) -> None:
        """Writes it as a file, or as ``account.json`` into a folder that is there."""
        path = Path(path, ACCOUNT_FILE) if Path(path).is_dir() else Path(path)
        write_whole(path, self.model_dump_json(indent=2) + "\n")


class FillCounter:
    """Counts how often each field was filled, and keeps the first examples."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, field: str, value: Any) -> None:
        """One value as the file writes it."""
        seen = self.counts.get(field, 0)
        self.counts[field] = seen + 1
        if seen < 1000:
            kept = self._examples.setdefault(field, [])
            if len(kept) < EXAMPLES and (text := shown(value)) not in kept:
                kept.append(text)

    def examples(self, field: str) -> tuple[str, ...]:
        """The first values of a field that differ."""
        return tuple(self._examples.get(field, ()))


def shown(value: Any, most: int = EXAMPLE_CHARACTERS) -> str:
    """A value in a line, cut to some characters."""
    if isinstance(value, Mapping):
        value = "; ".join(f"{name}: {content}" for name, content in value.items())
    text = " ".join(str(value).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def count_reason(reasons: dict[str, int], reason: str) -> None:
    """Adds one to a reason; beyond `MOST_REASONS` different ones they are "other"."""
    if reason not in reasons and len(reasons) >= MOST_REASONS:
        reason = "other"
    reasons[reason] = reasons.get(reason, 0) + 1


def look_alike_warnings(columns: Mapping[str, str], fields: Iterable[str], flag: str) -> tuple[str, ...]:
    """A sentence for each unused column whose name promises what was looked for.

    Args:
        columns: Column to what its name looks like: "a price".
        fields: Fields that have a column.
        flag: How a column is named on the command line: ``--map price=COLUMN``.
    """
    known = set(fields)
    field_of = {"a price": "price", "a stock status": "available", "an id": "id"}
    sentences = []
    for column, what in columns.items():
        field = field_of.get(what, "")
        other = f" ({field} comes from another column)" if field in known else ""
        sentences.append(f"Column {column!r} looks like {what} and is not used{other}: {flag} {field}={column}.")
    return tuple(sentences)
