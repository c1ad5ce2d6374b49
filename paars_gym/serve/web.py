"""The shop in the browser: the pages, actions and log of agents, for people, in HTML without scripts.

A visitor is whoever has a cookie; each posts forms that only their own pages hold (a token against forged requests),
and that count the steps, so that a form sent twice, or from an older page, does nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from paars_gym.serve.local_server import LOCAL_HOSTS
from paars_gym.serve.visits import ServedShop, ServedVisit, ShopFullError
from paars_gym.serve.web_pages import CONSENT, render, shop_page

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger(__name__)

MAX_FORM_BYTES, MAX_FIELDS = 64_000, 100
COOKIE = "paars_visitor"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_SEARCH_FIELDS = ("query", "min_price", "max_price", "min_rating", "brand", "category", "in_stock", "sort")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass
class _Visitor:
    """Whoever has a cookie, once they have agreed: their visits so far, and the last of them."""

    visits: int
    visit: ServedVisit


class WebShop:
    """The pages of a `ServedShop`; `application` gives them as an ASGI application."""

    def __init__(self, shop: ServedShop, *, consent: Sequence[str] = CONSENT, visits_each: int = 1) -> None:
        """Args:
            shop: Open as long as this serves.
            consent: Paragraphs that a visitor agrees to before anything else.
            visits_each: Visits that one visitor may make.

        Raises:
            ValueError: A number out of range, or nothing to agree to.
        """
        if visits_each < 1:
            raise ValueError(f"visits_each == {visits_each}, must be >= 1.")
        if not any(line.strip() for line in consent):
            raise ValueError("The text that visitors agree to is empty; say what is recorded, and what for.")
        self.shop = shop
        self.consent = tuple(consent)
        self.visits_each = visits_each
        self._secret = secrets.token_bytes(32)
        self._visitors: dict[str, _Visitor] = {}

    def application(self) -> Starlette:
        """The ASGI application.

        Raises:
            ImportError: Starlette or Jinja2 is not installed.
        """
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.routing import Route

        import jinja2  # noqa: F401  # isort: skip  # here, before anybody has come

        routes = [
            Route("/", self._entrance),
            Route("/begin", self._begin, methods=["POST"]),
            Route("/shop", self._shop),
            Route("/act", self._act, methods=["POST"]),
            Route("/style.css", self._style),
        ]
        # Of other hosts than this machine only a page of somebody else's can be, that has its name point here.
        middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL_HOSTS), www_redirect=False)]
        handlers: Any = {404: self._lost, 405: self._lost, OSError: self._not_kept}
        return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)

    async def _entrance(self, request: Request) -> Response:
        token = _cookie(request)
        if token in self._visitors:
            return _to_shop()
        token = token or secrets.token_urlsafe(24)
        values = {"shop": self.shop.catalog.name, "consent": self.consent, "csrf": self._csrf(token)}
        page = _page("consent.html", values)
        page.set_cookie(COOKIE, token, httponly=True, samesite="lax")
        return page

    async def _begin(self, request: Request) -> Response:
        token, form = _cookie(request), await _form(request)
        if form is None or token is None or not self._is_own(token, form):
            return self._message("Please go back", "This page is too old. Your browser has to accept a cookie.", 403)
        if form.get("agree") != "yes":
            return _to("/")
        visitor = self._visitors.get(token)
        if visitor is None or (visitor.visit.over and visitor.visits < self.visits_each):
            try:
                visit = self.shop.begin(_shopper(token))
            except ShopFullError as full:
                return self._message("The shop is full", str(full), 503)
            self._visitors[token] = _Visitor(1 if visitor is None else visitor.visits + 1, visit)
        return _to_shop()

    async def _shop(self, request: Request) -> Response:
        token = _cookie(request)
        visitor = None if token is None else self._visitors.get(token)
        if token is None or visitor is None:
            return _to("/")
        visit = visitor.visit
        if visit.over:
            bought = sum(line.units for line in visit.info["purchases"])
            text = f"Your visit has ended, and is recorded. You bought {bought} {'unit' if bought == 1 else 'units'}."
            again = visitor.visits < self.visits_each
            return self._message("Thank you", text, csrf=self._csrf(token) if again else "")
        values = shop_page(visit) | {
            "shop": self.shop.catalog.name,
            "csrf": self._csrf(token),
            "step": visit.steps,
            "stale": "older" in request.query_params,
        }
        return _page("shop.html", values)

    async def _act(self, request: Request) -> Response:
        token, form = _cookie(request), await _form(request)
        if form is None:
            return self._message("Too much at once", f"At most {MAX_FORM_BYTES:,} bytes can be sent.", 413)
        visitor = None if token is None else self._visitors.get(token)
        if token is None or visitor is None or not self._is_own(token, form):
            return self._message("Please go back", "This page is too old, or not from this shop.", 403)
        if form.get("step") != str(visitor.visit.steps):
            return _to("/shop?older=1")
        visitor.visit.act(action_of(form))
        return _to_shop()

    async def _style(self, _: Request) -> Response:
        from starlette.responses import Response

        return Response(render("style.css", {}), media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def _lost(self, _: Request, error: Exception) -> Response:
        return self._message("Nothing here", "There is no such page.", getattr(error, "status_code", 404))

    async def _not_kept(self, _: Request, error: Exception) -> Response:
        log.error("A step of a visit could not be kept. %s", error)
        return self._message("The shop has to close", "What you did last could not be recorded. Please tell us.", 503)

    def _message(self, title: str, text: str, status: int = 200, *, csrf: str = "") -> Response:
        values = {"shop": self.shop.catalog.name, "title": title, "text": text, "csrf": csrf}
        return _page("message.html", values | {"again": bool(csrf), "back": status != 200}, status)

    def _csrf(self, token: str) -> str:
        return hmac.new(self._secret, token.encode(), hashlib.sha256).hexdigest()

    def _is_own(self, token: str, form: Mapping[str, str]) -> bool:
        return hmac.compare_digest(self._csrf(token).encode(), form.get("csrf", "").encode())


def action_of(form: Mapping[str, str]) -> dict[str, Any]:
    """The tool call that a form stands for; what it lacks, or has too much of, the shop says.

    Args:
        form: ``action``, a name of `paars_gym.shop.actions.ACTIONS`, and its fields; an option of a product is called
            ``option:`` and its name.
    """
    name = form.get("action", "")
    arguments: dict[str, Any] = {}
    if name == "search":
        arguments = {"query": form.get("query", "")}
        arguments |= {field: form[field].strip() for field in _SEARCH_FIELDS[1:] if form.get(field, "").strip()}
    elif name in ("view", "remove_from_cart", "add_to_cart"):
        arguments = {"product_id": form.get("product_id", "")}
    if name == "add_to_cart":
        arguments |= {"units": form["units"]} if form.get("units") else {}
        options = {key.removeprefix("option:"): value for key, value in form.items() if key.startswith("option:")}
        arguments["options"] = {key: value for key, value in options.items() if value}
    return {"name": name, "arguments": arguments}


def read_consent(path: Any) -> tuple[str, ...]:
    """The paragraphs of a text file, for visitors to agree to.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is empty, too long, or no UTF-8.
    """
    from pathlib import Path

    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}; it holds the text that visitors agree to.")
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{str(path)!r} is no UTF-8 text.") from None
    if not text.strip() or len(text) > MAX_FORM_BYTES:
        raise ValueError(f"{str(path)!r} has {len(text):,} characters, must have from 1 to {MAX_FORM_BYTES:,}.")
    return tuple(part.strip() for part in re.split(r"\n\s*\n", text) if part.strip())


def _shopper(token: str) -> str:
    """How a visitor is called in the log, from which nobody can get the cookie back."""
    return f"visitor-{hashlib.sha256(token.encode()).hexdigest()[:16]}"


def _cookie(request: Request) -> str | None:
    token = request.cookies.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else None


async def _form(request: Request) -> dict[str, str] | None:
    """The fields of a form; None for one that is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return None
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return None
    return dict(pairs)


def _page(template: str, values: Mapping[str, Any], status: int = 200) -> Response:
    from starlette.responses import HTMLResponse

    return HTMLResponse(render(template, values), status, headers=_HEADERS)


def _to_shop() -> Response:
    return _to("/shop")


def _to(path: str) -> Response:
    from starlette.responses import RedirectResponse

    return RedirectResponse(path, 303, headers=_HEADERS)
