"""Configurations: what they take, what they refuse, and what a file holds of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from paars_gym.config import BudgetConfig, ModelConfig, RunConfig, ShopConfig, as_settings, setting_name


@pytest.mark.parametrize(
    ("config", "given", "said"),
    [
        (RunConfig, {"sessions": 0}, "sessions == 0, must be >= 1."),
        (RunConfig, {"seed": -1}, "seed == -1, must be >= 0."),
        (RunConfig, {"condition": "nobody"}, "Unknown condition 'nobody'. Available: base, profile, preferences"),
        (
            RunConfig,
            {"colour": "red"},
            "Unknown setting 'colour'. Available: address, backend, budget, concurrency, condition",
        ),
        (RunConfig, {"sessions": "many"}, "sessions == 'many': "),
        (RunConfig, {"record": "all"}, "record == 'all': "),
        (ShopConfig, {"page_size": 0}, "page_size == 0, must be >= 1."),
        (ModelConfig, {}, "The setting 'spec' is missing."),
        (BudgetConfig, {"tokens_per_minute": 0}, "tokens_per_minute == 0, must be > 0."),
        (BudgetConfig, {"max_usd": -1.0}, "max_usd == -1.0, must be >= 0."),
    ],
)
def test_mistakes_are_sentences(config: type, given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as mistake:
        config(**given)
    assert str(mistake.value).startswith(said)
    assert "pydantic" not in str(mistake.value)


def test_settings_are_json_and_hold_objects_by_name() -> None:
    class Mine:
        name = "mine"
        fingerprint = "abc"

    def draw(persona: object, rng: object) -> None: ...

    run = RunConfig(policy=Mine, options={"path": Path("a") / "b", "many": [1, 2], "one": Mine()}, intentions=draw)
    settings = json.loads(json.dumps(as_settings(run, ShopConfig(catalog=Mine()))))
    assert settings["run"]["policy"] == "mine (abc)"
    assert settings["run"]["options"] == {"path": "a/b", "many": [1, 2], "one": "mine (abc)"}
    assert settings["run"]["intentions"]["given"].endswith("draw")
    assert settings["shop"]["catalog"] == "mine (abc)"
    assert RunConfig.model_validate(settings["run"]).seed == run.seed


def test_names_of_values() -> None:
    assert setting_name(SimpleNamespace(spec="openai:x")) == "openai:x"
    assert setting_name([SimpleNamespace(), SimpleNamespace()]) == "2 SimpleNamespace"
    assert setting_name({"a": Path("x")}) == {"a": "x"}
    assert ModelConfig.of("scripted:x") == ModelConfig(spec="scripted:x")


def test_they_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().sessions = 3  # type: ignore[misc]
