"""The redaction of personal data before any text leaves the process."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from paars_gym.personas.recognisers import (
    REGIONS,
    Recogniser,
    Span,
    addresses,
    cards,
    emails,
    load_recogniser,
    names,
    phones,
)
from paars_gym.sessions.event import Event, History, Intention, Session

HASH_KEY = "PAARS_HASH_KEY"
_REMEMBERED = 100_000


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
        recognisers: More of them, for example `paars_gym.personas.recognisers.presidio`.
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
        regions: Iterable[str] = REGIONS,
        key: bytes | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._recognisers = (emails, cards, phones(*regions), addresses, names(listed_names), *recognisers)
        self._key = key
        self._known: dict[str, tuple[str, Counter[str]]] = {}

    def pseudonym(self, shopper: str) -> str:
        """The shopper's pseudonym under this redactor's key."""
        if self._key is None:
            # Late: who only redacts texts needs no key.
            self._key = hash_key()
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

    def redact_intention(self, intention: Intention) -> Intention:
        """The intention with every text in it redacted; what it is about stays."""
        category = intention.category
        return intention.model_copy(
            update={
                "text": self.redact(intention.text),
                "category": None if category is None else self.redact(category),
                "options": {self.redact(name): self.redact(value) for name, value in intention.options.items()},
            }
        )

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
        return session.model_copy(
            update={
                "shopper": self.pseudonym(session.shopper),
                "key": self.pseudonym(session.key),
                "events": tuple(self._event(event) for event in session.events),
                "intention": None if intention is None else self.redact_intention(intention),
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
            (_span(hit, text) for find in self._recognisers for hit in find(text)),
            key=lambda span: (span.start, -span.end),
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


def _span(hit: object, text: str) -> Span:
    """What a recogniser found; those of other people give plain tuples, and make mistakes."""
    match hit:
        case (int(start), int(end), str(kind)) if 0 <= start <= end <= len(text) and kind:
            return Span(start, end, kind)
    raise ValueError(
        f"A recogniser gave {hit!r} for a text of {len(text)} letters, must give (start, end, kind), "
        "such as (0, 5, 'name')."
    )


def make_redactor(
    *, names_file: Path | None = None, recognisers: Iterable[str] = (), regions: Iterable[str] = REGIONS
) -> Redactor:
    """The redactor that a command line asks for.

    Args:
        names_file: Names of people, a line each.
        recognisers: Names for `load_recogniser`.
        regions: Whose national telephone numbers to look for.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError, ValueError: See `load_recogniser` and `phones`.
    """
    listed = names_file.read_text(encoding="utf-8").splitlines() if names_file else ()
    return Redactor(
        listed_names=listed, recognisers=[load_recogniser(name) for name in recognisers], regions=tuple(regions)
    )
