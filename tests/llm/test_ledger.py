"""Does the ledger of an output hold every call, for all its processes, whatever kills them?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from paars_gym.config import BudgetConfig
from paars_gym.files import StorageError
from paars_gym.llm.budget import Budgeted
from paars_gym.llm.chat import Message, Reply, Request, Usage
from paars_gym.llm.errors import BudgetSpentError, ModelError, RateLimitError, UnreachableError
from paars_gym.llm.ledger import CallLedger, ledger_of, sharing
from paars_gym.llm.prices import Price
from tests.llm.test_wrappers import Counting

T = TypeVar("T")
A_CENT = Usage(output=1_000)
"""At ten dollars a million tokens of output."""


def dear(usage: Usage) -> float:
    return Price(0, 10).usd(usage)


def question(number: int = 0) -> Request:
    return Request(messages=(Message(role="user", text="?"),), max_tokens=1_000, draw=number)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def budgeted(path: Path | None, model: Any = None, *, max_usd: float | None = None) -> Budgeted:
    return Budgeted(model or Counting(usage=A_CENT), max_usd=max_usd, price=Price(0, 10), ledger=CallLedger(path))


def killed_in(work: Callable[[], object]) -> None:
    """Does it in a process that ends without another word."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_call_is_entered_when_it_goes_out_and_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.jsonl"
    seen: list[int] = []
    model = Counting(lambda _: seen.append(len(lines(path))), usage=Usage(output=100))
    run(budgeted(path, model).complete(question()))
    assert seen == [1], "the entry is on disk before the call goes out"
    out, back = lines(path)
    assert (out["pid"], out["reserve"]["output"], out["usd"]) == (os.getpid(), 1_000, pytest.approx(0.01))
    assert (back["paid"], back["usage"], back["usd"]) == (out["call"], {"output": 100}, pytest.approx(0.001))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("error", "answered", "lost", "calls", "open_calls"),
    [
        (RateLimitError("busy"), False, False, 0, 0),
        (UnreachableError("broke off"), False, True, 0, 1),
        (ModelError("unreadable"), True, False, 1, 0),
        (RuntimeError("a fault"), False, False, 0, 1),
    ],
)
def test_how_a_call_ends(
    tmp_path: Path, error: Exception, answered: bool, lost: bool, calls: int, open_calls: int
) -> None:
    if isinstance(error, ModelError):
        error.answered, error.lost = answered, lost
    path = tmp_path / "ledger.jsonl"
    with pytest.raises(type(error)):
        run(budgeted(path, Counting(lambda _: error)).complete(question()))
    taken = CallLedger(path).taken()
    assert (taken.calls, len(taken.open), taken.estimated) == (calls, open_calls, calls)
    assert taken.most_usd(dear) == pytest.approx(0.01 * (calls + open_calls))


def test_an_answer_without_its_tokens_stands_at_its_reserve(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    class Silent(Counting):
        async def complete(self, request: Request) -> Reply:
            return Reply(text="yes")

    run(budgeted(path, Silent()).complete(question()))
    taken = CallLedger(path).taken()
    assert (taken.calls, taken.estimated, taken.usage.output) == (1, 1, 1_000)
    assert taken.usd == pytest.approx(0.01)


def test_a_limit_bounds_all_resumes_together(tmp_path: Path) -> None:
    path, answered = tmp_path / "ledger.jsonl", 0
    for _ in range(4):
        model = budgeted(path, max_usd=0.055)
        for _ in range(2):
            with suppress(BudgetSpentError):
                run(model.complete(question()))
                answered += 1
        run(model.aclose())
    assert answered == 5
    with pytest.raises(BudgetSpentError, match=r"0\.0500 USD of 0\.055 are spent; the next call may cost 0\.0100"):
        run(model.complete(question()))


WORKER = """
import asyncio, sys
from pathlib import Path
from tests.llm.test_ledger import budgeted, question
from paars_gym.llm.errors import BudgetSpentError
async def main():
    model, count = budgeted(Path(sys.argv[1]), max_usd=0.3005), 0
    async def one():
        nonlocal count
        for number in range(40):
            try:
                await model.complete(question(number))
            except BudgetSpentError:
                return
            count += 1
    await asyncio.gather(*(one() for _ in range(4)))
    print(count)
asyncio.run(main())
"""


def test_and_all_processes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    command = [sys.executable, "-c", WORKER, str(path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counts = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    taken = CallLedger(path).taken()
    assert sum(counts) == taken.calls == 30, "a process waits for the calls of the others before it says that it is all"
    assert taken.open == {}


def test_calls_of_a_killed_process_are_open_and_count(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    def dies() -> None:
        ledger = CallLedger(path)
        ledger.settle(ledger.reserve("m", A_CENT, dear) or "", A_CENT, 0.01)
        for _ in range(3):
            ledger.reserve("m", A_CENT, dear)

    killed_in(dies)
    model = budgeted(path, max_usd=0.055)
    run(model.complete(question()))
    with pytest.raises(BudgetSpentError, match=r"0\.0500 USD .*0\.0300 of them for 3 calls without an answer"):
        run(model.complete(question()))
    taken = model.ledger.taken()
    assert (taken.calls, len(taken.open), taken.open_usd) == (2, 3, pytest.approx(0.03))
    assert {call.model for call in taken.open.values()} == {"m"}


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    run(budgeted(path).complete(question()))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"call":"half')
    assert CallLedger(path).taken().calls == 1
    run(budgeted(path).complete(question()))
    assert path.read_bytes().startswith(whole)
    assert CallLedger(path).taken().calls == 2
    assert len(lines(path)) == 4


def test_parts_are_counted_apart_and_bounded_together(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for part in ("control", "treatment"):
        model = Budgeted(Counting(usage=A_CENT), price=Price(0, 10), max_usd=0.025, ledger=CallLedger(path), part=part)
        run(model.complete(question()))
    with pytest.raises(BudgetSpentError):
        run(model.complete(question()))
    assert [CallLedger(path).taken(part).calls for part in ("control", "treatment", None)] == [1, 1, 2]


def test_a_request_handed_in_before_goes_on_under_its_entry(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    killed_in(lambda: CallLedger(path).reserve("m", A_CENT, dear, key="k"))
    ledger = CallLedger(path)
    call = ledger.reserve("m", A_CENT, dear, key="k", limit=0.015)
    assert call is not None
    assert ledger.reserve("m", A_CENT, dear, key="other", limit=0.015) == ""
    ledger.settle(call, A_CENT, 0.01)
    assert (ledger.taken().calls, ledger.taken().open) == (1, {})


def test_what_calls_under_way_may_leave_is_waited_for_and_what_is_spent_is_not(tmp_path: Path) -> None:
    here, there = CallLedger(tmp_path / "ledger.jsonl"), CallLedger(tmp_path / "ledger.jsonl")
    first = here.reserve("m", A_CENT, dear) or ""
    assert here.reserve("m", A_CENT, dear, limit=0.015) == ""
    here.settle(first, A_CENT, 0.001)
    second = here.reserve("m", A_CENT, dear, limit=0.015) or ""
    assert second
    here.lose(second)
    assert here.reserve("m", A_CENT, dear, limit=0.015) is None
    assert there.reserve("m", A_CENT, dear, limit=0.015) is None


def test_a_ledger_that_cannot_be_written_lets_no_call_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    model = Counting()
    with pytest.raises(StorageError, match=r".*ledger.jsonl. Everything finished before is kept"):
        run(budgeted(tmp_path / "file" / "ledger.jsonl", model).complete(question()))
    assert model.calls == 0


def test_what_has_no_price_counts_at_a_later_one(tmp_path: Path) -> None:
    ledger = CallLedger(tmp_path / "ledger.jsonl")
    call = ledger.reserve("m", A_CENT, lambda _: None)
    assert call is not None
    ledger.settle(call, A_CENT, None)
    ledger.reserve("m", A_CENT, lambda _: None)
    assert (ledger.taken().usd, ledger.taken().unpriced) == (0, 1)
    assert ledger.reserve("m", A_CENT, dear, limit=0.025) == ""
    assert ledger.reserve("m", A_CENT, dear, limit=0.035)


def test_one_ledger_for_a_file_and_a_budget(tmp_path: Path) -> None:
    budget = sharing(BudgetConfig(), tmp_path / "l.jsonl")
    assert ledger_of(budget.ledger) is ledger_of(budget.ledger)
    assert sharing(budget, tmp_path / "other.jsonl") is budget
    assert "ledger" not in budget.model_dump()


def test_an_output_that_was_removed_and_begun_anew_has_a_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = CallLedger(path)
    for _ in range(3):
        ledger.settle(ledger.reserve("m", A_CENT, dear) or "", A_CENT, 0.01)
    ledger.close()
    path.unlink()
    assert ledger.taken().calls == 0
    ledger.settle(ledger.reserve("m", A_CENT, dear) or "", A_CENT, 0.01)
    assert (ledger.taken().calls, CallLedger(path).taken().calls) == (1, 1)


def test_lines_that_are_no_entries_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    run(budgeted(path).complete(question()))
    path.write_bytes(path.read_bytes() + b'{}\nnull\n[1]\n{"paid":"unknown"}\n\xff\n{"call":1}\n')
    run(budgeted(path).complete(question()))
    assert CallLedger(path).taken().calls == 2
