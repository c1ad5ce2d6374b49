"""A run as a log of Inspect: what stands in it, and that Inspect's own reader takes it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.export import write_inspect_log
from paars_gym.export.inspect_log import is_listed
from paars_gym.simulation.read_run import Run
from paars_gym.simulation.run import run
from tests.export.runs import model_run, moody_run
from tests.report.hostile import ATTACKS, NEED, hostile_run
from tests.report.playing import config, play


def written(folder: Path, out: Path) -> dict[str, Any]:
    write_inspect_log(folder, out)
    return json.loads(out.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_the_conversation_with_a_model_is_the_samples_messages(tmp_path: Path, catalog: Catalog) -> None:
    log = written(model_run(tmp_path / "run", catalog), tmp_path / "log.json")
    (sample,) = log["samples"]
    assert [message["role"] for message in sample["messages"]] == [
        "system", "system", "user", "assistant", "tool", "assistant", "tool", "assistant", "tool", "assistant",
    ]  # fmt: skip
    first, broken = sample["messages"][3], sample["messages"][7]
    assert first["tool_calls"][0]["arguments"] == {"query": "kettle \N{KEY}"}
    assert sample["messages"][4]["tool_call_id"] == first["tool_calls"][0]["id"]
    assert sample["messages"][4]["function"] == "search"
    assert "no json" in broken["tool_calls"][0]["parse_error"]
    assert "</script>" in broken["content"]
    usage = sample["model_usage"][log["eval"]["model"]]
    assert usage["input_tokens"] > 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert sample["events"][0]["data"]["action"] == "search[kettle \N{KEY}]"
    assert stat.S_IMODE((tmp_path / "log.json").stat().st_mode) == 0o600


def test_a_shopper_without_a_model_has_its_pages_rebuilt(tmp_path: Path, catalog: Catalog) -> None:
    catalog.save(tmp_path / "shop")  # only a catalog that settings name can be opened again
    run(tmp_path / "run", config(3, policy="uniform", max_steps=4), ShopConfig(catalog=str(tmp_path / "shop")))
    log = written(tmp_path / "run", tmp_path / "log.json")
    assert log["eval"]["model"] == "none/none"
    for sample in log["samples"]:
        assert sample["metadata"]["pages"].startswith("rebuilt")
        assert sample["messages"][0]["content"].startswith("Welcome to ")
        assert len(sample["events"]) == len(sample["messages"]) / 2


def test_without_pages_the_events_are_told(tmp_path: Path, catalog: Catalog) -> None:
    log = written(play(tmp_path / "run", catalog, 3), tmp_path / "log.json")
    assert {sample["metadata"]["pages"] for sample in log["samples"]} == {"neither recorded nor to be rebuilt"}
    kinds = [message["content"].partition("[")[0] for message in log["samples"][0]["messages"]]
    assert kinds == [event.kind for event in Run(tmp_path / "run").session("0000000").session.events]


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    log = written(hostile_run(tmp_path), tmp_path / "log.json")
    for sample in log["samples"]:
        said = [message["content"] for message in sample["messages"] if message["role"] == "assistant"]
        assert all(attack in said[0] for attack in ATTACKS)
        assert sample["input"] == NEED


def test_scores_are_means_of_what_did_not_fail(tmp_path: Path, catalog: Catalog) -> None:
    log = written(moody_run(tmp_path / "run", catalog), tmp_path / "log.json")
    ends = [sample["metadata"]["end"] for sample in log["samples"]]
    usable = [sample for sample in log["samples"] if sample["metadata"]["end"] not in ("policy_error", "gave_up")]
    assert 0 < len(usable) < len(ends) == 20
    (searches,) = [score for score in log["results"]["scores"] if score["name"] == "searches"]
    mean = sum(sample["scores"]["searches"]["value"] for sample in usable) / len(usable)
    assert searches["metrics"]["mean"]["value"] == pytest.approx(mean)
    errors = [sample["error"]["message"] for sample in log["samples"] if "error" in sample]
    assert len(errors) == ends.count("policy_error") > 0
    assert all("the line is dead" in text for text in errors)


def test_what_cannot_be_exported_is_told(tmp_path: Path, catalog: Catalog) -> None:
    control = play(tmp_path / "test" / "control", catalog, 2)
    play(tmp_path / "test" / "treatment", catalog, 2)
    with pytest.raises(ValueError, match=r"must end in \.json"):
        write_inspect_log(control, tmp_path / "log.eval")
    with pytest.raises(ValueError, match=r"is an A/B test, must be a run: export .*control"):
        write_inspect_log(tmp_path / "test", tmp_path / "log.json")
    with pytest.raises(FileNotFoundError):
        write_inspect_log(tmp_path / "nothing", tmp_path / "log.json")
    assert not (tmp_path / "log.json").exists()
    assert is_listed(Path("logs/2026-01-31T09-30-00_run.json"))
    assert not is_listed(Path("2026-01-31/run.json"))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Inspect and what it imports
def test_inspect_reads_it(tmp_path: Path, catalog: Catalog) -> None:
    inspect_log = pytest.importorskip("inspect_ai.log")
    runs = {"model": model_run(tmp_path / "m" / "run", catalog), "moody": moody_run(tmp_path / "p", catalog)}
    runs["hostile"] = hostile_run(tmp_path)
    for name, folder in runs.items():
        out = tmp_path / f"2026-01-31T09-30-00_{name}.json"
        number = write_inspect_log(folder, out)
        log = inspect_log.read_eval_log(str(out))
        assert len(log.samples) == number == log.results.total_samples
        assert log.status == "success"
        header = inspect_log.read_eval_log(str(out), header_only=True)
        assert header.samples is None
        assert header.eval.dataset.sample_ids == sorted(Run(folder))
        one = inspect_log.read_eval_log_sample(str(out), id="0000000", epoch=1)
        assert len(one.messages) > 1
        assert len(one.events) == len(Run(folder).session("0000000").steps)
        assert len(inspect_log.read_eval_log_sample_summaries(str(out))) == number
    assert len(inspect_log.list_eval_logs(str(tmp_path), recursive=False)) == 3
