"""A report as one HTML file: what is on it, and how it is written. Nothing in it is loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from paars_gym.estimate import Detail, Tabular
from paars_gym.files import written_whole
from paars_gym.printable import clean
from paars_gym.report.pages.session_pages import PairView
from paars_gym.report.pages.session_rows import OUTCOMES, Chosen
from paars_gym.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_LONG_TITLE = 40
MOST_BYTES = 3_000_000
"""Of a file."""
SESSION_BYTES = 2_400_000
"""Of these for the sessions that it shows."""


@dataclass(frozen=True)
class PageTable:
    """A table, and the same as CSV to download.

    Attributes:
        title: Above it.
        head: Names of the columns; the first one names the rows.
        rows: Texts of the cells.
        csv: All of it, with every digit; empty for no download.
        note: Below it.
        folded: Shown only when the reader asks for it.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    csv: str = ""
    note: str = ""
    folded: bool = False

    @classmethod
    def of(cls, title: str, rows: Sequence[Sequence[str]], *, csv: str = "", note: str = "") -> PageTable:
        """A table whose first row is its head."""
        head, *body = rows
        return cls(title, tuple(head), tuple(tuple(row) for row in body), csv=csv, note=note)

    @property
    def link(self) -> str:
        """The CSV as an address that needs no server."""
        return "data:text/csv;charset=utf-8," + quote(self.csv)

    @property
    def file_name(self) -> str:
        """What the download is called."""
        words = "".join(one if one.isascii() and one.isalnum() else "-" for one in self.title.lower())
        return "-".join(filter(None, words.split("-")))[:60] + ".csv"


@dataclass(frozen=True)
class PagePlot:
    """A plot.

    Attributes:
        title: Above it.
        svg: The picture; empty where the plotting library is not installed.
        text: What it shows, in words, for who cannot see it.
        table: Its numbers.
        wide: Takes the place of two.
    """

    title: str
    svg: str
    text: str
    table: PageTable
    wide: bool = False

    @property
    def markup(self) -> Markup:
        """The picture, as it may stand in a page."""
        from markupsafe import Markup, escape

        name = escape(clean(self.text))
        return Markup(self.svg.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1))  # noqa: S704

    def saying(self, more: str) -> PagePlot:
        """The plot with another sentence among its words."""
        return replace(self, text=f"{self.text} {more}")


@dataclass(frozen=True)
class PageSection:
    """A part of a report under a head.

    Attributes:
        title: The head.
        words: Sentences above everything else.
        plots: Pictures.
        tables: Tables.
        notes: What has to be kept in mind.
    """

    title: str
    words: tuple[str, ...] = ()
    plots: tuple[PagePlot, ...] = ()
    tables: tuple[PageTable, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The head in brief, for the list of contents: up to its first mark, or as many words as there is room for."""
        if len(self.title) <= _LONG_TITLE:
            return self.title
        begins = re.split(r"[:;?(]", self.title)[0].strip()
        return begins if begins[-1:].isdigit() or " " in begins else textwrap.shorten(self.title, 40, placeholder=" …")


@dataclass(frozen=True)
class ShownSessions:
    """The sessions that a report holds.

    Attributes:
        name: Of the run.
        chosen: Which, and why.
        views: Their steps.
        of: How many the run has.
        note: What has to be known of them.
        command: That shows all of them.
    """

    name: str
    chosen: tuple[Chosen, ...]
    views: tuple[PairView, ...]
    of: int
    note: str = ""
    command: str = ""

    @property
    def outcomes(self) -> list[str]:
        """Those that occur, for the filter."""
        there = {session.outcome for one in self.chosen for session in one.row.sessions}
        return [outcome for outcome in OUTCOMES if outcome in there]

    @property
    def both(self) -> list[tuple[Chosen, PairView]]:
        """Each with its steps."""
        return list(zip(self.chosen, self.views, strict=True))


@dataclass(frozen=True)
class ReportPage:
    """A whole report.

    Attributes:
        title: Of the page.
        under: A line below the title.
        headline: What a reader takes away, in sentences.
        facts: Settings, seed, model, catalog, cost: names and texts.
        sections: In order.
        sessions: Shown at the end.
    """

    title: str
    under: str
    headline: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    sections: tuple[PageSection, ...] = ()
    sessions: tuple[ShownSessions, ...] = ()

    def html(self) -> str:
        """The file."""
        return render_template("report.html", {"page": self})

    def write(self, path: Path) -> int:
        """Writes the file, whole or not at all; only its owner can read it, for it holds personas and sessions.

        Returns:
            Its bytes.

        Raises:
            OSError: It cannot be written.
        """
        content = self.html().encode("utf-8", "replace")
        with written_whole(path, binary=True, private=True) as file:
            file.write(content)
        return len(content)


@lru_cache(maxsize=1)
def templates() -> Environment:
    """The templates of this package; whatever is put into them is escaped.

    Raises:
        ImportError: Jinja2 is not installed.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("paars_gym.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["clean"] = clean
    made.globals.update(version=__version__, style=_source(made, "style.css"), script=_source(made, "filter.js"))
    made.globals["script_hash"] = _hash(_source(made, "filter.js"))
    return made


def render_template(name: str, content: Mapping[str, Any]) -> str:
    """A page from a template, and what stands in it by name."""
    return templates().get_template(name).render(content)


def _source(made: Environment, name: str) -> Markup:
    from markupsafe import Markup

    assert made.loader is not None
    return Markup(made.loader.get_source(made, name)[0])  # noqa: S704  # a file of this package


def _hash(script: str) -> str:
    """What a content security policy calls a script: no other one runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def csv_of(rows: Iterable[dict[str, Detail]]) -> str:
    """Rows as CSV, as every table of results gives it."""
    return _Rows(list(rows)).to_csv()


class _Rows(Tabular):
    def __init__(self, rows: list[dict[str, Detail]]) -> None:
        self._rows = rows

    def to_dicts(self) -> list[dict[str, Detail]]:
        return self._rows
