"""What is a named log format? Its files, how each is mapped, and what it can and cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.opening import OPENERS
from paars_gym.sessions.ingest.reading import Reject


class Reshaped(NamedTuple):
    """A raw batch in which every row is one record (several may share a row number), and rows beyond repair."""

    frame: pl.DataFrame
    rejects: list[Reject]


@dataclass(frozen=True)
class Source:
    """One file of a format.

    Attributes:
        pattern: Glob that its name matches in a folder of the format.
        mapping: Of the columns after ``reshape``.
        reads: Columns of the file and their types; by default those of the mapping, as text.
        reshape: Makes rows of one record each out of the file's rows.
    """

    pattern: str
    mapping: LogMapping
    reads: Mapping[str, pl.DataType] = field(default_factory=dict)
    reshape: Callable[[pl.DataFrame], Reshaped] | None = None

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """What to read of the file."""
        return dict(self.reads) or {column: pl.String() for column in self.mapping.columns.values()}


@dataclass(frozen=True)
class LogFormat:
    """A public log's layout.

    Attributes:
        about: The log, in a line.
        sources: Its files, in the order in which events of the same instant happened.
        timezone: Of its naive times, when the description says so.
        unknown: Statistics that its events would suggest but that it does not record.
        notes: What a reader of any result has to know.
        one_shopper_a_session: True when some events of a session name the shopper and others do not.
        repeats_searches: True when a search stands once for each of its clicks; it is then imported once.
        ranks_from_results: True when a view's rank is to be found in the results of the search before it.
    """

    about: str
    sources: tuple[Source, ...]
    timezone: str = "UTC"
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    one_shopper_a_session: bool = False
    repeats_searches: bool = False
    ranks_from_results: bool = False

    def files(self, log: Path) -> list[tuple[Path, Source]]:
        """The files of a log that this format reads, each with its source.

        Args:
            log: One file, or a folder of them.

        Raises:
            FileNotFoundError: There is no such path, or nothing of this format in the folder.
        """
        if log.is_file():
            fitting = [source for source in self.sources if _matches(log, source.pattern)]
            return [(log, (fitting or list(self.sources))[0])]
        if not log.is_dir():
            raise FileNotFoundError(f"No log {str(log)!r}.")
        found = [
            (path, source)
            for source in self.sources
            for path in sorted(log.iterdir())
            if path.is_file() and not path.name.startswith(".") and _matches(path, source.pattern)
        ]
        if not found:
            wanted = ", ".join(source.pattern for source in self.sources)
            if wanted == "*":
                raise FileNotFoundError(f"The folder {str(log)!r} holds no file; give a log, or a folder with logs.")
            raise FileNotFoundError(f"{str(log)!r} holds none of {wanted}.")
        return found


def _matches(path: Path, pattern: str) -> bool:
    plain = Path(path.stem) if path.suffix in OPENERS else Path(path.name)
    return plain.match(pattern)
