"""The ledger of a run: what each call of a language model may cost when it goes out, and what it cost when it is back.

One file for all processes and resumes of an output, so that a limit in dollars bounds them together, and so that the
account of a run counts calls, not finished sessions. Each line is an entry, appended whole under a lock: a kill at any
moment leaves calls that went out and have no end, which count at what they may cost.

Entries are handed to the system, not synced to the disk: a sync of each takes 4 ms where an entry takes 0.03 ms. So a
kill or a crash of the process loses none, and a power cut may lose those of the last seconds (on Linux up to some 30),
by as much as which ``max_usd`` may then be exceeded.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from paars_gym.config import BudgetConfig
from paars_gym.files import StorageError
from paars_gym.llm.chat import Usage
from paars_gym.llm.spending import OpenCall, Taken

LEDGER_FILE = "ledger.jsonl"
PATIENCE_SECONDS = 600.0
"""So old a call of another process is not waited for: its process may be gone, and its number another's."""
_ENDS = ("paid", "free", "lost")
_encode = json.JSONEncoder(separators=(",", ":")).encode


class CallLedger:
    """The entries of one output; several objects, in any process, may stand for the same file.

    Args:
        path: The file, made when the first call goes out, readable by its owner only; None keeps it in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._file: int | None = None
        self._forget()
        self._own: set[str] = set()
        self._pid = os.getpid()
        self._lock = threading.RLock()

    def _forget(self) -> None:
        self._read_to = 0
        self._parts: dict[str, Taken] = {}
        self._whole = Taken()
        self._of_key: dict[str, str] = {}

    def reserve(
        self,
        model: str,
        worst: Usage,
        price: Callable[[Usage], float | None],
        *,
        part: str = "",
        limit: float | None = None,
        key: str = "",
    ) -> str | None:
        """Enters a call that is about to go out.

        Args:
            model: Spec.
            worst: The most tokens that it may take.
            price: Of tokens of this model.
            part: See `OpenCall`.
            limit: US dollars that everything in the ledger may cost, this call included; None for no limit.
            key: Of a request that was handed in before: the open call with that key goes on, where there is one.

        Returns:
            The id of the entry. Where the call might exceed the limit: "" while calls are under way that may yet cost
            less than they have reserved, None when there are none.

        Raises:
            StorageError: The file cannot be written.
        """
        with self._exclusive():
            former = self._whole.open.get(self._of_key.get(key, ""))
            if former is not None and not self._is_under_way(former):
                self._own.add(former.id)
                return former.id
            usd = price(worst)
            if limit is not None and self._whole.most_usd(price) + (usd or 0.0) > limit:
                return "" if any(map(self._is_under_way, self._whole.open.values())) else None
            entry = {"call": secrets.token_hex(8), "at": round(time.time(), 3), "pid": os.getpid(), "model": model}
            entry |= {"part": part} if part else {}
            entry |= {"reserve": worst.model_dump(exclude_defaults=True), "usd": usd} | ({"key": key} if key else {})
            self._enter(entry)
            self._own.add(str(entry["call"]))
            return str(entry["call"])

    def settle(self, call: str, usage: Usage, usd: float | None, *, estimated: bool = False) -> None:
        """Enters what an answered call took: its tokens, or its reserve where it did not tell them."""
        entry = {"paid": call, "usage": usage.model_dump(exclude_defaults=True), "usd": usd}
        self._end(entry | ({"estimated": True} if estimated else {}), call)

    def release(self, call: str) -> None:
        """Enters that a call costs nothing: it was not sent, or the server refused it."""
        self._end({"free": call}, call)

    def lose(self, call: str) -> None:
        """Enters that a call was given up without an answer: it stays open."""
        self._end({"lost": call}, call)

    def abandon(self, calls: Iterable[str]) -> None:
        """Nobody waits any more for calls of a worker that died: they stay open."""
        with self._lock:
            self._own.difference_update(calls)

    def taken(self, part: str | None = None) -> Taken:
        """Sums over all entries up to now, or over those of a part."""
        with self._lock:
            if self.path is not None and self._file is None and not self.path.exists():
                self._forget()
            elif self.path is not None:
                with self._opened(writable=False):
                    self._catch_up()
        return self._whole if part is None else self._parts.get(part, Taken())

    def _is_under_way(self, call: OpenCall) -> bool:
        if call.lost or call.id in self._own or call.pid == os.getpid():
            return call.id in self._own and not call.lost
        return time.time() - call.at < PATIENCE_SECONDS and _is_alive(call.pid)

    def close(self) -> None:
        """Gives the file back; the next entry opens it again."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def __repr__(self) -> str:
        return f"CallLedger({str(self.path)!r})"

    @property
    def name(self) -> str:
        """How settings call it."""
        return "in memory" if self.path is None else str(self.path)

    def _end(self, entry: dict[str, Any], call: str) -> None:
        with self._exclusive():
            self._enter(entry)
            self._own.discard(call)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Nobody else enters anything meanwhile, and what others have entered is known."""
        with self._lock:
            if self._pid != os.getpid():  # forked: a lock on the same open file would be the parent's too
                self._pid, self._own = os.getpid(), set()
                self.close()
            if self.path is None:
                yield
                return
            try:
                with self._opened(writable=True) as file, _flocked(file):
                    self._catch_up()
                    if os.fstat(file).st_size > self._read_to:
                        # Whoever wrote the beginning of a line holds the lock no more: it was killed, or its disk full.
                        os.ftruncate(file, self._read_to)
                    yield
            except OSError as error:
                raise StorageError.of(error, self.path) from error

    @contextmanager
    def _opened(self, *, writable: bool) -> Iterator[int]:
        """The file, which stays open once it was opened to write."""
        assert self.path is not None
        if self._file is not None:
            yield self._file
        elif writable:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            yield self._file
        else:
            self._file = os.open(self.path, os.O_RDONLY)
            try:
                yield self._file
            finally:
                os.close(self._file)
                self._file = None

    def _catch_up(self) -> None:
        """Takes the whole lines that are new."""
        assert self._file is not None
        size = os.fstat(self._file).st_size
        if size < self._read_to:  # another file: the output was removed, and begun anew
            self._forget()
        read = os.pread(self._file, size - self._read_to, self._read_to)
        lines = read[: read.rfind(b"\n") + 1]
        for line in lines.splitlines():
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # damaged by something else than us
        self._read_to += len(lines)

    def _enter(self, entry: Mapping[str, Any]) -> None:
        if self._file is not None:
            line = _encode(entry).encode() + b"\n"
            try:
                written = os.write(self._file, line)
                if written < len(line):
                    os.write(self._file, line[written:])
            except OSError:
                os.ftruncate(self._file, self._read_to)
                raise
            self._read_to += len(line)
        self._take(entry)

    def _take(self, entry: Mapping[str, Any]) -> None:
        if "call" in entry:
            part, key = str(entry.get("part", "")), str(entry.get("key", ""))
            call = OpenCall(
                entry["call"], part, entry["model"], entry["pid"], entry["at"], entry["reserve"], entry["usd"], key
            )
            for taken in (self._whole, self._parts.setdefault(part, Taken())):
                taken.begin(call)
            if key:
                self._of_key[key] = call.id
            return
        end = next((name for name in _ENDS if name in entry), "")
        begun = self._whole.open.get(entry.get(end, ""))
        if begun is None:
            return
        for taken in (self._whole, self._parts[begun.part]):
            if end == "lost":
                taken.open[begun.id] = begun._replace(lost=True)
                continue
            taken.end(begun)
            if end == "paid":
                taken.pay(entry["usage"], entry["usd"], estimated=bool(entry.get("estimated")))


_of_file: WeakValueDictionary[Path, CallLedger] = WeakValueDictionary()
"""One for each file in a process, so that its calls can wait for each other."""


def ledger_of(given: Path | CallLedger | None) -> CallLedger:
    """The ledger of a budget: that of its file, the one it was given, or one in memory."""
    if given is None or isinstance(given, CallLedger):
        return given or CallLedger()
    path = Path(given).absolute()
    if (known := _of_file.get(path)) is None:
        known = _of_file[path] = CallLedger(path)
    return known


def sharing(budget: BudgetConfig, path: Path | None = None) -> BudgetConfig:
    """The budget, its limit for everything that is asked under it from now on; as it is where it is so already.

    Args:
        budget: Of several runs or tasks.
        path: File of their ledger, so that it bounds later processes too; None keeps it in memory.
    """
    if budget.ledger is not None or budget.dry_run:
        return budget
    return budget.model_copy(update={"ledger": ledger_of(path)})


def temporary_ledger() -> Path:
    """A file for a ledger that other processes have to find, and that ends with this one."""
    folder = tempfile.mkdtemp(prefix="paars-ledger-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / LEDGER_FILE


def left_of(budget: BudgetConfig, told_usd: float) -> BudgetConfig:
    """The budget after policies told of dollars; what is in its ledger counts there already.

    Args:
        budget: As `sharing` gives it.
        told_usd: Of policies that ask a model past our door, which the ledger knows nothing of.
    """
    taken = ledger_of(budget.ledger).taken()
    return budget if taken.calls or taken.open else budget.after(told_usd)


@contextmanager
def _flocked(file: int) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows has none; two processes of one output are then the user's lookout
        yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there, asking would end it
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
