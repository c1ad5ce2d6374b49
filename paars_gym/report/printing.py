"""The one way to a terminal, a pipe or a report's file: texts are cleaned, never read as markup, and always written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import chain
from typing import IO, Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from paars_gym.printable import ascii_json, clean
from paars_gym.remote import named
from paars_gym.report.wide_tables import in_parts

WIDTH = 132
"""Columns of what is no terminal, unless COLUMNS says otherwise: Table 2 fits."""
_PIECES: ContextVar[list[RenderableType] | None] = ContextVar("_PIECES", default=None)


@contextmanager
def keeping_pieces() -> Iterator[list[RenderableType]]:
    """A list of everything that is printed to stdout while the block runs: tables, sentences, plots."""
    pieces: list[RenderableType] = []
    before = _PIECES.set(pieces)
    try:
        yield pieces
    finally:
        _PIECES.reset(before)


class Printer(Console):
    """A console for texts that come from data: catalogs, logs, models and command lines.

    Whatever is printed, tables, titles and progress included, loses the characters that steer a terminal or hide
    something (`paars_gym.printable.clean`), and ``[red]`` or ``:id`` in it are letters like others. Copies of remote
    places are called by their URLs. Colour comes from `rich.text.Text` and from styles alone. When the reader of a pipe
    has gone, the rest is written to nowhere, and the command goes on to its end.

    Args:
        stderr: Print there instead of stdout.
        width: Columns; by default those of the terminal, and else COLUMNS or `WIDTH`.
        file: Where to, instead.
        record: Keep what is printed, for `save_html` and its like.
    """

    def __init__(
        self, *, stderr: bool = False, width: int | None = None, file: IO[str] | None = None, record: bool = False
    ) -> None:
        self._is_stdout = file is None and not stderr
        super().__init__(
            stderr=stderr, width=width, file=file, record=record, markup=False, emoji=False, highlight=False
        )

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        if self._width is None and not self.is_terminal and not self._environ.get("COLUMNS", "").isdigit():
            return ConsoleDimensions(WIDTH, 25)
        return super().size

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of anything that can be printed, as wide as rich has measured them; wide tables in parts."""
        options = options or self.options
        if isinstance(renderable, Text) and not (options.overflow or options.no_wrap):
            renderable = _whole_words(renderable, options.max_width)
        parts = in_parts(renderable, self, options) if isinstance(renderable, Table) else [renderable]
        for segment in chain.from_iterable(super(Printer, self).render(part, options) for part in parts):
            text = segment.text
            shown = text if segment.control else clean(text)
            if shown == text:
                yield segment
            else:
                sized = shown if "\n" in text else set_cell_size(shown, cell_len(text))
                yield Segment(sized, segment.style)

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", soft_wrap: bool = False) -> None:  # type: ignore[override]
        """As rich's, but words stay whole, wider than the line though they may be: paths and ids can be copied."""
        objects = tuple(named(each) if isinstance(each, str) else each for each in objects)
        if self._is_stdout and (pieces := _PIECES.get()) is not None:
            pieces += objects
        super().print(*objects, sep=sep, end=end, soft_wrap=soft_wrap, crop=False)

    def notice(self, head: str, text: str = "", *, style: str = "yellow") -> None:
        """A sentence on a line of its own, whose first words stand out."""
        self.print(Text.assemble((named(head), style), " " if text else "", named(text)), soft_wrap=True)

    def write(self, text: str = "") -> None:
        """Lines as they are, not wrapped, for people or programs to take further."""
        self._write(clean(named(text)))

    def write_json(self, text: str) -> None:
        """JSON, in ASCII: the same values in every encoding."""
        self._write(ascii_json(named(text)))

    def _write(self, text: str) -> None:
        if self.quiet:
            return
        try:
            self.file.write(text + "\n")
            self.file.flush()
        except BrokenPipeError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Writes to nowhere from now on: who reads no further must not cost what is still to be kept."""
        self.quiet = True
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)


def _whole_words(text: Text, width: int) -> Text:
    """The text, in lines of as many words as fit where one is wider than a line."""
    if all(cell_len(word) <= width for word in text.plain.split()):
        return text
    lines: list[Text] = []
    for line in text.split(allow_blank=True):
        starts: list[int] = []
        for word in re.finditer(r"\S+", line.plain):
            since = starts[-1] if starts else 0
            if word.start() > since and cell_len(line.plain[since : word.end()]) > width:
                starts.append(word.start())
        pieces = line.divide(starts)
        for piece in pieces[:-1]:
            piece.rstrip()
        lines += pieces
    return Text("\n", overflow="ignore", no_wrap=True, end=text.end).join(lines)
