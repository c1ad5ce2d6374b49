"""Do batches answer like calls do, and are they found again after a crash? Over HTTP, with both SDKs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from paars_gym.llm.batch import Batched
from paars_gym.llm.batch_api import Results
from paars_gym.llm.chat import Message, Reply, Request
from paars_gym.llm.errors import ModelError, RequestError, ServerError, UnreachableError
from paars_gym.llm.families import SCRIPTED
from paars_gym.llm.limits import Retrying
from paars_gym.llm.stack import make_model


def question(number: int) -> Request:
    return Request(messages=(Message(role="user", text=f"Question {number}?"),), draw=number)


# The mock leaves the uploaded file to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_batch_over_http(spec: str, llmock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from llmock.routers.batch import _public_payload as public

    monkeypatch.setattr("llmock.routers.batch._BATCH_DELAY", 0.1)
    # The mock's results_url is a path; Anthropic's is a whole URL.
    monkeypatch.setattr("llmock.routers.batch._public_payload", lambda *a, **k: _with_url(public(*a, **k), llmock.url))
    state = tmp_path / "batches.jsonl"

    async def go() -> list[Reply]:
        model = Batched(make_model(spec), state, linger_seconds=0.05, poll_seconds=0.05)
        replies = await asyncio.gather(*(model.complete(question(number)) for number in range(7)))
        await model.aclose()
        return replies

    first = asyncio.run(go())
    assert all(reply.text and reply.finish == "stop" and reply.usage.output for reply in first)
    handed_in = [
        request for request in llmock.requests if request.path.endswith("/batches") and request.method == "POST"
    ]
    assert len(handed_in) == 1
    assert asyncio.run(go()) == first, "the second process finds the batch by its id"
    again = [request for request in llmock.requests if request.path.endswith("/batches") and request.method == "POST"]
    assert len(again) == 1


def _with_url(payload: dict[str, Any], url: str) -> dict[str, Any]:
    return {**payload, "results_url": url + payload["results_url"]} if "results_url" in payload else payload


class FakeApi:
    """A provider in memory; ``broken`` fails that many polls, and ``fails`` says what a request gets instead."""

    max_requests = 3
    max_bytes = 10_000

    def __init__(self) -> None:
        self.batches: list[dict[str, Request]] = []
        self.broken = 0
        self.fails: dict[str, ModelError] = {}
        self.refuses: Exception | None = None

    def size(self, request: Request) -> int:
        return 100

    async def submit(self, requests: dict[str, Request]) -> str:
        if self.refuses is not None:
            raise self.refuses
        self.batches.append(dict(requests))
        return f"batch{len(self.batches)}"

    async def aclose(self) -> None:
        pass

    async def ended(self, batch: str) -> bool:
        if self.broken:
            self.broken -= 1
            raise UnreachableError("gone")
        return True

    async def results(self, batch: str) -> Results:
        found: Results = {}
        for key, request in self.batches[int(batch.removeprefix("batch")) - 1].items():
            text = request.messages[0].text
            if text in self.fails:
                found[key] = self.fails.pop(text)
            elif "lost" not in text:
                found[key] = Reply(text=f"re: {text}")
        return found


class Bare:
    spec = "openai:fake"
    family = SCRIPTED

    async def complete(self, request: Request) -> Reply:
        raise AssertionError("must not be called one by one")

    async def aclose(self) -> None:
        pass


def batched(api: FakeApi, state: Path) -> Batched:
    return Batched(Bare(), state, linger_seconds=0.01, poll_seconds=0, api=api)


def test_large_batches_are_cut(tmp_path: Path) -> None:
    api = FakeApi()
    api.broken = 3

    async def main() -> list[str]:
        model = batched(api, tmp_path / "s.jsonl")
        return [reply.text for reply in await asyncio.gather(*(model.complete(question(n)) for n in range(8)))]

    assert asyncio.run(main()) == [f"re: Question {n}?" for n in range(8)]
    assert [len(batch) for batch in api.batches] == [3, 3, 2]


def test_killed_after_handing_in(tmp_path: Path) -> None:
    api = FakeApi()
    state = tmp_path / "s.jsonl"

    async def killed() -> None:
        api.broken = 10**9
        model = batched(api, state)
        task = asyncio.create_task(model.complete(question(1)))
        await asyncio.sleep(0.05)
        task.cancel()
        await model.aclose()

    async def resumed() -> list[str]:
        api.broken = 0
        model = batched(api, state)
        return [reply.text for reply in await asyncio.gather(model.complete(question(1)), model.complete(question(2)))]

    asyncio.run(killed())
    with state.open("a") as file:
        file.write('{"batch": "torn')
    assert asyncio.run(resumed()) == ["re: Question 1?", "re: Question 2?"]
    assert [len(batch) for batch in api.batches] == [1, 1]


def test_what_failed_goes_into_a_new_batch(tmp_path: Path) -> None:
    api = FakeApi()
    api.fails = {"Question 1?": ServerError("overloaded"), "Question 2?": RequestError("bad")}

    async def nothing(_: float) -> None:
        pass

    async def main() -> list[Any]:
        model = Retrying(batched(api, tmp_path / "s.jsonl"), sleep=nothing)
        return await asyncio.gather(*(model.complete(question(n)) for n in range(3)), return_exceptions=True)

    zero, one, two = asyncio.run(main())
    assert (zero.text, one.text) == ("re: Question 0?", "re: Question 1?")
    assert isinstance(two, RequestError)
    assert [len(batch) for batch in api.batches] == [3, 1]


def test_a_request_that_the_provider_never_came_to(tmp_path: Path) -> None:
    lost = Request(messages=(Message(role="user", text="lost"),))
    with pytest.raises(ServerError, match="ended before this request"):
        asyncio.run(batched(FakeApi(), tmp_path / "s.jsonl").complete(lost))


@pytest.mark.parametrize("error", [RequestError("no"), ZeroDivisionError("a bug")])
def test_nobody_waits_for_a_batch_that_was_not_taken(tmp_path: Path, error: Exception) -> None:
    api = FakeApi()
    api.refuses = error
    with pytest.raises(ModelError):
        asyncio.run(batched(api, tmp_path / "s.jsonl").complete(question(1)))


def test_openai_lines_of_every_kind(raw_server: Any) -> None:
    """An answer, an error in the file of errors, an expired request and a filtered one."""
    from paars_gym.llm.batch_api import batch_api

    done = {"id": "b", "object": "batch", "status": "expired", "output_file_id": "f1", "error_file_id": "f2"}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}
    good = {"custom_id": "a", "response": {"status_code": 200, "body": {"id": "x", "model": "m", "choices": [choice]}}}
    bad = {"custom_id": "b", "response": {"status_code": 400, "body": {"error": {"message": "no", "code": None}}}}
    late = {"custom_id": "c", "response": None, "error": {"code": "batch_expired", "message": "late"}}
    rude = {"custom_id": "d", "response": {"status_code": 400, "body": {"error": {"code": "content_filter"}}}}
    raw_server.say(json.dumps(done))
    raw_server.say(json.dumps(good))
    raw_server.say("\n".join(json.dumps(row) for row in (bad, late, rude)))

    async def main() -> Results:
        model = make_model("openai:gpt-4.1-mini")
        found = await batch_api(model).results("b")
        await model.aclose()
        return found

    found = asyncio.run(main())
    assert isinstance(found["a"], Reply)
    assert found["a"].text == "yes"
    assert isinstance(found["b"], RequestError)
    assert isinstance(found["c"], ServerError)
    assert isinstance(found["d"], Reply)
    assert found["d"].finish == "refusal"


def test_polls_come_slower_and_slower_and_ids_are_told(tmp_path: Path) -> None:
    waits: list[float] = []
    told: list[str] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async def main(state: Path) -> None:
        api.broken = 12
        model = Batched(Bare(), state, linger_seconds=0.01, poll_seconds=60, api=api, sleep=note, announce=told.append)
        await asyncio.gather(*(model.complete(question(n)) for n in range(2)))

    api = FakeApi()
    asyncio.run(main(tmp_path / "s.jsonl"))
    assert waits[:3] == [2.0, 3.0, 4.5]
    assert waits[-1] == 60
    assert told == [f"handed in batch batch1, 2 requests; its id is in {tmp_path / 's.jsonl'}"]
    asyncio.run(main(tmp_path / "s.jsonl"))
    assert told[1:] == ["waiting for batch batch1, handed in before"]
    assert len(api.batches) == 1
