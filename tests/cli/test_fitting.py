"""``paars fit``, and ``--shopper`` wherever there is a policy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from paars_gym import cli
from paars_gym.catalog.store import Catalog
from paars_gym.personas.redaction import pseudonym
from paars_gym.personas.store import write_personas
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.shoppers.reference_prices import reference_prices
from paars_gym.tasks.people import personas_of, reference_people
from tests.abtest.shoppers import people


def paars(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(one) for one in arguments], env={"COLUMNS": "120"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    """A catalog, its people's sessions, a past test, and a shopper fitted to both."""
    folder = tmp_path_factory.mktemp("fit")
    catalog.save(folder / "shop")
    write_personas(folder / "personas.jsonl", people(24))
    shop = ["--catalog", folder / "shop", "--personas", folder / "personas.jsonl"]
    made = paars("simulate", *shop, "--sessions", 200, "--out", folder / "run")
    assert made.exit_code == 0, made.output
    assert "behavioural, uncalibrated" in made.output
    test = ["--treatment", "price", "--sessions", 60, "--out", folder / "tests" / "by price"]
    assert paars("abtest", *shop, *test).exit_code == 0
    fitted = paars(
        "fit", "--human", folder / "run", *shop, "--tests", folder / "tests", "--out", folder / "shopper.json"
    )
    assert fitted.exit_code == 0, fitted.output
    (folder / "said.txt").write_text(fitted.output)
    return folder


def test_estimates_and_what_they_rest_on_are_shown(folder: Path, catalog: Catalog) -> None:
    said = " ".join((folder / "said.txt").read_text().split())
    shopper = FittedShopper.read(folder / "shopper.json")
    assert f"Behavioural shopper (persona) fitted to {shopper.fitting.sessions} sessions of the log run" in said
    assert f"On {shopper.judging.sessions} sessions of people set aside:" in said
    assert f"from {shopper.test_sessions} sessions of past tests too: by price." in said
    assert "Nothing in these logs depends on" in said
    assert shopper.catalog == "twelve"
    assert shopper.reference_prices == reference_prices(catalog).prices
    for name in shopper.standard_errors:
        assert f"{shopper.parameters[name]:.2f}" in said


def test_people_are_known_again_by_their_pseudonyms(folder: Path, catalog: Catalog) -> None:
    masked = {one.shopper: one.model_copy(update={"shopper": pseudonym(one.shopper)}) for one in people(24)}
    write_personas(folder / "masked.jsonl", masked.values())
    known = personas_of(reference_people(folder / "run", personas=folder / "masked.jsonl"), catalog)
    assert known == masked


def test_it_shops(folder: Path) -> None:
    shop = ["--catalog", folder / "shop", "--personas", folder / "personas.jsonl"]
    fitted = [*shop, "--shopper", folder / "shopper.json"]
    run = [*fitted, "--sessions", 20, "--out", folder / "again"]
    made = paars("simulate", *run)
    assert made.exit_code == 0, made.output
    assert "uncalibrated" not in made.output
    options = json.loads((folder / "again" / "settings.json").read_text())["run"]["options"]
    assert options["parameters"] == FittedShopper.read(folder / "shopper.json").parameters
    assert options["reference_prices"].startswith("reference prices (")
    assert paars("simulate", *run, "--resume").exit_code == 0
    other = paars("simulate", *shop, "--sessions", 20, "--out", folder / "again", "--resume")
    assert other.exit_code != 0
    assert "options" in str(other.exception)

    test = ["--treatment", "price", "--sessions", 60]
    tested = json.loads(paars("abtest", *fitted, *test, "--json").output)
    default = json.loads(paars("abtest", *shop, *test, "--json").output)
    assert (tested["uncalibrated"], default["uncalibrated"]) == (False, True)
    assert tested["outcomes"]["views"] != default["outcomes"]["views"]
    said = " ".join(paars("abtest", *shop, *test).output.split())
    assert "(uncalibrated)" in said
    assert "The shopper is uncalibrated" in said
    assert "uncalibrated" not in paars("abtest", *fitted, *test).output
    assert "uncalibrated" in paars("abtest", *shop, *test, "--plan", "--mde", "50%").output
    (folder / "past.csv").write_text("test,human_effect,treatment\na,1%,price\n")
    past = ["backtest", folder / "past.csv", "--sessions", 24, "--outcome", "views"]
    assert "uncalibrated" in paars(*past, *shop).output
    backtested = paars(*past, *fitted)
    assert backtested.exit_code == 0
    assert "uncalibrated" not in backtested.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--catalog", "mini"], "fitted in catalog 'twelve', not in 'mini'"),
        (["--condition", "base"], "in condition 'persona', not for 'behavioural' in 'base'"),
        (["--policy", "uniform"], "not for 'uniform' in 'persona'"),
        (["--option", "parameters={}"], "give one or the other"),
        (["--shopper", "nowhere.json"], "No fitted shopper at 'nowhere.json'; make one: paars fit"),
    ],
)
@pytest.mark.parametrize("verb", [["simulate", "--out", "x"], ["abtest", "--treatment", "price"], ["probe", "price"]])
def test_it_is_refused_for_anything_else(folder: Path, verb: list[str], options: list[str], says: str) -> None:
    ended = paars(*verb, "--catalog", folder / "shop", "--shopper", folder / "shopper.json", *options)
    assert isinstance(ended.exception, ValueError | FileNotFoundError)
    assert says in str(ended.exception)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--human", "journey"], "A fit needs searches and views"),
        (["--human", "nobody"], "There are no people 'nobody'"),
        (["--catalog", "mini"], "None of the products in these sessions is in the catalog 'mini'"),
        (["--tests", "nowhere"], "No folder of past tests 'nowhere'"),
        (["--strength", "0"], "strength == 0.0, must be > 0"),
        (["--out", "no/such/file.json"], "there is no folder 'no/such'"),
        (["--condition", "all"], "Unknown condition 'all'"),
    ],
)
def test_what_cannot_be_fitted_is_said(folder: Path, options: list[str], says: str) -> None:
    first = ["--human", folder / "run", "--catalog", folder / "shop", "--out", folder / "x.json"]
    ended = paars("fit", *first, *options)
    assert isinstance(ended.exception, ValueError | FileNotFoundError)
    assert says in str(ended.exception)
