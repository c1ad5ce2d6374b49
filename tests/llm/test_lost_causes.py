"""Are requests that all fail for one cause found out early, with advice, and only these?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from paars_gym.config import BudgetConfig
from paars_gym.llm import errors
from paars_gym.llm.chat import Message, Request
from paars_gym.llm.ledger import CallLedger
from paars_gym.llm.limits import Retrying
from paars_gym.llm.lost_causes import FIRST_FAILURES, Watched
from paars_gym.llm.stack import Stack, open_model
from tests.llm.test_wrappers import Counting
from tests.redteam.answering import answering


def question(number: int = 0) -> Request:
    return Request(messages=(Message(role="user", text=f"{number}?"),))


def causes(stack: Any, requests: int = 30) -> list[errors.ModelError]:
    """What so many requests, one after the other, fail with, up to the one that ends a run."""

    async def main() -> list[errors.ModelError]:
        met: list[errors.ModelError] = []
        for number in range(requests):
            try:
                await stack.complete(question(number))
            except errors.ModelError as error:
                met.append(error)
                if isinstance(error, errors.RUN_ENDING):
                    break
        if isinstance(stack, Stack):
            await stack.aclose()
        return met

    return asyncio.run(main())


CAUSES: dict[str, tuple[int, Any, str]] = {
    "wrong model": (404, {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}, "Name the"),
    "no /v1": (404, {"detail": "Not Found"}, "mostly ends in /v1"),
    "a page": (200, "<html>hello</html>", "Mostly it ends in /v1"),
    "a wrong key": (401, {"error": {"message": "Incorrect API key"}}, "set one that it does"),
    "no quota": (429, {"error": {"message": "Over.", "code": "insufficient_quota"}}, "add credit"),
    "no quota, in words": (429, {"error": {"message": "You exceeded your current quota, please check"}}, "add credit"),
    "no credit": (400, {"error": {"message": "Your credit balance is too low to access the API"}}, "add credit"),
    "busy for good": (429, {"error": {"message": "slow down"}}, "Ask more slowly"),
    "broken": (500, {"error": {"message": "CUDA out of memory"}}, "The log of the server"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_ends_a_run_with_what_to_do(cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retrying, "_wait", lambda *_: 0.0)
    status, body, advice = CAUSES[cause]
    with answering() as server:
        server.say((body if isinstance(body, str) else json.dumps(body)).encode(), status=status)
        met = causes(open_model(f"openai:m@{server.url}/v1"))
    assert len(met) <= FIRST_FAILURES
    assert isinstance(met[-1], errors.RUN_ENDING)
    assert met[-1].exit_code == 4
    assert advice in str(met[-1])


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retrying, "_wait", lambda *_: 0.0)
    stack = open_model("openai:m@http://127.0.0.1:1/v1")
    met = causes(stack)
    assert "Is a server running at http://127.0.0.1:1/v1?" in str(met[-1])
    assert stack.report()["retries"] == len(met) == FIRST_FAILURES, "each is tried twice, not for minutes"


def test_a_server_that_was_reached_is_tried_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retrying, "_wait", lambda *_: 0.0)
    model = Counting(lambda call: errors.UnreachableError("gone") if call > 1 else None)
    retrying = Retrying(model, attempts=5)
    causes(retrying, 2)
    assert model.calls == 1 + 5


def test_an_empty_cache_offline(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    asyncio.run(open_model(Counting(), BudgetConfig(cache=path)).aclose())
    met = causes(open_model("openai:gpt-4.1-mini", BudgetConfig(cache=path, offline=True)))
    assert len(met) == FIRST_FAILURES
    assert "leave out --offline" in str(met[-1])


def test_what_a_request_is_to_blame_for_does_not_count() -> None:
    kinds = (errors.ContextLengthError, errors.RefusedError)
    met = causes(Watched(Counting(lambda call: kinds[call % 2]("no"))))
    assert {type(error) for error in met} == {*kinds}
    assert len(met) == 30


def test_different_causes_are_none() -> None:
    kinds = (errors.ServerError, errors.UnreachableError)
    assert len(causes(Watched(Counting(lambda call: kinds[call % 2]("no"))))) == 30


def test_later_it_takes_as_many_in_a_row_and_more_where_more_are_under_way() -> None:
    def fails(call: int) -> Exception | None:
        return errors.ServerError("down") if call > 3 else None

    for at_once, expected in ((1, 10), (8, 16)):
        met = causes(Watched(Counting(fails), at_once=at_once), 60)
        assert len(met) == expected
        assert f"{expected} requests in a row failed: ServerError: down." in str(met[-1])
    assert len(causes(Watched(Counting(lambda call: errors.ServerError("down") if call % 10 else None)), 60)) == 54


def test_models_opened_one_after_the_other_are_watched_together() -> None:
    ledger = CallLedger()
    met = [causes(Watched(Counting(lambda _: errors.ServerError("no")), ledger=ledger), 3) for _ in range(4)]
    assert [len(each) for each in met] == [3, 3, 3, 1]
    assert isinstance(met[-1][0], errors.LostCauseError)


def test_once_lost_nothing_more_is_asked() -> None:
    model = Counting(lambda _: errors.ServerError("no"))
    watched = Watched(model)
    causes(watched)
    causes(watched)
    assert model.calls == FIRST_FAILURES
