"""The redaction of histories and intentions, and pseudonyms for the people they are of."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from paars_gym.redaction.recognisers import REGIONS, Recogniser
from paars_gym.redaction.texts import TextRedactor, listed_names, named_recognisers
from paars_gym.sessions.event import Event, History, Intention, Session

HASH_KEY = "PAARS_HASH_KEY"


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


class Redactor(TextRedactor):
    """Redacts histories and intentions too, and gives people pseudonyms.

    Args:
        listed_names: Names of people to replace, as words or phrases.
        recognisers: More of them, for example `paars_gym.redaction.recognisers.presidio`.
        regions: Whose national telephone numbers to look for.
        key: Of the pseudonyms; None for :func:`hash_key`.
    """

    def __init__(
        self,
        *,
        listed_names: Iterable[str] = (),
        recognisers: Iterable[Recogniser] = (),
        regions: Iterable[str] = REGIONS,
        key: bytes | None = None,
    ) -> None:
        super().__init__(listed_names=listed_names, recognisers=recognisers, regions=regions)
        self._key = key

    def pseudonym(self, shopper: str) -> str:
        """The shopper's pseudonym under this redactor's key."""
        if self._key is None:
            # Late: who only redacts texts needs no key.
            self._key = hash_key()
        return pseudonym(shopper, self._key)

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
    return Redactor(
        listed_names=listed_names(names_file), recognisers=named_recognisers(recognisers), regions=tuple(regions)
    )
