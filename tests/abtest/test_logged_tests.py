from __future__ import annotations

import json
from pathlib import Path

import pytest

from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.logged_tests import read_logged_tests
from paars_gym.abtest.patch import Change
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import write_sessions
from tests.abtest.shoppers import people

LOG = Provenance(name="people", what_is_known=("searches", "views"))
HALF = {"all": True, "price_percent": -50}


def test_arms_are_stores_or_runs_with_what_they_changed(catalog: Catalog, tmp_path: Path) -> None:
    sessions = [Session(shopper=f"s{one}", key=str(one), events=(Event(kind="stop"),)) for one in range(3)]
    for arm in ("control", "treatment"):
        write_sessions(tmp_path / "sale" / arm, sessions, provenance=LOG)
    (tmp_path / "sale" / "treatment" / "patch.jsonl").write_text(json.dumps(HALF))
    run, shop = RunConfig(sessions=6, personas=people(4)), ShopConfig(catalog=catalog)
    ABTest(Arm("bm25"), Arm("price", patch=[Change.model_validate(HALF)])).run(run, shop, out=tmp_path / "order")
    place = tmp_path / "order" / "treatment"
    with pytest.raises(ValueError, match=r"saw other products than 'twelve': put the arm's changes there"):
        read_logged_tests(tmp_path, catalog)
    (place / "patch.csv").write_text("all,price_percent\ntrue,-50\n")
    order, sale = read_logged_tests(tmp_path, catalog)
    assert (order.name, sale.name) == ("order", "sale")
    assert [len(list(arm.sessions)) for test in (order, sale) for arm in (test.control, test.treatment)] == [6, 6, 3, 3]
    for test in (order, sale):
        assert test.control.catalog is catalog
        assert test.treatment.catalog["h1"].price == pytest.approx((catalog["h1"].price or 0) / 2, abs=0.01)


def test_what_is_no_folder_of_tests_is_said(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No folder of past tests"):
        read_logged_tests(tmp_path / "no", catalog)
    with pytest.raises(FileNotFoundError, match="holds no test"):
        read_logged_tests(tmp_path, catalog)
    (tmp_path / "sale" / "control").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="No session store"):
        read_logged_tests(tmp_path, catalog)
    (tmp_path / "sale" / "control").rmdir()
    stopped = Session(shopper="a", key="1", events=(Event(kind="stop"),))
    write_sessions(tmp_path / "sale" / "control", [stopped], provenance=LOG)
    with pytest.raises(FileNotFoundError, match="The test 'sale' has no folder 'treatment'"):
        read_logged_tests(tmp_path, catalog)
    for name in ("patch.csv", "patch.jsonl"):
        (tmp_path / "sale" / "control" / name).write_text(json.dumps(HALF))
    with pytest.raises(ValueError, match=r"both patch\.jsonl and patch\.csv"):
        read_logged_tests(tmp_path, catalog)
