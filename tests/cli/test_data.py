"""``paars data`` as it is typed: what it prints, asks and refuses."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace

import pytest

from paars_gym.cli import main
from paars_gym.datasets.public import DATASETS
from paars_gym.datasets.registry import DataFile, OnWeb


@pytest.fixture(autouse=True)
def _own_cache_of_each(tmp_path, monkeypatch):
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path / "cache"))


def paars(monkeypatch, *words):
    """Runs a verb; gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["paars", *words])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


def test_the_list_names_every_set(monkeypatch, capsys):
    assert paars(monkeypatch, "data", "list") == 0
    assert set(DATASETS) <= set(capsys.readouterr().out.split())
    assert paars(monkeypatch, "data", "list", "upworthy") == 0
    told = capsys.readouterr().out
    assert "CC BY 4.0" in told
    assert "3 of 3 files published" in told
    assert paars(monkeypatch, "data", "list", "nothing") == 2


def test_a_path_that_is_not_here_says_what_to_do_on_stderr_alone(monkeypatch, capsys):
    assert paars(monkeypatch, "data", "path", "esci") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "paars data get esci" in told.err


def test_without_a_terminal_a_licence_has_to_be_accepted_by_an_option(monkeypatch, capsys, tmp_path):
    files = {"goals.json": b"{}"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    named = tuple(
        DataFile(name, "https://data.example/x", hashlib.sha256(raw).hexdigest()) for name, raw in files.items()
    )
    monkeypatch.setitem(DATASETS, "wands", replace(DATASETS["wands"], origin=OnWeb(), files=named))
    assert paars(monkeypatch, "data", "get", "wands", "--from", str(tmp_path)) == 2
    told = capsys.readouterr()
    assert "MIT" in told.out  # it was shown
    assert "say --yes" in told.err
    assert paars(monkeypatch, "data", "get", "wands", "--from", str(tmp_path), "--yes") == 0
    capsys.readouterr()
    assert paars(monkeypatch, "data", "path", "wands") == 0
    assert capsys.readouterr().out == f"{tmp_path}\n"
    (tmp_path / "goals.json").unlink()
    assert paars(monkeypatch, "data", "path", "wands") == 2
    assert paars(monkeypatch, "data", "get", "wands", "--from", str(tmp_path), "--yes") == 2
    assert "lacks goals.json" in capsys.readouterr().err


def test_what_may_not_be_downloaded_says_where_to_ask(monkeypatch, capsys):
    assert paars(monkeypatch, "data", "get", "otto", "--yes") == 2
    assert "kaggle.com/datasets/otto/recsys-dataset" in capsys.readouterr().err
