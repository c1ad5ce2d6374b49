from __future__ import annotations

import json
from pathlib import Path

import pytest

from paars_gym import cli
from paars_gym.catalog.store import Catalog
from paars_gym.personas.store import write_personas
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
    assert sales["interval"][0] <= sales["estimate"] <= sales["interval"][1]
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
    assert "backtest" in result["human_effect"]


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
    found = json.loads(capsys.readouterr().out)
    assert [line["test"] for line in found["tests"]] == ["a", "b", "c", "d"]
    assert found["tests"][0]["simulated_interval"] is not None
    (tmp_path / "backtest.json").write_text(json.dumps(found))
    assert paars(monkeypatch, *test, "--resume", "--json", "--backtest", str(tmp_path / "backtest.json")) == 0
    assert "prediction from 4 past tests" in json.loads(capsys.readouterr().out)["human_effect"]
    assert paars(monkeypatch, "backtest", str(tmp_path / "past.csv"), *shop_folder, "--sessions", "40") == 0
    assert "direction agreement" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "The arms do not differ"),
        (["--treatment", "nonsense"], "Unknown ranking 'nonsense'"),
        (["--treatment-patch", "nowhere.csv"], "No patch file"),
        (["--treatment", "price", "--mde", "much"], "--mde much"),
        (["--treatment", "price", "--backtest", "nowhere.json"], "No backtest at"),
        (["--treatment", "price", "--policy", "nobody"], "Unknown shopper 'nobody'"),
        (["--treatment", "price", "--sessions", "0"], "sessions=0"),
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
