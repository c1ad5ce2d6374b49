"""``paars report``, ``paars view``, and the page that ``paars abtest`` leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from paars_gym import cli
from paars_gym.catalog.store import Catalog
from paars_gym.personas.store import write_personas
from paars_gym.report.pages.session_book import SessionBook
from tests.benchmarks.running import run_main
from tests.conftest import twelve_products
from tests.report.documents import Document
from tests.report.playing import PERSONAS, play


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    made = tmp_path_factory.mktemp("verbs")
    for name in ("run", "other", "people"):
        play(made / name, catalog, 40, seed=len(name), record="steps")
    return made


def test_a_report_of_a_run_beside_people_and_other_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    out = tmp_path / "report.html"
    words = ["--human", "people", "--compare", "other", "--compare", "people", "--embedder", "none", "--show", 3]
    ended = run_main(cli.app, "report", "run", *words, "--out", out)
    assert ended.exit_code == 0, ended.stderr
    said = " ".join(ended.output.split())
    assert "3 of 40 sessions step by step" in said
    assert "paars view run" in said
    assert "can be told from people on" in said  # the headline of the page
    assert out.stat().st_mode & 0o077 == 0, "it holds personas"
    document = Document(out.read_text(encoding="utf-8"))
    assert document.faults == []
    heads = document.texts["h2"]
    beside = "Beside people (synthetic), and beside wanderer, persona ({})"
    assert [head for head in heads if head.startswith("Beside")] == [beside.format("other"), beside.format("people")]
    ids = [tag["id"] for _, tag in document.tags if "id" in tag]
    assert len(ids) == len(set(ids))


def test_an_ab_test_leaves_a_page_with_the_pages_of_its_arms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    rows = [f"{one.id},{one.title},{one.price or 9}\n" for one in twelve_products()]
    (tmp_path / "feed.csv").write_text("".join(["id,title,price\n", *rows]))
    assert run_main(cli.app, "catalog", "build", "feed.csv", "--out", "shop").exit_code == 0
    write_personas(tmp_path / "personas.jsonl", PERSONAS)
    words = ["--catalog", "shop", "--personas", "personas.jsonl", "--treatment", "price", "--policy", "uniform"]
    words += ["--sessions", 12, "--out", "test"]
    ended = run_main(cli.app, "abtest", *words)
    assert ended.exit_code == 0, ended.stderr
    assert "test/report.html" in ended.output
    text = Document((tmp_path / "test" / "report.html").read_text(encoding="utf-8")).text()
    assert "12 of 12 pairs of visits" in text
    assert "Welcome to shop." in text
    assert "Likes number" in text
    again = run_main(
        cli.app, "report", "test", "--catalog", "shop", "--personas", "personas.jsonl", "--out", "again.html"
    )
    assert again.exit_code == 0, again.stderr
    same = Document((tmp_path / "again.html").read_text(encoding="utf-8")).text()
    assert same.count("Welcome to shop.") == text.count("Welcome to shop.") >= 24


@pytest.mark.slow
def test_the_viewer_serves_until_it_is_interrupted(folder: Path) -> None:
    command = [sys.executable, "-c", "from paars_gym.cli import main; main()", "view", str(folder / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        said = served.stdout.readline()
        address = said.split()[-1]
        assert said.startswith("40 sessions of")
        with urlopen(address) as page:
            assert "40 found" in page.read().decode()
        with urlopen(f"{address}session/{SessionBook(folder / 'run').rows[0].key}") as page:
            assert "Welcome to twelve." in page.read().decode()
        with pytest.raises(HTTPError):
            urlopen(address.rsplit("/", 2)[0] + "/guess/")
        served.send_signal(signal.SIGINT)
        _, errors = served.communicate(timeout=20)
    assert (served.returncode, "Traceback" in errors) == (0, False)
