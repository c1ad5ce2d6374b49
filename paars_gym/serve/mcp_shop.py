"""The shop for outside agents, over the Model Context Protocol: a visit a connection, on stdio or HTTP.

The tools are those of the Universal Commerce Protocol (`paars_gym.serve.ucp`), or the shop's own actions with the pages
that simulated shoppers are shown. Both leave the same sessions.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, get_args

from paars_gym.serve import ucp
from paars_gym.serve.local_server import LOCAL_HOSTS
from paars_gym.serve.stdin_lines import StdinLines
from paars_gym.serve.ucp_visit import TooManyIdsError, UcpVisit
from paars_gym.serve.visits import IDLE_SECONDS, ServedShop, ServedVisit, ShopFullError
from paars_gym.shop.observation import without_hints
from paars_gym.shop.tools import tool_schemas
from paars_gym.version import __version__

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp.types import CallToolResult, Tool

ToolSet = Literal["ucp", "shop"]
PATH, PROFILE_PATH = "/mcp", "/.well-known/ucp"
MAX_BODY_BYTES = 256_000
SWEEP_SECONDS = 60
STOP = "Leave the shop; what is in the cart is not bought. The visit ends."
SESSION = "mcp-session-id"
"""Header that names a connection over HTTP."""
ONE_CONNECTION = "A visit is one connection: begin with initialize, and send the header mcp-session-id that comes back."
Answered = tuple[str, Mapping[str, Any] | None, bool]
"""Text, structured content, and whether it is an error."""


class AgentConnection:
    """One connected agent: its visit begins with its first call."""

    def __init__(self, shop: ServedShop, tools: ToolSet, client: str = "") -> None:
        """Args:
        shop: Open.
        tools: Which it is given.
        client: How the agent's program calls itself.
        """
        self._shop, self._tools = shop, tools
        name = re.sub(r"[^a-z0-9]+", "-", client.lower()).strip("-")[:40] or "agent"
        self._shopper = f"{name}-{secrets.token_hex(4)}"
        self._visit: ServedVisit | None = None
        self._ucp: UcpVisit | None = None

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Answered:
        """What a tool answers. A call that cannot be read is an error in words, and a step of the visit.

        Raises:
            TooManyIdsError: A lookup asks for too much.
            StorageError: The step cannot be kept.
        """
        try:
            visit = self._begun()
        except ShopFullError as full:
            return str(full), None, True
        if self._tools == "shop":
            if visit.over:
                return "The visit is over.", None, True
            visit.act({"name": tool, "arguments": dict(arguments)})
            page = "You left the shop." if visit.end == "stop" else without_hints(visit.observation)
            return page, None, not visit.info["action_valid"]
        assert self._ucp is not None, "made with the visit"
        if tool == "stop":
            visit.act("stop[]")
            return "You left the shop.", {"ucp": ucp.envelope()}, False
        if fault := fault_of(tool, arguments):
            self._ucp.refuse(tool, arguments)
            return fault, None, True
        answer = self._ucp.call(tool, arguments)
        return json.dumps(answer), answer, False

    @property
    def over(self) -> bool:
        """Whether there was a visit, and it has ended."""
        return self._visit is not None and self._visit.over

    def leave(self) -> None:
        """Ends the visit, if there was one."""
        if self._visit is not None:
            self._visit.leave()

    def _begun(self) -> ServedVisit:
        if self._visit is None:
            self._visit = self._shop.begin(self._shopper)
            self._ucp = UcpVisit(self._visit)
        return self._visit


class McpShop:
    """A `ServedShop` as an MCP server, for stdio (`serve_stdio`) or as an ASGI application (`application`)."""

    def __init__(self, shop: ServedShop, *, tools: ToolSet = "ucp") -> None:
        """Args:
            shop: Open as long as this serves.
            tools: ``ucp`` or ``shop``.

        Raises:
            ValueError: Other tools.
        """
        if tools not in get_args(ToolSet):
            raise ValueError(f"Unknown tools {tools!r}. Available: {', '.join(get_args(ToolSet))}.")
        self.shop, self.tools = shop, tools
        self._connections: dict[str, AgentConnection] = {}

    def server(self) -> Server[Any]:
        """The MCP server, of any number of connections that name themselves, or of the only one there is."""
        from mcp.server.lowlevel import Server
        from mcp.types import ListToolsResult

        async def on_list_tools(*_: Any) -> ListToolsResult:
            return ListToolsResult(tools=tool_list(self.tools))

        async def on_call_tool(context: Any, call: Any) -> Any:
            return self._answer(context, call.name, call.arguments or {})

        return Server(
            "paars_gym",
            version=__version__,
            title=f"The shop {self.shop.catalog.name}",
            instructions=(
                f"A shop for research: {self.shop.catalog.name}. Nothing is sold or paid, and what you do in it is "
                "recorded. Search, look at products, fill the cart, buy what suits, then leave with stop."
            ),
            on_list_tools=on_list_tools,
            on_call_tool=on_call_tool,
        )

    def _answer(self, context: Any, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        from mcp.shared.exceptions import MCPError
        from mcp.types import INVALID_PARAMS, INVALID_REQUEST, CallToolResult, TextContent

        if tool not in names_of(self.tools):
            known = ", ".join(names_of(self.tools))
            raise MCPError(code=INVALID_PARAMS, message=f"There is no tool {tool[:60]!r}. Available: {known}.")
        name = ""
        if (request := context.request) is not None:
            name = request.headers.get(SESSION, "")
            if not name:
                raise MCPError(code=INVALID_REQUEST, message=ONE_CONNECTION)
        if name not in self._connections:
            told = context.session.client_params
            self._connections[name] = AgentConnection(self.shop, self.tools, told.client_info.name if told else "")
        try:
            text, structured, failed = self._connections[name].call(tool, arguments)
        except TooManyIdsError as many:
            raise MCPError(code=INVALID_PARAMS, message=str(many)) from None
        content = None if structured is None else dict(structured)
        return CallToolResult(content=[TextContent(text=text)], structured_content=content, is_error=failed)

    def serve_stdio(self) -> None:
        """Serves one connection on stdin and stdout, until it ends, or Ctrl-C or SIGTERM ends it."""
        with suppress(KeyboardInterrupt):
            asyncio.run(self._on_stdio())

    async def _on_stdio(self) -> None:
        from mcp.server.stdio import stdio_server

        server = self.server()
        lines: Any = StdinLines()
        async with stdio_server(stdin=lines) as (read, write):
            await server.run(read, write, server.create_initialization_options())

    def application(self) -> Any:
        """An ASGI application that serves any number of connections at `PATH`, each named by its session header."""
        from mcp.types import DiscoverResult, RequestParams
        from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.responses import JSONResponse
        from starlette.routing import Mount, Route

        server = self.server()

        async def on_discover(*_: Any) -> DiscoverResult:
            # The newest protocol has no connections, and so no visits: agents that know it are sent to the one before.
            versions = list(HANDSHAKE_PROTOCOL_VERSIONS)
            return DiscoverResult(
                supported_versions=versions,
                capabilities=server.get_capabilities(),
                instructions=server.instructions,
            )

        server.add_request_handler("server/discover", RequestParams, on_discover)
        inner = server.streamable_http_app(
            streamable_http_path=PATH, max_request_body_size=MAX_BODY_BYTES, session_idle_timeout=IDLE_SECONDS
        )

        async def leaving(scope: Any, receive: Any, send: Any) -> None:
            await inner(scope, receive, send)
            if scope["type"] == "http" and scope["method"] == "DELETE":
                name = dict(scope["headers"]).get(SESSION.encode(), b"").decode("latin-1")
                if (gone := self._connections.pop(name, None)) is not None:
                    gone.leave()

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            sweeping = asyncio.create_task(self._sweep())
            async with inner.router.lifespan_context(inner):
                yield
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping

        async def on_profile(request: Any) -> JSONResponse:
            return JSONResponse(ucp.profile(str(request.url.replace(path=PATH, query=""))))

        routes = [Route(PROFILE_PATH, on_profile)] if self.tools == "ucp" else []
        return Starlette(
            routes=[*routes, Mount("/", app=leaving)],
            lifespan=lifespan,
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL_HOSTS), www_redirect=False)],
        )

    async def _sweep(self) -> None:
        """Ends the visits of agents that have gone without a word."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.shop.end_idle()
            self._connections = {name: one for name, one in self._connections.items() if not one.over}


def names_of(tools: ToolSet) -> tuple[str, ...]:
    """The names of the tools of a set."""
    return (*ucp.TOOLS, "stop") if tools == "ucp" else tuple(one["name"] for one in tool_schemas("anthropic"))


def tool_list(tools: ToolSet) -> list[Tool]:
    """The tools of a set, as MCP lists them."""
    from mcp.types import Tool

    if tools == "shop":
        made = tool_schemas("anthropic")
        return [
            Tool(name=one["name"], description=one["description"], input_schema=one["input_schema"]) for one in made
        ]
    listed = [Tool(name=name, **one) for name, one in ucp.TOOLS.items()]
    return [*listed, Tool(name="stop", description=STOP, input_schema={"type": "object", "properties": {}})]


def fault_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """What is wrong with the arguments of a tool of the protocol, in words; empty where nothing is."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(ucp.TOOLS[tool]["input_schema"]).iter_errors(dict(arguments)))
    if error is None:
        return ""
    place = ".".join(map(str, error.absolute_path))
    return f"{tool}: {place + ': ' if place else ''}{error.message[:300]}"
