from __future__ import annotations

import json
from pathlib import Path

import pytest

from paars_gym import cli
from paars_gym.catalog.store import Catalog
from paars_gym.personas.store import write_personas
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import write_sessions
from tests.abtest.shoppers import people


@pytest.fixture
def shop_folder(catalog: Catalog, tmp_path: Path) -> list[str]:
    catalog.save(tmp_path / "catalog")
    write_personas(tmp_path / "personas.jsonl", people(12))
    return ["--catalog", str(tmp_path / "catalog"), "--personas", str(tmp_path / "personas.jsonl")]


def paars(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["paars", *arguments])
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_json_is_as_documented(
    shop_folder: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert paars(monkeypatch, "abtest", *shop_folder, "--treatment", "price", "--sessions", "40", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    sales = result["outcomes"]["sales_units"]
    difference = sales["difference"]
    assert difference["interval"]["low"] <= difference["value"] <= difference["interval"]["high"]
    assert set(sales) >= {"relative", "welch", "cuped", "per_shopper", "sequential"}
    assert set(result["outcomes"]) == {
        "sales_units",
        "revenue",
        "conversion",
        "cart_adds",
        "searches",
        "views",
        "rank_viewed",
        "abandonment",
    }
    assert result["human_effect"]["value"] is None
    assert "backtest" in result["human_effect"]["note"]


def test_a_test_is_printed_planned_and_backtested(
    shop_folder: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    test = ["abtest", *shop_folder, "--treatment", "price", "--sessions", "60", "--out", str(tmp_path / "test")]
    assert paars(monkeypatch, *test) == 0
    printed = capsys.readouterr().out
    assert "price(bm25) against bm25" in printed or "price against bm25" in printed
    assert "●" in printed
    assert paars(monkeypatch, *test, "--resume", "--plan", "--mde", "10%", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["mde"] == 0.1
    (tmp_path / "past.csv").write_text(
        "test,human_effect,human_low,human_high,result,treatment,simulated_effect\n"
        "a,1%,0.5%,1.5%,test,,\nb,-2%,,,,popularity,\nc,3%,,,,,0.4\nd,-1%,,,,,-0.2\n"
    )
    assert paars(monkeypatch, "backtest", str(tmp_path / "past.csv"), *shop_folder, "--sessions", "40", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert [line["name"] for line in result["tests"]] == ["a", "b", "c", "d"]
    assert result["tests"][0]["simulated"]["interval"] is not None
    (tmp_path / "backtest.json").write_text(json.dumps(result))
    assert paars(monkeypatch, *test, "--resume", "--json", "--backtest", str(tmp_path / "backtest.json")) == 0
    effect = json.loads(capsys.readouterr().out)["human_effect"]
    assert (effect["sizes"], effect["details"]["outcome"]) == ({"past_tests": 4}, "sales_units")
    assert effect["interval"]["level"] == 0.95
    assert effect["interval"]["low"] < effect["value"] < effect["interval"]["high"]
    assert json.loads((tmp_path / "test" / "result.json").read_text())["human_effect"] == effect
    assert paars(monkeypatch, "backtest", str(tmp_path / "past.csv"), *shop_folder, "--sessions", "40") == 0
    assert "direction agreement" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "The arms do not differ"),
        (["--treatment", "nonsense"], "Unknown ranking 'nonsense'"),
        (["--treatment-patch", "nowhere.csv"], "No patch file"),
        (["--treatment", "price", "--mde", "much"], "--mde 'much'"),
        (["--treatment", "price", "--backtest", "nowhere.json"], "No backtest at"),
        (["--treatment", "price", "--policy", "nobody"], "Unknown shopper 'nobody'"),
        (["--treatment", "price", "--sessions", "0"], "sessions == 0"),
    ],
)
def test_mistakes_are_one_line(
    shop_folder: list[str],
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert paars(monkeypatch, "abtest", *shop_folder, *arguments) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_plans(
    shop_folder: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ["abtest", *shop_folder, "--plan", "--sessions", "60", "--mde", "20%", "--json"]
    assert paars(monkeypatch, *plan, "--outcome", "views") == 0
    assert len(json.loads(capsys.readouterr().out)["needed"]) == 4
    kept = ["abtest", *shop_folder, "--treatment", "price", "--sessions", "60", "--out", str(tmp_path / "pilot")]
    assert paars(monkeypatch, *kept) == 0
    capsys.readouterr()
    assert paars(monkeypatch, *plan, "--outcome", "views", "--power", "85%", "--pilot", str(tmp_path / "pilot")) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["outcome"], planned["pilot_sessions"]) == ("views", 120)
    assert [row["power"] for row in planned["needed"]] == [0.85]
    assert paars(monkeypatch, "abtest", *shop_folder, "--treatment", "price", "--power", "80%") == 2
    assert "are for --plan" in capsys.readouterr().err


def test_a_backtest_writes_into_its_folder_alone(
    shop_folder: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "past.csv").write_text("test,human_effect,treatment\n../x,1%,price\n")
    inside = tmp_path / "kept"
    verb = ["backtest", str(tmp_path / "past.csv"), *shop_folder, "--sessions", "60", "--level", "0.9"]
    assert paars(monkeypatch, *verb, "--condition", "profile", "--out", str(inside)) == 0
    assert not (tmp_path / "x").exists()
    (folder,) = (one for one in inside.iterdir() if one.is_dir())
    assert (inside / "report.html").is_file()
    settings = json.loads((folder / "control" / "settings.json").read_text())
    assert settings["run"]["condition"] == "profile"


def test_a_population_is_calibrated_and_used(
    shop_folder: list[str],
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = ("h1", "h2", "h3")
    events = (
        Event(kind="search", query="x", results=shown),
        Event(kind="view", product="h1"),
        Event(kind="view", product="h2"),
    )
    human = [Session(shopper=f"s{index % 20}", key=str(index), events=events[: 1 + index // 20]) for index in range(60)]
    known = Provenance(name="people", what_is_known=("searches", "views", "purchases"))
    write_sessions(tmp_path / "people", human, provenance=known)
    file = tmp_path / "population.json"
    verb = ["calibrate", *shop_folder, "--human", str(tmp_path / "people"), "--sessions", "24"]
    assert paars(monkeypatch, *verb, "--out", str(file)) == 0
    printed = capsys.readouterr().out
    assert "choices: " in printed
    assert "mix: " in printed
    test = ["abtest", *shop_folder, "--treatment", "price", "--sessions", "40", "--json"]
    assert paars(monkeypatch, *test, "--population", str(file)) == 0
    assert json.loads(capsys.readouterr().out)["population"]["train_sessions"] > 0
    (tmp_path / "past.csv").write_text("test,human_effect,treatment\na,1%,price\n")
    past = ["backtest", str(tmp_path / "past.csv"), *shop_folder, "--sessions", "24", "--population", str(file)]
    assert paars(monkeypatch, *past, "--outcome", "views", "--json") == 0
    capsys.readouterr()
    for wrong, says in (
        (["--marginals", str(tmp_path / "nowhere.csv")], "No file of marginals"),
        (["--human", str(tmp_path)], "No session store"),
        (["--out", str(tmp_path / "no" / "x.json")], "there is no folder"),
    ):
        assert paars(monkeypatch, *verb, "--out", str(file), *wrong) == 2
        assert says in " ".join(capsys.readouterr().err.split())
    assert paars(monkeypatch, *test, "--population", str(tmp_path / "past.csv")) == 2
    assert "is no population" in " ".join(capsys.readouterr().err.split())
