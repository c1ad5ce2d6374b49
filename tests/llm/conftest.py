"""Two servers on 127.0.0.1: llmock, which speaks both protocols, and one that sends the bytes it is told to."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from paars_gym.llm.chat import ChatModel, Message, Reply, Request
from paars_gym.llm.stack import make_model

PLANTED = "sk-planted-0123456789abcdef"
SPECS = {"openai": "openai:gpt-4.1-mini", "anthropic": "anthropic:claude-sonnet-5"}


@pytest.fixture(params=sorted(SPECS))
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def spec(provider: str, llmock: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model of either provider, served by llmock, with a planted key."""
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    monkeypatch.setenv("ANTHROPIC_API_KEY", PLANTED)
    return SPECS[provider]


def question(text: str = "Which kettle?", **more: Any) -> Request:
    messages = (Message(role="system", text="You shop."), Message(role="user", text=text))
    return Request(messages=messages, **more)


@pytest.fixture
def ask_once() -> Callable[..., Reply]:
    """Makes a model, asks it once, and closes it."""

    def run(model: str | ChatModel, request: Request | None = None, **more: Any) -> Reply:
        async def main() -> Reply:
            made = make_model(model, **more) if isinstance(model, str) else model
            try:
                return await made.complete(request or question())
            finally:
                await made.aclose()

        return asyncio.run(main())

    return run


class RawServer:
    """Answers each connection with the next of the prepared bytes, and closes it."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.heads: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def say(self, body: str, *, status: str = "200 OK", kind: str = "application/json", promise: int = 0) -> None:
        """Queues an answer; ``promise`` more bytes are announced than are sent."""
        data = body.encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {len(data) + promise}"
        )
        self.answers.append(f"{head}\r\n\r\n".encode() + data)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65536)
                head, _, body = received.partition(b"\r\n\r\n")
                self.heads.append(head.decode())
                length = int((re.findall(rb"(?i)content-length: *(\d+)", head) or [b"0"])[0])
                while len(body) < length:
                    body += connection.recv(65536)
                connection.sendall(self.answers.pop(0) if self.answers else b"")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=5)


@pytest.fixture
def raw_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    server = RawServer()
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    monkeypatch.setenv("ANTHROPIC_API_KEY", PLANTED)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    yield server
    server.close()
