"""Two questions, one repair, no half persona, and nothing lost when a run is killed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from paars_gym.llm.budget import Budgeted
from paars_gym.llm.cache import Cached
from paars_gym.llm.chat import Reply, Request
from paars_gym.llm.errors import MalformedAnswerError, RefusedError, ServerError
from paars_gym.llm.prices import Price
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.personas.mining import EmptyHistoryError, mine_persona
from paars_gym.personas.mining_many import MiningSummary, forecast_mining, mine_personas
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor, pseudonym
from paars_gym.personas.store import failures_path, read_failures, read_personas, write_personas
from paars_gym.sessions.event import Event, History

PROFILE = {"reasoning": "Nappies.", "profile": {"children": {"value": "1", "confidence": 0.8, "evidence": "nappies"}}}
PREFERENCES = {"reasoning": "Cheap.", "preferences": {"price_sensitivity": {"value": 4.5, "confidence": 0.7}}}


def mine(history: History, model: Any, **more: Any) -> Persona:
    return asyncio.run(mine_persona(history, model, **more))


def lines(*texts: Any) -> ScriptedChat:
    return ScriptedChat([Line(text=text if isinstance(text, str) else json.dumps(text)) for text in texts])


def test_two_steps(year: History, miner: ScriptedChat) -> None:
    persona = mine(year, miner)
    assert persona.profile.children.value == "1"
    assert persona.preferences.coefficients()["price_sensitivity"] == 0.75
    assert persona.reasoning.profile.startswith("Nappies every other week")
    assert persona.reasoning.preferences.startswith("Always the store brand")
    assert "Dark coffee" in persona.history
    assert persona.purchases_before == 3
    assert (persona.shopper, persona.source, persona.as_of) == (pseudonym("household 7"), "mined", year.as_of)
    first, second = miner.requests
    assert first.messages[:2] == second.messages[:2], "both steps share the prefix that providers cache"
    assert '"children":{"value":"1"' in second.messages[2].text, "step 2 is given the profile"
    assert "Nappies every other week" in second.messages[2].text, "and the reasoning behind it"
    assert first.temperature == 0


def test_a_model_by_its_name(year: History, miner: ScriptedChat, tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text("".join(json.dumps({"text": json.dumps(said)}) + "\n" for said in (PROFILE, PREFERENCES)))
    persona = asyncio.run(mine_persona(year, f"scripted:{script}"))
    assert (persona.profile.children.value, persona.model) == ("1", f"scripted:{script}")
    with pytest.raises(ValueError, match="Unknown model 'gpt'"):
        asyncio.run(mine_persona(year, "gpt"))


def test_one_repair(year: History) -> None:
    broken = {"reasoning": "r", "profile": {"children": {"value": "eleven", "confidence": 2}}}
    model = lines(broken, PROFILE, PREFERENCES)
    assert mine(year, model).profile.children.value == "1"
    assert "profile.children.value: Input should be" in model.requests[1].messages[-1].text
    assert "profile.children.confidence" in model.requests[1].messages[-1].text


@pytest.mark.parametrize(
    "second",
    [
        "no",
        '{"reasoning": "r", "prof',
        {"reasoning": "r", "profile": {}},
        {"reasoning": "", "profile": PROFILE["profile"]},
        {"profile": PROFILE["profile"]},
        {**PROFILE, "mood": "good"},
    ],
)
def test_two_malformed_answers_are_a_failure_never_an_empty_persona(year: History, second: Any) -> None:
    with pytest.raises(MalformedAnswerError):
        mine(year, lines("nonsense", second))


def test_empty_preferences_are_a_failure(year: History) -> None:
    empty = {"reasoning": "r", "preferences": {"notes": "likes tea"}}
    with pytest.raises(MalformedAnswerError, match="every scale is null"):
        mine(year, lines(PROFILE, empty, empty))


def test_refusal(year: History) -> None:
    with pytest.raises(RefusedError):
        mine(year, ScriptedChat([Line(text="No.", finish="refusal")]))


def test_nothing_to_mine(miner: ScriptedChat) -> None:
    with pytest.raises(EmptyHistoryError, match="did nothing before"):
        mine(History(shopper="s"), miner)
    assert miner.requests == []


def test_nothing_that_tells_who_it_is_reaches_the_model_or_the_persona(year: History, miner: ScriptedChat) -> None:
    secrets = "gift for Ann Lee, ann@mail.example, 415-555-2671, 4111 1111 1111 1111, 12 Main Street"
    search = Event(kind="search", query=secrets, time=year.sessions[-1].start)
    late = year.sessions[-1].model_copy(update={"events": (search,)})
    history = year.model_copy(update={"sessions": (*year.sessions, late), "shopper": "Ann Lee 7"})
    titles = {"n1": "x"}
    persona = mine(history, miner, titles=titles, redactor=Redactor(listed_names=["Ann Lee"]))
    sent = "".join(request.model_dump_json() for request in miner.requests) + persona.model_dump_json()
    for secret in ("Ann Lee", "ann@", "555", "4111", "Main Street", "household 7"):
        assert secret not in sent
    assert persona.redacted == {"name": 1, "email": 1, "phone": 1, "card": 1, "address": 1}


def crowd(year: History, count: int) -> list[History]:
    return [year.model_copy(update={"shopper": f"household {number}"}) for number in range(count)]


def mine_all(histories: list[History], model: Any, out: Path, **more: Any) -> MiningSummary:
    return asyncio.run(mine_personas(histories, model, out, **more))


def test_a_population_resumed_after_a_kill(year: History, miner: ScriptedChat, tmp_path: Path) -> None:
    out = tmp_path / "personas.jsonl"
    mine_all(crowd(year, 3), miner, out)
    whole = out.read_text()
    # The process is killed in the middle of the third line.
    out.write_text(whole[: whole.rfind('"source"')])
    asked = len(miner.requests)
    summary = mine_all(crowd(year, 5), miner, out, concurrency=2)
    assert (summary.mined, summary.kept) == (3, 2)
    assert len(miner.requests) - asked == 6
    shoppers = [persona.shopper for persona in read_personas(out)]
    assert sorted(shoppers) == sorted(pseudonym(f"household {n}") for n in range(5))


def test_failures_are_recorded_and_tried_again(year: History, tmp_path: Path) -> None:
    out = tmp_path / "personas.jsonl"

    class Moody:
        """Talks nonsense for the first draw, and well afterwards."""

        spec, family = "scripted:moody", ScriptedChat.family

        async def complete(self, request: Request) -> Reply:
            if request.draw == 0:
                return Reply(text="nonsense")
            return Reply(text=json.dumps(PROFILE if "Step 1" in request.messages[2].text else PREFERENCES))

        async def aclose(self) -> None:
            pass

    async def cached() -> MiningSummary:
        model = Cached(Moody(), tmp_path / "replies.sqlite")
        try:
            return await mine_personas([*crowd(year, 2), History(shopper="empty")], model, out)
        finally:
            await model.aclose()

    summary = asyncio.run(cached())
    assert (summary.mined, dict(summary.failed)) == (0, {"MalformedAnswerError": 2, "EmptyHistoryError": 1})
    assert {failure.shopper for failure in read_failures(out)} == {
        pseudonym(name) for name in ("household 0", "household 1", "empty")
    }
    summary = asyncio.run(cached())
    assert (summary.mined, dict(summary.failed)) == (2, {"EmptyHistoryError": 1})
    assert [failure.cause for failure in read_failures(out)] == ["EmptyHistoryError"]


def test_an_outage_fails_one_shopper_only(year: History, miner: ScriptedChat, tmp_path: Path) -> None:
    class Shaky:
        spec, family = miner.spec, miner.family
        calls = 0

        async def complete(self, request: Request) -> Reply:
            self.calls += 1
            if self.calls == 3:
                raise ServerError("HTTP 500: down")
            return await miner.complete(request)

        async def aclose(self) -> None:
            pass

    out = tmp_path / "personas.jsonl"
    summary = mine_all(crowd(year, 4), Shaky(), out, concurrency=1)
    assert (summary.mined, dict(summary.failed)) == (3, {"ServerError": 1})
    assert read_failures(out)[0].reason == "HTTP 500: down"
    assert mine_all(crowd(year, 4), miner, out).kept == 3
    assert not read_failures(out)


def test_a_spent_budget_stops_cleanly(year: History, miner: ScriptedChat, tmp_path: Path) -> None:
    out = tmp_path / "personas.jsonl"
    # An answer may take 4,000 tokens, so 0.004 USD: enough for some shoppers out of fifty.
    model = Budgeted(miner, max_usd=0.005, price=Price(0, 1))
    summary = mine_all(crowd(year, 50), model, out, concurrency=4)
    assert "are spent" in summary.stopped
    assert 0 < summary.mined < 50
    assert summary.failed.total() == 0
    assert len(list(read_personas(out))) == summary.mined
    assert mine_all(crowd(year, 50), miner, out).mined == 50 - summary.mined


def test_a_file_of_another_model_is_left_alone(year: History, miner: ScriptedChat, tmp_path: Path) -> None:
    out = tmp_path / "personas.jsonl"
    mine_all(crowd(year, 1), miner, out)
    other = ScriptedChat([], name="another")
    with pytest.raises(ValueError, match="write those of 'scripted:another' elsewhere"):
        mine_all(crowd(year, 1), other, out)


def test_forecast_is_about_what_is_used(year: History, miner: ScriptedChat, tmp_path: Path) -> None:
    forecast = forecast_mining(crowd(year, 4), "openai:gpt-4.1-mini")
    model = Budgeted(miner)
    mine_all(crowd(year, 4), model, tmp_path / "p.jsonl")
    assert forecast.calls == model.spending.calls == 8
    assert 0.5 < forecast.input / model.spending.usage.input < 2
    assert forecast.usd is not None
    assert forecast.usd > 0


def test_files(tmp_path: Path, year: History, miner: ScriptedChat) -> None:
    out = tmp_path / "new" / "personas.jsonl"
    with pytest.raises(FileNotFoundError, match="paars personas mine"):
        list(read_personas(out))
    persona = mine(year, miner)
    assert write_personas(out, [persona, persona]) == 2
    assert list(read_personas(out)) == [persona, persona]
    out.write_text('{"shopper": 3}\n')
    with pytest.raises(ValueError, match="line 1 is no persona"):
        list(read_personas(out))
    assert failures_path(out).name == "personas.failed.jsonl"
