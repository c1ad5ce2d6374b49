"""Files that are no feeds: what is broken or too deep in them is told in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paars_gym.abtest.fit.weights import read_marginals
from paars_gym.abtest.past_tests import count_simulated
from paars_gym.abtest.patch import read_patch
from paars_gym.catalog.feeds.layouts import FeedMapping
from paars_gym.checksums import read_checksums
from paars_gym.cli import app
from paars_gym.personas.store import read_personas
from paars_gym.probes.survey import read_questions
from paars_gym.sessions.logs.mapping import LogMapping
from paars_gym.sessions.opening import run_settings
from paars_gym.shoppers.fitted import FittedShopper

DEEP = "[" * 100_000


@pytest.mark.parametrize("content", ["[]", "7", '{"a": ' + DEEP, "\x00", ""])
def test_settings_of_a_run(tmp_path: Path, content: str) -> None:
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises(ValueError, match=r"settings\.json: it is not as it was written"):
        run_settings(tmp_path)


@pytest.mark.parametrize(
    ("name", "read", "content"),
    [
        ("q.yaml", read_questions, DEEP),
        ("q.yaml", read_questions, "&a [*a, *a]"),
        ("p.jsonl", read_patch, '{"product": ' + DEEP),
        ("p.jsonl", read_patch, "[]"),
        ("t.csv", count_simulated, b"name,control\n\xff\xfe,1\n"),
        ("m.json", read_marginals, '{"a": ' + DEEP),
        ("m.csv", read_marginals, b"trait,value,share\n\xff,1,2\n"),
        ("map.json", lambda path: LogMapping.parse(str(path)), DEEP),
        ("map.toml", lambda path: LogMapping.parse(str(path)), "a = " + DEEP),
        ("map.json", lambda path: LogMapping.parse(str(path)), "[]"),
        ("map.json", FeedMapping.read, DEEP),
        ("map.toml", FeedMapping.read, "a = " + DEEP),
        ("map.json", FeedMapping.read, "[]"),
        ("checksums.json", read_checksums, DEEP),
        ("checksums.json", read_checksums, "[]"),
        ("shopper.json", FittedShopper.read, DEEP),
        ("personas.jsonl", lambda path: list(read_personas(path)), DEEP + "\n"),
    ],
)
def test_files_that_a_user_writes(tmp_path: Path, name: str, read: object, content: str | bytes) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert callable(read)
    with pytest.raises(ValueError, match=name):
        read(tmp_path / name)


def test_a_persona_dated_without_a_zone_is_refused(tmp_path: Path) -> None:
    persona = {"shopper": "s", "profile": {}, "preferences": {}, "source": "synthetic", "as_of": "2026-01-02T03:04:05"}
    (tmp_path / "p.jsonl").write_text(json.dumps(persona) + "\n")
    with pytest.raises(ValueError, match="line 1 is no persona: Input should have timezone info"):
        list(read_personas(tmp_path / "p.jsonl"))


@pytest.mark.parametrize("gap", ["inf", "nan", "0", "-1", "1e300"])
def test_a_gap_is_a_number_of_minutes(tmp_path: Path, gap: str) -> None:
    (tmp_path / "log.csv").write_text("user,ts,what,item\na,1500000000,view,p\n")
    pairs = "shopper=user,time=ts,kind=what,product=item,time_format=s"
    arguments = ["sessions", "import", str(tmp_path / "log.csv"), "--map", pairs, "--gap-minutes", gap]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, ValueError | SystemExit)
    assert "gap_minutes ==" in str(done.exception) + done.output
