from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

pytest.importorskip("mcp")
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.serve import stdin_lines
from paars_gym.serve.mcp_shop import McpShop, fault_of
from paars_gym.serve.stdin_lines import StdinLines
from paars_gym.serve.visits import ServedShop
from paars_gym.sessions.opening import open_store, read_sessions
from paars_gym.shop.actions import ACTIONS
from paars_gym.simulation.read_run import Run
from tests.serve.web_serving import running


@contextmanager
def mcp_shop(out: Path, catalog: Catalog, *, tools: Any = "ucp", **options: Any) -> Iterator[str]:
    with (
        ServedShop(out, ShopConfig(catalog=catalog, page_size=3), visitors="outside agents", **options) as shop,
        running(McpShop(shop, tools=tools).application()) as address,
    ):
        yield f"{address}/mcp"


async def buy(client: Client, query: str) -> str:
    """A whole purchase; gives the product."""
    found = await client.call_tool("search_catalog", {"catalog": {"query": query}})
    product: str = found.structured_content["products"][0]["id"]  # type: ignore[index]
    await client.call_tool("get_product", {"catalog": {"id": product}})
    cart = {"line_items": [{"item": {"id": product}, "quantity": 2}]}
    made = await client.call_tool("create_checkout", {"checkout": cart, "meta": {"ucp-agent": {"profile": "x"}}})
    done = await client.call_tool("complete_checkout", {"id": made.structured_content["id"], "checkout": {}})  # type: ignore[index]
    assert done.structured_content["status"] == "completed"  # type: ignore[index]
    assert json.loads(done.content[0].text) == done.structured_content  # type: ignore[union-attr]
    left = await client.call_tool("stop", {})
    assert not left.is_error
    return product


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_whole_purchase_over_http(catalog: Catalog, tmp_path: Path, mode: str) -> None:
    async def shop(address: str) -> str:
        async with Client(address, mode=mode) as client:
            return await buy(client, "headphones")

    with mcp_shop(tmp_path, catalog) as address:
        product = asyncio.run(shop(address))
    (session,) = read_sessions(tmp_path)
    assert [event.kind for event in session.events] == ["search", "view", "add", "purchase", "stop"]
    assert session.events[3].product == product
    assert session.shopper.startswith("mcp-")
    assert open_store(tmp_path).provenance.synthetic


def test_a_whole_purchase_over_stdio(tmp_path: Path) -> None:
    command = ["-m", "paars_gym", "serve", "--mcp", "--stdio", "--out", str(tmp_path / "out")]

    async def shop() -> str:
        parameters = StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))
        async with Client(stdio_client(parameters)) as client:
            assert "search_catalog" in {tool.name for tool in (await client.list_tools()).tools}
            return await buy(client, "kettle")

    product = asyncio.run(shop())
    (session,) = read_sessions(tmp_path / "out")
    assert [event.kind for event in session.events] == ["search", "view", "add", "purchase", "stop"]
    assert session.events[3].product == product
    assert (tmp_path / "out" / "sessions").is_dir()  # closed in order when stdin ended


def test_ctrl_c_ends_stdio_and_keeps_the_visit(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "paars_gym",
        "serve",
        "--mcp",
        "--stdio",
        "--tools",
        "shop",
        "--out",
        str(tmp_path),
    ]
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "by hand", "version": "1"}}
    messages = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "search", "arguments": {"query": "kettle"}}},
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"no JSON\n")
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=20)[1]
    assert answers[1]["result"]["content"][0]["text"].startswith("mini: results for")
    assert process.returncode == 0
    assert b"1 visit in" in told
    (session,) = read_sessions(tmp_path)
    assert session.shopper.startswith("by-hand-")
    assert [event.kind for event in session.events] == ["search"]


def test_lines_of_stdin() -> None:
    async def read(pieces: list[bytes]) -> list[str]:
        inner, outer = os.pipe()
        lines = StdinLines(inner)
        for piece in pieces:
            os.write(outer, piece)
        os.close(outer)
        got = [line async for line in lines]
        os.close(inner)
        return got

    assert asyncio.run(read([b"one\ntw", "o ü\nthree".encode()])) == ["one", "two ü", "three"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stdin_lines, "MAX_LINE_BYTES", 10)
        assert asyncio.run(read([b"x" * 40 + b"\nshort\n"])) == ["", "short"]
    assert asyncio.run(read([])) == []


def test_two_at_once_have_a_visit_and_an_arm_each(catalog: Catalog, tmp_path: Path) -> None:
    async def shop(address: str) -> None:
        async with Client(address) as one, Client(address) as two:
            await one.call_tool("search_catalog", {"catalog": {"query": "headphones"}})
            await two.call_tool("search_catalog", {"catalog": {"query": "kettle"}})
            for client, product in ((one, "h1"), (two, "k1")):
                cart = {"line_items": [{"item": {"id": product}, "quantity": 1}]}
                made = await client.call_tool("create_cart", {"cart": cart})
                assert [line["item"]["id"] for line in made.structured_content["line_items"]] == [product]  # type: ignore[index]
        await asyncio.gather(*(_bought(address) for _ in range(12)))

    async def _bought(address: str) -> None:
        async with Client(address) as client:
            await buy(client, "shoes")

    with mcp_shop(tmp_path, catalog, treatment="bm25+rating:0.5") as address:
        asyncio.run(shop(address))
    arms = {name: read_sessions(tmp_path / name) for name in ("control", "treatment")}
    assert all(arms.values())
    sessions = [session for arm in arms.values() for session in arm]
    assert len(sessions) == 14
    left = {session.events[0].query: session for session in sessions if session.count("purchase") == 0}
    assert {query: session.events[-1].product for query, session in left.items()} == {
        "headphones": "h1",
        "kettle": "k1",
    }


def test_a_malformed_call_is_told_and_is_a_step(catalog: Catalog, tmp_path: Path) -> None:
    async def shop(address: str) -> None:
        async with Client(address) as client:
            for arguments in ({}, {"catalog": {}}, {"catalog": {"id": 7}}, {"catalog": {"id": "x" * 5_000}}):
                wrong = await client.call_tool("get_product", arguments)
                assert wrong.is_error
                assert wrong.content[0].text.startswith("get_product: ")  # type: ignore[union-attr]
            missing = await client.call_tool("get_product", {"catalog": {"id": "nothing"}})
            assert missing.structured_content["ucp"]["status"] == "error"  # type: ignore[index]
            with pytest.raises(MCPError, match="no tool 'buy'"):
                await client.call_tool("buy", {})
            with pytest.raises(MCPError, match="11 ids"):
                await client.call_tool("lookup_catalog", {"catalog": {"ids": [str(n) for n in range(11)]}})

    with mcp_shop(tmp_path, catalog) as address:
        asyncio.run(shop(address))
        assert httpx2.post(address, json={"nothing": 1}).status_code in (400, 406)
        assert httpx2.post(address, content=b"x" * 300_000).status_code == 413
        assert httpx2.get(address, headers={"host": "evil.example"}).status_code == 400
        assert httpx2.get(address, headers={"origin": "http://evil.example"}).status_code == 403
    (session,) = read_sessions(tmp_path)
    assert session.events == ()
    steps = Run(tmp_path).session(session.key).steps
    assert [step.valid for step in steps] == [False] * 5


def test_agents_find_the_tools_by_the_profile(catalog: Catalog, tmp_path: Path) -> None:
    with mcp_shop(tmp_path, catalog) as address:
        where = address.replace("/mcp", "/.well-known/ucp")
        told = httpx2.get(where).json()["ucp"]
        assert httpx2.get(where, headers={"host": "evil.example"}).status_code == 400
    (service,) = told["services"]["dev.ucp.shopping"]
    assert service == {
        "version": "2026-04-08",
        "spec": "https://ucp.dev/2026-04-08/specification/overview",
        "transport": "mcp",
        "schema": "https://ucp.dev/2026-04-08/services/shopping/mcp.openrpc.json",
        "endpoint": address,
    }
    assert set(told["capabilities"]) == {
        "dev.ucp.shopping.catalog.search",
        "dev.ucp.shopping.catalog.lookup",
        "dev.ucp.shopping.cart",
        "dev.ucp.shopping.checkout",
    }
    assert told["payment_handlers"] == {}


def test_the_newest_protocol_which_has_no_connections_is_refused_in_words(catalog: Catalog, tmp_path: Path) -> None:
    async def shop(address: str) -> None:
        async with Client(address, mode="2026-07-28") as client:
            with pytest.raises(MCPError, match="begin with initialize"):
                await client.call_tool("stop", {})

    with mcp_shop(tmp_path, catalog) as address:
        asyncio.run(shop(address))
    assert read_sessions(tmp_path) == []


def test_the_shops_own_tools_show_agents_pages(catalog: Catalog, tmp_path: Path) -> None:
    async def shop(address: str) -> None:
        async with Client(address) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == list(ACTIONS)
            said = []
            for tool, arguments in (
                ("search", {"query": "headphones"}),
                ("add_to_cart", {"product_id": "h1", "units": 2}),
                ("add_to_cart", {"units": 2}),
                ("purchase", {}),
                ("stop", {}),
                ("search", {"query": "more"}),
            ):
                answer = await client.call_tool(tool, arguments)
                said.append((answer.is_error, answer.content[0].text))  # type: ignore[union-attr]
            assert [failed for failed, _ in said] == [False, False, True, False, False, True]
            assert "Auro" in said[0][1]
            assert "You can" not in said[0][1]
            assert "Order placed: 2 units" in said[3][1]

    with mcp_shop(tmp_path, catalog, tools="shop") as address:
        asyncio.run(shop(address))
    (session,) = read_sessions(tmp_path)
    assert [event.kind for event in session.events] == ["search", "add", "purchase", "stop"]
    with pytest.raises(ValueError, match="Available: ucp, shop"):
        McpShop(None, tools="others")  # type: ignore[arg-type]


def test_faults_in_words() -> None:
    assert fault_of("get_cart", {"id": "a", "more": 1}) == ""
    assert fault_of("get_cart", {}) == "get_cart: 'id' is a required property"
    cart = {"line_items": [{"item": {"id": "a"}, "quantity": 0}]}
    assert fault_of("create_cart", {"cart": cart}) == (
        "create_cart: cart.line_items.0.quantity: 0 is less than the minimum of 1"
    )
