"""``python -m benchmarks.likelihood_choice``: choice by likelihood on real households (PAARS Table 3).

``--part fix`` compares prompts, scores and lengths of history on households that are set aside, one case each, with
matched distractors; what `paars_gym.shoppers.text_likelihood` does is one of them. ``--part report`` then asks the
shopper as it is under both protocols, in cases of other households, with the bars beside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, cast, get_args

import numpy as np
import typer
from rich.table import Table

from benchmarks.household_choices import Floats, HouseholdChoices, choice_log_probs
from benchmarks.model_rows import one_thread
from benchmarks.settings import ITEM_MIN_KNOWN, ITEM_RUN, LIKELIHOOD_CONDITIONS
from paars_gym.alignment.item_selection import OPTIONS, PROTOCOLS, Protocol
from paars_gym.alignment.language_model import CausalLM, load_language_model
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.files import write_whole
from paars_gym.llm.chat import untagged
from paars_gym.prompts import LIKELY_ITEM
from paars_gym.report.item_selection import table_3, table_3_remarks
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.shop.actions import clean_text
from paars_gym.shoppers.registry import LIKELIHOOD
from paars_gym.shoppers.text_likelihood import FORM, HISTORY_TOKENS, RULE, asked_of, who_is_told
from paars_gym.shoppers.text_scorers import WINDOW
from paars_gym.tasks.items.questions import ItemDesign
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.items.selection import select_items
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.persona_sources import HISTORY_TOKENS as MOST_TOKENS

Part = Literal["fix", "report"]
PARTS: tuple[Part, ...] = get_args(Part)
FIX_CASES, REPORT_CASES = 100, 1_200
LENGTHS = (100, 300)
"""Tokens of the history, at most, as `tokens_in` counts them."""
AS_LOG = "The next visit, bought:\n-"


class Way(NamedTuple):
    """How a model is asked.

    Attributes:
        before: What an item's text follows, given the model and who buys.
        alone: The same without who buys, for the gain.
        priced: Whether the price belongs to the text, as in a history.
    """

    before: Callable[[CausalLM, str], str]
    alone: str
    priced: bool = False


WAYS: Mapping[str, Way] = {
    "sentence": Way(lambda _, who: f"{who}\n\n{LIKELY_ITEM.happened}\n{LIKELY_ITEM.sentence}", LIKELY_ITEM.sentence),
    "line of the log": Way(lambda _, who: f"{who}\n\n{AS_LOG}", AS_LOG),
    "line of the log, with its price": Way(lambda _, who: f"{who}\n\n{AS_LOG}", AS_LOG, priced=True),
    "chat": Way(lambda model, who: asked_of(model, who, LIKELY_ITEM, "chat")[0], LIKELY_ITEM.answer),
}
"""Of a model without a chat template, the last is the first."""
RULES: Mapping[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "sum": lambda told, _, __: told,
    "mean": lambda told, _, tokens: told / tokens,
    "gain": lambda told, alone, _: told - alone,
}
"""Scores of options from their sums of log-probabilities, told and alone, and their tokens, each (cases, options)."""


class Tried(NamedTuple):
    """What one way of scoring came to.

    Attributes:
        way: How the model was asked, by what rule scores were made, and how long the history was.
        choice: Log-probability of the item that was bought, mean of the two conditions that know something, (cases,).
        right: Share of cases in which it has the best score, by condition.
    """

    way: tuple[str, str, int]
    choice: Floats
    right: Mapping[str, float]


class _Sums(NamedTuple):
    """Of options, shape (cases, options)."""

    sums: Floats
    tokens: Floats


def fix(
    cases: int,
    text_model: str = "smollm2",
    *,
    ways: Sequence[str] = tuple(WAYS),
    lengths: Sequence[int] = LENGTHS,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Tried]:
    """Every way of scoring on the same cases of households that are set aside, the best first.

    Args:
        cases: How many, at most.
        text_model: For `load_language_model`.
        ways: Which of `WAYS`.
        lengths: Of the history, in tokens.
        progress: Told how far it is.

    Raises:
        ImportError: The model or the households are missing.
    """
    model = load_language_model(text_model, most_tokens=WINDOW)
    assert model is not None
    choices = HouseholdChoices(cases)
    found: dict[tuple[str, str, int], _Sums] = {}
    for row, index in enumerate(choices.indices):
        persona = choices.persona(index, MOST_TOKENS)
        told = {
            (condition, length): who_is_told(persona, condition, length)
            for length in lengths
            for condition in LIKELIHOOD_CONDITIONS
        }
        # What is told outside, ways within: most ways begin alike, and that is read once. A short history is told alike
        # under every length.
        read: dict[tuple[str, str], tuple[Floats, Floats]] = {}
        for (condition, length), who in [(("alone", 0), ""), *told.items()]:
            for name in ways:
                way = WAYS[name]
                at = found.setdefault(
                    (name, condition, length), _Sums(*(np.zeros((len(choices), OPTIONS)) for _ in range(2)))
                )
                if (name, who) not in read:
                    context = way.before(model, who) if who else way.alone
                    read[name, who] = _read(model, context, _texts(choices, index, priced=way.priced))
                at.sums[row], at.tokens[row] = read[name, who]
        progress(f"{row + 1} of {len(choices)} households")
    tried = []
    for name in ways:
        for rule, score in RULES.items():
            for length in lengths:
                logs = {}
                for condition in LIKELIHOOD_CONDITIONS:
                    told_of, alone = found[name, condition, length], found[name, "alone", 0]
                    scores = score(told_of.sums, alone.sums, told_of.tokens)
                    logs[condition] = choice_log_probs(scores, choices.truth, choices.folds)
                known = np.mean([logs[condition].choice for condition in LIKELIHOOD_CONDITIONS[1:]], axis=0)
                tried.append(Tried((name, rule, length), known, {name: one.right for name, one in logs.items()}))
    return sorted(tried, key=lambda one: -float(one.choice.mean()))


def _texts(choices: HouseholdChoices, index: int, *, priced: bool) -> list[str]:
    texts = []
    for title, price in zip(choices.titles(index), choices.prices(index), strict=True):
        text = untagged(clean_text(title)) + (f" at {price:.2f}" if priced and price is not None else "")
        texts.append(f" {text}\n")
    return texts


def _read(model: CausalLM, context: str, texts: list[str]) -> tuple[Floats, Floats]:
    logs = model.log_probs_after(context, texts)
    return np.array([log.sum() for log in logs]), np.array([float(len(log)) for log in logs])


def fix_table(tried: list[Tried]) -> Table:
    """All ways, the best first, and how far each is behind it."""
    best = tried[0].choice
    shown = Table(title=f"Choices of {len(best)} set-aside households, matched distractors", title_justify="left")
    for column in ("asked by", "score", "history", "log p", "less the first, 95%", *LIKELIHOOD_CONDITIONS):
        shown.add_column(column, justify="left" if column in ("asked by", "score") else "right")
    for one in tried:
        name, rule, length = one.way
        less = one.choice - best
        half = 1.96 * float(np.std(less, ddof=1)) / len(less) ** 0.5
        behind = "" if one is tried[0] else f"{less.mean():+.3f} [{less.mean() - half:+.3f}, {less.mean() + half:+.3f}]"
        shares = (f"{one.right[condition]:.0%}" for condition in LIKELIHOOD_CONDITIONS)
        shown.add_row(name, rule, str(length), f"{one.choice.mean():.3f}", behind, *shares)
    return shown


def report(
    cases: int,
    text_model: str = "smollm2",
    *,
    protocols: tuple[Protocol, ...] = PROTOCOLS,
    progress: Callable[[str], None] = lambda _: None,
) -> ItemResults:
    """Table 3 with the shopper as it is, asked in so many cases of each protocol, none of a household of the fix."""
    policy = f"{LIKELIHOOD}{text_model}"
    design = ItemDesign(protocols, min_known=ITEM_MIN_KNOWN, asked=cases)
    return select_items(
        reference_people("journey"), ITEM_RUN, policies=(policy,), conditions=LIKELIHOOD_CONDITIONS, design=design,
        progress=progress,
    )  # fmt: skip


@with_page
@with_outputs(out="file")
def main(
    part: Annotated[str, typer.Option(help="fix (on set-aside households) or report (on others).")] = "report",
    cases: Annotated[
        int | None,
        typer.Option(
            min=20,
            help=f"By default {FIX_CASES} to fix, some 20 seconds each; and {REPORT_CASES:,} of each protocol to "
            "report, some 3 seconds each.",
        ),
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="To report: interests (paper's), popularity (matched); by default both."),
    ] = None,
    way: Annotated[
        list[str] | None, typer.Option(help=f"To fix, one of the prompts: {', '.join(WAYS)}; by default all.")
    ] = None,
    history: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help=f"To fix, tokens of the history at most; by default {' and '.join(map(str, LENGTHS))}."
        ),
    ] = None,
    model_file: Annotated[Path | None, typer.Option(help="A .gguf file in place of SmolLM2-135M.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the results here: .npz of a fix, JSON of a report.")
    ] = None,
) -> None:
    """Chooses by likelihood, out of four items, the one that a real household bought; on one thread."""
    named = (("part", [part], PARTS), ("protocol", protocol or (), PROTOCOLS), ("way", way or (), tuple(WAYS)))
    for option, values, allowed in named:
        for value in values:
            if value not in allowed:
                raise ValueError(f"Unknown {option} {value!r}. Available: {', '.join(allowed)}.")
    text_model = "smollm2" if model_file is None else str(model_file)
    console = Printer()
    one_thread()
    with Progress(Printer(stderr=True)) as status:
        if part == "fix":
            tried = fix(
                cases or FIX_CASES, text_model, ways=way or tuple(WAYS), lengths=history or LENGTHS,
                progress=status.update,
            )  # fmt: skip
        else:
            protocols = tuple(cast(Protocol, one) for one in protocol or PROTOCOLS)
            results = report(cases or REPORT_CASES, text_model, protocols=protocols, progress=status.update)
    if part == "fix":
        if out is not None:
            np.savez(out, **{", ".join(map(str, one.way)): one.choice for one in tried})  # type: ignore[arg-type]
        console.print(fix_table(tried))
        console.print(f"As it is used: {FORM}, {RULE} of the log-probabilities, history up to {HISTORY_TOKENS} tokens.")
        return
    if out is not None:
        write_whole(out, results.model_dump_json(indent=1) + "\n")
    console.print(results.headline, table_3(results), sep="\n")
    for line in table_3_remarks(results):
        console.print(f"- {line}")


if __name__ == "__main__":
    run_command(main)
