"""The lines of stdin for an asynchronous reader, read by a thread that keeps no process from ending."""

from __future__ import annotations

import asyncio
import os
import threading

MAX_LINE_BYTES = 1_000_000
_CHUNK = 65_536


class StdinLines:
    """An asynchronous iterator over the lines of a file descriptor.

    What waits for stdin in a thread pool can be woken by nothing but a line, and would keep Ctrl-C waiting. A line that
    is too long comes as an empty one.
    """

    def __init__(self, descriptor: int = 0) -> None:
        """Args:
        descriptor: Of what is read; 0 is stdin.
        """
        self._descriptor = descriptor
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        # Not through sys.stdin: its lock would be held when the interpreter ends.
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def __aiter__(self) -> StdinLines:
        return self

    async def __anext__(self) -> str:
        line = await self._lines.get()
        if line is None:
            raise StopAsyncIteration
        return line.decode("utf-8", "replace")

    def _read(self) -> None:
        rest, too_long = b"", False
        while chunk := self._chunk():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._put(b"" if too_long or len(line) > MAX_LINE_BYTES else line)
                too_long = False
            if len(rest) > MAX_LINE_BYTES:
                rest, too_long = b"", True
        if rest:
            self._put(rest)
        self._put(None)

    def _chunk(self) -> bytes:
        try:
            return os.read(self._descriptor, _CHUNK)
        except OSError:
            return b""

    def _put(self, line: bytes | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:  # the loop is closed, and nobody reads any more
            return
