"""The page of a run: what is on it, whatever its texts hold, and that nothing in it comes from anywhere else."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from paars_gym.abtest import ABTest, ABTestResult, Arm
from paars_gym.abtest.backtest import backtest
from paars_gym.abtest.past_tests import PastTest
from paars_gym.alignment.comparison import ScoreOptions
from paars_gym.alignment.report import AlignmentReport
from paars_gym.alignment.scoring import score
from paars_gym.alignment.session_log import open_log
from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.estimate import Estimate, Interval
from paars_gym.report.pages import drawing, run_page
from paars_gym.report.pages.abtest_page import backtest_page
from paars_gym.report.pages.page import PagePlot, PageTable, ReportPage
from paars_gym.report.pages.run_page import Findings, shown_sessions
from paars_gym.report.pages.session_book import Beside, SessionBook, is_test
from tests.report.documents import Document
from tests.report.hostile import ATTACKS, hostile_run
from tests.report.playing import PERSONAS, config, play

OPTIONS = ScoreOptions(n_resamples=20, text_sessions=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def book(folder: Path, catalog: Catalog) -> SessionBook:
    for name in ("persona", "base", "people"):
        play(folder / name, catalog, seed=len(name), condition="base" if name == "base" else "persona")
    return SessionBook(folder / "persona", Beside(catalog))


@pytest.fixture(scope="module")
def alignment(book: SessionBook, folder: Path) -> AlignmentReport:
    people, base = folder / "people", open_log(folder / "base", name="the base")
    return score(people, book.folder, baseline=base, by="goal", embedder=None, options=OPTIONS)


@pytest.fixture(scope="module")
def tested(folder: Path, catalog: Catalog) -> tuple[ABTestResult, SessionBook]:
    arms = ABTest(Arm("bm25"), Arm("price"))
    result = arms.run(config(30), ShopConfig(catalog=catalog), out=folder / "test")
    return result, SessionBook(folder / "test", Beside(catalog))


@pytest.fixture(scope="module")
def page(book: SessionBook, alignment: AlignmentReport) -> ReportPage:
    return run_page.run_page(book, Findings((alignment,)), shown=8)


def test_the_page_is_sound_and_loads_nothing(page: ReportPage) -> None:
    document = Document(page.html())
    assert document.faults == []
    assert document.loaded() == []
    assert document.handlers() == []
    assert all(link["href"].startswith(("#", "data:text/csv")) for link in document.all("a") if link["href"])
    ids = [tag["id"] for _, tag in document.tags if "id" in tag]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in document.all("a") if (link["href"] or "").startswith("#")} <= {
        f"#{i}" for i in ids
    }


def test_no_script_but_its_own_may_run(page: ReportPage) -> None:
    document = Document(page.html())
    (policy,) = [one["content"] for one in document.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[\w+/=]+';", policy)
    assert len(document.all("script")) == 1


def test_headline_says_who_is_nearer_and_what_limits_it(page: ReportPage) -> None:
    said = " ".join(page.headline)
    assert "nearer to people" in said
    assert "can be told from people on" in said
    assert "two samples of people differ by" in said
    assert "SYNTHETIC" in said or "sessions (" in said


def test_every_plot_has_size_words_and_numbers(page: ReportPage) -> None:
    drawn = [plot for section in page.sections for plot in section.plots]
    assert [plot.title for plot in drawn][:3] == [
        "Searches in a session",
        "Views in a session",
        "Purchases in a session",
    ]
    titles = [plot.title for plot in drawn]
    assert "Rank of what is opened (Figure 3)" in titles
    by_goal = [plot for plot in drawn if plot.title.startswith("How far from people, by goal: ")]
    assert [plot.title.rpartition(" ")[2] for plot in by_goal] == ["searches", "views", "purchases"]
    assert "compare" in by_goal[0].text
    for plot in drawn:
        (svg,) = Document(str(plot.markup)).all("svg")
        assert svg["role"] == "img"
        assert svg["aria-label"] == plot.text
        assert float(svg["width"] or 0) > 100
        assert float(svg["height"] or 0) > 60
        assert plot.table.rows
        assert plot.table.csv.count("\n") == len(plot.table.rows) + 1


def test_tables_download_from_the_file_itself(page: ReportPage, alignment: AlignmentReport) -> None:
    links = [link for link in Document(page.html()).all("a") if "download" in link]
    tables = {link["download"]: unquote((link["href"] or "").partition(",")[2]) for link in links}
    rows = list(csv.DictReader(io.StringIO(tables["every-number-with-its-interval-and-its-floor.csv"])))
    assert len(rows) == len(alignment.measures)
    assert {row["metric"] for row in rows} >= {"KL", "JS", "W1"}
    assert len(list(csv.DictReader(io.StringIO(tables["what-became-of-the-sessions.csv"])))) == 60


def test_sessions_are_shown_step_by_step_with_the_persona_beside(page: ReportPage, book: SessionBook) -> None:
    (shown,) = page.sessions
    assert (len(shown.chosen), shown.of) == (8, 60)
    text = Document(page.html()).text()
    assert "8 of 60 sessions, chosen to show" in text
    assert "The pages are rebuilt" in text
    assert "Welcome to twelve." in text
    assert "search[" in text
    first = shown.views[0].sessions[0]
    assert len(first.steps) > 0
    assert shown.command == f"paars view {book.folder}"


def test_without_a_persona_what_the_model_was_told_stands_open(page: ReportPage) -> None:
    view = page.sessions[0].views[0]
    for persona, is_open in (("", True), ("Likes tea.", False)):
        told = replace(view.sessions[0], persona=persona, told="You are a shopper.")
        document = Document(run_page.session_html(view._replace(sessions=(told,))))
        assert document.faults == []
        assert ("The run does not say where its personas lie" in document.text()) is is_open
        (folded,) = document.all("details")
        assert ("open" in folded) is is_open


def test_personas_are_found_by_their_file_alone(folder: Path, book: SessionBook) -> None:
    from paars_gym.personas.store import write_personas

    assert book.personas == {}  # given as objects: the run knows them by a hash alone
    write_personas(folder / "personas.jsonl", PERSONAS)
    with_file = SessionBook(book.folder, Beside(personas=folder / "personas.jsonl"))
    shopper = with_file.rows[0].sessions[0]
    assert shopper.who
    told = with_file.open(shopper.key).sessions[0]
    assert "Likes number" in told.persona
    assert told.budget == "at most 60.00"
    assert "the pages cannot be rebuilt: No catalog 'twelve'" in told.note
    assert told.steps[0].happened
    write_personas(folder / "others.jsonl", PERSONAS[:5])
    assert SessionBook(book.folder, Beside(personas=folder / "others.jsonl")).personas == {}


def test_a_test_shows_its_arms_side_by_side(tested: tuple[ABTestResult, SessionBook], folder: Path) -> None:
    result, pairs = tested
    assert is_test(folder / "test")
    assert not is_test(folder / "test" / "control")
    page = run_page.run_page(pairs, Findings(test=result), shown=6)
    text = Document(page.html())
    assert text.faults == []
    said = " ".join(page.headline)
    assert "in place of “bm25”" in said
    assert "Real effects" in said
    assert "What people would do" in said
    parted = [view for view in page.sessions[0].views if view.parts.startswith("The arms part")]
    assert parted
    assert all(any(step.parts for step in session.steps) for view in parted for session in view.sessions[:1])
    assert len([1 for one in text.all("div") if one.get("class") == "arms"]) == 6


def test_the_file_stays_small(book: SessionBook) -> None:
    whole = shown_sessions(book, 30)
    room = 40_000
    small = shown_sessions(book, 30, room=room)
    assert 0 < len(small.chosen) < len(whole.chosen) == 30
    taken = sum(len(run_page.session_html(view).encode()) for view in small.views)
    assert taken <= room


def test_without_the_plotting_library_there_are_words_and_numbers(
    book: SessionBook, alignment: AlignmentReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "can_draw", lambda: False)
    monkeypatch.setattr(run_page, "can_draw", lambda: False)
    made = run_page.run_page(book, Findings((alignment,)), shown=1)
    document = Document(made.html())
    assert document.all("svg") == []
    assert "paars_gym[report]" in document.text()
    assert "Share of sessions" not in {section.title for section in made.sections}
    assert document.faults == []


def test_hostile_texts_are_texts(tmp_path: Path) -> None:
    book = SessionBook(hostile_run(tmp_path))
    page = run_page.run_page(book, shown=3)
    html = page.html()
    document = Document(html)
    assert document.faults == []
    assert len(document.all("script")) == 1
    assert document.all("img") == []
    assert document.handlers() == []
    assert document.loaded() == []
    assert "49" not in [word for text in document.texts.get("div", ()) for word in text.split()]
    for attack in ATTACKS[:5]:
        assert attack in document.text()
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert all(not (link["href"] or "").startswith("javascript") for link in document.all("a"))


def test_hostile_names_in_tables_and_plots() -> None:
    rows = [["what", '<b>"x"</b>'], ["</table><script>1</script>", "=1+1"]]
    table = PageTable.of("</h3><script>2</script>", rows, csv="a,b\n</a>,\"'\n")
    assert table.file_name == "h3-script-2-script.csv"
    assert "<" not in table.link
    assert '"' not in table.link
    plot = PagePlot("t", '<svg width="1">', '"><script>3</script>', table)
    (svg,) = Document(str(plot.markup)).all("svg")
    assert svg["aria-label"] == '"><script>3</script>'


def test_a_run_without_sessions_of_one_arm_pairs_what_is_there(
    tested: tuple[ABTestResult, SessionBook], tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(tested[1].folder, tmp_path / "test")
    log = tmp_path / "test" / "treatment" / "sessions.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:10]))
    half = SessionBook(tmp_path / "test")
    assert (len(half), half.unpaired) == (10, 20)


def test_past_tests_stand_beside_simulated_ones() -> None:
    def effect(value: float) -> Estimate:
        return Estimate(value, Interval(value - 0.01, value + 0.01))

    pairs = [(0.02, 0.05), (-0.01, -0.04), (0.03, 0.02), (0.01, -0.01)]
    past = [PastTest(name=f"<b>{n}</b>", human=effect(a), simulated=effect(b)) for n, (a, b) in enumerate(pairs)]
    page = backtest_page(backtest(past))
    document = Document(page.html())
    assert document.faults == []
    assert document.all("b") == []
    scatter = page.sections[0].plots[0]
    assert scatter.text.endswith("in 4 tests; the sign is the same in 3.")
    assert scatter.table.rows[0] == ("<b>0</b>", "+2.0%", "+1.0% to +3.0%", "+5.0%", "+4.0% to +6.0%")
    assert "past tests of people" in page.headline[0]
    assert "is off by" in page.headline[1]
