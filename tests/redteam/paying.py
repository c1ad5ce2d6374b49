"""A model behind a server on 127.0.0.1 that is paid for each answer, counts them, and has faults by a seed."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.serving import LocalServer, served

PROMPT_TOKENS, ANSWER_TOKENS = 100, 20
FAULTS = ("busy", "fails", "hangs up", "hangs up when paid", "breaks off", "unreadable", "silent about tokens")
"""What it does at random; from the fourth on the answer is paid for."""
PROFILE = {"reasoning": "Nappies.", "profile": {"children": {"value": "1", "confidence": 0.8}}}
PREFERENCES = {"reasoning": "Cheap.", "preferences": {"price_sensitivity": {"value": 4.5}}}


class Paying(LocalServer):
    """A shopper who searches once, views, and leaves; who also answers the questions of mining, surveys and tasks.

    Args:
        faults: Share of requests that meet one of `FAULTS`.
        seed: Of these.
        seconds: That an answer takes.
    """

    def __init__(self, *, faults: float = 0.0, seed: int = 0, seconds: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        self.spec = f"openai:m@{self.url}"
        self.paid = 0
        self.paid_by: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.faults, self.seconds = faults, seconds
        self._rng = random.Random(seed)
        self._lock = threading.Lock()

    def fate(self, model: str) -> str:
        """What becomes of the next request of a model; counts it where it is paid for."""
        with self._lock:
            fate = self._rng.choice(FAULTS) if self._rng.random() < self.faults else "answered"
            self.met[fate] += 1
            paid = fate == "answered" or FAULTS.index(fate) >= FAULTS.index("hangs up when paid")
            self.paid += paid
            self.paid_by[model] += paid
            return fate


def answer_to(body: dict[str, Any]) -> dict[str, Any]:
    """The message that answers a request, the same for the same request."""
    text = json.dumps(body["messages"])
    if body.get("tools"):
        turns = sum(message["role"] == "assistant" for message in body["messages"])
        name, arguments = [("search", {"text": "kettle"}), ("view", {"product_id": "k1"}), ("stop", {})][min(turns, 2)]
        call = {"id": f"c{turns}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        return {"role": "assistant", "content": "", "tool_calls": [call]}
    schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema", {})
    said: Any = {"answer": "yes"}
    if "Step 1 of 2" in text or "Step 2 of 2" in text:
        said = PREFERENCES if "Step 2 of 2" in text else PROFILE
    elif "choice" in schema.get("properties", {}):
        said = {"choice": 1}
    elif "query" in schema.get("properties", {}):
        said = {"query": "steel kettle"}
    return {"role": "assistant", "content": json.dumps(said)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Paying

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        self.server.bodies.append(body)
        time.sleep(self.server.seconds)
        fate = self.server.fate(body["model"])
        if fate.startswith("hangs up"):
            self.close_connection = True
            return
        if fate in ("busy", "fails"):
            self._say(429 if fate == "busy" else 500, {"error": {"message": fate}})
            return
        usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": ANSWER_TOKENS}
        finish = "tool_calls" if body.get("tools") else "stop"
        whole = {"model": "m", "choices": [{"index": 0, "finish_reason": finish, "message": answer_to(body)}]}
        if fate == "unreadable":
            self._say(200, {"usage": usage, "choices": []})
        else:
            self._say(
                200, whole if fate == "silent about tokens" else whole | {"usage": usage}, cut=fate == "breaks off"
            )

    def _say(self, status: int, content: dict[str, Any], *, cut: bool = False) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[: len(text) // 2] if cut else text)
        self.close_connection = self.close_connection or cut

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever asked was killed
            super().handle()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def paying(**settings: Any) -> Iterator[Paying]:
    with served(Paying(**settings)) as server:
        yield server
