"""A language model of this machine in the main job: it chooses by likelihood, and its rows stand beside the others.

It reads on one thread, and how much it is asked is a number of cases (`settings`), not a time: results are the same on
every machine. Items are asked under the matched protocol, of households of the half by which nothing was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from benchmarks.reference import judges
from benchmarks.settings import (
    ITEM_MIN_KNOWN,
    ITEM_RUN,
    LIKELIHOOD_CONDITIONS,
    LIKELIHOOD_ITEMS,
    LIKELIHOOD_QUERIES,
    LIKELIHOOD_VIEWS,
    QUERY_RUN,
    VIEW_RUN,
)
from paars_gym.alignment.language_model import lacking
from paars_gym.config import RunConfig
from paars_gym.shoppers.registry import LIKELIHOOD, shown_name
from paars_gym.tasks.items.questions import ItemDesign
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.items.selection import select_items
from paars_gym.tasks.people import reference_people
from paars_gym.tasks.query_generation import generate_queries
from paars_gym.tasks.view_selection import select_views

Progress = Callable[[str], None]
DEFAULT = f"{LIKELIHOOD}smollm2"
LEFT_OUT = "--no-model leaves it out"
TOGETHER = (("item_selection",), ("query_generation", "view_selection"))
"""One process each: either takes about half of the time."""


class ModelRows(NamedTuple):
    """Which model has rows, and how much it is asked.

    Attributes:
        policy: Its name, as ``likelihood:smollm2``.
        lacking: Why it cannot be asked, in words; empty where it can.
        cases: Of each part; None for those of `settings`.
        options: Of the shopper.
    """

    policy: str
    lacking: str = ""
    cases: int | None = None
    options: Mapping[str, Any] = {}

    @property
    def name(self) -> str:
        """How tables call it."""
        return shown_name(self.policy)

    def run(self, of: RunConfig, cases: int) -> RunConfig:
        """A part's run with this shopper, on so many cases where nobody said how many."""
        changes = {"policy": self.policy, "options": dict(self.options), "sessions": self.cases or cases}
        return of.model_copy(update=changes)


class ModelFailure(BaseModel):
    """In place of a part's results: the model could not be loaded or asked.

    Attributes:
        why: In words.
    """

    why: str


def find_model(
    file: Path | None = None, *, without: bool = False, cases: int | None = None, options: Mapping[str, Any] = {}
) -> ModelRows:
    """The model whose rows the main job has: SmolLM2 where it is installed, or a GGUF file.

    Args:
        file: The GGUF file; one that cannot be read is a mistake, not a reason to go without.
        without: Leaves it out.
        cases: Of each part.
        options: Of the shopper.

    Raises:
        ImportError: The file needs a package that is missing.
        ValueError: There is no such file.
    """
    if without:
        return ModelRows(DEFAULT, LEFT_OUT)
    if file is None:
        return ModelRows(DEFAULT, lacking(DEFAULT.removeprefix(LIKELIHOOD)), cases, options)
    if file.suffix != ".gguf":
        raise ValueError(f"{str(file)!r} is no file of a model: its name must end in .gguf.")
    if words := lacking(str(file)):
        raise ImportError(words)
    return ModelRows(f"{LIKELIHOOD}{file}", "", cases, options)


def one_thread() -> None:
    """Lets torch use one thread in this process."""
    import torch

    torch.set_num_threads(1)


def choose_items(model: ModelRows, cases: int = LIKELIHOOD_ITEMS, progress: Progress = lambda _: None) -> ItemResults:
    """Table 3 under the matched protocol, the model asked in some cases."""
    asked = model.cases or cases
    design = ItemDesign(("popularity",), min_known=ITEM_MIN_KNOWN, asked=asked)
    run = model.run(ITEM_RUN, asked).model_copy(update={"sessions": ITEM_RUN.sessions})
    return select_items(
        reference_people("journey"), run, policies=(model.policy,), conditions=LIKELIHOOD_CONDITIONS, design=design,
        progress=progress,
    )  # fmt: skip


PARTS: Mapping[str, Callable[[ModelRows, Progress], BaseModel]] = {
    "item_selection": lambda model, progress: choose_items(model, progress=progress),
    "query_generation": lambda model, progress: generate_queries(
        judges(), model.run(QUERY_RUN, LIKELIHOOD_QUERIES), progress=progress
    ),
    "view_selection": lambda model, progress: select_views(
        judges(), model.run(VIEW_RUN, LIKELIHOOD_VIEWS), progress=progress
    ),
}
"""What it is asked, by the names of the main job's parts."""


def ask(part: str, model: ModelRows, progress: Progress = lambda _: None) -> BaseModel:
    """The results of one part; a `ModelFailure` where there are none, so that the offline shoppers' are kept."""
    one_thread()
    try:
        return PARTS[part](model, progress)
    except Exception as error:  # whatever a file of a model may bring about
        return ModelFailure(why=f"it failed: {type(error).__name__}: {error}"[:300])


def in_table_3(offline: ItemResults, model: ItemResults) -> ItemResults:
    """The offline shoppers' Table 3 with the rows of the model, which was asked in some of the same cases."""
    asked = model.settings["asked"]
    policies = {name.rpartition(", ")[0] for name in asked}
    rows = [row for row in model.rows if row.shopper in asked]
    numbers = {f"{row.cases:,}" for row in rows}
    note = (
        f"{', '.join(sorted(policies))}: asked in {', '.join(sorted(numbers))} of these cases, matched distractors "
        "alone, of households that had no part in the choice of its prompt; the more, the narrower "
        "(python -m benchmarks.likelihood_choice --part report)."
    )
    changes = {
        "headline": model.headline,
        "rows": (*offline.rows, *rows),
        "gains": (*offline.gains, *(gain for gain in model.gains if gain.shopper in policies)),
        "settings": {**offline.settings, "asked": {**offline.settings.get("asked", {}), **asked}},
        "notes": (*offline.notes, note),
    }
    return offline.model_copy(update=changes)


def without_rows(results: Any, model: ModelRows, why: str = "") -> Any:
    """Results of a part, with a note on why no row is a language model's."""
    note = f"{model.name}: no language model: {(why or model.lacking).rstrip('.')}."
    return results.model_copy(update={"notes": (*results.notes, note)})
