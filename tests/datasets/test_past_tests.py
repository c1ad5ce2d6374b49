"""Past tests of public data as frames: invented files in their layouts, and the real ones where here."""

from __future__ import annotations

import polars as pl
import pytest

from paars_gym.datasets.obtaining import DataNotHereError, find_data
from paars_gym.datasets.past_tests import read_asos, read_open_bandit, read_upworthy
from paars_gym.datasets.public import DATASETS


def test_asos_is_read_at_the_last_checkpoint(tmp_path):
    rows = [("t", 1, 1, 1.0, 100, 110, 0.1, 0.2, 1.0, 1.0), ("t", 1, 1, 0.5, 10, 11, 0.3, 0.4, 1.0, 1.0)]
    names = ("experiment_id", "variant_id", "metric_id", "time_since_start", "count_c", "count_t", "mean_c", "mean_t",
             "variance_c", "variance_t")  # fmt: skip
    pl.DataFrame(rows, schema=list(names), orient="row").write_parquet(tmp_path / "asos.parquet")
    (row,) = read_asos(tmp_path).iter_rows(named=True)
    assert row == {
        "test": "t", "variant": 1, "metric": 1, "control_count": 100, "control_mean": 0.1, "control_variance": 1.0,
        "treatment_count": 110, "treatment_mean": 0.2, "treatment_variance": 1.0,
    }  # fmt: skip


def test_the_real_asos_tests(shared_data):
    if not (shared_data / "asos").is_dir():
        pytest.skip("the tests are not here")
    frame = read_asos(shared_data / "asos")
    assert (frame["test"].n_unique(), frame.select("test", "variant").n_unique(), len(frame)) == (78, 99, 396)
    sizes = (frame["treatment_mean"] / frame["control_mean"] - 1).abs().median()
    assert 0.0017 < sizes < 0.0037  # what the data's note says by metric


def test_upworthy_leaves_out_the_weeks_that_were_not_randomised(tmp_path):
    (tmp_path / "upworthy-archive-exploratory-packages-03.12.2020.csv").write_text(
        ",created_at,updated_at,clickability_test_id,excerpt,headline,eyecatcher_id,impressions,clicks\n"
        '0,2014-11-20 06:43:16.005,x,a,,"One, ""two""",i,3052,150\n'
        "1,2013-06-25 00:00:00,x,b,,Out,i,10,1\n"
        "2,2014-01-10 23:00:00,x,b,,Out,i,10,1\n"
        "3,2014-01-11 00:00:00,x,c,,In,i,10,1\n"
    )
    frame = read_upworthy(tmp_path)
    assert frame.select("test", "headline", "impressions", "clicks").rows() == [
        ("a", 'One, "two"', 3052, 150), ("c", "In", 10, 1),
    ]  # fmt: skip
    with pytest.raises(FileNotFoundError, match="upworthy-archive-holdout-"):
        read_upworthy(tmp_path, sets=("holdout",))


def test_the_sample_of_open_bandit(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"random/all/all\.csv"):
        read_open_bandit(tmp_path)
    try:
        folder = find_data(DATASETS["open-bandit"])
    except DataNotHereError:
        pytest.skip("the package obp is not installed")
    frame = read_open_bandit(folder)
    assert len(frame) == 60_000
    assert frame.filter(policy="random", campaign="men")["click"].sum() == 46
    assert set(frame["position"].unique()) == {1, 2, 3}
