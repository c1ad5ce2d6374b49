"""Is every call of every command in one ledger, and does a lost cause or a full disk end a command with exit code 4?"""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from paars_gym.abtest.experiment import ARMS
from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from paars_gym.config import FIRST_DAY
from paars_gym.llm.ledger import CallLedger
from paars_gym.llm.limits import Retrying
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.personas.store import read_failures, read_personas, write_personas
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import write_sessions
from tests.redteam import money_crashes
from tests.redteam.answering import answering
from tests.redteam.paying import ANSWER_TOKENS, PROMPT_TOKENS, Paying, paying

SHOP = ("--catalog", "shop", "--personas", "people.jsonl", "--condition", "base", "--policy", "llm")
VERBS: dict[str, tuple[str, ...]] = {
    "simulate": ("simulate", *SHOP, "--sessions", "20", "--out", "out"),
    "abtest": ("abtest", *SHOP, "--treatment", "popularity", "--sessions", "12", "--out", "out"),
    "probe": ("probe", "price", *SHOP, "--trials", "4", "--pages", "2", "--out", "out"),
    "survey": ("survey", "questions.yaml", "--personas", "people.jsonl", "--out", "out"),
    "mine": ("personas", "mine", "--sessions", "humans", "--catalog", "shop", "--out", "out.jsonl"),
    "query": ("tasks", "query", "--human", "humans", "--catalog", "shop", "--embedder", "lexical", "--out", "out.json"),
    "view": ("tasks", "view", "--human", "humans", "--catalog", "shop", "--out", "out.json"),
    "session": (
        *("tasks", "session", "--human", "humans", "--catalog", "shop", "--personas", "people.jsonl"),
        *("--policy", "llm", "--sessions", "12", "--embedder", "none", "--runs", "out"),
    ),
}  # fmt: skip
EACH = [pytest.param(verb, marks=() if verb in ("simulate", "mine") else pytest.mark.slow) for verb in VERBS]
LEDGERS = {"mine": "out.ledger.jsonl", "query": "out.ledger.jsonl", "view": "out.ledger.jsonl"}
PRICE = ("--price", "1,10")
KNOWN = ("searches", "results", "views", "carts", "purchases", "products")
USD = (PROMPT_TOKENS + 10 * ANSWER_TOKENS) / 1e6
"""Of an answer that tells its tokens."""


@pytest.fixture
def place(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAARS_HASH_KEY", "one")
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Retrying, "_wait", lambda *_: 0.001)
    kettles = [catalog["k1"].model_copy(update={"id": f"n{number}", "price": 20.0 + number}) for number in range(10)]
    Catalog.from_products([*catalog, *kettles], name="kettles", synthetic=True).save(tmp_path / "shop")
    made = {"profile": ConsumerProfile(), "preferences": ShoppingPreferences(), "source": "synthetic"}
    write_personas(
        tmp_path / "people.jsonl",
        [Persona(shopper=f"p{number}", history=f"{number} kettles", **made) for number in range(20)],
    )
    Path("questions.yaml").write_text("- {id: r, text: 'Reviews?', choices: [yes, no]}\n")
    write_sessions("humans", [visit(f"p{number}") for number in range(20)], provenance=Provenance(what_is_known=KNOWN))
    return tmp_path


def visit(shopper: str) -> Session:
    shown = ("k1", "k2", "k3")
    rows: list[dict[str, Any]] = [
        {"kind": "search", "query": "steel kettle", "results": shown},
        {"kind": "view", "product": "k1", "title": "Calor steel kettle 1.7 l", "rank": 1},
        {"kind": "purchase", "product": "k1", "title": "Calor steel kettle 1.7 l", "units": 1, "price": 34.9},
    ]
    events = tuple(Event(time=FIRST_DAY.replace(second=second), **row) for second, row in enumerate(rows))
    return Session(shopper=shopper, key=f"s {shopper}", start=FIRST_DAY, events=events)


@pytest.fixture
def server() -> Iterator[Paying]:
    with paying() as one:
        yield one


def run(verb: str, model: str, *more: str) -> Result:
    return CliRunner().invoke(app, [*VERBS[verb], "--model", model, *more])


def code(ended: Result) -> int:
    return getattr(ended.exception, "exit_code", None) or ended.exit_code


def ledger(verb: str) -> CallLedger:
    return CallLedger(Path(LEDGERS.get(verb, "out/ledger.jsonl")))


@pytest.mark.parametrize("verb", EACH)
def test_every_verb_asks_through_one_ledger_and_pays_nothing_twice(verb: str, place: Path, server: Paying) -> None:
    ended = run(verb, server.spec, *PRICE)
    assert ended.exit_code == 0, (ended.output, ended.exception)
    taken = ledger(verb).taken()
    assert taken.calls == server.paid > 0
    assert taken.usd == pytest.approx(server.paid * USD)
    assert not taken.open
    assert "US dollars" in ended.output
    server.bodies.clear()
    if verb == "probe":
        Path("out/result.json").unlink()
    again = ("--resume",) if verb in ("simulate", "abtest") else ()
    assert run(verb, server.spec, *PRICE, *again).exit_code == 0
    assert server.bodies == []


@pytest.mark.parametrize("verb", EACH)
def test_a_server_that_is_not_there_ends_every_verb(verb: str, place: Path) -> None:
    ended = run(verb, "openai:m@http://127.0.0.1:1/v1")
    assert code(ended) == 4, (ended.output, ended.exception)
    assert "UnreachableError" in str(ended.exception)
    assert "Is a server running at http://127.0.0.1:1/v1?" in str(ended.exception)
    assert ledger(verb).taken().calls == 0


def test_an_empty_cache_offline(place: Path, server: Paying) -> None:
    assert run("mine", server.spec).exit_code == 0
    ended = run("simulate", server.spec, "--cache", "out.replies.sqlite", "--offline")
    assert code(ended) == 4
    assert "leave out --offline" in str(ended.exception)


@pytest.mark.slow
def test_a_server_that_dies_ends_the_run_later_too(
    place: Path, server: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, fate = itertools.count(), server.fate
    monkeypatch.setattr(server, "fate", lambda model: fate(model) if next(count) < 30 else "fails")
    ended = run("simulate", server.spec, "--sessions", "60", "--concurrency", "4")
    assert code(ended) == 4
    assert "10 requests in a row failed: ServerError" in str(ended.exception)
    assert len(Path("out/sessions.jsonl").read_text().splitlines()) < 30


@pytest.mark.slow
def test_a_limit_holds_over_four_resumes(place: Path, server: Paying) -> None:
    for _ in range(4):
        ended = run("abtest", server.spec, *PRICE, "--max-usd", "0.02", "--resume", "--concurrency", "2")
        assert isinstance(ended.exception, ValueError), ended.output
        assert "USD of 0.02 are spent" in str(ended.exception)
    taken = ledger("abtest").taken()
    assert taken.calls == server.paid
    assert 0 < server.paid * USD <= taken.most_usd(lambda _: None) <= 0.02


@pytest.mark.parametrize(
    "verb",
    ["simulate", *(pytest.param(verb, marks=pytest.mark.slow) for verb in ("survey", "mine", "query", "abtest"))],
)
def test_a_cache_that_cannot_be_written_ends_the_run(
    verb: str, place: Path, server: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]
            if statement.startswith("INSERT OR REPLACE"):
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(statement, *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: connect(*given, **more, factory=Full))
    ended = run(verb, server.spec, *PRICE, "--concurrency", "1")
    assert code(ended) == 4, (ended.output, ended.exception)
    assert "database or disk is full" in str(ended.exception)
    assert "make room and resume" in str(ended.exception)
    assert ledger(verb).taken().calls == server.paid == 1
    monkeypatch.undo()


def test_offline_needs_no_writable_cache(place: Path, server: Paying) -> None:
    assert run("survey", server.spec).exit_code == 0
    away = Path("away")
    away.mkdir()
    cache = Path("out.replies.sqlite").rename(away / "c.sqlite")
    cache.chmod(0o400)
    away.chmod(0o500)
    ended = run("survey", server.spec, "--offline", "--cache", str(cache))
    away.chmod(0o700)
    assert ended.exit_code == 0, ended.exception
    assert list(away.iterdir()) == [cache]


def test_offline_reads_what_a_killed_run_left_beside_the_cache(place: Path, server: Paying) -> None:
    assert run("survey", server.spec).exit_code == 0
    base = sqlite3.connect("out.replies.sqlite")
    base.execute("PRAGMA wal_autocheckpoint=0")
    (rows,) = base.execute("SELECT count(*) FROM replies").fetchone()
    base.execute("CREATE TABLE moved AS SELECT * FROM replies")
    base.execute("DELETE FROM replies")
    base.commit()
    base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.execute("INSERT INTO replies SELECT * FROM moved")
    base.commit()
    assert rows == 20
    assert Path("out.replies.sqlite-wal").stat().st_size
    Path("copy").mkdir()
    for name in ("out.replies.sqlite", "out.replies.sqlite-wal"):
        Path("copy", name).write_bytes(Path(name).read_bytes())
    ended = run("survey", server.spec, "--offline", "--cache", "copy/out.replies.sqlite")
    base.close()
    assert ended.exit_code == 0, ended.exception


def test_a_reply_that_cannot_be_read_is_not_served_again(place: Path, server: Paying) -> None:
    with answering() as nonsense:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hm."}}
        nonsense.say(json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}).encode())
        spec = f"openai:m@{nonsense.url}/v1"
        assert run("survey", spec, "--json").exit_code == 0
        assert len(nonsense.asked) == 40
        assert run("survey", spec, "--json", "--offline").exit_code == 0, "what there is"
        nonsense.say(json.dumps({"choices": [choice | {"message": {"content": '{"answer": "yes"}'}}]}).encode())
        assert run("survey", spec, "--json").exit_code == 0
        assert len(nonsense.asked) == 60
    answers = [json.loads(line) for line in Path("out/answers.jsonl").read_text().splitlines()]
    assert {answer["answer"] for answer in answers} == {"yes"}


def test_a_damaged_reply_is_asked_for_again(place: Path, server: Paying) -> None:
    assert run("survey", server.spec).exit_code == 0
    with sqlite3.connect("out.replies.sqlite") as base:
        base.execute(
            "UPDATE replies SET reply = '{' WHERE rowid IS NOT NULL" if False else "UPDATE replies SET reply = '{'"
        )
    base.close()
    assert run("survey", server.spec).exit_code == 0
    assert server.paid == 40


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["simulate", "abtest", "probe", "survey", "mine", "session"])
def test_an_output_that_cannot_be_made_costs_nothing(verb: str, place: Path, server: Paying) -> None:
    Path("file").write_text("in the way")
    words = [word.replace("out", "file/out") if word in ("out", "out.jsonl") else word for word in VERBS[verb]]
    ended = CliRunner().invoke(app, [*words, "--model", server.spec, "--cache", "c.sqlite"])
    assert ended.exit_code != 0
    assert server.bodies == []


def test_the_second_arm_is_looked_at_before_the_first_is_paid_for(place: Path, server: Paying) -> None:
    Path("out").mkdir()
    Path("out/treatment").write_text("in the way")
    assert isinstance(run("abtest", server.spec).exception, OSError)
    assert server.bodies == []


def test_another_key_of_pseudonyms_doubles_no_persona(
    place: Path, server: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("mine", server.spec).exit_code == 0
    monkeypatch.setenv("PAARS_HASH_KEY", "another")
    ended = run("mine", server.spec)
    assert "another key of pseudonyms" in str(ended.exception)
    assert len(list(read_personas(Path("out.jsonl")))) == 20
    monkeypatch.setenv("PAARS_HASH_KEY", "one")
    assert run("mine", server.spec).exit_code == 0


@pytest.mark.slow
def test_one_filtered_answer_of_twenty_aborts_nothing(place: Path) -> None:
    with paying() as server:
        handler = server.RequestHandlerClass
        say, count = handler._say, [0]  # type: ignore[attr-defined]

        def filtered(self: Any, status: int, content: Any, **more: Any) -> None:
            count[0] += 1
            if count[0] == 5:
                status, content = 400, {"error": {"message": "Filtered.", "code": "content_filter"}}
            say(self, status, content, **more)

        handler._say = filtered  # type: ignore[attr-defined]
        try:
            for verb in ("query", "view", "survey", "mine"):
                count[0] = 0
                ended = run(verb, server.spec)
                assert ended.exit_code == 0, (verb, ended.exception)
        finally:
            handler._say = say  # type: ignore[attr-defined]


def test_the_account_counts_calls_of_sessions_that_never_ended(place: Path) -> None:
    with paying(faults=0.3, seed=3) as server:
        ended = run("simulate", server.spec, *PRICE, "--max-usd", "5")
        assert ended.exit_code in (0, 3), (ended.output, ended.exception)
        account = json.loads(Path("out/account.json").read_text())
        assert account["calls"] <= server.paid <= account["calls"] + account["open_calls"]
        assert account["open_calls"] == server.met["hangs up"] + server.met["hangs up when paid"]
        assert len(account["open"]) == account["open_calls"]
        assert account["usd"] + account["open_usd"] >= server.paid * USD
        assert len({session.key for session in Store("out/sessions")}) == 20


@pytest.mark.slow
def test_a_hundred_kills_lose_no_session_and_no_call(place: Path) -> None:
    with paying(faults=0.3, seed=11) as server:
        command = [sys.executable, money_crashes.__file__, server.url, "100", "5"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=place)
        assert ended.returncode == 0, ended.stderr
        outputs = json.loads(ended.stdout.splitlines()[-1])
    assert sum(output["kills"] for output in outputs) == 100
    for output in outputs:
        verb, name = output["verb"], output["name"]
        assert output["code"] in (0, 3), (output, ended.stderr)
        check_nothing_lost(verb, name)
        taken = CallLedger(Path(f"{name}.ledger.jsonl" if verb == "mine" else f"{name}/ledger.jsonl")).taken()
        paid = server.paid_by[name]
        assert taken.calls <= paid <= taken.calls + len(taken.open), output
        given_up = sum(call.lost for call in taken.open.values())
        assert len(taken.open) - given_up <= output["kills"] * money_crashes.CONCURRENCY, output
        assert paid * USD <= taken.usd + taken.open_usd <= money_crashes.LIMIT


def check_nothing_lost(verb: str, name: str) -> None:
    if verb == "mine":
        mined = [persona.shopper for persona in read_personas(Path(f"{name}.jsonl"))]
        failed = [failure.shopper for failure in read_failures(Path(f"{name}.jsonl"))]
        assert len(mined) == len({*mined})
        assert len({*mined, *failed}) == 20
        return
    for folder, sessions in ((name, 16),) if verb == "simulate" else ((f"{name}/{arm}", 8) for arm in ARMS):
        keys = [json.loads(line)["session"]["key"] for line in Path(folder, "sessions.jsonl").read_text().splitlines()]
        assert len(keys) == len({*keys}) == sessions, (folder, keys)
