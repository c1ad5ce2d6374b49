"""Requests that all fail for one cause, as against a server that is not there: they end a run early, with advice."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper
from paars_gym.llm.errors import (
    RUN_ENDING,
    BrokenReplyError,
    ContextLengthError,
    LostCauseError,
    ModelError,
    ModelTimeoutError,
    OfflineError,
    RateLimitError,
    RefusedError,
    RequestError,
    ServerError,
    UnreachableError,
)
from paars_gym.llm.ledger import CallLedger
from paars_gym.llm.specs import parse_spec

FIRST_FAILURES = 10
"""Requests, each after its own retries, that fail before any is answered: the next thousand would fail too."""
_ADVICE: tuple[tuple[type[ModelError], str], ...] = (
    (UnreachableError, "Is a server running at {url}? Start it, or name the right URL in --model."),
    (ModelTimeoutError, "Give it longer by --timeout, or ask for less at once by --concurrency."),
    (OfflineError, "Give the cache of a run with the same options by --cache, or leave out --offline."),
    (RateLimitError, "Ask more slowly, by --concurrency or --tokens-per-minute, or later."),
    (ServerError, "The log of the server says why; start it anew, or name another model in --model."),
    (BrokenReplyError, "Is {url} the URL of an API? Mostly it ends in /v1. Name the right one in --model."),
    (RequestError, "Name the model in --model as the server at {url} does, whose URL mostly ends in /v1."),
)


@dataclass
class _SoFar:
    """Whether anything was answered, and what failed since the last answer."""

    answered: bool = False
    row: list[ModelError] = field(default_factory=list)


_of_ledger: WeakKeyDictionary[CallLedger, dict[str, _SoFar]] = WeakKeyDictionary()


class Watched(Wrapper):
    """Raises a `LostCauseError` when nothing but failures of one kind comes back.

    That is when the first `FIRST_FAILURES` requests fail, none having been answered; and later, when as many in a row
    fail, and at least two for each of those that are under way at once. Answers out of the cache count offline only:
    they tell nothing of a server. What lies in one request (too long, refused) does not count.

    Args:
        model: Whom to ask; its retries are within.
        ledger: All that share it are watched together: a probe opens its model for each page anew.
        at_once: Requests at once, at most.
        offline: Whether all answers come out of the cache.
    """

    def __init__(
        self, model: ChatModel, *, ledger: CallLedger | None = None, at_once: int = 1, offline: bool = False
    ) -> None:
        super().__init__(model)
        self._later = max(FIRST_FAILURES, 2 * at_once)
        self._offline = offline
        self._so_far = _of_ledger.setdefault(ledger or CallLedger(), {}).setdefault(self.spec, _SoFar())

    async def complete(self, request: Request) -> Reply:
        """Answers.

        Raises:
            LostCauseError: It is no use to ask.
            ModelError: The call failed.
        """
        self._check()
        try:
            reply = await self.model.complete(request)
        except (*RUN_ENDING, ContextLengthError, RefusedError):
            raise
        except ModelError as error:
            if self._so_far.row and type(self._so_far.row[0]) is not type(error):
                self._so_far.row.clear()
            self._so_far.row.append(error)
            self._check()
            raise
        if not reply.cached or self._offline:
            self._so_far.answered = True
            self._so_far.row.clear()
        return reply

    @property
    def unanswered(self) -> str:
        """Why nothing at all was answered, and what to do, as far as failures tell; empty where something was."""
        return (
            ""
            if self._so_far.answered or not self._so_far.row
            else self._said(f"All {len(self._so_far.row):,} requests failed")
        )

    def _check(self) -> None:
        count = len(self._so_far.row)
        if count < (self._later if self._so_far.answered else FIRST_FAILURES):
            return
        failed = (
            f"{count:,} requests in a row failed"
            if self._so_far.answered
            else f"The first {count:,} requests all failed"
        )
        raise LostCauseError(self._said(failed))

    def _said(self, failed: str) -> str:
        error = self._so_far.row[0]
        return f"{failed}: {type(error).__name__}: {str(error).rstrip('.')}. {advice(error, self.spec)}".rstrip()


def advice(error: ModelError, spec: str) -> str:
    """What to do about requests that all fail so; a sentence or two, empty where nothing is known."""
    try:
        url = parse_spec(spec).base_url or "the provider's API"
    except ValueError:
        url = "the server"
    return next((text.format(url=url) for kind, text in _ADVICE if isinstance(error, kind)), "")
