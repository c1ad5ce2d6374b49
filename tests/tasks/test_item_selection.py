"""Is Table 3 counted right, and does it say of each row what chance and popularity make of it?"""

from __future__ import annotations

import copy
import io
import json

import numpy as np
import pytest
from rich.console import Console

from paars_gym.alignment.item_selection import ItemCases
from paars_gym.cli import app
from paars_gym.config import RunConfig
from paars_gym.personas.persona import ConsumerProfile, Interests, Score, ShoppingPreferences
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.report.paper import PAPER
from paars_gym.tasks.answers import FAILED, Answers
from paars_gym.tasks.items.baselines import choose_popular, item_phrases, preference_phrases, profile_phrases
from paars_gym.tasks.items.groups import by_group, worst_served
from paars_gym.tasks.items.questions import ItemDesign
from paars_gym.tasks.items.results import ItemResults, contrast, gains_of, row_of
from paars_gym.tasks.items.selection import asked_items, select_items
from tests.benchmarks.running import run_main
from tests.tasks.conftest import Households


def choose(households: Households, **design: object) -> ItemResults:
    run = RunConfig(sessions=4600, seed=20_260_301)
    return select_items(households, run, design=ItemDesign(min_known=3, **design), embedder="lexical")


def printed(results: ItemResults, width: int = 140) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table_3(results))
    return console.export_text()


def test_the_whole_benchmark_on_a_small_log(households: Households) -> None:
    results = choose(households)
    assert results == choose(households)
    assert "No language model ran" in results.headline
    assert results.humans.startswith("real")
    json.dumps(results.model_dump())
    found = {(row.shopper, row.protocol): row for row in results.rows}
    assert found["embedding, persona", "interests"].paper == pytest.approx(0.4726)
    assert found["popularity", "interests"].paper is None
    accuracy = {key: row.accuracy.value for key, row in found.items()}
    # A household buys in one category and no distractor is of it: the history must tell.
    assert accuracy["embedding, history", "interests"] > 0.9 > accuracy["uniform, base", "interests"]
    for row in results.rows:
        assert row.accuracy.value in row.wilson
        assert row.accuracy.value in row.accuracy.interval
        assert row.cases == results.cases[0].cases
        assert (row.unanswered, row.failed, row.causes) == (0, 0, {})
    text = printed(results, width=100)
    for expected in ("embedding, preferences", "47.26", "uniform, base", "clustered", "place", "persona − history"):
        assert expected in text
    said = table_3_remarks(results)
    assert any("the households of a test" in line for line in said)
    assert any(PAPER["items", "accuracy"].compares in line for line in said)
    # A sentence a row, against both floors.
    for shopper in {row.shopper for row in results.rows if not row.bar}:
        assert any(line.startswith(f"{shopper}: ") and "popularity" in line for line in said)
    assert any("Best bar on matched ones" in line for line in said)


def test_a_model_in_a_file_or_behind_an_address_is_shown_by_its_name(
    households: Households, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paars_gym.shoppers.text_scorers.lacking", lambda _: "")
    named = ("likelihood:/models/own.gguf", "likelihood:qwen@http://127.0.0.1:8000/v1", "uniform")
    asked = asked_items(households, RunConfig(), policies=named, conditions=["base"])
    assert [one.name for one in asked.shoppers] == [
        "likelihood:own.gguf, base",
        "likelihood:qwen, base",
        "uniform, base",
    ]


def test_pairs_of_conditions_by_hand(cases: ItemCases) -> None:
    right = cases.answer.copy()
    wrong = (right + 1) % 4
    half = np.where(np.arange(len(right)) % 2, right, wrong)
    lost = right.copy()
    lost[:3] = FAILED
    chosen = {"m, base": wrong, "m, history": half, "m, persona": lost, "popularity": wrong}
    gains = {(gain.first, gain.second): gain for gain in gains_of({k: Answers(v) for k, v in chosen.items()}, cases)}
    assert set(gains) == {("base", "history"), ("base", "persona"), ("history", "persona")}
    n = len(right)
    found = gains["base", "persona"].gain
    # On the cases that both were asked.
    assert (found.sizes, found.value) == ({"first": n - 3, "second": n - 3}, 1.0)
    # McNemar: all discordant pairs on one side.
    assert found.p_value == pytest.approx(2 * 0.5 ** (n - 3))
    assert gains["base", "history"].gain.value == pytest.approx((n // 2) / n)
    assert gains["history", "persona"].paper == pytest.approx(0.4726 - 0.4111)
    assert contrast(np.full(n, FAILED), right, cases) is None


def test_who_always_takes_the_first_place_is_told_so(cases: ItemCases) -> None:
    first = np.zeros(len(cases), dtype=np.int64)
    biased = row_of("m, base", Answers(first), choose_popular(cases), cases)
    assert biased.position.chosen == (1, 0, 0, 0)
    assert biased.position.bias.value == pytest.approx(1 - (cases.answer == 0).mean())
    fair = row_of("m, base", Answers(cases.answer), choose_popular(cases), cases)
    assert (fair.position.bias.value, fair.position.bias.p_value) == (0, pytest.approx(1))


def test_popularity_has_no_favourite_place(cases: ItemCases) -> None:
    tied = copy.copy(cases)
    tied.others_purchases = np.full((400, 4), 3)
    tied.options = np.zeros((400, 4), dtype=np.int64)
    assert (np.bincount(choose_popular(tied), minlength=4) > 60).all()
    tied.others_purchases = np.tile([3, 4, 1, 3], (400, 1))
    assert (choose_popular(tied) == 1).all()


def test_accuracy_by_group_names_the_worst_served(cases: ItemCases, households: Households) -> None:
    houses = cases.log.shoppers
    told = {house: "poor" if number < 4 else "rich" for number, house in enumerate(houses[:10])}
    poor = np.array([told.get(houses[shopper]) == "poor" for shopper in cases.shopper])
    choices = np.where(poor, (cases.answer + 1) % 4, cases.answer)
    found = by_group("income", told, {"m, base": Answers(choices)}, cases, minimum=2)
    assert {row.group: row.accuracy.value for row in found.rows} == {"rich": 1.0, "poor": 0.0}
    assert found.did_not_tell == sum(houses[shopper] not in told for shopper in cases.shopper) > 0
    worst = worst_served(found.rows)
    assert worst.group == "poor"
    assert worst.rest.value == -1.0
    assert worst.rest.sizes["first"] == len(cases) - found.did_not_tell - worst.accuracy.sizes["cases"]
    assert worst.rest.p_value < 0.001
    whole = choose(households, protocols=("interests",))
    shown = whole.model_copy(update={"groups": (found,)})
    assert "poor (worst served)" in printed(shown)
    said = " ".join(table_3_remarks(shown))
    assert "Worst served by income, the paper's distractors: m, base: poor 0.0%." in said
    assert "comparisons: m, base (-100.0 points from the rest, p < .001)" in said
    # Twenty cases are the least by default: so few households are not shown apart.
    hidden = by_group("income", {houses[0]: "alone"}, {"m, base": Answers(choices)}, cases)
    assert (hidden.rows, hidden.suppressed) == ((), int((cases.shopper == 0).sum()))


def test_a_sentence_a_row(cases: ItemCases, households: Households) -> None:
    whole = choose(households, protocols=("interests",))
    popular, wrong = choose_popular(cases), (cases.answer + 1) % 4
    rows = tuple(
        row_of(name, Answers(choices), popular, cases)
        for name, choices in (
            ("m, base", popular),
            ("m, persona", cases.answer),
            ("m, profile", wrong),
            ("m, history", np.full(len(cases), FAILED)),
        )
    )
    said = table_3_remarks(whole.model_copy(update={"rows": rows}))
    told = {line.partition(": ")[0]: line for line in said if line.startswith("m, ")}
    assert "not told apart from popularity alone (+0.0, p = 1)" in told["m, base"]
    assert "+75.0 points against chance (p < .001)" in told["m, persona"]
    assert "-25.0 points against chance" in told["m, profile"]
    assert "it could not be asked" in told["m, history"]


def test_phrases_are_what_is_said() -> None:
    assert item_phrases("Salted butter, private label, 16 oz", ("Dairy", "Butter", "Salted butter")) == [
        "Salted butter",
        "private label",
        "Dairy, Butter",
    ]
    assert item_phrases("7 layer dip", ("Deli",)) == ["7 layer dip", "Deli"]
    profile = ConsumerProfile(categories=Interests(values=("Milk", "Tea")), times=Interests(values=("weekday nights",)))
    assert profile_phrases(profile) == ["Milk", "Tea", "weekday nights"]
    preferences = ShoppingPreferences(
        price_sensitivity=Score(value=4.5),
        novelty_seeking=Score(value=3.2),
        notes="About 3.0 lines a visit. Buys again and again: Milk, 1 gal; Tea.",
    )
    assert preference_phrases(preferences) == ["takes the cheapest that will do", "Milk, 1 gal", "Tea"]
    assert profile_phrases(ConsumerProfile()) == preference_phrases(ShoppingPreferences()) == []


def test_results_are_a_table(households: Households) -> None:
    results = choose(households, protocols=("interests",))
    rows = results.to_polars()
    assert set(rows["measure"]) >= {"accuracy", "over popularity", "place bias", "persona over profile"}
    assert rows.filter(measure="accuracy", shopper="embedding, persona")["paper"].item() == pytest.approx(0.4726)
    assert len(repr(results).splitlines()) <= 20


def test_help_reads_well() -> None:
    shown = run_main(app, "tasks", "item", "--help").output
    assert "of four items" in " ".join(shown.split())
    assert "Examples: paars tasks item" in " ".join(shown.split())
