from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.serve import ucp
from paars_gym.serve.ucp_visit import TooManyIdsError, UcpVisit
from paars_gym.serve.visits import ServedShop
from paars_gym.sessions.opening import read_sessions
from tests.serve.ucp_facts import TOOLS, faults


@pytest.fixture
def shop(catalog: Catalog, tmp_path: Path) -> Iterator[ServedShop]:
    with ServedShop(tmp_path / "out", ShopConfig(catalog=catalog, page_size=3), visitors="outside agents") as shop:
        yield shop


@pytest.fixture
def visit(shop: ServedShop) -> UcpVisit:
    return UcpVisit(shop.begin("agent"))


def line(item: str, quantity: int = 1) -> dict[str, Any]:
    return {"item": {"id": item}, "quantity": quantity}


def kinds(visit: UcpVisit) -> list[str]:
    visit.visit.leave()
    (session,) = read_sessions(visit.visit._path.parents[1])
    return [event.kind for event in session.events]


def actions(visit: UcpVisit) -> list[str | None]:
    return [step.action for step in visit.visit._steps]


def test_the_tools_are_the_protocols() -> None:
    assert set(ucp.TOOLS) == set(TOOLS)
    for name, parameters in TOOLS.items():
        assert tuple(ucp.TOOLS[name]["input_schema"]["properties"]) == parameters


def test_faults_are_seen() -> None:
    assert faults({"ucp": {"version": "1"}, "products": [{"id": "a"}]}, "search_response") == [
        "$.ucp: version",
        *(f"$.products[0]: lacks {name}" for name in ("title", "description", "price_range", "variants")),
        "$.products[0]: variants",
    ]


def test_a_whole_purchase_in_the_protocols_shapes(visit: UcpVisit) -> None:
    found = visit.call("search_catalog", {"catalog": {"query": "headphones", "filters": {"price": {"max": 10_000}}}})
    assert faults(found, "search_response") == []
    product = visit.call("get_product", {"catalog": {"id": found["products"][0]["id"]}})
    assert faults(product, "get_product_response") == []
    variant = product["product"]["variants"][0]
    cart = visit.call("create_cart", {"cart": {"line_items": [line(variant["id"], 2), line("k1")]}})
    assert faults(cart, "cart") == []
    total = 2 * variant["price"]["amount"] + cart["line_items"][1]["item"]["price"]
    assert cart["totals"] == [{"type": "subtotal", "amount": total}, {"type": "total", "amount": total}]
    assert visit.call("get_cart", {"id": cart["id"]}) == cart
    cart = visit.call("update_cart", {"id": cart["id"], "cart": {"line_items": [line(variant["id"], 1)]}})
    assert [(one["item"]["id"], one["quantity"]) for one in cart["line_items"]] == [(variant["id"], 1)]
    checkout = visit.call("create_checkout", {"checkout": {"cart_id": cart["id"], "line_items": []}})
    assert faults(checkout, "checkout") == []
    assert (checkout["status"], checkout["line_items"]) == ("ready_for_complete", cart["line_items"])
    for _ in range(2):  # a call that is sent again buys nothing again
        done = visit.call("complete_checkout", {"id": checkout["id"], "checkout": {"payment": {}}})
        assert faults(done, "checkout") == []
        assert done["status"] == "completed"
    gone = visit.call("get_cart", {"id": cart["id"]})
    assert faults(gone, "error_response") == []
    assert gone["messages"][0]["code"] == "not_found"
    assert kinds(visit) == ["search", "view", "add", "add", "remove", "remove", "add", "purchase"]


def test_pages_follow_by_cursor_wherever_the_visitor_is(visit: UcpVisit, shop: ServedShop) -> None:
    def search(**catalog: Any) -> dict[str, Any]:
        answer = visit.call("search_catalog", {"catalog": catalog})
        assert faults(answer, "search_response") == []
        return answer

    first = search(query="headphones")
    visit.call("get_product", {"catalog": {"id": first["products"][0]["id"]}})
    second = search(pagination={"cursor": first["pagination"]["cursor"]})
    assert not {one["id"] for one in first["products"]} & {one["id"] for one in second["products"]}
    assert second["pagination"]["total_count"] == first["pagination"]["total_count"] > 3
    search(query="kettle")
    again = search(pagination={"cursor": first["pagination"]["cursor"], "limit": 1})
    assert [one["id"] for one in again["products"]] == [one["id"] for one in second["products"]]
    assert faults(visit.call("search_catalog", {"catalog": {"pagination": {"cursor": "x"}}}), "error_response") == []
    assert actions(visit) == [
        "search[headphones]",
        f"view[{first['products'][0]['id']}]",
        "back[]",
        "next_page[]",
        "search[kettle]",
        "search[headphones]",
        "next_page[]",
    ]


def test_filters_are_the_shops(visit: UcpVisit) -> None:
    filters = {"categories": ["Headphones"], "price": {"min": 1_950, "max": 6_000}, "brand": "Auro", "min_rating": 3}
    visit.call("search_catalog", {"catalog": {"query": "", "filters": filters, "sort": "price_low"}})
    assert actions(visit) == [
        "search[ | min_price=19.5 | max_price=60 | brand=Auro | min_rating=3 | category=Headphones | sort=price_low]"
    ]
    assert [product.id for product in visit.visit.info["products"]] == ["h2", "h1"]
    for catalog in ({"query": ""}, {"query": "a", "filters": {"price": {"min": 9, "max": 1}}}):
        refused = visit.call("search_catalog", {"catalog": catalog})
        assert faults(refused, "error_response") == []
        assert refused["messages"][0]["code"] == "invalid"


def test_variants_are_choices_of_options(tmp_path: Path) -> None:
    shoe = Product(id="s?1", title="Shoe", price=5, options={"size": ("S", "M & L"), "colour": ("red", "blue")})
    catalog = Catalog.from_products([shoe, shoe.model_copy(update={"id": "p2"})], name="shoes", currency="JPY")
    with ServedShop(tmp_path, ShopConfig(catalog=catalog), visitors="outside agents") as shop:
        visit = UcpVisit(shop.begin("agent"))
        chosen = [{"name": "size", "label": "M & L"}, {"name": "size", "label": "XXL"}]
        answer = visit.call("get_product", {"catalog": {"id": "s?1", "selected": chosen}})
        assert faults(answer, "get_product_response") == []
        product = answer["product"]
        assert product["selected"] == [{"name": "size", "label": "M & L"}]
        variant = product["variants"][0]
        assert variant["price"] == {"amount": 5, "currency": "JPY"}
        assert len({one["id"] for one in product["variants"]}) == len(product["variants"]) > 1
        both = visit.call("get_product", {"catalog": {"id": f"{variant['id']}&colour=red"}})
        assert both["product"]["variants"][0]["options"] == [
            {"name": "colour", "label": "red"},
            {"name": "size", "label": "M & L"},
        ]
        lines = [line(variant["id"]), line("s?1", 2), line("s?1?size=XXL"), line("p2", 11), line("nothing")]
        cart = visit.call("create_cart", {"cart": {"line_items": lines}})
        assert faults(cart, "cart") == []
        assert [(one["item"]["id"], one["quantity"]) for one in cart["line_items"]] == [(variant["id"], 1), ("s?1", 2)]
        told = [(one["code"], one["path"]) for one in cart["messages"]]
        assert told == [
            ("invalid", "$.line_items[2]"),
            ("invalid", "$.line_items[3]"),
            ("not_found", "$.line_items[4]"),
        ]
        less = visit.call("update_cart", {"id": cart["id"], "cart": {"line_items": [line("s?1", 1), line("s?1", 2)]}})
        assert [(one["item"]["id"], one["quantity"]) for one in less["line_items"]] == [("s?1", 3)]


def test_a_lookup_tells_no_more_than_a_list_and_is_no_view(visit: UcpVisit) -> None:
    answer = visit.call("lookup_catalog", {"catalog": {"ids": ["k1", "k1", "h1", "nothing"]}})
    assert faults(answer, "lookup_response") == []
    assert [one["id"] for one in answer["products"]] == ["k1", "h1"]
    assert answer["products"][0]["variants"][0]["inputs"] == [{"id": "k1", "match": "featured"}]
    assert answer["messages"][0]["code"] == "not_found"
    with pytest.raises(TooManyIdsError, match="11 ids"):
        visit.call("lookup_catalog", {"catalog": {"ids": [str(number) for number in range(11)]}})
    assert actions(visit) == []


def test_what_cannot_be_had_is_told(visit: UcpVisit, catalog: Catalog) -> None:
    sold_out = next(one.id for one in catalog if not one.available)
    refused = visit.call("create_checkout", {"checkout": {"line_items": [line(sold_out)]}})
    assert faults(refused, "error_response") == []
    assert refused["messages"][0]["code"] == "out_of_stock"
    empty = visit.call("create_checkout", {"checkout": {}})
    assert (empty["status"], faults(empty, "checkout")) == ("incomplete", [])
    assert visit.call("complete_checkout", {"id": empty["id"]})["messages"][0]["code"] == "invalid"
    assert visit.call("update_checkout", {"id": empty["id"], "checkout": {"line_items": [line("k1")]}})["line_items"]
    assert visit.call("cancel_checkout", {"id": empty["id"]})["status"] == "canceled"
    for tool in ("complete_checkout", "update_checkout"):
        late = visit.call(tool, {"id": empty["id"], "checkout": {"line_items": []}})
        assert faults(late, "checkout") == []
        assert late["messages"]
    for tool in ("get_checkout", "cancel_checkout", "complete_checkout", "get_cart", "cancel_cart", "update_cart"):
        assert faults(visit.call(tool, {"id": "x", "cart": {"line_items": []}}), "error_response") == []
    cart = visit.call("create_cart", {"cart": {"line_items": [line("k1", 2)]}})
    assert visit.call("cancel_cart", {"id": cart["id"]}) == cart
    assert visit.visit.info["cart"] == ()
    visit.visit.leave()
    assert visit.call("get_cart", {"id": "x"})["messages"][0]["code"] == "visit_over"


def test_a_checkout_buys_its_own_items(visit: UcpVisit) -> None:
    checkout = visit.call("create_checkout", {"checkout": {"line_items": [line("k1")]}})
    visit.call("create_cart", {"cart": {"line_items": [line("h1"), line("h2")]}})
    done = visit.call("complete_checkout", {"id": checkout["id"]})
    assert [one["item"]["id"] for one in done["line_items"]] == ["k1"]
    assert [one.product for one in visit.visit.info["purchases"]] == ["k1"]


def test_a_visit_that_is_cut_off_says_so(catalog: Catalog, tmp_path: Path) -> None:
    with ServedShop(tmp_path, ShopConfig(catalog=catalog), visitors="outside agents", max_steps=1) as shop:
        visit = UcpVisit(shop.begin("agent"))
        answer = visit.call("create_cart", {"cart": {"line_items": [line("k1"), line("h1")]}})
        assert answer["messages"][-1]["code"] == "visit_over"


@pytest.mark.parametrize(
    ("currency", "price", "expected"),
    [
        ("USD", 19.99, (1999, "USD")),
        ("JPY", 500, (500, "JPY")),
        ("points", 1.5, (150, "XXX")),
        ("KWD", 1.5, (1500, "KWD")),
    ],
)
def test_amounts(currency: str, price: float, expected: tuple[int, str]) -> None:
    money = ucp.Money(currency)
    assert tuple(money.price(price).values()) == expected
    assert money.major(expected[0]) == price
    assert money.amount(None) == 0
