"""A text as recognisers read it, plain in its letters, digits and blanks, and where each letter of it came from."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_MARKS = "\u0300-\u036f\u0483-\u0489\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
# Two blanks or more, a letter with marks of its own, or anything that is not ASCII.
_UNUSUAL = re.compile(rf"\s{{2,}}|[^\s{_MARKS}][{_MARKS}]+|[^\x00-\x7f]|[\t\r\f\v]")
_PLAIN = {
    **dict.fromkeys("‘’‚‛ʼʹ′´`＇", "'"),
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
    "。": ".",
    # Nobody sees them, and they would part a number in two.
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", ""),
}


class Folded(NamedTuple):
    """A plain text and its way back.

    Attributes:
        text: Compatibility letters and digits as ASCII where there is one, typographic apostrophes and dashes as plain
            ones, marks joined with their letters (NFC), any blanks in a row as one.
        places: Where each letter begins and ends in the original; None where the two texts are the same.
    """

    text: str
    places: list[tuple[int, int]] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A part of the plain text, which is not empty, as a part of the original."""
        return (start, end) if self.places is None else (self.places[start][0], self.places[end - 1][1])


def fold(text: str) -> Folded:
    """The text made plain."""
    if _UNUSUAL.search(text) is None:
        return Folded(text, None)
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    for match in _UNUSUAL.finditer(text):
        start, end = match.span()
        parts.append(text[at:start])
        places += [(here, here + 1) for here in range(at, start)]
        plain = _plain(match.group())
        parts.append(plain)
        places += [(start, end)] * len(plain)
        at = end
    parts.append(text[at:])
    places += [(here, here + 1) for here in range(at, len(text))]
    return Folded("".join(parts), places)


def _plain(unusual: str) -> str:
    if unusual.isspace():
        return "\n" if "\n" in unusual else " "
    known = _PLAIN.get(unusual)
    if known is not None:
        return known
    plain = unicodedata.normalize("NFKC", unusual)
    digit = unicodedata.decimal(plain, None) if len(plain) == 1 else None
    if digit is not None:
        return str(digit)
    return " " if plain.isspace() else plain
