"""Does ``paars prompt show`` print what is sent, for every task, condition and form?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from paars_gym.config import CONDITIONS, Condition
from paars_gym.personas.store import write_personas
from paars_gym.prompts import VERSION
from paars_gym.serve.requests import PROMPT_TASKS, PromptTask, read_persona, requests_of
from paars_gym.sessions.event import Intention
from paars_gym.shop.actions import ACTIONS
from tests.benchmarks.running import run_main
from tests.shoppers.shopping import make_persona

ANN = make_persona("ann", categories=("Kettles",), history="- bought tea for ann@example.com", price_sensitivity=4)


@pytest.mark.parametrize("task", PROMPT_TASKS)
@pytest.mark.parametrize("form", ["tools", "text"])
def test_a_request_is_whole_and_redacted(catalog: Catalog, task: PromptTask, form: str) -> None:
    need = Intention(text="steel kettle")
    requests = requests_of(task, ANN, need, catalog, condition="persona", form=form)  # type: ignore[arg-type]
    assert len(requests) == (2 if task == "mine" else 1)
    for request in requests:
        assert [turn.role for turn in request.messages] == ["system", "user"]
        assert "bought tea for [email]" in request.messages[0].text
        assert [tool.name for tool in request.tools] == (list(ACTIONS) if (task, form) == ("session", "tools") else [])
        assert (request.output_schema is None) == (task == "session")
    asked = requests[0].messages[1].text
    told = {
        "session": "<need>\nsteel kettle\n</need>",
        "query": "typed into the search box",
        "item": "You bought exactly one of these",
        "view": 'You searched for "steel kettle"',
        "mine": "Step 1 of 2",
        "survey": "Answer with exactly one of",
    }
    assert told[task] in asked


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions(catalog: Catalog, condition: Condition) -> None:
    need = Intention(text="kettle")
    (request,) = requests_of("item", ANN, need, catalog, condition=condition, form="tools")
    assert ("Kettles" in request.messages[0].text) == (condition in ("profile", "persona"))


def test_the_command(tmp_path: Path) -> None:
    write_personas(tmp_path / "p.jsonl", [make_persona("bob"), ANN])
    done = run_main(app, "prompt", "show", "--task", "query", "--persona", f"{tmp_path}/p.jsonl#ann", "--json")
    shown = json.loads(done.output)
    assert (shown["persona"], shown["prompts"]) == ("ann", VERSION)
    assert "[email]" in shown["requests"][0]["messages"][0]["text"]
    printed = run_main(app, "prompt", "show", "--persona", f"{tmp_path}/p.jsonl", "--form", "text").output
    assert "# system, " in printed
    assert "# tools" not in printed
    for wrong, said in (("--task nap", "Unknown task 'nap'"), ("--form xml", "Unknown form 'xml'")):
        assert said in run_main(app, "prompt", "show", *wrong.split()).stderr
    with pytest.raises(ValueError, match=r"no persona 'eve' in .*There are 2: bob, ann"):
        read_persona(f"{tmp_path}/p.jsonl#eve")
