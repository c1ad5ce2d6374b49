"""Does a user's mistake end as a line that says what is allowed, in every benchmark?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks import (
    abtest,
    abtest_validity,
    item_selection,
    local_llm,
    persona_validity,
    query_generation,
    session_generation,
    view_selection,
)
from benchmarks.__main__ import main as whole
from paars_gym.cli import app
from tests.benchmarks.running import run_main


@pytest.mark.parametrize(
    ("main", "arguments", "said"),
    [
        (whole, ["--only", "nothing"], "session_generation"),
        (abtest.main, ["--sessions", "many"], "integer"),
        (abtest_validity.main, ["--part", "luck"], "power"),
        (item_selection.main, ["--by", "height"], "height"),
        (local_llm.main, ["--conditions", "all"], "all"),
        (persona_validity.main, ["nowhere.jsonl"], "nowhere.jsonl"),
        (query_generation.main, ["--embedder", "nothing"], "nothing"),
        (session_generation.main, ["--sessions", "1"], "sessions"),
        (view_selection.main, ["--human", "mini"], "--human"),
        (app, ["tasks", "query", "--human", "/nowhere"], "nowhere"),
        (app, ["tasks", "view", "--human", "/nowhere"], "nowhere"),
        (app, ["tasks", "item", "--policy", "llm", "--model", "nonsense"], "nonsense"),
    ],
)
def test_mistakes_end_in_words(main: Callable[..., Any], arguments: list[str], said: str) -> None:
    ended = run_main(main, *arguments)
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.output + ended.stderr
