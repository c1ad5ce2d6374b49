"""Single questions through Ray Data LLM: the requests of a batch, sent by the machines of a Ray cluster.

Its HTTP processor asks OpenAI or any server with /v1/chat/completions, such as vLLM on GPUs of one's own. Bodies are
sent as our adapter writes them, and answers are read by it: ledger, cache, limit in dollars and retries stand around it
as around a provider's batches (`paars_gym.llm.batch`). The key is read on each machine from its environment, and does
not travel.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import uuid
import warnings
from collections.abc import Mapping
from typing import Any

from paars_gym.cluster.session import Cluster
from paars_gym.llm.batch_api import Results, read_line
from paars_gym.llm.chat import ChatModel, Request
from paars_gym.llm.connection import header_values
from paars_gym.llm.openai import KEY, OpenAIChat

IN_A_BLOCK = 64
"""Requests that a worker takes at once."""


def check_packages() -> None:
    """Raises ImportError where a package is missing, before anything is asked."""
    if missing := [name for name in ("ray", "pandas", "aiohttp") if importlib.util.find_spec(name) is None]:
        raise ImportError(f'--ray-data needs {", ".join(missing)}: python -m pip install "paars_gym[ray-data]".')


class RayDataBatches:
    """A `BatchApi` whose batches are data sets of a Ray cluster; they end with the process that handed them in.

    Attributes:
        max_requests: In one data set.
        max_bytes: Of one data set.
    """

    max_requests = 100_000
    max_bytes = 500_000_000

    def __init__(self, chat: ChatModel, *, address: str | None = None, concurrency: int = 64) -> None:
        """Args:
            chat: The adapter, of OpenAI or of a server like it.
            address: Of the cluster, as of `Cluster`.
            concurrency: Calls at once, of all workers together.

        Raises:
            ValueError: It is of another provider.
        """
        if not isinstance(chat, OpenAIChat):
            raise ValueError(
                f"--ray-data sends to OpenAI and to servers like it, and {getattr(chat, 'spec', chat)!r} is none: "
                "leave it out, or give --batch where the provider has batches."
            )
        if chat.connection.key_name == KEY and header_values("openai"):
            raise ValueError(
                "--ray-data does not send the headers of OPENAI_CUSTOM_HEADERS: unset that, or ask without."
            )
        self._chat = chat
        self._cluster = Cluster(address)
        self._begun = False
        self._concurrency = concurrency
        self._working: dict[str, asyncio.Task[list[dict[str, Any]]]] = {}

    def size(self, request: Request) -> int:
        """Bytes, about."""
        return len(json.dumps(self._chat.body(request)[0]))

    async def submit(self, requests: dict[str, Request]) -> str:
        """Begins to send."""
        if not self._begun:
            self._begun = bool(self._cluster.__enter__())
        rows = [{"key": key, "body": json.dumps(self._chat.body(ask)[0])} for key, ask in requests.items()]
        batch = f"ray-data-{uuid.uuid4().hex[:12]}"
        url = f"{str(self._chat.client.base_url).rstrip('/')}/chat/completions"
        workers = min(self._cluster.nodes, -(-len(rows) // IN_A_BLOCK))
        account = {
            "OpenAI-Organization": self._chat.client.organization,
            "OpenAI-Project": self._chat.client.project,
        }
        sender = Sender(
            self._chat.connection.key_name,
            self._seconds,
            -(-self._concurrency // workers),
            {name: value for name, value in account.items() if value},
        )
        self._working[batch] = asyncio.create_task(asyncio.to_thread(_answered, rows, url, sender, workers))
        return batch

    async def ended(self, batch: str) -> bool:
        """Whether the answers are here; True for the batch of a process that is gone, which has none."""
        return batch not in self._working or self._working[batch].done()

    async def results(self, batch: str) -> Results:
        """Answers by key."""
        rows = await self._working.pop(batch) if batch in self._working else []
        lines = ((row["key"], json.loads(row["answer"])) for row in rows)
        return {key: read_line(self._chat, line) for key, line in lines}

    async def aclose(self) -> None:
        """Leaves the cluster, or ends one of this machine alone."""
        for task in self._working.values():
            task.cancel()
        if self._begun:
            self._begun = False
            self._cluster.__exit__(None, None, None)

    @property
    def _seconds(self) -> float:
        timeout = self._chat.client.timeout
        return float(timeout) if isinstance(timeout, int | float) else 120.0


def _answered(rows: list[dict[str, str]], url: str, sender: Sender, workers: int) -> list[dict[str, Any]]:
    """The answers to so many bodies, in any order."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, of versions to come
        import ray.data
        from ray.data.llm import HttpRequestProcessorConfig, build_processor

        ray.data.DataContext.get_current().enable_progress_bars = False
        config = HttpRequestProcessorConfig(
            url=url,
            batch_size=IN_A_BLOCK,
            concurrency=workers,
            session_factory=sender,
            http_request_stage={"num_cpus": 0.1},  # it waits
        )
        processor = build_processor(config, preprocess=_to_send, postprocess=_to_read)
        taken: list[dict[str, Any]] = processor(ray.data.from_items(rows)).take_all()
    return taken


def _to_send(row: dict[str, Any]) -> dict[str, Any]:
    # As text: a data set would give all bodies the same fields.
    return {"payload": {"body": row["body"]}, "key": row["key"]}


def _to_read(row: dict[str, Any]) -> dict[str, Any]:
    return {"key": row["key"], "answer": row["http_response"]["answer"]}


class Sender:
    """Makes the HTTP session of a worker, which sends bodies as they are and gives back whatever the server says.

    Ray's stage awaits one request after another, and gives up a whole data set for one that fails. Here they begin when
    they are handed over, so many at once, and a failure is an answer: who asked knows which may be tried again.
    """

    def __init__(self, key_name: str, seconds: float, concurrency: int, headers: Mapping[str, str]) -> None:
        self._key_name = key_name
        self._headers = headers
        self._seconds = seconds
        self._concurrency = concurrency
        self._slots: asyncio.Semaphore | None = None

    def __call__(self) -> _Session:
        if self._slots is None:  # made by the worker, for all blocks that it has in hand
            self._slots = asyncio.Semaphore(self._concurrency)
        key = os.environ.get(self._key_name) or "not-needed"
        headers = {**self._headers, "Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        return _Session(headers, self._seconds, self._slots)


class _Session:
    def __init__(self, headers: Mapping[str, str], seconds: float, slots: asyncio.Semaphore) -> None:
        self._headers = headers
        self._seconds = seconds
        self._slots = slots

    async def __aenter__(self) -> _Session:
        import aiohttp

        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(self._seconds))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def post(self, url: str, *, headers: object, data: str) -> asyncio.Task[_Answer]:
        return asyncio.create_task(self._sent(url, json.loads(data)["body"]))

    async def _sent(self, url: str, body: str) -> _Answer:
        import aiohttp

        async with self._slots:
            try:
                # A redirect would take the key to another host.
                sent = self._session.post(url, headers=self._headers, data=body, allow_redirects=False)
                async with sent as response:
                    return _Answer(response.status, await response.text())
            except (aiohttp.ClientError, TimeoutError) as error:
                return _Answer(0, f"{type(error).__name__}: {error}")


class _Answer:
    """An answer as the stage takes it: done, whatever it says."""

    status = 200

    def __init__(self, status: int, text: str) -> None:
        try:
            body = json.loads(text)
        except ValueError:
            body = {"error": {"message": text[:500]}}
        self._line = {"response": {"status_code": status, "body": body}}

    async def __aenter__(self) -> _Answer:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def json(self) -> dict[str, str]:
        # As text, for the same reason as above.
        return {"answer": json.dumps(self._line)}
