"""A provider's bad day: llmock over real HTTP, with faults mixed into the answers at random but seeded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from llmock.scenarios import (
    Delay,
    Fail,
    Match,
    Plan,
    Reply,
    RequestInfo,
    ScenarioQueue,
    StreamFault,
    ToolCall,
    ToolFault,
)

PLANTED = "sk-planted-0123456789abcdef"
SPECS = {"openai": "openai:gpt-4.1-mini", "anthropic": "anthropic:claude-sonnet-5"}
STREAMED = Match(stream=True)
FAULTS: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"fail": Fail(429, retry_after=0.02)},
    "429": {"fail": Fail(429)},
    "500": {"fail": Fail(500)},
    "503": {"fail": Fail(503)},
    "529": {"fail": Fail(529)},
    "timeout": {"delay": Delay(1.5)},
    "dropped stream": {"stream_fault": StreamFault("disconnect", after_chunks=2, match=STREAMED)},
    "truncated stream": {"stream_fault": StreamFault("truncate", after_chunks=2, match=STREAMED)},
    "truncated JSON": {"stream_fault": StreamFault("malformed", after_chunks=1, match=STREAMED)},
    "malformed arguments": {"tool_fault": ToolFault("malformed_arguments")},
    "unknown tool": {"tool_fault": ToolFault("unknown_tool")},
    "hallucinated id": {"reply": Reply(tool_calls=(ToolCall("view", {"product_id": "B0NOSUCH"}),))},
    "refusal": {"reply": Reply(text="I cannot help with that.", finish_reason="content_filter")},
    "context length": {
        "fail": Fail(
            400, message="prompt is too long: the maximum context length is less", code="context_length_exceeded"
        )
    },
}


class BadDay(ScenarioQueue):
    """Answers with random shopping, and instead of a share of the answers with faults, evenly mixed.

    Attributes:
        seen: How often each fault was dealt out.
    """

    def __init__(self, products: Sequence[str], *, share: float, seed: int = 0, only: str | None = None) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self._share = share
        self._faults = list(FAULTS) if only is None else [only]
        self._rng = np.random.default_rng(seed)
        self._guard = threading.Lock()
        self._products = list(products)

    def plan_for(self, info: RequestInfo) -> Plan:
        with self._guard:
            rng = self._rng
            if rng.random() < self._share:
                name = self._faults[int(rng.integers(len(self._faults)))]
                self.seen[name] += 1
                return Plan(**{"reply": self._shopping(rng), **FAULTS[name]})
            return Plan(reply=self._shopping(rng))

    def _shopping(self, rng: np.random.Generator) -> Reply:
        product = self._products[int(rng.integers(len(self._products)))]
        calls = [
            ToolCall("search", {"query": "red kettle"}),
            ToolCall("view", {"product_id": product}),
            ToolCall("add_to_cart", {"product_id": product}),
            ToolCall("purchase", {}),
            ToolCall("stop", {}),
        ]
        chances = [0.25, 0.25, 0.15, 0.1, 0.25]
        return Reply(tool_calls=(calls[int(rng.choice(len(calls), p=chances))],))


@contextmanager
def bad_day(llmock: Any, day: BadDay) -> Iterator[BadDay]:
    """Puts a bad day behind the server of the fixture ``llmock``."""
    state = llmock._server.state
    before, state.scenarios = state.scenarios, day
    try:
        yield day
    finally:
        state.scenarios = before
