"""Do the options of the group "Language model" become configurations, and is each mistake said in words?"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from paars_gym.cli.batch_options import BatchOptions
from paars_gym.cli.model_options import AskedModel, ModelOptions, read_options
from paars_gym.config import BudgetConfig, ModelConfig
from tests.cli.test_app import VERBS

OWN = "openai:own@http://127.0.0.1:1/v1"


def test_everything_reaches_its_place(tmp_path: Path) -> None:
    options = ["form=json", "max_tokens=300", "temperature=0.5", "context_tokens=8000", "attempts=2", "stream=true"]
    asking = ModelOptions(
        OWN, price="1,10", option=options, max_usd=2.0, tokens_per_minute=9e5, cache=tmp_path / "c", offline=True,
        dry_run=True,
    )  # fmt: skip
    found = asking.asked(concurrency=7, batches=tmp_path / "b", batching=BatchOptions(batch=True))
    assert found.model == ModelConfig(
        spec=OWN, price="1,10", options={"form": "json", "max_tokens": 300}, temperature=0.5, context_tokens=8000
    )
    assert found.budget == BudgetConfig(
        max_usd=2.0, tokens_per_minute=9e5, concurrency=7, cache=tmp_path / "c", offline=True, attempts=2, stream=True,
        batches=tmp_path / "b", dry_run=True,
    )  # fmt: skip
    assert found.policy_options == {}


def test_without_a_model_options_are_the_policys(tmp_path: Path) -> None:
    found = ModelOptions(option=["patience=3", "stream=1"]).asked(policy="my:Own", default_cache=tmp_path / "c")
    assert found == AskedModel(None, BudgetConfig(cache=tmp_path / "c"), {"patience": 3, "stream": 1})
    with_model = ModelOptions(OWN, option=["patience=3"]).asked(policy="my:Own")
    assert with_model.model == ModelConfig(spec=OWN, options={"patience": 3}), "its constructor says what it takes"
    assert ModelOptions(option=["a=[1]"]).asked(policy="behavioural").policy_options == {"a": [1]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": None}, "--model is missing"),
        ({"model": None, "policy": "my:Own", "price": "1,2"}, "--price 1,2 needs --model"),
        ({"model": OWN, "max_usd": 1.0}, f"--max-usd 1 needs a price for {OWN}"),
        ({"model": OWN, "price": "cheap"}, "must be IN,OUT"),
        ({"model": OWN, "offline": True}, "--offline needs --cache"),
        ({"model": OWN, "option": ["colour=red"]}, "Unknown --option colour. .* attempts, context_tokens, form"),
        ({"model": OWN, "option": ["form=xml"]}, "form == 'xml'"),
        ({"model": OWN, "option": ["attempts=0"]}, "attempts == 0, must be >= 1"),
        ({"model": OWN, "option": ["form"]}, "must be NAME=VALUE"),
        ({"model": OWN, "policy": "behavioural"}, "--model is for .* and behavioural asks none"),
        ({"model": None, "policy": "uniform", "max_usd": 1.0}, "--max-usd is for .* and uniform asks none"),
        ({"model": None, "policy": "behavioural", "dry_run": True}, "--dry-run is for .* behavioural asks none"),
    ],
)
def test_mistakes_are_said(given: dict[str, Any], said: str) -> None:
    given = dict(given)
    who = {"policy": given.pop("policy")} if "policy" in given else {}
    with pytest.raises(ValueError, match=said):
        ModelOptions(**given).asked(**who)


def test_a_known_price_allows_a_limit() -> None:
    assert ModelOptions("openai:gpt-4.1-mini", max_usd=1.0).asked().budget.max_usd == 1.0


def test_values_that_are_json_are_read_as_that() -> None:
    assert read_options(["a=1", "b=true", "c=null", "d=x=y", "e=[1, 2]"]) == {
        "a": 1, "b": True, "c": None, "d": "x=y", "e": [1, 2],
    }  # fmt: skip


def test_every_verb_with_a_model_has_the_whole_group() -> None:
    names = {field.name for field in fields(ModelOptions)}
    asking = {}
    for verb, command in VERBS.items():
        has = {parameter.name for parameter in command.params} & names
        if "model" in has and verb != "doctor":  # it asks each model one thing, without cache or budget
            asking[verb] = has
    assert len(asking) >= 11
    assert set(map(frozenset, asking.values())) == {frozenset(names)}
