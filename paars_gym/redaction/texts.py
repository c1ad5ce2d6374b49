"""Texts without the personal data in them: each piece is replaced by its kind in brackets, and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from paars_gym.files import read_text
from paars_gym.redaction.folding import fold
from paars_gym.redaction.recognisers import REGIONS, USUAL, Recogniser, Span, load_recogniser, names
from paars_gym.redaction.telephones import phones

KINDS = ("address", "card", "email", "handle", "iban", "ip", "name", "phone", "ssn")
"""What is always looked for, names where they are listed."""
NUMBERS = frozenset({"card", "ip", "phone", "ssn"})
"""Kinds that the id of a product can look like."""
_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(KINDS)})\]")
_REMEMBERED = 5_000_000


class TextRedactor:
    """Replaces what recognisers find by its kind in brackets, and counts.

    E-mail addresses, telephone and card numbers, postal addresses, accounts (IBAN), social security numbers, IP
    addresses and handles are always looked for. What was redacted before stays as it is.

    Args:
        listed_names: Names of people to replace, as words or phrases.
        recognisers: More of them, for example `paars_gym.redaction.recognisers.presidio`.
        regions: Whose national telephone numbers to look for.

    Attributes:
        name: What settings call it: what is looked for beside the usual, never the names.
        counts: How many pieces of each kind were replaced so far; the same text counts each time it is met.
    """

    def __init__(
        self,
        *,
        listed_names: Iterable[str] = (),
        recognisers: Iterable[Recogniser] = (),
        regions: Iterable[str] = REGIONS,
    ) -> None:
        listed, self._own, regions = tuple(listed_names), tuple(recognisers), tuple(regions)
        self.counts: Counter[str] = Counter()
        self._listed, self._regions = listed, regions
        self._usual = (*USUAL, phones(*regions), names(listed))
        self._known: dict[tuple[str, Collection[str]], tuple[str, Counter[str]]] = {}
        self._size = 0
        own = [getattr(one, "__qualname__", type(one).__name__) for one in self._own]
        beside = [*(["listed names"] if listed else []), *own, *(["/".join(regions)] if regions != REGIONS else [])]
        self.name = ", ".join(["usual", *beside])

    def __getstate__(self) -> dict[str, Any]:
        """To another process go the names and regions, and not what was made of them, or is remembered."""
        return {name: value for name, value in vars(self).items() if name not in ("_usual", "_known")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _known={}, _size=0)
        self._usual = (*USUAL, phones(*self._regions), names(self._listed))

    def redact(self, text: str, *, keep: Collection[str] = ()) -> str:
        """The text without what the recognisers find; overlapping finds are one, named after the first.

        Args:
            text: Any text.
            keep: Ids of products in it: one that looks like a number of a person, and stands alone, is left.
        """
        key = (text, keep)
        known = self._known.get(key)
        if known is None:
            self._size += len(text)
            if self._size > _REMEMBERED:
                self._known.clear()
                self._size = len(text)
            known = self._known[key] = self._replace(text, keep)
        self.counts.update(known[1])
        return known[0]

    def _replace(self, text: str, keep: Collection[str]) -> tuple[str, Counter[str]]:
        spans = sorted(self._found(text), key=lambda span: (span.start, -span.end))
        if spans and (done := [match.span() for match in _PLACEHOLDER.finditer(text)]):
            spans = [span for span in spans if not any(start <= span.start and span.end <= end for start, end in done)]
        if spans and keep:
            spans = [span for span in spans if span.kind not in NUMBERS or text[span.start : span.end] not in keep]
        counts: Counter[str] = Counter()
        parts: list[str] = []
        end = 0
        for span in spans:
            if span.start >= end:
                parts += [text[end : span.start], f"[{span.kind}]"]
                counts[span.kind] += 1
            end = max(end, span.end)
        return "".join([*parts, text[end:]]), counts

    def _found(self, text: str) -> Iterable[Span]:
        plain = fold(text)
        for find in self._usual:
            for start, end, kind in find(plain.text):
                yield Span(*plain.span(start, end), kind)
        for find in self._own:
            for hit in find(text):
                yield _span(hit, text)


def _span(hit: object, text: str) -> Span:
    """What a recogniser of other people found: they give plain tuples, and make mistakes."""
    match hit:
        case (int(start), int(end), str(kind)) if 0 <= start <= end <= len(text) and kind:
            return Span(start, end, kind)
    raise ValueError(
        f"A recogniser gave {hit!r} for a text of {len(text)} letters, must give (start, end, kind), "
        "such as (0, 5, 'name')."
    )


def listed_names(names_file: Path | None) -> tuple[str, ...]:
    """The names in a file, a line each; none without a file."""
    return tuple(read_text(names_file, "--names").splitlines()) if names_file else ()


def named_recognisers(names: Iterable[str]) -> tuple[Recogniser, ...]:
    """Recognisers as a command line names them; see `load_recogniser`."""
    return tuple(load_recogniser(name) for name in names)
