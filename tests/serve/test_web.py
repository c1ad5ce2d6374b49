from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from paars_gym.catalog.product import Product, Review
from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.files import StorageError
from paars_gym.serve import visits
from paars_gym.serve.local_server import listen
from paars_gym.serve.visits import ServedShop
from paars_gym.serve.web import MAX_FORM_BYTES, WebShop, action_of, read_consent
from paars_gym.sessions.event import Intention
from paars_gym.sessions.opening import open_store, read_sessions
from paars_gym.simulation.log import AppendOnly
from paars_gym.simulation.read_run import Run
from tests.serve.web_serving import Browser, running

pytest.importorskip("starlette")
NASTY = "<script>alert(1)</script> \"'&amp; \u202e {{ 7 * 7 }}"


@contextmanager
def web_shop(out: Path, catalog: Catalog, *, visits_each: int = 1, **options: Any) -> Iterator[str]:
    with (
        ServedShop(out, ShopConfig(catalog=catalog, page_size=3), visitors="people", **options) as shop,
        running(WebShop(shop, visits_each=visits_each).application()) as address,
    ):
        yield address


def test_a_whole_purchase(catalog: Catalog, tmp_path: Path) -> None:
    need = Intention(text="something to listen with", budget=100)
    with web_shop(tmp_path, catalog, tasks=[need]) as address:
        browser = Browser(address)
        assert "Nothing is sold" in browser.text
        assert "listen with" not in browser.text  # nothing before the consent
        browser.enter()
        assert "something to listen with" in browser.text
        browser.act("search", query="headphones", max_price="100", sort="price_low", brand="")
        assert "Auro wired headphones" in browser.text
        assert "$19.50" in browser.text
        browser.act("view", product_id="k1")
        browser.act("add_to_cart", product_id="k1", units="2")
        browser.act("view", product_id="nowhere")
        assert "Not possible: There is no product" in browser.text
        browser.act("purchase")
        assert "Order placed: 2 units" in browser.text
        browser.act("stop")
        assert "You bought 2 units" in browser.text
        assert "Shop for something else" not in browser.text
    (session,) = read_sessions(tmp_path)
    assert [event.kind for event in session.events] == ["search", "view", "add", "purchase", "stop"]
    assert session.events[0].filters.max_price == 100  # type: ignore[union-attr]
    assert session.intention == need
    assert session.shopper.startswith("visitor-")
    assert browser.http.cookies["paars_visitor"] not in str(session)
    steps = Run(tmp_path).session(session.key).steps
    assert steps[0].action == "search[headphones | max_price=100 | sort=price_low]"
    assert "You can: search[words]" in steps[0].shown  # the page of agents


def test_the_pages_show_what_agents_are_shown(catalog: Catalog, tmp_path: Path) -> None:
    with web_shop(tmp_path, catalog) as address:
        browser = Browser(address).enter().act("search", query="headphones").act("next_page")
        assert 'start="4"' in browser.text
        browser.act("back")
        assert 'start="1"' in browser.text
    steps = Run(tmp_path).session(next(iter(Run(tmp_path)))).steps
    assert [step.action for step in steps] == ["search[headphones]", "next_page[]", "back[]"]
    for title in (line.split("] ")[1].split(" |")[0] for line in steps[1].shown.splitlines() if line[:2] == "1."):
        assert title in browser.text


def test_what_data_holds_is_text(tmp_path: Path) -> None:
    long = "x" * 10_000
    product = Product(
        id="p1",
        title=NASTY,
        brand=NASTY,
        category=(NASTY,),
        price=3,
        bullets=(NASTY, long),
        description=long,
        attributes={NASTY: NASTY},
        options={NASTY: (NASTY, "M")},
        reviews=(Review(rating=1, title=NASTY, text=NASTY),),
    )
    catalog = Catalog.from_products(
        [product, *(product.model_copy(update={"id": f"q{n}"}) for n in range(5))], name="<b>"
    )
    with web_shop(tmp_path, catalog, tasks=[Intention(text=NASTY)]) as address:
        browser = Browser(address).enter()
        for act, fields in (
            ("search", {"query": NASTY}),
            ("view", {"product_id": "p1"}),
            ("view", {"product_id": NASTY}),
        ):
            browser.act(act, **fields)
            assert "<script" not in browser.text
            assert "<b>" not in browser.text
            assert "49" not in browser.text.replace("0x49", "").split("<main>")[1].split("csrf")[0]
            assert "&lt;script&gt;" in browser.text
        browser.act("add_to_cart", product_id="p1", **{f"option:{' '.join(NASTY.split())}": "M"})
        assert "&lt;script&gt;" in browser.text
        policy = browser.page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy


def test_forged_stale_and_oversized_forms_do_nothing(catalog: Catalog, tmp_path: Path) -> None:
    with web_shop(tmp_path, catalog) as address:
        browser = Browser(address)
        assert browser.http.post("/act", data={"action": "stop"}).status_code == 403
        assert browser.http.get("/shop").url.path == "/"
        assert browser.http.post("/begin", data={"agree": "yes"}).status_code == 403
        browser.enter().act("search", query="kettle")
        older = browser.hidden()
        browser.act("add_to_cart", product_id="k1")
        twice = browser.http.post("/act", data={**older, "action": "add_to_cart", "product_id": "k1"})
        assert "an older page" in twice.text
        other = Browser(address).enter()
        assert other.http.post("/act", data={**browser.hidden(), "action": "stop"}).status_code == 403
        big = browser.http.post("/act", data={**browser.hidden(), "query": "x" * MAX_FORM_BYTES})
        assert big.status_code == 413
        assert browser.http.post("/act", content=b"&".join(b"a=1" for _ in range(200))).status_code == 413
        assert browser.http.get("/nothing").status_code == 404
        assert browser.http.get("/act").status_code == 405
        assert httpx2.get(address, headers={"host": "evil.example"}).status_code == 400
        for header, value in (("x-content-type-options", "nosniff"), ("cache-control", "no-store")):
            assert browser.page.headers[header] == value
    steps = [step.action for key in Run(tmp_path) for step in Run(tmp_path).session(key).steps]
    assert steps == ["search[kettle]", "add_to_cart[k1]"]


def test_many_shop_at_once(catalog: Catalog, tmp_path: Path) -> None:
    with web_shop(tmp_path, catalog, treatment="bm25+rating:0.5") as address:

        def shop(number: int) -> None:
            browser = Browser(address).enter()
            for _ in range(4):
                browser.act("search", query=f"headphones {number}")
            browser.act("stop")
            assert "Thank you" in browser.text

        threads = [threading.Thread(target=shop, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sessions = [session for arm in ("control", "treatment") for session in read_sessions(tmp_path / arm)]
    assert len(sessions) == 12
    for session in sessions:
        assert len({event.query for event in session.events if event.kind == "search"}) == 1
        assert session.count("search") == 4


def test_a_visitor_may_make_so_many_visits(catalog: Catalog, tmp_path: Path) -> None:
    with web_shop(tmp_path, catalog, visits_each=2) as address:
        browser = Browser(address).enter().act("stop")
        assert "Shop for something else" in browser.text
        browser.enter().act("stop")
        assert "Shop for something else" not in browser.text
        browser.page = browser.http.get("/")
        assert "Thank you" in browser.text
        browser.enter()
        assert "Thank you" in browser.text or "too old" in browser.text
    sessions = read_sessions(tmp_path)
    assert len(sessions) == 2
    assert len({session.shopper for session in sessions}) == 1


def test_a_shop_that_is_full_says_so(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "MOST_OPEN", 1)
    with web_shop(tmp_path, catalog) as address:
        Browser(address).enter()
        full = Browser(address).enter()
        assert full.page.status_code == 503
        assert "come back later" in full.text
    assert len(open_store(tmp_path)) == 1


def test_a_full_disk_is_told(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError(28, "No space left on device", "log")

    with web_shop(tmp_path, catalog) as address:
        browser = Browser(address).enter().act("search", query="kettle")
        with monkeypatch.context() as patch:
            patch.setattr(AppendOnly, "append", full)
            browser.act("search", query="tea")
            assert browser.page.status_code == 503
            assert "could not be recorded" in browser.text
        browser.page = browser.http.get("/shop")
        browser.act("stop")
        assert "Thank you" in browser.text
    (session,) = read_sessions(tmp_path)
    assert [event.query for event in session.events[:2]] == ["kettle", "tea"]


def test_forms_as_actions() -> None:
    assert action_of({"action": "search", "query": "tea", "max_price": " 9 ", "brand": " ", "in_stock": "true"}) == {
        "name": "search",
        "arguments": {"query": "tea", "max_price": "9", "in_stock": "true"},
    }
    assert action_of({"action": "add_to_cart", "product_id": "a", "units": "", "option:size": "M", "option:x": ""}) == {
        "name": "add_to_cart",
        "arguments": {"product_id": "a", "options": {"size": "M"}},
    }
    assert action_of({"query": "tea"}) == {"name": "", "arguments": {}}


def test_a_consent_of_ones_own(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "consent.txt"
    file.write_text("We study\nkettles.\n\n<i>Nobody</i> is named.\n")
    text = read_consent(file)
    assert text == ("We study\nkettles.", "<i>Nobody</i> is named.")
    with ServedShop(tmp_path / "out", ShopConfig(catalog=catalog), visitors="people") as shop:
        with running(WebShop(shop, consent=text).application()) as address:
            assert "&lt;i&gt;Nobody" in Browser(address).text
        for wrong in ({"consent": (" ",)}, {"visits_each": 0}):
            with pytest.raises(ValueError, match=r"empty|>= 1"):
                WebShop(shop, **wrong)  # type: ignore[arg-type]
    file.write_bytes(b" \n")
    with pytest.raises(ValueError, match="must have from 1"):
        read_consent(file)


def test_a_port_that_is_taken() -> None:
    with listen(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"--port {port} cannot be had: another process uses it"):
            listen(port)


@pytest.mark.slow
def test_a_person_with_a_browser_buys_something(catalog: Catalog, tmp_path: Path) -> None:
    from shutil import which

    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = which("chromium") or which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no Chromium here")
    options = {"tasks": [Intention(text=NASTY)], "visits_each": 1}
    with web_shop(tmp_path, catalog, **options) as address, sync_api.sync_playwright() as playwright:  # type: ignore[arg-type]
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme, width in (("light", 1100), ("dark", 400)):
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
            page = context.new_page()
            told: list[str] = []
            page.on("console", lambda message, told=told: told.append(message.text))
            page.on("dialog", lambda dialog, told=told: told.append(dialog.message))
            page.goto(address)
            page.check("input[name=agree]")
            page.click("text=Enter the shop")
            page.fill("input[name=query]", "headphones")
            page.press("input[name=query]", "Enter")
            page.click("ol.results li:nth-child(1) button.link")
            page.click("form.buy button")
            page.click("button[value=purchase]")
            assert "Order placed: 1 unit." in page.inner_text("main")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.go_back()  # to a page that is older now: nothing is bought twice
            page.goto(f"{address}/shop")
            page.click("button[value=stop]")
            assert "You bought 1 unit." in page.inner_text("main")
            assert told == []
            context.close()
        browser.close()
    sessions = read_sessions(tmp_path)
    assert [session.count("purchase") for session in sessions] == [1, 1]
