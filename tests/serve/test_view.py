"""The viewer: pages on demand, filters, nobody without the token, and nothing that a text can do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from paars_gym.catalog.store import Catalog
from paars_gym.report.pages.session_book import SessionBook
from paars_gym.report.pages.session_rows import BookRow
from paars_gym.serve.view import PER_PAGE, ListQuery, view_app
from tests.report.documents import Document
from tests.report.hostile import hostile_run
from tests.report.playing import play

TOKEN = "t0ken"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> SessionBook:
    return SessionBook(play(tmp_path_factory.mktemp("view") / "run", catalog, 120, record="steps"))


@pytest.fixture
def client(book: SessionBook) -> Any:
    return TestClient(view_app(book, TOKEN), base_url="http://127.0.0.1")


def test_the_list_comes_in_pages(client: Any, book: SessionBook) -> None:
    first = client.get(f"/{TOKEN}/")
    assert first.status_code == 200
    document = Document(first.text)
    assert document.faults == []
    sessions = [link["href"] for link in document.all("a") if (link["href"] or "").startswith("session/")]
    assert sessions == [f"session/{row.key}" for row in book.rows[:PER_PAGE]]
    assert "Page 1 of 3" in document.text()
    last = Document(client.get(f"/{TOKEN}/?page=99").text)
    assert "Page 3 of 3" in last.text()


def test_the_list_is_filtered_and_ordered(client: Any, book: SessionBook) -> None:
    bought = [row for row in book.rows if row.outcome == "bought"]
    assert 0 < len(bought) < len(book)
    text = client.get(f"/{TOKEN}/", params={"outcome": "bought"}).text
    assert f"{len(bought)} found" in text
    longest = ListQuery(order="steps").found(book.rows)
    assert longest[0].sessions[0].steps == max(row.sessions[0].steps for row in book.rows)
    need = book.rows[7].sessions[0].need
    assert book.rows[7] in ListQuery(words=need.upper()).found(book.rows)
    assert ListQuery(words="nobody has such a need").found(book.rows) == []


@pytest.mark.parametrize(
    "query", ["page=-1", "page=x", "page=٣", "page=999999999999", "order=__class__", "outcome=<b>"]
)
def test_nonsense_in_the_address_is_as_nothing(client: Any, query: str) -> None:
    assert client.get(f"/{TOKEN}/?{query}").status_code == 200


def test_a_session_is_read_when_it_is_opened(client: Any, book: SessionBook) -> None:
    key = book.rows[1].key
    page = client.get(f"/{TOKEN}/session/{key}")
    document = Document(page.text)
    assert document.faults == []
    assert document.loaded() == []
    assert "Welcome to twelve." in document.text()
    assert {"rel": "next", "href": book.rows[2].key} in document.all("a")
    assert {"rel": "prev", "href": book.rows[0].key} in document.all("a")


@pytest.mark.parametrize(
    "path", ["/", "/wrong/", "/wrong/session/0000001", f"/{TOKEN}/session/none", f"/{TOKEN}/x", "/x"]
)
def test_nobody_gets_in_without_the_token(client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Nothing here" in answer.text
    assert TOKEN not in answer.text


def test_another_name_of_this_machine_is_refused(client: Any) -> None:
    assert client.get(f"/{TOKEN}/", headers={"host": "evil.example"}).status_code == 400


def test_nothing_runs_and_the_address_is_told_to_nobody(client: Any) -> None:
    headers = client.get(f"/{TOKEN}/").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"


def test_hostile_texts_are_texts(tmp_path: Path) -> None:
    hostile = SessionBook(hostile_run(tmp_path))
    client = TestClient(view_app(hostile, TOKEN), base_url="http://127.0.0.1")
    for path in ("", f"session/{hostile.rows[0].key}", "?words=%3Cscript%3E%22%27"):
        document = Document(client.get(f"/{TOKEN}/{path}").text)
        assert document.faults == []
        assert document.all("script") == []
        assert document.handlers() == []
    assert "<script>window.ran='tag'</script>" in document.text() or document.all("li") == []


def test_keys_of_any_kind_have_an_address(book: SessionBook, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = "a/b?c#d &<é"
    rows = [BookRow((row.sessions[0]._replace(key=odd),)) for row in book.rows[:1]]
    monkeypatch.setattr(book, "rows", rows)
    monkeypatch.setattr(book, "_places", {odd: 0})
    shown = book.open
    monkeypatch.setattr(book, "open", lambda key: shown("0000000") if key == "x" else _none(key))
    client = TestClient(view_app(book, TOKEN), base_url="http://127.0.0.1")
    (link,) = re.findall(r'href="(session/[^"]+)"', client.get(f"/{TOKEN}/").text)
    with pytest.raises(KeyError, match="asked"):
        client.get(f"/{TOKEN}/{link}")


def _none(key: str) -> Any:
    raise KeyError(f"asked for {key}")
