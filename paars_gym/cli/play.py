"""``paars play``: people shop, one in the terminal or many in the browser."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paars_gym.cli.app import app, console
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.shared_options import CatalogName, RankingName, Seed

if TYPE_CHECKING:
    from paars_gym.config import ShopConfig
    from paars_gym.report.printing import Printer
    from paars_gym.serve.visits import ServedShop

VISITS, PORT = Path("visits"), 8765


@app.command()
@with_outputs(log="file", out="folder")
def play(
    catalog: CatalogName = "mini",
    ranking: RankingName = "bm25",
    intention: Annotated[str | None, typer.Option(help="What you come for, shown at the entrance.")] = None,
    web: Annotated[bool, typer.Option("--web", help="In the browser, for any number of people at once.")] = False,
    tasks: Annotated[
        Path | None,
        typer.Option(help="With --web: what visitors are asked to shop for, a line each, words or JSON; dealt evenly."),
    ] = None,
    treatment: Annotated[
        str | None, typer.Option(help="With --web: ranking that half of the visitors get, by a coin for each.")
    ] = None,
    visits_each: Annotated[int, typer.Option(min=1, help="With --web: visits that one visitor may make.")] = 1,
    consent: Annotated[
        Path | None, typer.Option(help="With --web: text that visitors agree to first, instead of a plain one.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help=f"With --web: port on 127.0.0.1, 0 for any free one; {PORT} by default."),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="A visit ends after this many actions; 50 by default, 200 with --web.")
    ] = None,
    seed: Seed = 0,
    log: Annotated[Path | None, typer.Option(help="Append each step to this JSONL file, in the terminal.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps the visits as sessions of people; one that is there goes on.",
                     show_default="visits, with --web"),
    ] = None,
) -> None:  # fmt: skip
    """Plays visits of people: the pages and actions that agents get, in the terminal or, with --web, in the browser.

    The folder of the visits is read by paars score --human, paars fit --human and paars sessions describe, also while
    visits are going on. Ctrl-C ends the shop; the same command opens it again.
    """
    from paars_gym.config import ShopConfig
    from paars_gym.serve.tasks import read_tasks
    from paars_gym.serve.visits import ServedShop

    only_web = {"--tasks": tasks, "--treatment": treatment, "--consent": consent, "--port": port}
    given = [name for name, value in only_web.items() if value is not None]
    if (given or visits_each != 1) and not web:
        raise ValueError(f"{(given or ['--visits-each'])[0]} is for --web: paars play --web.")
    if web and (intention is not None or log is not None):
        instead = "--tasks FILE" if intention is not None else "--out FOLDER"
        raise ValueError(f"{'--intention' if intention is not None else '--log'} is for one visit in the terminal; "
                         f"with --web give {instead}.")  # fmt: skip
    steps = max_steps or (200 if web else 50)
    if not web:
        _in_terminal(ShopConfig(catalog=catalog, ranking=ranking), intention, steps, log, out)
        return
    config = ShopConfig(catalog=catalog, ranking=ranking)
    needs = () if tasks is None else read_tasks(tasks)
    shop = ServedShop(
        out or VISITS, config, visitors="people", treatment=treatment, tasks=needs, max_steps=steps, seed=seed
    )
    _in_browser(shop, consent, visits_each, PORT if port is None else port)


def _in_browser(shop: ServedShop, consent: Path | None, visits_each: int, port: int) -> None:
    from paars_gym.serve.local_server import listen, require, serve

    require("web", "starlette", "uvicorn", "jinja2")
    from paars_gym.serve.web import WebShop, read_consent
    from paars_gym.serve.web_pages import CONSENT

    pages = WebShop(shop, consent=CONSENT if consent is None else read_consent(consent), visits_each=visits_each)
    with listen(port) as taken, shop:
        serve(
            pages.application(),
            taken,
            lambda address: console.write(
                f"The shop is open at {address} on this machine. Ctrl-C closes it; every step is kept in "
                f"{', '.join(map(str, shop.folders))}."
            ),
        )
    print_visits(shop, console)
    if len(shop.folders) > 1:
        console.write(f"By how much the arms differ: paars abtest --human {shop.folders[0].parent}")


def print_visits(shop: ServedShop, printer: Printer) -> None:
    """How many visits are in the folder of a shop that has closed."""
    for (name, count), folder in zip(shop.counts.items(), shop.folders, strict=True):
        printer.write(f"{count:,} {'visit' if count == 1 else 'visits'}{f' under {name}' if name else ''} in {folder}.")


def _in_terminal(config: ShopConfig, intention: str | None, max_steps: int, log: Path | None, out: Path | None) -> None:
    import gymnasium

    from paars_gym.serve.play import play as play_visit
    from paars_gym.serve.visits import ServedShop, VisitEnv
    from paars_gym.sessions.event import Intention
    from paars_gym.shop.open import shop_of
    from paars_gym.shop.wrappers import RecordSteps

    if log is not None and out is not None:
        raise ValueError("Give one of --log and --out: the folder of --out keeps every step, too.")
    if shop_of(config).catalog.synthetic:
        console.write(f"The products of {config.catalog} are synthetic.\n")
    if out is not None:
        needs = () if intention is None else (Intention(text=intention),)
        with ServedShop(out, config, visitors="people", tasks=needs, max_steps=max_steps) as shop:
            bought = play_visit(VisitEnv(shop, f"visitor-{secrets.token_hex(8)}"), _typed, _show)
        print_visits(shop, console)
    else:
        env = gymnasium.make("PAARS-Retail-v0", shop=shop_of(config), max_steps=max_steps)
        if log is not None:
            env = RecordSteps(env, log)
        bought = play_visit(env, _typed, _show, options={"intention": {"text": intention}} if intention else None)
        env.close()
    console.write(f"Product lines bought: {bought}.")


def _show(page: str) -> None:
    """A page: with colours and a line above it in a terminal, else as agents see it."""
    from paars_gym.report.shop_page import page_text

    if not console.is_terminal:
        console.write(page)
        return
    console.rule(style="dim")
    console.print(page_text(page))


def _typed() -> str:
    return input("\n> ")
