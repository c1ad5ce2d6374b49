"""Servers on 127.0.0.1 for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

ServerT = TypeVar("ServerT", bound=ThreadingHTTPServer)


class LocalServer(ThreadingHTTPServer):
    """A thread a connection, and room for many that come at once: with five, as by default, some are reset."""

    daemon_threads = True
    request_queue_size = 512


class JsonServer(LocalServer):
    """Answers JSON with JSON.

    Attributes:
        bodies: What it was asked.
        headers: Of the same requests.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _JsonHandler)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def reply(self, path: str, body: dict[str, Any]) -> dict[str, Any] | int:
        """What a request gets, or the status of an error."""
        raise NotImplementedError


class _JsonHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet: else each answer waits 40 ms for an acknowledgement
    server: JsonServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        self.server.headers.append(dict(self.headers.items()))
        said = self.server.reply(self.path, body)
        data = json.dumps({"error": {"message": "it is down"}} if isinstance(said, int) else said).encode()
        self.send_response(said if isinstance(said, int) else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def served(server: ServerT) -> Iterator[ServerT]:
    """Answers until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
