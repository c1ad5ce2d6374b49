"""An S3 server on 127.0.0.1 (moto's), behind a proxy that can be full, refuse, cut off and count."""

from __future__ import annotations

import http.client
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.serving import LocalServer

SECRET = "hush-hush-hush"
REFUSALS = {
    "full": (507, "InsufficientStorage", "The disk is full."),
    "forbidden": (403, "AccessDenied", "Access Denied"),
    "wrong key": (403, "InvalidAccessKeyId", "The key you provided does not exist in our records."),
}


class FaultyProxy(LocalServer):
    """Passes requests on to a server of objects.

    Attributes:
        fault: What goes wrong: ``full`` and ``forbidden`` of what writes, ``wrong key`` of everything, ``cut off`` of
            the bodies of the next ``cuts`` objects that are read, or nothing.
        spares: Writes of keys that end so are let through.
        asked: Method and path of every request.
        heads: Headers of every request.
    """

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.reset()

    def reset(self) -> None:
        self.fault, self.spares, self.cuts = "", ("nothing",), 0
        self.asked: list[tuple[str, str]] = []

    def handle_error(self, *_: Any) -> None:
        """A client that was killed, or has waited enough, is no news."""

    def written(self) -> list[str]:
        """Keys that were written, in order, probes left out."""
        return [path.partition("?")[0] for method, path in self.asked if method == "PUT" and ".paars-probe" not in path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    server: FaultyProxy

    def _pass_on(self) -> None:
        body = self._body()
        self.server.asked.append((self.command, self.path))
        writes = self.command in ("PUT", "POST") and "?delete" not in self.path
        spared = self.path.partition("?")[0].endswith(tuple(self.server.spares)) or ".paars-probe" in self.path
        fault = self.server.fault
        if fault == "wrong key" or (fault in REFUSALS and writes and not (spared and fault == "full")):
            status, code, message = REFUSALS[fault]
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            self._answer(status, {"content-type": "application/xml"}, text if self.command != "HEAD" else b"")
            return
        behind = http.client.HTTPConnection("127.0.0.1", self.server.behind)
        heads = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
        behind.request(self.command, self.path, body, heads | ({"content-length": str(len(body))} if body else {}))
        answer = behind.getresponse()
        content = answer.read()
        passed = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
        if self.command == "HEAD":
            passed["content-length"] = answer.getheader("content-length") or "0"
        is_object = self.command == "GET" and answer.status in (200, 206) and "list-type" not in self.path
        if fault == "cut off" and is_object and self.server.cuts and content:
            self.server.cuts -= 1
            self._answer(answer.status, passed, content, cut=len(content) // 2)
        else:
            self._answer(answer.status, passed, content)
        behind.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815

    def handle_expect_100(self) -> bool:
        """Lets a body come, at once."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _answer(self, status: int, heads: dict[str, str], content: bytes, *, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in heads.items():
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name in heads}:
            self.send_header("content-length", str(len(content)))
        if cut is not None:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(content[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


HOP = {"connection", "content-length", "transfer-encoding", "server", "date"}
"""Headers of one connection, and those that the proxy writes itself."""
