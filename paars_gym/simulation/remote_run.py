"""A run whose folder is a URL: kept in a folder of the cache while it is at work, and sent in whole files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from pathlib import Path

from paars_gym.llm.ledger import LEDGER_FILE
from paars_gym.remote import check_writable, child, list_files, local_copy, put_file, put_folder, url_of
from paars_gym.remote.working import work_path
from paars_gym.sessions.run_shards import SHARDS, append_shards
from paars_gym.sessions.store import SESSIONS_FILE, SETTINGS_FILE, STORE_FOLDER
from paars_gym.simulation.account import ACCOUNT_FILE

LEDGER_SECONDS = 30.0
"""How often the ledger is sent: so much of it is lost with a machine that is lost."""


class RemoteRun:
    """Brings a run folder here, sends what changes, and sends the whole when all sessions are accounted for.

    There, while it is at work: ``settings.json``, ``ledger.jsonl`` and ``shards/``; in the end the files of a run
    folder. Nothing is appended there: the files of a shard are put whole, the sessions last.

    Attributes:
        url: Of the run folder.
        folder: Where it is kept here meanwhile.
        shards: URL of the folder of shards.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = url_of(url)
        self.folder = work_path(self.url)
        self.shards = child(self.url, SHARDS)
        self._sent = 0.0

    def fetch(self) -> None:
        """Brings what is there, shards included; of two ledgers the longer one, since entries are only added.

        Raises:
            ValueError: Nothing can be written there.
        """
        check_writable(self.url)
        ledger = self.folder / LEDGER_FILE
        kept = ledger.read_bytes() if ledger.is_file() else b""
        shutil.rmtree(self.folder, ignore_errors=True)
        if not list_files(self.url):
            return
        there = local_copy(self.url)
        shutil.copytree(there, self.folder, ignore=shutil.ignore_patterns(SHARDS))
        if kept and (not ledger.is_file() or ledger.stat().st_size < len(kept)):
            ledger.write_bytes(kept)
        append_shards(there / SHARDS, self.folder)

    def begin(self) -> None:
        """Sends the settings, so that the run can go on from any machine."""
        put_file(self.folder / SETTINGS_FILE, child(self.url, SETTINGS_FILE))

    def send_ledger(self, *, now: bool = False) -> None:
        """Sends the ledger, where there is one and the last time was a while ago."""
        if now or time.monotonic() - self._sent >= LEDGER_SECONDS:
            self._sent = time.monotonic()
            for name in (LEDGER_FILE, ACCOUNT_FILE):
                if (self.folder / name).is_file():
                    put_file(self.folder / name, child(self.url, name))

    def gather(self, names: Collection[str]) -> None:
        """Appends the files of shards, by their names, to those of the folder here."""
        if names:
            append_shards(local_copy(self.shards), self.folder, names)

    def finish(self) -> None:
        """Sends the finished run; then its shards go."""
        shards = [f"{SHARDS}/{name}" for name in list_files(self.shards)]
        put_folder(self.folder, self.url, last=(f"{STORE_FOLDER}/{SESSIONS_FILE}",), removed=shards)
