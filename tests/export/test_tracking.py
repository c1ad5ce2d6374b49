"""Runs and results in a tracker: what it is given; with a recorder in its place, and with the packages themselves."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.result import ABTestResult
from paars_gym.alignment.report import AlignmentReport
from paars_gym.alignment.scoring import score
from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.estimate import Estimate, Estimates, Interval
from paars_gym.export import log_to_mlflow, log_to_wandb
from paars_gym.export.tracking import tracked_of
from tests.examples_of_results import example
from tests.report.documents import Document
from tests.report.playing import config, play


class Recorder:
    """In the place of MLflow: keeps what it is told, and reads files while they are there."""

    def __init__(self, *, active: bool) -> None:
        self.params: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}
        self.files: dict[str, str] = {}
        self.started: list[str] = []
        self._active = SimpleNamespace(info=SimpleNamespace(run_id="theirs")) if active else None

    def active_run(self) -> Any:
        return self._active

    def start_run(self, *, run_name: str) -> Any:
        self.started.append(run_name)
        return self

    def __enter__(self) -> Any:
        return SimpleNamespace(info=SimpleNamespace(run_id="ours"))

    def __exit__(self, *_: object) -> None:
        self._active = None

    def log_params(self, params: dict[str, Any]) -> None:
        assert len(params) <= 100
        assert all(len(str(value)) <= 500 for value in params.values())
        self.params |= params

    def log_metrics(self, metrics: dict[str, float]) -> None:
        assert len(metrics) <= 100
        self.metrics |= metrics

    def log_artifact(self, path: str) -> None:
        self.files[Path(path).name] = Path(path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    folder = tmp_path_factory.mktemp("tracked") / "test"
    ABTest(Arm("bm25"), Arm("price")).run(config(20), ShopConfig(catalog=catalog), out=folder)
    return folder


@pytest.mark.parametrize("active", [False, True])
def test_an_ab_test_by_its_folder(tested: Path, monkeypatch: pytest.MonkeyPatch, *, active: bool) -> None:
    recorder = Recorder(active=active)
    monkeypatch.setitem(sys.modules, "mlflow", recorder)
    assert log_to_mlflow(tested) == ("theirs" if active else "ours")
    result = ABTestResult.read(tested)
    assert recorder.started == ([] if active else [result.summary()])
    name, one = next((name, one.difference) for name, one in result.outcomes.items() if one.difference.interval)
    told = [recorder.metrics[f"{name}.difference{end}"] for end in ("", ".low", ".high")]
    assert told == [one.value, one.low, one.high]
    assert recorder.metrics["control.sessions"] == 20
    assert (recorder.params["control.ranking"], recorder.params["treatment.ranking"]) == ("bm25", "price(bm25)")
    assert (recorder.params["catalog"], recorder.params["seed"]) == ("twelve", result.seed)
    assert recorder.files["report.html"].startswith("<!")
    rows = list(csv.DictReader(recorder.files["results.csv"].splitlines()))
    assert len(rows) == len(result.to_dicts())


def test_a_test_alone_is_logged_whole_and_without_sessions(tested: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, result = Recorder(active=False), ABTestResult.read(tested)
    monkeypatch.setitem(sys.modules, "mlflow", recorder)
    log_to_mlflow(result)
    assert recorder.params["control.ranking"] == "bm25"
    assert recorder.params["catalog_fingerprint"] == result.catalog_fingerprint
    assert recorder.metrics["control.sessions"] == recorder.metrics["treatment.sessions"] == 20
    assert recorder.metrics["sample_ratio.p_value"] == result.sample_ratio.p_value
    told = {name: one.difference for name, one in result.outcomes.items() if one.difference.interval is not None}
    assert told
    for name, one in told.items():
        assert recorder.metrics[f"{name}.difference.p_value"] == one.p_value
        assert recorder.metrics[f"{name}.difference.p_fdr"] == one.number("p_adjusted")
    assert set(recorder.files) == {"report.html", "results.csv"}
    page = Document(recorder.files["report.html"])
    assert page.faults == []
    assert page.loaded() == []
    assert result.treatment.name in page.text()
    assert "Likes number" not in page.text()  # of a persona
    assert len(page.all("figure")) >= 1
    assert not [one for one in page.all("details") if "session" in str(one.get("class"))]


def test_a_comparison_with_its_run(tmp_path: Path, catalog: Catalog) -> None:
    people, agents = (play(tmp_path / str(seed), catalog, 20, seed=seed) for seed in (1, 2))
    report = score(people, agents, embedder=None)
    tracked = tracked_of(report, folder=agents)
    distance = report.find("searches", "JS").estimate
    assert tracked.metrics["agents.searches.JS"] == distance.value
    assert tracked.metrics["agents.searches.JS.high"] == distance.high
    assert tracked.metrics["agents.searches.JS.floor"] == distance.floor
    assert tracked.parameters["human.sessions"] == tracked.parameters["agents.sessions"] == 20
    assert tracked.parameters["policy"] == "wanderer"
    assert tracked.metrics["searches a session"] > 0
    assert tracked.book is not None
    assert tracked_of(agents).metrics.keys() < tracked.metrics.keys()


def test_any_result_is_logged_by_its_rows() -> None:
    rate = Estimate(0.1, Interval(0.05, 0.15))
    tracked = tracked_of(Estimates({"a/b: <c>": rate, "none": Estimate(None)}, title="Two"))
    assert tracked.metrics == {"a_b_ _c_": 0.1, "a_b_ _c_.low": 0.05, "a_b_ _c_.high": 0.15}
    assert (tracked.name, tracked.book) == ("Two", None)
    twice = tracked_of(example(AlignmentReport)).metrics
    label = ".".join(["a text"] * 4)
    assert {name for name in twice if name.endswith(".low")} == {f"{label}.low", f"{label} 2.low"}
    with pytest.raises(TypeError, match="what == 3, must be the folder of a run"):
        tracked_of(3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        tracked_of("nowhere")


@pytest.mark.parametrize(("log", "package"), [(log_to_mlflow, "mlflow"), (log_to_wandb, "wandb")])
def test_what_is_missing_is_named(log: Any, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install 'paars_gym\[{package}\]'"):
        log(Estimates({}))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of MLflow and what it imports
def test_mlflow_keeps_it_in_files(tested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    kept = mlflow.get_run(log_to_mlflow(tested))
    tracked = tracked_of(tested)
    assert kept.data.metrics == pytest.approx(dict(tracked.metrics))
    assert kept.data.params == {name: str(value) for name, value in tracked.parameters.items()}
    assert kept.info.status == "FINISHED"
    files = {path.name for path in (tmp_path / "mlruns").rglob("artifacts/*")}
    assert files == {"report.html", "results.csv"}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of wandb and what it imports
def test_weights_and_biases_keeps_it_offline(tested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    for name, value in {"MODE": "offline", "DIR": tmp_path, "SILENT": "true", "DATA_DIR": tmp_path,
                        "CACHE_DIR": tmp_path, "CONFIG_DIR": tmp_path}.items():  # fmt: skip
        monkeypatch.setenv(f"WANDB_{name}", str(value))
    run = wandb.init(project="tests")
    try:
        assert log_to_wandb(tested) == run.id
        tracked = tracked_of(tested)
        summary = {name: run.summary[name] for name in tracked.metrics}
        assert summary == pytest.approx(dict(tracked.metrics))
        assert {name: run.config[name] for name in tracked.parameters} == dict(tracked.parameters)
    finally:
        run.finish()
    assert log_to_wandb(Estimates({"a": Estimate(1.0)})) != run.id
    assert len(list(tmp_path.rglob("run-*.wandb"))) == 2
