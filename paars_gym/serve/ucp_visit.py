"""A visit by the tools of the Universal Commerce Protocol: calls become actions of the shop, answers have its shapes.

| tool | actions of the shop |
|---|---|
| `search_catalog` | `search`; with a cursor `next_page`, after `back` where a product was opened meanwhile |
| `get_product` | `view` |
| `create_cart`, `update_cart`, `cancel_cart` | `remove_from_cart`, `add_to_cart`: those that make the cart as asked |
| `create_checkout`, `update_checkout` | the same, for its items |
| `complete_checkout` | `purchase` |
| `lookup_catalog`, `get_cart`, `get_checkout`, `cancel_checkout` | none: they tell nothing that was not shown before |
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from paars_gym.catalog.filters import SORTS
from paars_gym.serve import ucp
from paars_gym.serve.visits import ServedVisit
from paars_gym.serve.web_pages import page_content
from paars_gym.shop.state import CartLine, Options, Results

MOST_IDS = 10
"""Of a lookup."""
Answer = dict[str, Any]


class TooManyIdsError(ValueError):
    """A lookup asks for more products than are told at once."""


class _Checkout(NamedTuple):
    lines: tuple[CartLine, ...]
    status: str
    order: str = ""


class UcpVisit:
    """The protocol's view of one `ServedVisit`: its cart, its checkouts and its cursors."""

    def __init__(self, visit: ServedVisit) -> None:
        self.visit = visit
        self._money = ucp.Money(visit.shop.catalog.currency)
        self._cart_id = ""
        self._checkouts: dict[str, _Checkout] = {}
        self._cursors: dict[str, Results] = {}
        self._carts = 0

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """What a tool answers.

        Args:
            tool: Of `paars_gym.serve.ucp.TOOLS`.
            arguments: As its schema has them.

        Raises:
            TooManyIdsError: See there.
        """
        if self.visit.over:
            return ucp.error_response(ucp.message("visit_over", "The visit is over.", severity="unrecoverable"))
        answer: Answer = getattr(self, f"_{tool}")(arguments)
        return answer

    def refuse(self, tool: str, arguments: object) -> None:
        """Takes a call that cannot be read as a step of the visit that came to nothing, as every other shopper's."""
        self.visit.act(json.dumps({"name": tool, "arguments": arguments}, default=str)[:2_000])

    def _search_catalog(self, arguments: Mapping[str, Any]) -> Answer:
        asked = arguments["catalog"]
        cursor = asked.get("pagination", {}).get("cursor")
        if cursor is not None:
            if cursor not in self._cursors:
                return ucp.error_response(ucp.message("invalid", "There is no such cursor; search again."))
            self._walk_to(self._cursors[cursor])
        else:
            filters = asked.get("filters", {})
            price = {
                f"{end}_price": self._money.major(filters["price"][end])
                for end in ("min", "max")
                if end in filters.get("price", {})
            }
            more = {name: filters[name] for name in ("brand", "min_rating", "in_stock") if name in filters}
            categories = filters.get("categories", ())
            category = {"category": categories[0]} if categories else {}
            sort = {"sort": asked["sort"]} if asked.get("sort") in SORTS else {}
            query = {"query": asked.get("query", "")}
            self.visit.act({"name": "search", "arguments": query | price | more | category | sort})
        if self.visit.info["error"]:
            return self._refused()
        page = self._page()
        pagination: dict[str, Any] = {"has_next_page": self.visit.info["more"]}
        if isinstance(page, Results):
            pagination["total_count"] = self.visit.shop.shown(page).total
            if self.visit.info["more"]:
                following = replace(page, number=page.number + 1)
                pagination["cursor"] = f"page-{following.number}-{len(self._cursors) + 1}"
                self._cursors[pagination["cursor"]] = following
        products = [ucp.listed(product, self._money) for product in self.visit.info["products"]]
        return {"ucp": ucp.envelope(ucp.SEARCH), "products": products, "pagination": pagination}

    def _walk_to(self, wanted: Results) -> None:
        """Goes to a page of results as a shopper would: back from what was opened, and on; else by a new search."""
        before = replace(wanted, number=wanted.number - 1)
        while not isinstance(self._page(), Results) and self.visit.info["can_back"] and not self.visit.over:
            self.visit.act("back[]")
        if self._page() == wanted:
            return
        if self._page() != before:
            filters = wanted.filters.model_dump(exclude_defaults=True)
            asked = {"query": wanted.query, "sort": wanted.sort, **filters}
            self.visit.act({"name": "search", "arguments": asked})
        while self._page() != wanted and not self.visit.over and not self.visit.info["error"]:
            self.visit.act("next_page[]")

    def _lookup_catalog(self, arguments: Mapping[str, Any]) -> Answer:
        ids = list(dict.fromkeys(arguments["catalog"]["ids"]))
        if len(ids) > MOST_IDS:
            raise TooManyIdsError(f"{len(ids)} ids were asked for; at most {MOST_IDS} are told at once.")
        found: dict[str, Answer] = {}
        missing = []
        for asked in ids:
            product_id, options = self._read_id(asked)
            product = self.visit.shop.product(product_id)
            if product is None:
                missing.append(ucp.message("not_found", f"There is no product {asked!r}."))
                continue
            shape = found.setdefault(product_id, {**ucp.listed(product, self._money), "variants": []})
            wanted = ucp.variant_id(product_id, options)
            variant = next((one for one in shape["variants"] if one["id"] == wanted), None)
            if variant is None:
                words = {"title": shape["title"], "description": shape["title"]}
                variant = ucp.product_shape(product, self._money, words, options)["variants"][0] | {"inputs": []}
                shape["variants"].append(variant)
            variant["inputs"].append({"id": asked, "match": "exact" if options else "featured"})
        answer: Answer = {"ucp": ucp.envelope(ucp.LOOKUP), "products": list(found.values())}
        return answer | ({"messages": missing} if missing else {})

    def _get_product(self, arguments: Mapping[str, Any]) -> Answer:
        asked = arguments["catalog"]
        product_id, options = self._read_id(asked["id"])
        self.visit.act({"name": "view", "arguments": {"product_id": product_id}})
        if self.visit.info["error"]:
            return self._refused()
        (product,) = self.visit.info["products"]
        wanted = options or tuple(sorted((one["name"], one["label"]) for one in asked.get("selected", ())))
        chosen = tuple((name, label) for name, label in wanted if label in product.options.get(name, ()))
        page = page_content(self.visit)["product"]
        return {"ucp": ucp.envelope(ucp.LOOKUP), "product": ucp.detailed(product, self._money, page, chosen)}

    def _create_cart(self, arguments: Mapping[str, Any]) -> Answer:
        messages = self._fill(arguments["cart"]["line_items"])
        if messages and not self.visit.info["cart"]:
            return ucp.error_response(*messages)
        self._carts += 1
        self._cart_id = f"cart_{self._carts}"
        return self._cart(messages)

    def _get_cart(self, arguments: Mapping[str, Any]) -> Answer:
        return self._cart() if self._has_cart(arguments["id"]) else _no_such("cart", arguments["id"])

    def _update_cart(self, arguments: Mapping[str, Any]) -> Answer:
        if not self._has_cart(arguments["id"]):
            return _no_such("cart", arguments["id"])
        return self._cart(self._fill(arguments["cart"]["line_items"]))

    def _cancel_cart(self, arguments: Mapping[str, Any]) -> Answer:
        if not self._has_cart(arguments["id"]):
            return _no_such("cart", arguments["id"])
        before = self._cart()
        self._fill(())
        self._cart_id = ""
        return before

    def _create_checkout(self, arguments: Mapping[str, Any]) -> Answer:
        asked = arguments["checkout"]
        messages: list[Answer] = []
        if "cart_id" in asked:
            if not self._has_cart(asked["cart_id"]):
                return _no_such("cart", asked["cart_id"])
        else:
            messages = self._fill(asked.get("line_items", ()))
        if messages and not self.visit.info["cart"]:
            return ucp.error_response(*messages)
        name = f"checkout_{len(self._checkouts) + 1}"
        self._checkouts[name] = self._begun()
        return self._checkout(name, messages)

    def _get_checkout(self, arguments: Mapping[str, Any]) -> Answer:
        return self._checkout(arguments["id"])

    def _update_checkout(self, arguments: Mapping[str, Any]) -> Answer:
        name = arguments["id"]
        if name not in self._checkouts or not self._is_open(name):
            return self._checkout(name, [ucp.message("invalid", "This checkout can no longer be changed.")])
        messages = self._fill(arguments["checkout"].get("line_items", ()))
        self._checkouts[name] = self._begun()
        return self._checkout(name, messages)

    def _complete_checkout(self, arguments: Mapping[str, Any]) -> Answer:
        name = arguments["id"]
        checkout = self._checkouts.get(name)
        if checkout is None or checkout.status == "completed":  # asked for twice, it is bought once
            return self._checkout(name)
        if checkout.status == "canceled":
            return self._checkout(name, [ucp.message("invalid", "This checkout was canceled.")])
        messages = self._put(checkout.lines)
        if messages:
            return self._checkout(name, messages)
        self.visit.act("purchase[]")
        if self.visit.info["error"]:
            return self._checkout(name, [ucp.message("invalid", self.visit.info["error"], path="$.line_items")])
        self._cart_id = ""
        self._checkouts[name] = checkout._replace(status="completed", order=f"{self.visit.key}-{name}")
        return self._checkout(name)

    def _cancel_checkout(self, arguments: Mapping[str, Any]) -> Answer:
        name = arguments["id"]
        if name in self._checkouts and self._is_open(name):
            self._checkouts[name] = self._checkouts[name]._replace(status="canceled")
        return self._checkout(name)

    def _has_cart(self, name: str) -> bool:
        return bool(self._cart_id) and name == self._cart_id

    def _is_open(self, name: str) -> bool:
        return self._checkouts[name].status in ("incomplete", "ready_for_complete")

    def _begun(self) -> _Checkout:
        lines = self.visit.info["cart"]
        return _Checkout(lines, "ready_for_complete" if lines else "incomplete")

    def _cart(self, messages: Sequence[Answer] = ()) -> Answer:
        return self._priced(self._cart_id, self.visit.info["cart"], ucp.envelope(ucp.CART, ucp.CHECKOUT), messages)

    def _checkout(self, name: str, messages: Sequence[Answer] = ()) -> Answer:
        if name not in self._checkouts:
            return _no_such("checkout", name)
        lines, status, order = self._checkouts[name]
        answer = self._priced(name, lines, ucp.envelope(ucp.CHECKOUT, payment=True), messages)
        answer |= {"status": status, "links": []}
        # Orders have no page here; the protocol wants an address of one.
        return answer | ({"order": {"id": order, "permalink_url": f"urn:paars-gym:order:{order}"}} if order else {})

    def _priced(self, name: str, lines: Sequence[CartLine], told: Answer, messages: Sequence[Answer]) -> Answer:
        products = [self.visit.shop.product(line.product) for line in lines]
        known = [(line, product) for line, product in zip(lines, products, strict=True) if product is not None]
        items = ucp.line_items(known, self._money)
        answer: Answer = {"ucp": told, "id": name, "line_items": items, "currency": self._money.currency}
        answer["totals"] = self._money.totals(ucp.total_of(items))
        return answer | ({"messages": list(messages)} if messages else {})

    def _fill(self, items: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """Makes the cart hold these items; what could not be had is told."""
        lines = []
        for item in items:
            product_id, options = self._read_id(item["item"]["id"])
            lines.append(CartLine(product_id, item["quantity"], options))
        return self._put(lines)

    def _put(self, lines: Sequence[CartLine]) -> list[Answer]:
        wanted: dict[tuple[str, Options], int] = {}
        places: dict[tuple[str, Options], int] = {}
        for place, (product_id, units, options) in enumerate(lines):
            wanted[product_id, options] = wanted.get((product_id, options), 0) + units
            places.setdefault((product_id, options), place)
        there = {(line.product, line.options): line.units for line in self.visit.info["cart"]}
        # The shop takes out all of a product at once: what stays of it is put in again.
        less = {key[0] for key, units in there.items() if wanted.get(key, 0) < units}
        for product_id in sorted(less):
            self.visit.act({"name": "remove_from_cart", "arguments": {"product_id": product_id}})
        messages = []
        for (product_id, options), units in wanted.items():
            if self.visit.over:
                messages.append(ucp.message("visit_over", "The visit is over.", severity="unrecoverable"))
                break
            more = units - (0 if product_id in less else there.get((product_id, options), 0))
            if more:
                asked = {"product_id": product_id, "units": more, "options": dict(options)}
                self.visit.act({"name": "add_to_cart", "arguments": asked})
                if error := self.visit.info["error"]:
                    path = f"$.line_items[{places[product_id, options]}]"
                    messages.append(ucp.message(ucp.code_of(error), error, path=path))
        return messages

    def _refused(self) -> Answer:
        error = self.visit.info["error"]
        return ucp.error_response(ucp.message(ucp.code_of(error), error))

    def _read_id(self, text: str) -> tuple[str, Options]:
        return ucp.read_variant_id(text, lambda one: self.visit.shop.product(one) is not None)

    def _page(self) -> Any:
        return self.visit.env.unwrapped.snapshot().visit.state.page


def _no_such(what: str, name: str) -> Answer:
    return ucp.error_response(ucp.message("not_found", f"There is no {what} {name!r}.", severity="unrecoverable"))
