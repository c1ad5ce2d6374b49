"""Replies kept in an SQLite file: the same question with the same draw number is not paid for again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from paars_gym.files import StorageError, make_private
from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper
from paars_gym.llm.errors import OfflineError
from paars_gym.prompts import VERSION

_TABLES = """CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, spec TEXT NOT NULL, draw INTEGER NOT NULL, reply TEXT NOT NULL, stored REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unusable (key TEXT PRIMARY KEY) WITHOUT ROWID"""

_SELECT = "SELECT reply FROM replies WHERE key = ?"
_SELECT_USABLE = "SELECT reply FROM replies WHERE key = ? AND key NOT IN (SELECT key FROM unusable)"


def request_key(spec: str, request: Request, environment: Mapping[str, str] | None = None) -> str:
    """The key of a request to a model: a digest of model, prompts' version, parameters, messages and draw number.

    What of the environment leads requests elsewhere, or bills them to another account, makes other keys.
    """
    where = f"{spec}\n{json.dumps(environment, sort_keys=True)}" if environment else spec
    return hashlib.sha256(f"{where}\nprompts {VERSION}\n{request.model_dump_json()}".encode()).hexdigest()


class Cached(Wrapper):
    """Keeps every reply in an SQLite file, and answers from it.

    A reply is on disk before the caller has it, so that a killed run pays for no finished call again. The same question
    asked twice at the same time is sent once. Several processes may share a file. A reply that cannot be read, here or
    by who asked (`unusable`), is asked for again.

    Args:
        model: What to call for what is not there.
        path: The file; made if needed.
        offline: Forbid calls: what is not in the file raises :class:`OfflineError`. The file is only read.
        environment: Part of the keys; see `paars_gym.llm.connection.environment_of`.
    """

    def __init__(
        self, model: ChatModel, path: Path, *, offline: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(model)
        if path.is_dir():
            raise ValueError(f"The cache of replies {str(path)!r} is a folder, must be a file.")
        if offline and not path.exists():
            raise FileNotFoundError(f"offline needs a cache of replies, and there is none at {path}.")
        self.hits = 0
        self.misses = 0
        self.offline = offline
        self._environment = environment
        self._path = path
        self._base = _opened_to_read(path) if offline else _opened(path)
        self._locks: dict[str, asyncio.Lock] = {}
        self._askers: Counter[str] = Counter()

    async def complete(self, request: Request) -> Reply:
        """The reply from the file, or else from the model.

        Raises:
            OfflineError: It is not in the file, and calls are forbidden.
            StorageError: The file cannot be read or written, as on a full disk; what was paid for is in the ledger.
        """
        key = self._key(request)
        self._askers[key] += 1
        try:
            async with self._locks.setdefault(key, asyncio.Lock()):
                return self._stored(key) or await self._ask(key, request)
        finally:
            self._askers[key] -= 1
            if not self._askers[key]:
                del self._askers[key], self._locks[key]

    def unusable(self, request: Request) -> None:
        """Marks a reply that who asked could not read: it is not served again, but for offline, where no other is."""
        if not self.offline:
            self._change("INSERT OR IGNORE INTO unusable VALUES (?)", (self._key(request),))

    def _key(self, request: Request) -> str:
        return request_key(self.spec, request, self._environment)

    def _stored(self, key: str) -> Reply | None:
        row = self._change(_SELECT if self.offline else _SELECT_USABLE, (key,)).fetchone()
        if row is None:
            return None
        try:
            reply = Reply.model_validate_json(row[0])
        except ValidationError:
            return None
        self.hits += 1
        return reply.model_copy(update={"cached": True, "usd": 0.0})

    async def _ask(self, key: str, request: Request) -> Reply:
        if self.offline:
            raise OfflineError(
                f"{self.spec}: the call is not in the cache, and offline forbids it (draw {request.draw})."
            )
        self.misses += 1
        reply = await self.model.complete(request)
        row = (key, self.spec, request.draw, reply.model_dump_json(), time.time())
        self._change("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)
        self._change("DELETE FROM unusable WHERE key = ?", (key,))
        return reply

    def _change(self, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._base.execute(statement, values)
        except sqlite3.Error as error:
            raise StorageError(None, f"The cache of replies fails ({error})", str(self._path)) from error

    async def aclose(self) -> None:
        """Closes the file and the wrapped model."""
        self._base.close()
        await super().aclose()


def _opened(path: Path) -> sqlite3.Connection:
    # The files that SQLite lays beside it get the mode of this one.
    base = sqlite3.connect(make_private(path), timeout=30, isolation_level=None, check_same_thread=False)
    try:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")
        base.executescript(_TABLES)
    except sqlite3.DatabaseError as error:
        base.close()
        raise ValueError(f"{path} is no cache of replies: {error}.") from None
    return base


def _opened_to_read(path: Path) -> sqlite3.Connection:
    """The cache, wherever it lies: SQLite itself writes beside a file that it reads, unless it is told not to."""
    wal = path.with_name(f"{path.name}-wal")
    folder = None
    if wal.exists() and wal.stat().st_size:  # a process was killed: the last replies are there alone
        folder = TemporaryDirectory(prefix="paars-replies-", ignore_cleanup_errors=True)
        for one in (path, wal):
            shutil.copy(one, folder.name)
        path = Path(folder.name) / path.name
    name = f"{path.absolute().as_uri()}?{'mode=rw' if folder else 'immutable=1'}"
    try:
        base = sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)
        base.execute("SELECT count(*) FROM replies WHERE key = ''")
        if folder is not None:
            base.execute("PRAGMA journal_mode=DELETE")
            folder.cleanup()  # what is open stays readable
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{path} is no cache of replies: {error}.") from None
    return base
