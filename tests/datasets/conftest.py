"""A server on this machine that gives files as publishers do, and fails as they do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest


class Publisher(ThreadingHTTPServer):
    """Serves bytes by path.

    Attributes:
        files: What is there.
        listings: JSON answers by path.
        drops: Bytes after which the connection ends, by path; one of them is used up by each answer.
        statuses: Answers of failure by path, used up in the same way.
        pages: Paths that answer with a web page and status 200.
        ranges: The Range of every request for a file, "" for none.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.listings: dict[str, Any] = {}
        self.drops: dict[str, list[int]] = {}
        self.statuses: dict[str, list[int]] = {}
        self.redirects: dict[str, str] = {}
        self.pages: set[str] = set()
        self.ranges: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self.server.redirects:
            self.send_response(302)
            self.send_header("Location", self.server.redirects[path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path in self.server.listings:
            self._answer(200, json.dumps(self.server.listings[path]).encode(), "application/json")
            return
        if path in self.server.pages:
            self._answer(200, b"<!doctype html>Please log in", "text/html; charset=utf-8")
            return
        self.server.ranges.append(self.headers.get("Range", ""))
        if self.server.statuses.get(path):
            self._answer(self.server.statuses[path].pop(0), b"", "text/plain")
            return
        if path not in self.server.files:
            self._answer(404, b"nothing here", "text/plain")
            return
        content = self.server.files[path]
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        start, asked = 0, self.headers.get("Range")
        if asked and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(content) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        drops = self.server.drops.get(path)
        end = start + drops.pop(0) if drops else len(content)
        self.wfile.write(content[start:end])
        if end < len(content):
            self.close_connection = True

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    server = Publisher()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of the test's own: sets that are noted in it are no other test's."""
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
