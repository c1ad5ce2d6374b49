"""A shop in the browser on a real server of 127.0.0.1, and a visitor without a browser."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from paars_gym.serve.local_server import listen, local_server

_clients: list[httpx2.Client] = []
"""To be closed when the server ends."""


@contextmanager
def running(application: Any) -> Iterator[str]:
    """Serves an ASGI application; gives its address."""
    taken = listen(0)
    server = local_server(application)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
    finally:
        while _clients:
            _clients.pop().close()
        server.should_exit = True
        thread.join(10)
        taken.close()


class Browser:
    """Follows redirects, keeps the cookie, and posts the forms of the page it is on."""

    def __init__(self, address: str) -> None:
        self.http = httpx2.Client(base_url=address, follow_redirects=True, timeout=60)
        _clients.append(self.http)
        self.page = self.http.get("/")

    @property
    def text(self) -> str:
        return self.page.text

    def hidden(self) -> dict[str, str]:
        """The token and the step that the forms of the page hold."""
        fields = re.findall(r'name="(csrf|step)" value="([^"]*)"', self.text)
        return {name: html.unescape(value) for name, value in fields}

    def enter(self) -> Browser:
        self.page = self.http.post("/begin", data={**self.hidden(), "agree": "yes"})
        return self

    def act(self, action: str, **fields: str) -> Browser:
        self.page = self.http.post("/act", data={**self.hidden(), "action": action, **fields})
        return self
