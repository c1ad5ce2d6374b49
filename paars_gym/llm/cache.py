"""Replies kept in an SQLite file: the same question with the same draw number is not paid for again."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from collections import Counter
from pathlib import Path

from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper
from paars_gym.llm.errors import OfflineError

_TABLE = """CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, spec TEXT NOT NULL, draw INTEGER NOT NULL, reply TEXT NOT NULL, stored REAL NOT NULL
) WITHOUT ROWID"""


def request_key(spec: str, request: Request) -> str:
    """The key of a request to a model: a digest of the model, every parameter, all messages and the draw number."""
    return hashlib.sha256(f"{spec}\n{request.model_dump_json()}".encode()).hexdigest()


class Cached(Wrapper):
    """Keeps every reply in an SQLite file, and answers from it.

    A reply is on disk before the caller has it, so that a killed run pays for no finished call again. The same question
    asked twice at the same time is sent once. Several processes may share a file.

    Args:
        model: What to call for what is not there.
        path: The file; made if needed.
        offline: Forbid calls: what is not in the file raises :class:`OfflineError`.
    """

    def __init__(self, model: ChatModel, path: Path, *, offline: bool = False) -> None:
        super().__init__(model)
        if offline and not path.exists():
            raise FileNotFoundError(f"offline needs a cache of replies, and there is none at {path}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.hits = 0
        self.misses = 0
        self._offline = offline
        self._base = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(_TABLE)
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise ValueError(f"{path} is no cache of replies: {error}.") from None
        self._locks: dict[str, asyncio.Lock] = {}
        self._askers: Counter[str] = Counter()

    async def complete(self, request: Request) -> Reply:
        """The reply from the file, or else from the model.

        Raises:
            OfflineError: It is not in the file, and calls are forbidden.
        """
        key = request_key(self.spec, request)
        self._askers[key] += 1
        try:
            async with self._locks.setdefault(key, asyncio.Lock()):
                return self._stored(key) or await self._ask(key, request)
        finally:
            self._askers[key] -= 1
            if not self._askers[key]:
                del self._askers[key], self._locks[key]

    def _stored(self, key: str) -> Reply | None:
        row = self._base.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        self.hits += 1
        return Reply.model_validate_json(row[0]).model_copy(update={"cached": True, "usd": 0.0})

    async def _ask(self, key: str, request: Request) -> Reply:
        if self._offline:
            raise OfflineError(
                f"{self.spec}: the call is not in the cache, and offline forbids it (draw {request.draw})."
            )
        self.misses += 1
        reply = await self.model.complete(request)
        row = (key, self.spec, request.draw, reply.model_dump_json(), time.time())
        self._base.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)
        return reply

    async def aclose(self) -> None:
        """Closes the file and the wrapped model."""
        self._base.close()
        await super().aclose()
