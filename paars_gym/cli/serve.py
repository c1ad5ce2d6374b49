"""``paars serve``: the shop for agents that are built elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import app, console, errors
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.play import print_visits
from paars_gym.cli.shared_options import CatalogName, RankingName, Seed

PORT = 8766


@app.command()
@with_outputs(out="folder")
def serve(
    mcp: Annotated[bool, typer.Option("--mcp", help="By the Model Context Protocol.")] = False,
    catalog: CatalogName = "mini",
    ranking: RankingName = "bm25",
    treatment: Annotated[
        str | None, typer.Option(help="Ranking that half of the connections get, by a coin for each.")
    ] = None,
    tools: Annotated[
        str,
        typer.Option(
            help="ucp: the tools of the Universal Commerce Protocol, and stop; shop: the shop's own actions, with the "
            "pages that simulated shoppers see."
        ),
    ] = "ucp",
    stdio: Annotated[
        bool, typer.Option("--stdio", help="One connection on stdin and stdout, instead of HTTP on 127.0.0.1.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help=f"Port on 127.0.0.1, 0 for any free one; {PORT} by default."),
    ] = None,
    max_steps: Annotated[int, typer.Option(min=1, help="A visit ends after this many actions.")] = 200,
    seed: Seed = 0,
    out: Annotated[
        Path, typer.Option(help="Folder that keeps the visits as sessions of agents; one that is there goes on.")
    ] = Path("agent-visits"),
) -> None:
    """Serves the shop to outside agents: a visit for each connection, logged like those of simulated shoppers.

    The folder of the visits is read by paars score --agents and paars sessions describe, also while visits are going
    on. Ctrl-C ends the shop; the same command opens it again.
    """
    from paars_gym.config import ShopConfig
    from paars_gym.serve import local_server
    from paars_gym.serve.visits import ServedShop

    if not mcp:
        raise ValueError("Say how to serve: paars serve --mcp is the only way so far.")
    if stdio and port is not None:
        raise ValueError("--port is for HTTP; leave out --stdio, or --port.")
    local_server.require("mcp", "mcp", "uvicorn", "starlette")
    from paars_gym.serve.mcp_shop import PATH, McpShop

    config = ShopConfig(catalog=catalog, ranking=ranking)
    shop = ServedShop(out, config, visitors="outside agents", treatment=treatment, max_steps=max_steps, seed=seed)
    served = McpShop(shop, tools=tools)  # type: ignore[arg-type]  # it looks
    if stdio:
        with shop:
            served.serve_stdio()
        print_visits(shop, errors)
        return
    with local_server.listen(PORT if port is None else port) as taken, shop:
        local_server.serve(
            served.application(),
            taken,
            lambda address: console.write(
                f"The shop is open for agents at {address}{PATH} on this machine. Ctrl-C closes it; every step is kept "
                f"in {', '.join(map(str, shop.folders))}."
            ),
        )
    print_visits(shop, console)
