"""Which parts of a text could tell who somebody is? They are replaced before any text leaves the process."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import platformdirs

from paars_gym.sessions.event import Event, History, Session

HASH_KEY = "PAARS_HASH_KEY"
_REMEMBERED = 100_000


class Span(NamedTuple):
    """A part of a text, ``text[start:end]``, and what it is, for example ``email``."""

    start: int
    end: int
    kind: str


Recogniser = Callable[[str], Iterable[Span]]
"""Finds the parts of a text that have to go."""

_EMAIL = re.compile(r"(?<![\w.+'-])[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d])")
_WORDS = r"(?:[^\W\d_][\w'.-]*\s+){1,3}"
_STREET = r"(?:street|st\b\.?|avenue|ave\b\.?|road|rd\b\.?|boulevard|blvd\b\.?|lane|terrace|highway|hwy|parkway|pkwy)"
# These words and short forms are in product titles too (100 ct, Milky Way): a place has to follow.
_DOUBTFUL = r"(?:drive|dr|ln|court|ct|place|pl|way|square|sq|circle|cir)\b\.?(?=\s*,|\s+[A-Z]{2}\s+\d{5})"
_MEASURE = r"(?:oz|lbs?|ct|count|pk|pack|ml|l|g|kg|in|inch|ft|cm|mm|m|x|pc|pcs|piece)\b"
_UNIT = r"(?:\s*,?\s*(?:apt|apartment|unit|suite|ste|flat|#)\.?\s*[\w-]+)?"
_CITY = r"(?:\s*,\s*[^\W\d_][\w'.-]*(?:\s[^\W\d_][\w'.-]*){0,2}(?=\s*(?:$|[,.;)]|[A-Z]{2}\s+\d{5}|\d{5})))?"
_PLACE = rf"{_CITY}(?:\s*,?\s*(?:[A-Z]{{2}}\s+)?\d{{5}}(?:-\d{{4}})?(?!\d))?"
_ADDRESS = re.compile(
    rf"\b\d{{1,5}}[a-z]?\s+(?!{_MEASURE}){_WORDS}(?:{_STREET}|{_DOUBTFUL})(?!\w){_UNIT}{_PLACE}"
    r"|\bp\.?\s?o\.?\s?box\s+\d+"
    r"|\b[^\W\d_]{3,}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse)\s+\d{1,4}[a-z]?\b(?:\s*,?\s*\d{5}(?:\s+[^\W\d_]+)?)?"
    r"|\b[A-Z]{1,2}\d[A-Z\d]?\s+\d[A-Z]{2}\b",
    re.IGNORECASE,
)


def emails(text: str) -> Iterable[Span]:
    """E-mail addresses."""
    if "@" in text:
        yield from (Span(*match.span(), "email") for match in _EMAIL.finditer(text))


def cards(text: str) -> Iterable[Span]:
    """Payment cards: 13 to 19 digits, with blanks or dashes between, whose check digit is right (Luhn)."""
    for match in _CARD.finditer(text):
        if _luhn([int(letter) for letter in match.group() if letter.isdigit()]):
            yield Span(*match.span(), "card")


def _luhn(digits: list[int]) -> bool:
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def addresses(text: str) -> Iterable[Span]:
    """Postal addresses as they are written in English and German: a rule of thumb, see ``presidio`` for more."""
    yield from (Span(*match.span(), "address") for match in _ADDRESS.finditer(text))


def phones(*regions: str) -> Recogniser:
    """Telephone numbers: international ones, and the national ones of some regions (``US``, ``GB``, …)."""

    def find(text: str) -> Iterable[Span]:
        # The matcher costs some 0.1 ms a text, and most titles have no seven digits.
        if sum(map(str.isdigit, text)) < 7:
            return
        from phonenumbers import PhoneNumberMatcher

        for region in regions:
            yield from (Span(match.start, match.end, "phone") for match in PhoneNumberMatcher(text, region))

    return find


def names(listed: Iterable[str]) -> Recogniser:
    """Whole words or phrases that the caller lists, in any case."""
    phrases = sorted({name.strip() for name in listed if name.strip()}, key=len, reverse=True)
    if not phrases:
        return lambda text: ()  # noqa: ARG005
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, phrases))})(?!\w)", re.IGNORECASE)
    return lambda text: (Span(*match.span(), "name") for match in pattern.finditer(text))


def presidio(*, language: str = "en", entities: tuple[str, ...] = ("PERSON", "LOCATION")) -> Recogniser:
    """What Microsoft Presidio recognises, if ``presidio-analyzer`` and a language model for it are installed.

    Raises:
        ImportError: They are not.
    """
    try:
        analyzer = importlib.import_module("presidio_analyzer")
    except ImportError:
        raise ImportError("presidio needs the package presidio-analyzer: pip install presidio-analyzer.") from None
    engine = analyzer.AnalyzerEngine()

    def find(text: str) -> Iterable[Span]:
        found = engine.analyze(text=text, language=language, entities=list(entities))
        return (Span(hit.start, hit.end, hit.entity_type.lower()) for hit in found)

    return find


def pseudonym(shopper: str, key: bytes | None = None) -> str:
    """A keyed hash of a shopper's id (HMAC-SHA256, 16 hexadecimal digits): the same for the same key, and no way back.

    Without a key, that of :func:`hash_key`.
    """
    return hmac.new(hash_key() if key is None else key, shopper.encode(), hashlib.sha256).hexdigest()[:16]


def hash_key() -> bytes:
    """The key of the pseudonyms: ``$PAARS_HASH_KEY``, or one drawn once and kept, readable by its owner only."""
    given = os.environ.get(HASH_KEY)
    if given:
        return given.encode()
    path = platformdirs.user_data_path("paars_gym") / "hash.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
        except FileExistsError:
            # Another process was faster; its key is as good.
            pass
    return Path(path).read_bytes()


class Redactor:
    """Replaces what recognisers find by its kind in brackets, and counts.

    E-mail addresses, telephone and card numbers, and postal addresses are always looked for.

    Args:
        listed_names: Names of people to replace, as words or phrases.
        recognisers: More of them, for example :func:`presidio`.
        regions: Whose national telephone numbers to look for.
        key: Of the pseudonyms; None for :func:`hash_key`.

    Attributes:
        counts: How many pieces of each kind were replaced so far; the same text counts each time it is met.
    """

    def __init__(
        self,
        *,
        listed_names: Iterable[str] = (),
        recognisers: Iterable[Recogniser] = (),
        regions: tuple[str, ...] = ("US", "GB"),
        key: bytes | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._recognisers = (emails, cards, phones(*regions), addresses, names(listed_names), *recognisers)
        self._key = hash_key() if key is None else key
        self._known: dict[str, tuple[str, Counter[str]]] = {}

    def pseudonym(self, shopper: str) -> str:
        """The shopper's pseudonym under this redactor's key."""
        return pseudonym(shopper, self._key)

    def redact(self, text: str) -> str:
        """The text without what the recognisers find; overlapping finds are one, named after the first."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[text] = self._replace(text)
        self.counts.update(known[1])
        return known[0]

    def redact_history(self, history: History) -> tuple[History, dict[str, int]]:
        """The history under its pseudonym, with every text in it redacted, and the counts of this history alone."""
        before = self.counts.copy()
        clean = history.model_copy(
            update={
                "shopper": self.pseudonym(history.shopper),
                "sessions": tuple(self._session(session) for session in history.sessions),
            }
        )
        return clean, dict(self.counts - before)

    def _session(self, session: Session) -> Session:
        intention = session.intention
        if intention is not None:
            intention = intention.model_copy(update={"text": self.redact(intention.text)})
        return session.model_copy(
            update={
                "shopper": self.pseudonym(session.shopper),
                "key": self.pseudonym(session.key),
                "events": tuple(self._event(event) for event in session.events),
                "intention": intention,
            }
        )

    def _event(self, event: Event) -> Event:
        changes: dict[str, object] = {}
        for name in ("query", "product" if event.title is None else "title"):
            text = getattr(event, name)
            if text is not None and (clean := self.redact(text)) != text:
                changes[name] = clean
        if event.options:
            changes["options"] = tuple((self.redact(name), self.redact(value)) for name, value in event.options)
        return event.model_copy(update=changes) if changes else event

    def _replace(self, text: str) -> tuple[str, Counter[str]]:
        spans = sorted(
            (span for find in self._recognisers for span in find(text)), key=lambda span: (span.start, -span.end)
        )
        counts: Counter[str] = Counter()
        parts: list[str] = []
        end = 0
        for span in spans:
            if span.start >= end:
                parts += [text[end : span.start], f"[{span.kind}]"]
                counts[span.kind] += 1
            end = max(end, span.end)
        return "".join([*parts, text[end:]]), counts
