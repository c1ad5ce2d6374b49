"""A server on 127.0.0.1 that gives every request the answer it was told to, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.serving import LocalServer, served


class Answering(LocalServer):
    """Attributes: what it answers with (``body``, ``kind``, ``status``), and ``asked``: path, headers and JSON."""

    body: bytes = b"{}"
    kind = "application/json"
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def say(self, body: bytes, kind: str = "application/json", status: int = 200) -> None:
        """What every request gets from now on."""
        self.body, self.kind, self.status = body, kind, status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Answering

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, sent))
        self.send_response(self.server.status)
        self.send_header("content-type", self.server.kind)
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def answering() -> Iterator[Answering]:
    with served(Answering()) as server:
        yield server


def events(values: list[Any], *, done: bool = True, named: bool = False) -> bytes:
    """Server-sent events of JSON values."""
    rows = [(f"event: {value['type']}\n" if named else "") + f"data: {json.dumps(value)}\n\n" for value in values]
    return "".join([*rows, *(["data: [DONE]\n\n"] if done and not named else [])]).encode()
