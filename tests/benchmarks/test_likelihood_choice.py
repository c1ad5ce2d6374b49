"""Prompt and score of choice by likelihood: all are tried on the same households, and none of these is reported on."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from rich.console import Console

from benchmarks import household_choices, likelihood_choice
from benchmarks.household_choices import set_aside
from benchmarks.likelihood_choice import LENGTHS, RULES, WAYS, fix, fix_table, main
from paars_gym.sessions.split import is_held_out
from paars_gym.tasks.items.questions import ItemDesign
from tests.benchmarks.running import run_main
from tests.shoppers.test_text_likelihood import Words
from tests.tasks.conftest import Households


@pytest.fixture
def invented(households: Households, monkeypatch: pytest.MonkeyPatch) -> Words:
    model = Words()
    monkeypatch.setattr(household_choices, "reference_people", lambda _: households)
    monkeypatch.setattr(household_choices, "ItemDesign", partial(ItemDesign, min_known=3))
    monkeypatch.setattr(household_choices, "set_aside", lambda _: True)
    monkeypatch.setattr(likelihood_choice, "load_language_model", lambda *_, **__: model)
    monkeypatch.setattr(likelihood_choice, "one_thread", lambda: None)
    return model


def test_every_way_is_tried_on_the_same_cases(invented: Words) -> None:
    tried = fix(6)
    assert len({one.way for one in tried}) == len(tried) == len(WAYS) * len(RULES) * len(LENGTHS)
    means = [float(one.choice.mean()) for one in tried]
    assert means == sorted(means, reverse=True)
    # Nothing that does not know who buys can depend on how much is told.
    base = {one.way[:2]: one.right["base"] for one in tried}
    assert all(one.right["base"] == base[one.way[:2]] for one in tried)
    assert all(len(one.choice) == len(tried[0].choice) >= 4 for one in tried)
    console = Console(width=150, record=True, quiet=True)
    console.print(fix_table(tried))


def test_a_price_is_part_of_the_text_in_one_way_alone(invented: Words) -> None:
    fix(2)
    priced = [any(" at " in text for text in texts) for _, texts in invented.read]
    assert sum(priced) * len(WAYS) == len(priced)


def test_rules_by_hand() -> None:
    told, alone, tokens = np.array([[-6.0, -4.0]]), np.array([[-9.0, -5.0]]), np.array([[3.0, 1.0]])
    scores = {name: rule(told, alone, tokens).tolist()[0] for name, rule in RULES.items()}
    assert scores == {"sum": [-6.0, -4.0], "mean": [-2.0, -4.0], "gain": [3.0, 1.0]}


def test_who_is_set_aside_is_never_reported_on() -> None:
    names = [f"household {number}" for number in range(2_000)]
    aside = [name for name in names if set_aside(name)]
    assert len(aside) / len(names) == pytest.approx(1 / 4, abs=4 * math.sqrt(3 / 16 / len(names)))
    assert not any(is_held_out(name) for name in aside)


def test_some_ways_alone_are_what_they_are_among_all(invented: Words) -> None:
    among = {one.way: one.choice.tolist() for one in fix(6)}
    some = fix(6, ways=("chat",), lengths=(100,))
    assert {one.way for one in some} == {("chat", rule, 100) for rule in RULES}
    assert all(one.choice.tolist() == among[one.way] for one in some)


@pytest.mark.parametrize(("option", "value"), [("--part", "both"), ("--protocol", "random"), ("--way", "song")])
def test_mistakes(option: str, value: str) -> None:
    ended = run_main(main, option, value)
    assert ended.exit_code == 2
    assert f"Unknown {option[2:]} '{value}'" in ended.stderr
