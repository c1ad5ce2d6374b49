"""The viewer: all sessions of a run or a test on 127.0.0.1, fifty on a page, each read when it is opened."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from paars_gym.report.pages.page import render_template
from paars_gym.report.pages.session_book import SessionBook
from paars_gym.report.pages.session_rows import OUTCOMES, BookRow

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

LOOPBACK = "127.0.0.1"
PER_PAGE = 50
ORDERS = ("key", "steps", "refused", "units")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Nothing from elsewhere is loaded, no script runs at all, and the address, which holds the token, goes nowhere."""
INSTALL = "paars view needs the extra web: python -m pip install 'paars_gym[web]'."


class ListQuery(NamedTuple):
    """Which sessions a page of the list shows.

    Attributes:
        words: All of which stand in need, persona, shopper or key.
        outcome: One of `OUTCOMES`; empty for any.
        only: ``refused``, ``parted`` or ``failed``; empty for all.
        order: One of `ORDERS`, the largest first but for the key.
        page: 1-based.
    """

    words: str = ""
    outcome: str = ""
    only: str = ""
    order: str = "key"
    page: int = 1

    def found(self, rows: list[BookRow]) -> list[BookRow]:
        """Those rows that fit, in order."""
        words = self.words.lower().split()
        fits = [row for row in rows if self._fits(row, words)]
        if self.order == "key":
            return fits
        return sorted(fits, key=lambda row: -max(getattr(one, self.order) for one in row.sessions))

    def _fits(self, row: BookRow, words: list[str]) -> bool:
        if self.outcome and not any(one.outcome == self.outcome for one in row.sessions):
            return False
        if self.only == "refused" and not any(one.refused for one in row.sessions):
            return False
        if self.only == "parted" and not row.parted:
            return False
        if self.only == "failed" and not row.failed:
            return False
        first = row.sessions[0]
        text = f"{first.need} {first.who} {first.shopper} {first.key} {first.goal}".lower() if words else ""
        return all(word in text for word in words)

    @property
    def asked(self) -> str:
        """The same as a query string, without the page."""
        told = {"words": self.words, "outcome": self.outcome, "only": self.only, "order": self.order}
        return urlencode({name: value for name, value in told.items() if value and value != "key"})


def view_app(book: SessionBook, token: str) -> Starlette:
    """The viewer of a book.

    Args:
        book: What it shows.
        token: First part of every address.

    Raises:
        ImportError: Starlette is not installed; says what to do.
    """
    try:
        from starlette.applications import Starlette
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.responses import HTMLResponse
        from starlette.routing import Route
    except ModuleNotFoundError as missing:
        raise ImportError(INSTALL) from missing

    def page(name: str, content: Mapping[str, object], status: int = 200) -> Response:
        return HTMLResponse(render_template(name, {"book": book, **content}), status, HEADERS)

    def nothing() -> Response:
        return page("nothing.html", {}, 404)

    def guarded(show: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def only_with_token(request: Request) -> Response:
            given = request.path_params["token"].encode("utf-8", "replace")
            return show(request) if secrets.compare_digest(given, token.encode()) else nothing()

        return only_with_token

    def listed(request: Request) -> Response:
        query = _query(request)
        found = query.found(book.rows)
        pages = max(1, -(-len(found) // PER_PAGE))
        query = query._replace(page=min(query.page, pages))
        part = found[(query.page - 1) * PER_PAGE : query.page * PER_PAGE]
        links = [(row, f"session/{quote(row.key, safe='')}") for row in part]
        told = {"query": query, "found": len(found), "pages": pages, "links": links, "outcomes": OUTCOMES}
        return page("list.html", told)

    def opened(request: Request) -> Response:
        key = request.path_params["key"]
        if key not in book:
            return nothing()
        before, after = (quote(one, safe="") for one in book.beside(key))
        shown = {"row": book.row(key), "view": book.open(key), "before": before, "after": after}
        return page("session.html", shown)

    async def elsewhere(_: Request, __: Exception) -> Response:
        return nothing()

    app = Starlette(
        routes=[
            Route("/{token}/", guarded(listed)),
            Route("/{token}/session/{key:path}", guarded(opened)),
        ],
        exception_handlers={404: elsewhere},
    )
    # A page elsewhere whose name leads to this machine is answered nothing.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost", "testserver"])
    return app


def _query(request: Request) -> ListQuery:
    given = request.query_params
    page, order = given.get("page", "1"), given.get("order", "key")
    outcome, only = given.get("outcome", ""), given.get("only", "")
    return ListQuery(
        words=given.get("words", "")[:200],
        outcome=outcome if outcome in OUTCOMES else "",
        only=only if only in ("refused", "parted", "failed") else "",
        order=order if order in ORDERS else "key",
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
    )


def serve_view(book: SessionBook, *, port: int, open_browser: bool, tell: Callable[[str], None]) -> None:
    """Serves a book until it is interrupted.

    Args:
        book: What it shows.
        port: Of 127.0.0.1; 0 for any.
        open_browser: Whether to open it there.
        tell: Given the address once it can be opened.

    Raises:
        ImportError: The web server is not installed; says what to do.
        ValueError: The port is taken.
    """
    try:
        import uvicorn
    except ModuleNotFoundError as missing:
        raise ImportError(INSTALL) from missing
    token = secrets.token_urlsafe(16)
    app = view_app(book, token)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((LOOPBACK, port))
        except OSError as error:
            raise ValueError(f"--port {port} cannot be used ({error.strerror}); take another, or 0 for any.") from None
        listening.listen()
        address = f"http://{LOOPBACK}:{listening.getsockname()[1]}/{token}/"
        tell(address)
        if open_browser:
            webbrowser.open(address)
        # No access log: every line of it would hold the token.
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
        with suppress(KeyboardInterrupt):  # the way to end it
            uvicorn.Server(config).run(sockets=[listening])
