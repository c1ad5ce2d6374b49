from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.catalog.product import Product
from paars_gym.config import CONDITIONS, BudgetConfig, Condition, ModelConfig, RunConfig
from paars_gym.embedding.lexical import LexicalEmbedder
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.protocol import Answerer, Policy
from paars_gym.shoppers.registry import SHOPPERS, make_answerer, make_policy, policy_factory

OPTIONS: dict[str, dict[str, Any]] = {
    "replay": {"sessions": Session(shopper="a", key="1", events=(Event(kind="stop"),))},
    "embedding": {"embedder": None},
}


class Decided:
    """A third-party policy."""

    name = "decided"

    def __init__(self, action: str = "stop[]") -> None:
        self.action = action

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None: ...

    def act(self, observation: str, info: dict[str, Any]) -> str:
        return self.action


class Mute:
    name = "mute"


@pytest.mark.parametrize("name", ["uniform", "replay", "embedding", "behavioural"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_short_name_makes_a_policy_that_answers_too(small_shop: Shop, name: str, condition: Any) -> None:
    options = dict(OPTIONS.get(name, {}))
    if "embedder" in options:
        options["embedder"] = LexicalEmbedder()
    make = policy_factory(RunConfig(policy=name, condition=condition, options=options))
    first, second = make(), make()
    assert first is not second
    assert first.name == name
    assert isinstance(first, Policy)
    answerer = make_answerer(name, condition=condition, options=options)
    assert isinstance(answerer, Answerer)
    answerer.reset(None, None, np.random.default_rng(0))
    products: Sequence[Product] = list(small_shop.catalog)[:4]
    assert answerer.choose_item(products) in range(4)
    assert answerer.choose_view("headphones", products) in range(4)
    query = answerer.write_query(products[0])
    assert isinstance(query, str)
    assert set(query.split()) <= set(products[0].title.casefold().split())


def test_unknown_names_give_the_list() -> None:
    with pytest.raises(ValueError, match=r"Unknown shopper 'behavioral'. Did you mean behavioural\?") as error:
        make_policy("behavioral")
    assert all(name in str(error.value) for name in SHOPPERS)


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("uniform", {"views": 3}, "no option 'views'"),
        ("behavioural", {"parameters": {"prize": 1.0}}, "Unknown parameter 'prize'"),
        ("behavioural", {"parameters": {"price": float("nan")}}, "must be a finite number"),
        ("embedding", {"views": 0}, "views == 0"),
        ("replay", {}, "cannot be made"),
        ("replay", {"sessions": []}, "at least one session"),
        ("no_such_module:Shopper", {}, "No module 'no_such_module'"),
        ("tests.shoppers.test_registry:Nobody", {}, "has no class or function 'Nobody'"),
        ("tests.shoppers.test_registry:Mute", {}, "it lacks reset, act"),
    ],
)
def test_mistakes_are_named(spec: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_policy(spec, options=options)


def test_an_unknown_condition_is_named() -> None:
    with pytest.raises(ValueError, match="Unknown condition 'all'"):
        make_policy("behavioural", condition="all")  # type: ignore[arg-type]


def test_a_class_of_ones_own_gets_the_options_that_it_takes() -> None:
    policy = make_policy("tests.shoppers.test_registry:Decided", options={"action": "back[]"})
    assert policy.act("", {}) == "back[]"
    with pytest.raises(ValueError, match=r"no option 'colour'. It has: action"):
        make_policy("tests.shoppers.test_registry:Decided", options={"colour": "red"})
    with pytest.raises(ValueError, match="is no Answerer"):
        make_answerer("tests.shoppers.test_registry:Decided")


def test_a_class_may_lie_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_shopper_of_this_test.py").write_text(
        "from tests.shoppers.test_registry import Decided\nclass Mine(Decided):\n    name = 'mine'\n"
    )
    monkeypatch.chdir(tmp_path)
    assert make_policy("own_shopper_of_this_test:Mine").name == "mine"


class Asking:
    """Takes what a policy that asks a model takes."""

    name = "asking"
    reset, act = Decided.reset, Decided.act

    def __init__(self, budget: BudgetConfig, condition: Condition, model: ModelConfig | None = None) -> None:
        self.given = budget, condition, model


def test_model_and_budget_go_to_what_takes_them() -> None:
    budget, model = BudgetConfig(max_usd=2.0), ModelConfig(spec="openai:m")
    policy: Any = make_policy("tests.shoppers.test_registry:Asking", condition="history", model=model, budget=budget)
    assert policy.given == (budget, "history", model)
    assert make_policy("uniform", model=model, budget=budget).name == "uniform"


def test_embedding_shoppers_of_one_factory_share_their_vectors() -> None:
    make: Any = policy_factory(RunConfig(policy="embedding", options={"embedder": LexicalEmbedder()}))
    assert make().vectors is make().vectors
