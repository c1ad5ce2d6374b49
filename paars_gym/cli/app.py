"""The ``paars`` application: its version, the order of its verbs, and what all of them use."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from paars_gym.cli.examples import examples_of
from paars_gym.cli.running import run_command
from paars_gym.cli.shared_options import DATA, ELSEWHERE, MACHINES, MODEL, OUTPUT, PEOPLE, PRIVACY, SHOP, SHOPPERS, TEST
from paars_gym.exit_codes import ExitCode
from paars_gym.remote import named
from paars_gym.report.printing import Printer
from paars_gym.version import __version__

PANELS = {
    "Data: what is sold, what people did, who they are": ("data", "catalog", "sessions", "personas"),
    "Simulate and compare with people": (
        "play",
        "serve",
        "prompt",
        "simulate",
        "view",
        "report",
        "score",
        "reference",
        "tasks",
    ),
    "Experiments": ("abtest", "backtest", "fit", "calibrate", "probe", "survey"),
    "This installation": ("doctor",),
}
"""The verbs in the order in which data passes through them, as ``paars --help`` shows them."""


OPTION_PANELS = {
    DATA: ("format", "map", "only", "encoding", "currency", "as_of", "allow_unpriced", "gap_minutes",
           "timezone", "wizard", "propose", "by", "at", "fraction", "limit", "tokens", "shoppers", "attributes",
           "minimum", "panel", "baseline", "agents", "human", "answers", "number", "text_sessions", "language", "mend",
           "drop_duplicates", "synthetic", "unpack_ratio", "copy", "yes", "compare"),
    TEST: ("control", "treatment", "control_patch", "treatment_patch", "treatment_env", "plan", "mde", "power",
           "outcome", "pilot", "backtest", "prior", "width", "independent_noise", "marginals", "pages", "brand",
           "trials", "visits_each"),
    SHOP: ("catalog", "ranking", "web", "mcp", "stdio", "tools", "port"),
    SHOPPERS: ("sessions", "policy", "shopper", "intentions", "intention", "tasks", "consent", "mix", "max_steps",
               "population", "personas", "seed"),
    MODEL: ("embedder", "ask", "model"),
    OUTPUT: ("out", "to", "log", "resume", "name", "json", "explain", "show", "open_browser"),
    PRIVACY: ("names", "epsilon", "unit", "force"),
}  # fmt: skip
"""Where an option stands in the help of every verb, unless it says so itself."""


class _VerbsInOrder(TyperGroup):
    """The verbs of `PANELS`, each in its panel and with its examples; any other comes last."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        panels = {verb: panel for panel, verbs in PANELS.items() for verb in verbs if verb in self.commands}
        for verb, panel in panels.items():
            self.commands[verb].rich_help_panel = panel  # type: ignore[attr-defined]
        self.commands = {verb: self.commands[verb] for verb in (*panels, *self.commands)}
        for verb, command in self.commands.items():
            _complete_help(verb, command)
            for name, inner in getattr(command, "commands", {}).items():
                _complete_help(f"{verb} {name}", inner)


class _AskedByDefault(TyperGroup):
    """``paars survey QUESTIONS`` is ``paars survey ask QUESTIONS``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["ask", *args]
        return super().parse_args(ctx, args)


def _complete_help(verb: str, command: Any) -> None:
    """Adds the examples, and puts every option into its group."""
    command.epilog = command.epilog or examples_of(verb)
    panel_of = {name: panel for panel, names in OPTION_PANELS.items() for name in names}
    for option in command.params:
        if option.param_type_name == "option" and option.rich_help_panel is None:
            option.rich_help_panel = panel_of.get(option.name)
    # Groups are shown in the order of their first options.
    order = [None, PEOPLE, DATA, TEST, SHOP, SHOPPERS, ELSEWHERE, MODEL, MACHINES, OUTPUT, PRIVACY]
    command.params.sort(key=lambda parameter: order.index(getattr(parameter, "rich_help_panel", None)))


console = Printer()
errors = Printer(stderr=True)


def exit_codes() -> str:
    """Every exit code of a command, a line each."""
    return "\n".join(f"{code:>3}  {code.meaning}" for code in ExitCode)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.write(f"paars_gym {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="paars",
    cls=_VerbsInOrder,
    help="Simulated shoppers: build a shop, let them shop, compare them with people, and test before you ship.",
    epilog=f"{examples_of('')}\n\nA path may be a URL: s3://bucket/run (extra s3).\n\nExit codes:\n{exit_codes()}",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
catalog_app = typer.Typer(help="Product catalogs: build one from a feed, and say what is in it.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")
sessions_app = typer.Typer(
    help="Logs of sessions, of people and of agents: import, describe and split them.", no_args_is_help=True
)
app.add_typer(sessions_app, name="sessions")
personas_app = typer.Typer(
    help="Personas of shoppers: mine them with a language model, count them, check them.", no_args_is_help=True
)
app.add_typer(personas_app, name="personas")
reference_app = typer.Typer(
    help="People's histograms, released with differential privacy in place of their log.", no_args_is_help=True
)
app.add_typer(reference_app, name="reference")
prompt_app = typer.Typer(help="What a language model is told.", no_args_is_help=True)
app.add_typer(prompt_app, name="prompt")
survey_app = typer.Typer(
    cls=_AskedByDefault,
    help="Questions to personas, and answers of twins beside those of their people. "
    "paars survey QUESTIONS is short for paars survey ask QUESTIONS.",
    no_args_is_help=True,
)
app.add_typer(survey_app, name="survey")


@app.callback()
def _paars(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs the ``paars`` command."""
    run_command(app)


def share(option: str, text: str) -> float:
    """A number above 0, or such a percentage."""
    try:
        number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{option} {text!r} must be a number or a percentage above 0, such as 2% or 0.02.")
    return number


def check_ratio(ratio: float | None) -> None:
    """Refuses a value of ``--unpack-ratio`` that is no number above 0."""
    if ratio is not None and not 0 < ratio < math.inf:
        raise ValueError(f"--unpack-ratio {ratio}, must be a number above 0, such as 200.")


def assignments(option: str, texts: Iterable[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` pairs, several with commas between."""
    pairs = [pair.partition("=") for text in texts or () for pair in text.split(",")]
    for name, equals, value in pairs:
        if not (name.strip() and equals and value.strip()):
            raise ValueError(f"{option} {name}{equals}{value}: must be NAME=VALUE, several with commas between.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def split_regions(text: str | None) -> tuple[str, ...]:
    """Regions with commas between; the usual ones where none are given."""
    from paars_gym.redaction.recognisers import REGIONS

    return tuple(part.strip().upper() for part in text.split(",") if part.strip()) if text else REGIONS


def print_facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    """Names and texts as a table."""
    from rich.table import Table

    table = Table(title=named(title), show_header=False, title_justify="left")
    for name, text in facts:
        table.add_row(name, named(text))
    console.print(table)
