"""A small log of households, and a server on 127.0.0.1 that answers what Table 3 and the mining of personas ask."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from paars_gym.alignment.item_selection import ItemCases, mine_item_cases
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import SCALES
from paars_gym.sessions.purchases import ProductLog
from paars_gym.tasks.reference_people import ReferencePeople
from tests.serving import JsonServer, served

Answer = Callable[[dict[str, Any]], str | int]
"""Of a request's body: the text to answer with, or the status of an error."""


def what(body: dict[str, Any]) -> str:
    """Which of the three questions a request asks: ``choice``, ``profile`` or ``preferences``."""
    fields = body["response_format"]["json_schema"]["schema"]["properties"]
    return next(name for name in ("choice", "profile", "preferences") if name in fields)


def well(body: dict[str, Any]) -> str:
    """A usable answer to each of the three."""
    if what(body) == "choice":
        return json.dumps({"choice": 1})
    if what(body) == "profile":
        about = {"values": ["Milk"], "confidence": 0.5, "evidence": "milk"}
        return json.dumps({"reasoning": "Buys milk.", "profile": {"categories": about}})
    scales = {name: {"value": 4} for name in SCALES}
    return json.dumps({"reasoning": "Thrifty.", "preferences": {**scales, "notes": "Mined, surely."}})


class Mock(JsonServer):
    """A server of one's own: /v1/chat/completions.

    Attributes:
        answer: What it answers.
        tokens: Of an answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answer: Answer = well
        self.tokens = 10
        self.spec = f"openai:local@{self.url}"

    def reply(self, path: str, body: dict[str, Any]) -> dict[str, Any] | int:
        said = self.answer(body)
        if isinstance(said, int):
            return said
        usage = {
            "prompt_tokens": 100,
            "completion_tokens": self.tokens,
            "total_tokens": 100 + self.tokens,
            "prompt_tokens_details": {"cached_tokens": 60},
        }
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
        return {**reply, "choices": [choice]}


def need(*packages: str) -> None:
    """Skips where one is absent, and fails where ``PAARS_REQUIRE_ALL=1`` says that all must be there."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            if os.environ.get("PAARS_REQUIRE_ALL") == "1":
                pytest.fail(f"{package} is missing")
            pytest.skip(f"{package} is not installed")


@pytest.fixture
def mock() -> Iterator[Mock]:
    with served(Mock()) as server:
        yield server


@pytest.fixture(scope="session")
def groceries() -> Catalog:
    return Catalog.from_products(
        Product(
            id=f"p{kind}{number}",
            title=f"{name} {number}, {number} oz",
            category=("Grocery", name),
            brand="National brand",
            price=1.0 + number,
        )
        for kind, name in enumerate(("Milk", "Tea", "Soap", "Bread", "Fish", "Candles"))
        for number in range(6)
    )


@pytest.fixture(scope="session")
def cases(groceries: Catalog) -> ItemCases:
    """Twelve households; household h buys of category h mod 3 only."""
    import polars as pl

    rng = np.random.default_rng(0)
    rows = []
    for household in range(12):
        for basket in range(6):
            for _ in range(4):
                row = groceries.row(f"p{household % 3}{rng.integers(6)}")
                day = basket * 86_400_000_000
                number = household * 6 + basket
                rows.append((f"h{household:02d}", number, f"b{number}", day, 0, "purchase", day, row, 1, 2.0, None))
    columns = ["shopper", "session", "key", "start", "offset", "kind", "time", "row", "units", "price", "rank"]
    log = ProductLog(groceries, pl.DataFrame(rows, schema=columns, orient="row"))
    return mine_item_cases(log, min_known=3, seed=1)


class Households(ReferencePeople):
    """Households of a test, who told whether they are rich."""

    name, synthetic, personas, notes = "the households of a test", False, {}, ("These are twelve.",)
    source, known = (), ("purchases", "products")

    def __init__(self, log: ProductLog, traits: Mapping[str, str] | None = None) -> None:
        self._log, self._traits = log, traits

    def product_log(self) -> ProductLog:
        return self._log

    def labels(self, trait: str) -> dict[str, str]:
        return super().labels(trait) if self._traits is None else dict(self._traits)


@pytest.fixture
def households(cases: ItemCases) -> Households:
    return Households(cases.log)


@pytest.fixture
def small_log(households: Households, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--human journey`` are these households instead of the real ones."""
    monkeypatch.setattr("paars_gym.tasks.people.reference_people", lambda *_, **__: households)
