"""``python -m benchmarks``: what would real shoppers' words show, in a real catalog, under three rankings?

No language model runs and nothing is simulated yet: the queries are a fixed list, the products are those that 2,469
American households bought in 2017 (Complete Journey).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import gymnasium
import typer
from rich.console import Console
from rich.table import Table

import paars_gym
from benchmarks.settings import SHOPPING_LIST, SHOWCASE_RANKINGS

console = Console()


def first_results(ranking: str, query: str, count: int) -> list[str]:
    """Titles and prices that a ranking shows first, as the shop's own page says them."""
    env = gymnasium.make("PAARS-Retail-v0", catalog="journey", ranking=ranking, page_size=count)
    env.reset(seed=0)
    page, *_, info = env.step(f"search[{query}]")
    lines = page.splitlines()[1 : 1 + len(info["results"])]
    return [line.split("] ", 1)[1].rsplit(" | ", 1)[0] for line in lines]


def main(
    query: Annotated[list[str] | None, typer.Option(help="A query to shop for; repeat for several.")] = None,
    ranking: Annotated[list[str] | None, typer.Option(help="A ranking to compare; repeat for several.")] = None,
    count: Annotated[int, typer.Option(min=1, max=20, help="Results shown for each.")] = 3,
) -> None:
    """Shops the real Journey catalog with a list of queries under several rankings and prints what each would show."""
    catalog = paars_gym.load_catalog("journey")
    console.print("No language model runs here: a scripted list of queries in a real catalog.")
    console.print(f"{catalog.name}: {len(catalog):,} products. {catalog.card.source}\n")
    for text in query or SHOPPING_LIST:
        console.print(comparison(text, ranking or SHOWCASE_RANKINGS, count))


def comparison(query: str, rankings: Sequence[str], count: int) -> Table:
    """One query, a column a ranking."""
    table = Table(title=f'"{query}"', title_justify="left", show_lines=False)
    table.add_column("#", justify="right")
    for ranking in rankings:
        table.add_column(ranking, overflow="fold", ratio=1)
    columns = [first_results(ranking, query, count) for ranking in rankings]
    for rank in range(count):
        cells = [column[rank] if rank < len(column) else "" for column in columns]
        if any(cells):
            table.add_row(str(rank + 1), *cells)
    return table


if __name__ == "__main__":
    typer.run(main)
