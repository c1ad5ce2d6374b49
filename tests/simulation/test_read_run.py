"""A run read back: the steps of its sessions, and the whole conversation with a model."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import ModelConfig
from paars_gym.llm.chat import Message, Request
from paars_gym.llm.scripted import ScriptedChat
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.sessions.step import ModelTurn
from paars_gym.sessions.store import Store
from paars_gym.shoppers.protocol import GaveUp
from paars_gym.simulation.read_run import Run
from tests.simulation.shoppers import Wanderer
from tests.simulation.test_run_folder import run, steps_of

PERSONA = Persona(
    shopper="ann",
    profile=ConsumerProfile(),
    preferences=ShoppingPreferences(notes="Counts pennies."),
    source="synthetic",
)


def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *replies: Any) -> tuple[ModelConfig, list[Request]]:
    """A model that says this, and a list that gets the requests that reach it."""
    script = tmp_path / "script.jsonl"
    script.write_text("".join(json.dumps(reply) + "\n" for reply in replies))
    requests: list[Request] = []
    complete = ScriptedChat.complete

    async def watched(self: ScriptedChat, request: Request) -> Any:
        requests.append(request)
        return await complete(self, request)

    monkeypatch.setattr(ScriptedChat, "complete", watched)
    return ModelConfig(spec=f"scripted:{script}"), requests


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"text": f"I will {name}.", "tool_calls": [{"name": name, "arguments": arguments}]}


def test_the_conversation_of_a_session_can_be_rebuilt_whole(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = call("search", query="kettle"), call("view", product_id="nothing"), call("stop")
    model, requests = asked(tmp_path, monkeypatch, *replies)
    out = tmp_path / "run"
    run(out, catalog, sessions=1, policy="llm", model=model, personas=[PERSONA])
    played = Run(out).session("0000000")
    steps = played.steps
    assert [step.action for step in steps] == ["search[kettle]", "view[nothing]", "stop[]"]
    assert [step.valid for step in steps] == [True, False, True]
    assert "nothing" in str(steps[1].error)
    assert "kettle" in steps[1].shown.lower()
    assert steps[1].shown != steps[2].shown
    for step, request in zip(steps, requests, strict=True):
        assert step.model is not None
        # Exactly what was sent, tools and parameters included.
        assert Request(**{"messages": step.model.prompt, **step.model.parameters}) == request
        assert step.model.tokens["input"] > 0
        assert step.model.latency_seconds is not None
        assert not step.model.from_cache
    conversation = [Message.model_validate(message) for message in played.conversation()]
    roles = [message.role for message in conversation]
    assert roles == ["system", "system", "user", "assistant", "tool", "assistant", "tool", "assistant"]
    assert "You are a shopper" in conversation[0].text
    assert "Counts pennies." in conversation[1].text
    assert steps[0].shown.splitlines()[0] in conversation[2].text
    assert [message.text for message in conversation[3::2]] == ["I will search.", "I will view.", "I will stop."]
    assert conversation[3].tool_calls[0].arguments == '{"query": "kettle"}'
    assert conversation[4].call_id == conversation[3].tool_calls[0].id
    assert "nothing" in conversation[6].text


def test_prompts_that_were_shortened_stand_as_they_were_sent(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long conversations in a small context: old pages are put into words on the way.
    replies = [call("view", product_id=f"{kind}{number}") for kind in "hks" * 3 for number in (1, 2, 3, 4)]
    model, requests = asked(tmp_path, monkeypatch, *replies, call("stop"))
    small = model.model_copy(update={"context_tokens": 3_600})
    run(tmp_path / "run", catalog, sessions=1, policy="llm", model=small, condition="base")
    played = Run(tmp_path / "run").session("0000000")
    sent = [step.model.prompt for step in played.steps if step.model is not None]
    assert [Request(messages=prompt).messages for prompt in sent] == [request.messages for request in requests]  # type: ignore[arg-type]
    assert any(len(later) < len(before) for before, later in pairwise(sent)), "nothing was shortened"
    assert "Until now you did" in sent[-1][2]["text"]
    said = [message for message in played.conversation() if message["role"] == "assistant"]
    assert len(said) == len(requests) == 37


class Moody(Wanderer):
    """Fails or gives up by the number of its draws."""

    name = "moody"

    def act(self, observation: str, info: dict[str, Any]) -> str:
        if info["step"] == 1:
            mood = self.rng.random()
            if mood < 0.3:
                raise ConnectionError("the line is dead")
            if mood > 0.7:
                raise GaveUp("enough")
        return super().act(observation, info)


def test_an_own_policy_has_records_without_a_word_about_a_model(tmp_path: Path, catalog: Catalog) -> None:
    run(tmp_path, catalog, policy=Moody)
    played = Run(tmp_path)
    assert list(played) == sorted(session.key for session in Store(tmp_path / "sessions"))
    assert len(played) == len(list(played.sessions)) == 20
    acted = [step for key in played for step in played.session(key).steps if step.action is not None]
    assert all(step.latency_seconds is not None and 0 <= step.latency_seconds < 60 for step in acted)
    assert (played.settings.run.policy, played.settings.run.seed) == ("moody", 1)
    assert "20 sessions of moody, finished" in repr(played)
    ends = set()
    for key in played:
        session, cause, steps = (one := played.session(key)).session, one.cause, one.steps
        ends.add(session.end)
        assert one.conversation() == ()
        assert [step.step for step in steps] == list(range(1, len(steps) + 1))
        assert tuple(event for step in steps for event in step.events) == tuple(
            event.model_copy(update={"time": None}) for event in session.events
        )
        assert all(step.shown and step.time is not None for step in steps if step.action is not None)
        if session.end == "policy_error":
            assert cause == "ConnectionError: the line is dead"
            assert (steps[-1].action, steps[-1].valid) == (None, False)
            assert "in act\n" in str(steps[-1].failure)
            assert "ConnectionError: the line is dead" in str(steps[-1].failure)
        elif session.end == "gave_up":
            assert steps[-1].failure == cause == "enough"
        else:
            assert cause is None
            assert steps[-1].action == "stop[]"
    assert ends == {"stop", "gave_up", "policy_error"}
    with pytest.raises(KeyError, match="which has 20"):
        played.session("x")
    with pytest.raises(FileNotFoundError, match="holds no run"):
        Run(tmp_path / "nowhere")


def test_steps_of_offline_policies_are_kept_when_asked_for(tmp_path: Path, catalog: Catalog) -> None:
    for record, kept in (("auto", False), ("steps", True), ("none", False)):
        run(tmp_path / record, catalog, policy="uniform", record=record, sessions=2)
        assert bool(Run(tmp_path / record).session("0000001").steps) == kept
    run(tmp_path / "own", catalog, record="none", sessions=2)
    assert Run(tmp_path / "own").session("0000001").steps == ()
    # Another try may record more: what is there already has no records.
    run(tmp_path / "none", catalog, policy="uniform", record="steps", sessions=2, resume=True)


class Teller(Wanderer):
    """Tells of a model, in messages of a form of its own."""

    name = "teller"

    def act(self, observation: str, info: dict[str, Any]) -> str:
        self.page = observation
        return super().act(observation, info)

    def trace(self) -> ModelTurn:
        prompt = ({"role": "system", "content": "Shop."}, {"role": "user", "content": [self.page]})
        return ModelTurn(prompt=prompt, said={"role": "assistant", "content": "well"}, tokens={"input": 5})


def test_an_own_policy_may_tell_of_its_model(tmp_path: Path, catalog: Catalog) -> None:
    run(tmp_path, catalog, policy=Teller, sessions=1)
    played = Run(tmp_path).session("0000000")
    assert [step.model.tokens["input"] for step in played.steps if step.model] == [5] * len(played.steps)
    roles = [message["role"] for message in played.conversation()]
    assert roles == ["system", *("user", "assistant") * len(played.steps)]
    assert [message["content"] for message in played.conversation()[1::2]] == [[step.shown] for step in played.steps]


def test_sessions_played_again_take_the_place_of_the_former(tmp_path: Path, catalog: Catalog) -> None:
    run(tmp_path, catalog)
    before = steps_of(Run(tmp_path))
    log = tmp_path / "sessions.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:7]))
    unfinished = Run(tmp_path)
    assert len(unfinished) == 7
    run(tmp_path, catalog, resume=True)
    assert steps_of(Run(tmp_path)) == before
