"""Reports and the viewer in headless Chromium: nothing is loaded, nothing foreign runs, and people can use them."""

from __future__ import annotations

import os
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paars_gym.abtest import ABTest, Arm
from paars_gym.alignment.comparison import ScoreOptions
from paars_gym.alignment.scoring import score
from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.report.pages.page import MOST_BYTES
from paars_gym.report.pages.run_page import Findings, run_page
from paars_gym.report.pages.session_book import Beside, SessionBook
from tests.report.hostile import hostile_run
from tests.report.playing import config, play

pytestmark = pytest.mark.slow
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = ScoreOptions(n_resamples=20, text_sessions=20)
MEDIAN_SECONDS = 0.3
"""Of a page of the viewer, over 5,000 sessions."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if os.environ.get("PAARS_REQUIRE_ALL") != "1":
        pytest.importorskip("playwright")
    if CHROMIUM is None:
        if os.environ.get("PAARS_REQUIRE_ALL") == "1":
            pytest.fail("There is no Chromium; apt-get install -y chromium.")
        pytest.skip("no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


class Tab:
    """A tab that keeps what the console said and what was asked for."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.page = browser.new_context(**options).new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def count(self, selector: str) -> int:
        return int(self.page.locator(selector).count())

    def width(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def ran(self) -> Any:
        return self.page.evaluate("window.ran")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    """Reports of a run beside people and another run, of a test, and of a hostile run."""
    folder = tmp_path_factory.mktemp("browser")
    for name in ("run", "base", "people"):
        play(folder / name, catalog, 120, seed=len(name), record="steps")
    alignment = score(folder / "people", folder / "run", baseline=folder / "base", embedder=None, options=OPTIONS)
    pages = {"run": run_page(SessionBook(folder / "run", Beside(catalog)), Findings((alignment,)), shown=20)}
    result = ABTest(Arm("bm25"), Arm("price")).run(config(40), ShopConfig(catalog=catalog), out=folder / "test")
    pages["test"] = run_page(SessionBook(folder / "test", Beside(catalog)), Findings(test=result), shown=12)
    (folder / "evil").mkdir()
    pages["hostile"] = run_page(SessionBook(hostile_run(folder / "evil")), shown=3)
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page.html(), encoding="utf-8")
    return folder


def opened(browser: Any, written: Path, name: str, **options: Any) -> Tab:
    tab = Tab(browser, **options)
    tab.page.goto((written / f"{name}.html").as_uri())
    return tab


@pytest.mark.parametrize("name", ["run", "test", "hostile"])
def test_it_opens_from_disk_and_asks_for_nothing(browser: Any, written: Path, name: str) -> None:
    tab = opened(browser, written, name)
    tab.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    tab.page.wait_for_timeout(200)
    assert tab.said == []
    assert tab.asked == [(written / f"{name}.html").as_uri()]


@pytest.mark.parametrize("name", ["run", "test"])
@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}])
def test_every_plot_is_drawn_with_text(browser: Any, written: Path, name: str, options: dict[str, Any]) -> None:
    tab = opened(browser, written, name, **options)
    plots = tab.page.locator("figure svg")
    assert plots.count() >= (4 if name == "run" else 2)
    for one in plots.all():
        box = one.bounding_box()
        assert box["width"] > 150
        assert box["height"] > 80
        assert len(one.get_attribute("aria-label")) > 30
        assert one.locator("text").count() > 3


def test_the_list_is_filtered(browser: Any, written: Path) -> None:
    tab = opened(browser, written, "run")
    every = tab.count("details.session")
    assert every == 20
    tab.page.get_by_label("Outcome").select_option("bought")
    bought = tab.count("details.session:visible")
    assert 0 < bought < every
    assert tab.page.locator("form.filter output").inner_text() == f"{bought} of {every} shown"
    tab.page.get_by_role("button", name="All").click()
    tab.page.wait_for_timeout(50)
    assert tab.count("details.session:visible") == every
    tab.page.get_by_label("Words").fill("kettle")
    assert 0 < tab.count("details.session:visible") < every
    tab.page.get_by_label("Words").fill("kettle zebra")
    assert tab.count("details.session:visible") == 0
    tab.page.get_by_label("Words").fill("")
    tab.page.get_by_label("with refused actions").check()
    assert 0 < tab.count("details.session:visible") < every


def test_a_session_opens_by_keyboard_and_without_javascript(browser: Any, written: Path) -> None:
    for options in ({}, {"java_script_enabled": False}):
        tab = opened(browser, written, "run", **options)
        first = tab.page.locator("details.session").first
        assert not first.locator("pre.shown").first.is_visible()
        first.locator("summary").first.focus()
        tab.page.keyboard.press("Enter")
        assert first.locator("pre.shown").first.is_visible()
        assert first.get_by_role("complementary", name="The shopper").is_visible()
    assert not tab.page.locator("form.filter").is_visible()  # it would do nothing


def test_the_arms_stand_side_by_side_with_the_step_marked(browser: Any, written: Path) -> None:
    tab = opened(browser, written, "test", viewport={"width": 1200, "height": 900})
    pair = tab.page.locator("details.session[data-parted=yes]").first
    pair.locator("summary").first.click()
    one, other = (arm.bounding_box() for arm in pair.locator(".arm").all())
    assert abs(one["y"] - other["y"]) < 2
    assert other["x"] > one["x"] + one["width"] - 1
    assert pair.locator(".step.part").count() >= 1


@pytest.mark.parametrize("name", ["run", "test", "hostile"])
def test_a_narrow_screen_never_scrolls_sideways(browser: Any, written: Path, name: str) -> None:
    tab = opened(browser, written, name, viewport={"width": 400, "height": 800})
    tab.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.width() <= 400


def test_dark_is_dark_and_light_is_light(browser: Any, written: Path) -> None:
    def shades(scheme: Any) -> list[float]:
        tab = opened(browser, written, "run", color_scheme=scheme)
        colours = tab.page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,"
            " getComputedStyle(document.querySelector('figure svg text')).fill]"
        )
        return [sum(map(float, colour.partition("(")[2].rstrip(")").split(",")[:3])) / 765 for colour in colours]

    paper, ink, label = shades("dark")
    assert paper < 0.2
    assert min(ink, label) > 0.7
    paper, ink, label = shades("light")
    assert paper > 0.9
    assert max(ink, label) < 0.3


def test_tables_are_downloaded_from_disk(browser: Any, written: Path) -> None:
    tab = opened(browser, written, "run")
    with tab.page.expect_download() as waiting:
        tab.page.locator("section > p.download a").first.click()
    assert Path(waiting.value.path()).read_text(encoding="utf-8").count("\n") > 5


def test_hostile_texts_neither_run_nor_break_the_page(browser: Any, written: Path) -> None:
    tab = opened(browser, written, "hostile")
    tab.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    tab.page.wait_for_timeout(200)
    assert tab.ran() is None
    assert tab.count("img") == 0
    assert "<script>window.ran='tag'</script>" in tab.page.locator("body").inner_text()
    footer = tab.page.locator("footer").bounding_box()  # what closes too much would swallow it
    assert footer["width"] > 600
    assert tab.width() <= 1280


class Serving:
    """The viewer of a book in a thread."""

    def __init__(self, book: SessionBook) -> None:
        import uvicorn

        from paars_gym.serve.view import view_app

        settings = uvicorn.Config(view_app(book, "token"), port=0, log_level="error", lifespan="off")
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/token/"

    def __exit__(self, *error: object) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=10)


def test_the_viewer_is_quick_over_5000_sessions(
    browser: Any, tmp_path: Path, catalog: Catalog, record_property: Any
) -> None:
    book = SessionBook(play(tmp_path / "run", catalog, 5_000, record="steps"))
    assert len(run_page(book).html().encode()) < MOST_BYTES
    with Serving(book) as address:
        tab, seconds = Tab(browser), []
        paths = [f"?page={number}" for number in range(1, 100, 7)]
        paths += [f"session/{row.key}" for row in book.rows[::333]]
        paths += ["?words=kettle", "?outcome=bought&order=steps", "?only=refused&page=3"]
        for path in paths:
            began = time.perf_counter()
            tab.page.goto(address + path)
            seconds.append(time.perf_counter() - began)
            assert tab.page.locator("ul.list > li").count() > 0
    record_property("median_seconds", statistics.median(seconds))
    assert tab.said == []
    assert all(asked.startswith(address) for asked in tab.asked)
    assert statistics.median(seconds) < MEDIAN_SECONDS


def test_a_reader_walks_through_the_viewer(browser: Any, tmp_path: Path, catalog: Catalog) -> None:
    result = SessionBook(play(tmp_path / "run", catalog, 80, record="steps"))
    with Serving(result) as address:
        tab = Tab(browser, java_script_enabled=False)
        tab.page.goto(address)
        tab.page.get_by_role("link", name="Next").click()
        assert "Page 2 of 2" in tab.page.locator("nav.pages").inner_text()
        tab.page.get_by_label("Outcome").select_option("bought")
        tab.page.get_by_role("button", name="Show").click()
        found = int(tab.page.locator("p.small").first.inner_text().split()[0])
        assert found == sum(row.outcome == "bought" for row in result.rows)
        tab.page.locator("ul.list a").first.click()
        assert tab.page.locator("pre.shown").first.is_visible()
        tab.page.get_by_role("link", name="All sessions").click()
        assert tab.page.url == address


def test_hostile_texts_in_the_viewer(browser: Any, tmp_path: Path) -> None:
    with Serving(SessionBook(hostile_run(tmp_path))) as address:
        tab = Tab(browser, viewport={"width": 400, "height": 800})
        for path in ("", "session/0000000"):
            tab.page.goto(address + path)
            assert tab.ran() is None
            assert tab.width() <= 400
        assert tab.said == []
