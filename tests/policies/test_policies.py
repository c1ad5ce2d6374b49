"""Do the files of policies/ shop and answer, each as it is named on the command line?"""

from __future__ import annotations

import asyncio
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences
from paars_gym.shoppers.protocol import Answerer, Policy
from paars_gym.shoppers.registry import answerer_factory
from paars_gym.simulation.run import run_population
from policies import anthropic_persona, compatible_persona, openai_persona, template

PERSONA = Persona(
    shopper="s",
    profile=ConsumerProfile(categories=Interests(values=("Kettles",))),
    preferences=ShoppingPreferences(notes="Likes steel."),
    source="synthetic",
)
FILES = {
    "policies.anthropic_persona:shoppers": (anthropic_persona, "ANTHROPIC_API_KEY"),
    "policies.openai_persona:shoppers": (openai_persona, "OPENAI_API_KEY"),
    "policies.compatible_persona:shoppers": (compatible_persona, "OPENAI_COMPATIBLE_API_KEY"),
}


@pytest.mark.parametrize("name", FILES)
def test_sessions_and_questions_by_name(
    name: str, llmock: Any, tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, key = FILES[name]
    monkeypatch.setenv(key, "sk-planted-0123456789abcdef")
    model = module.MODEL.partition("@")[0] + (f"@{llmock.base_url()}" if "@" in module.MODEL else "")
    for _ in range(3):
        llmock.call_tool("search", {"query": "kettle"}).call_tool("stop", {})
    tally = run_population(
        out=tmp_path / "run", sessions=3, catalog=catalog, policy=name, personas=[PERSONA],
        policy_options={"model": model}, concurrency=1,
    )  # fmt: skip
    assert tally.ends == {"stop": 3}
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["policy"] == name
    assert settings["policy_options"]["model"] == model
    assert "Likes steel." in json.dumps(llmock.last_request.body)

    llmock.reply('{"choice": 2}')
    made = answerer_factory(RunConfig(policy=name, condition="preferences", options={"model": model}))
    shopper = made()
    assert isinstance(shopper, Answerer)

    async def ask() -> int:
        await shopper.reset(PERSONA, None, np.random.default_rng(0))  # type: ignore[misc]
        chosen = await shopper.choose_item([catalog["k1"], catalog["k2"]])  # type: ignore[misc]
        await shopper.aclose()  # type: ignore[attr-defined]
        return int(chosen)

    assert asyncio.run(ask()) == 1


@pytest.mark.parametrize("name", FILES)
def test_the_default_model_needs_no_option(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, key = FILES[name]
    monkeypatch.setenv(key, "sk-planted-0123456789abcdef")
    crew = module.shoppers()
    assert crew.model.spec == module.MODEL
    assert (crew().condition, crew.settings["model"]) == ("persona", module.MODEL)


def test_the_template_shops_and_is_short(tmp_path: Path, catalog: Catalog) -> None:
    assert isinstance(template.FirstFit(), Policy)
    tally = run_population(
        out=tmp_path / "run", sessions=10, catalog=catalog, policy="policies.template:FirstFit", condition="base"
    )
    assert tally.ends == {"stop": 10}
    assert sum(session.count("purchase") for session in tally.store) == 10
    code = [row for row in inspect.getsource(template.FirstFit).splitlines() if row.strip()]
    assert len(code) <= 20
