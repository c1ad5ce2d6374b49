"""``python -m benchmarks.told_cuts``: what of a persona's text a language model needs to tell what its person bought.

A small model gives each of four items its probability, told one thing or another of the persona. Households are real
(Complete Journey), set aside to choose between renderings (`benchmarks.household_choices`). The score of an
item is the log-probability of its title after "I bought", less the same without a persona; one coefficient, fitted on
the other half of the cases, says how much of it to believe. By chance 25% are right, and log p is log 1/4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.table import Table

from benchmarks.household_choices import SEED, Floats, HouseholdChoices, choice_log_probs
from paars_gym.alignment.item_selection import OPTIONS
from paars_gym.alignment.language_model import CausalLM, load_language_model
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.personas.persona import Persona, render
from paars_gym.prompts import NOBODY, PERSON
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress

HISTORY_TOKENS = 100
"""Of each history, at most, as `tokens_in` counts: a processor reads some 90 tokens of a prompt a second."""
QUESTION = "You were in the shop again, and bought one thing. What was it?"
_WHY = re.compile(r"(?m)^(- (?!notes)[^\n]*?)(?: \([^()]*(?:\([^()]*\)[^()]*)*\))+$")


def newest_first(text: str) -> str:
    """A rendered persona with the paragraphs of its history the other way round."""
    before, tag, rest = text.partition("<history>\n")
    inside, end, after = rest.partition("\n</history>")
    return before + tag + "\n".join(reversed(re.split(r"\n(?!- )", inside))) + end + after


def without_reasons(text: str) -> str:
    """A rendered profile or preferences without evidence, doubts and ends of scales."""
    return _WHY.sub(r"\1", text)


def traits(persona: Persona) -> str:
    """Profile and preferences, as they are told."""
    return f"{render(persona, 'profile')}\n\n{render(persona, 'preferences')}"


CUTS: dict[str, Callable[[Persona], str]] = {
    "history, newest last": lambda one: render(one, "history"),
    "history, newest first": lambda one: newest_first(render(one, "history")),
    "profile and preferences": traits,
    "the same without evidence and ends of scales": lambda one: without_reasons(traits(one)),
}


class Told(NamedTuple):
    """What one way of telling came to.

    Attributes:
        name: Of the cut.
        characters: Of the persona, mean.
        choice: Log-probability of the item that was bought, each case's, shape (cases,).
        right: Share of cases in which it is the likeliest.
    """

    name: str
    characters: float
    choice: Floats
    right: float


def score(model: CausalLM, system: str, titles: Sequence[str]) -> Floats:
    """Log-probabilities of titles after a conversation, shape (titles,)."""
    asked = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    begun = f"<|im_start|>system\n{system}<|im_end|>\n{asked}I bought"
    return np.array([logs.sum() for logs in model.log_probs_after(begun, [f" {title}\n" for title in titles])])


def run(
    cases: int,
    *,
    texts: Mapping[str, Callable[[int, Persona], str]] | None = None,
    seed: int = SEED,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Told]:
    """Scores every cut on the same cases, one a household.

    Args:
        cases: How many, at most.
        texts: Names and renderings (of a case's number and its persona); by default `CUTS`.
        seed: Of the cases.
        progress: Told how far it is.

    Raises:
        ImportError: The model or the households are missing.
    """
    cuts = texts or {name: (lambda _, one, cut=cut: cut(one)) for name, cut in CUTS.items()}  # type: ignore[misc]
    model = load_language_model("smollm2", most_tokens=8_192)
    assert model is not None
    choices = HouseholdChoices(cases, seed)
    base = np.zeros((len(choices), OPTIONS))
    told = {name: np.zeros((len(choices), OPTIONS)) for name in cuts}
    length = dict.fromkeys(cuts, 0)
    for row, index in enumerate(choices.indices):
        persona, titles = choices.persona(index, HISTORY_TOKENS), choices.titles(index)
        base[row] = score(model, NOBODY, titles)
        for name, cut in cuts.items():
            text = cut(index, persona)
            length[name] += len(text)
            told[name][row] = score(model, PERSON.format(persona=text), titles)
        progress(f"{row + 1} of {len(choices)} households")
    rows = []
    for name, scores in told.items():
        choice, right = choice_log_probs(scores - base, choices.truth, choices.folds)
        rows.append(Told(name, length[name] / len(choices), choice, right))
    return rows


def table(rows: Sequence[Told]) -> Table:
    """The cuts, and how much each changes against the first."""
    first = rows[0].choice
    shown = Table(title=f"Log-probability of what {len(first)} set-aside households bought", title_justify="left")
    for column in ("told", "characters", "log p", "less the first, 95%", "right"):
        shown.add_column(column, justify="left" if column == "told" else "right")
    shown.add_row("nothing", "0", f"{math.log(1 / OPTIONS):.3f}", _difference(math.log(1 / OPTIONS) - first), "")
    for row in rows:
        change = "" if row is rows[0] else _difference(row.choice - first)
        shown.add_row(row.name, f"{row.characters:,.0f}", f"{row.choice.mean():.3f}", change, f"{row.right:.0%}")
    return shown


def _difference(values: Any) -> str:
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))
    return f"{mean:+.3f} [{mean - 1.96 * error:+.3f}, {mean + 1.96 * error:+.3f}]"


@with_page
@with_outputs(out="file")
def main(
    cases: Annotated[int, typer.Option(min=20, help="Households, one choice each; some 12 seconds each.")] = 100,
    out: Annotated[Path | None, typer.Option(help="Also write the log-probabilities here, as .npz.")] = None,
) -> None:
    """Measures what cutting a persona's text does to the log-probability of real choices."""
    console = Printer()
    with Progress(Printer(stderr=True)) as status:
        rows = run(cases, progress=status.update)
    if out is not None:
        np.savez(out, **{row.name: row.choice for row in rows})  # type: ignore[arg-type]
    console.print(table(rows))


if __name__ == "__main__":
    run_command(main)
