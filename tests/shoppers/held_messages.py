"""A Messages API that holds answers to a schema, in front of llama.cpp's server, whose own takes one and ignores it.

What Anthropic's servers do with ``output_config`` is done by the chat completions of the same server: a real model, the
real SDK, and the real form of the request.
"""

from __future__ import annotations

import http.server
import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.serving import LocalServer, served


@contextmanager
def held_messages(address: str) -> Iterator[str]:
    """Serves on 127.0.0.1, and gives its address.

    Args:
        address: Of llama.cpp's server.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            sent = urllib.request.Request(
                f"{address}/v1/chat/completions",
                data=json.dumps(_as_completion(asked)).encode(),
                headers={"content-type": "application/json"},
            )
            with urllib.request.urlopen(sent, timeout=300) as answer:
                content = json.dumps(_as_message(json.load(answer))).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with served(LocalServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def _as_completion(asked: dict[str, Any]) -> dict[str, Any]:
    schema = asked["output_config"]["format"]["schema"]
    turns = [{"role": "system", "content": block["text"]} for block in asked["system"]]
    turns += [{"role": turn["role"], "content": _text(turn["content"])} for turn in asked["messages"]]
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    # Claude takes no temperature any more; left to this server's own, a small model now and then ends in blanks.
    completion = {"model": "local", "messages": turns, "max_tokens": asked["max_tokens"], "temperature": 0}
    return completion | {"response_format": form}


def _text(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


def _as_message(answer: dict[str, Any]) -> dict[str, Any]:
    choice, usage = answer["choices"][0], answer["usage"]
    return {
        "id": "msg_local",
        "type": "message",
        "role": "assistant",
        "model": "local",
        "content": [{"type": "text", "text": choice["message"]["content"]}],
        "stop_reason": "max_tokens" if choice["finish_reason"] == "length" else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]},
    }
