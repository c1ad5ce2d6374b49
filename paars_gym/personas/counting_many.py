"""The counting of many personas: those of a store's shoppers, with the shop's average shopper as the measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from paars_gym.catalog.store import Catalog
from paars_gym.outputs import writing
from paars_gym.personas.counting import Statistics, lines_of, product_facts, statistics_of
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor
from paars_gym.personas.statistics import UNKNOWN_NORMS, Norms, count_persona, norms_of
from paars_gym.personas.store import read_personas, write_personas
from paars_gym.sessions.store import Store

ENOUGH_LINES = 10
"""Purchase lines from which on a shopper counts among those whose average is the middle of every scale."""


@dataclass(frozen=True)
class CountingOptions:
    """Whose personas are counted, and from what.

    Attributes:
        as_of: Nothing at or after this time is used.
        shoppers: Only these; None for all. The average is that of all shoppers in any case.
        limit: Most personas.
        token_budget: Most tokens of a rendered history.
        redactor: With its key, names and recognisers; by default one without names.
    """

    as_of: datetime | None = None
    shoppers: Collection[str] | None = None
    limit: int | None = None
    token_budget: int = 6000
    redactor: Redactor | None = None


@dataclass
class CountingSummary:
    """What was counted.

    Attributes:
        counted: Personas written.
        without_purchases: Those of them with no purchase of a product of the catalog; their scales are unknown.
        empty: Shoppers who did nothing before the date; they have no persona.
        averaged: Shoppers whose average is the middle of every scale; 0 when there were too few.
        redacted: Pieces of text replaced, by kind.
    """

    counted: int = 0
    without_purchases: int = 0
    empty: int = 0
    averaged: int = 0
    redacted: Counter[str] = field(default_factory=Counter)


def count_personas(
    store: Store, catalog: Catalog, out: Path, options: CountingOptions = CountingOptions()
) -> CountingSummary:
    """Counts a persona for each shopper of a store, without a model, and writes them as a file.

    Categories, brands, times and price level come from purchases of products that the catalog has; what they do not
    show stays unknown. The middle of every scale is the average shopper of the store.

    Args:
        store: Sessions of any log.
        catalog: With the same product ids.
        out: File of personas, a JSON line each; counted personas there are replaced, whole or not at all.
        options: Whose, and from what.

    Raises:
        FileExistsError: ``out`` holds personas that a model mined.
        ValueError: No purchase before the date is of a product of the catalog, or there is a date and the log has no
            times.
    """
    with writing(out, kind="file"):
        if out.exists() and any(persona.source != "statistics" for persona in read_personas(out)):
            raise FileExistsError(f"{out} holds personas that were not counted; write to another file.")
        summary = CountingSummary()
        norms, summary.averaged = store_norms(store, catalog, options.as_of)
        write_personas(out, _counted(store, catalog, norms, options, summary))
    return summary


def store_norms(store: Store, catalog: Catalog, as_of: datetime | None = None) -> tuple[Norms, int]:
    """What the average shopper of a store does, and over how many shoppers with `ENOUGH_LINES` purchases that is.

    With fewer than two of them nothing is known (`UNKNOWN_NORMS`).

    Raises:
        ValueError: No purchase is of a product of the catalog.
    """
    facts = product_facts(catalog)
    bought = 0
    regular: list[Statistics] = []
    for history in store.histories(as_of):
        lines = lines_of(history, facts, as_of)
        bought += len(lines.row)
        if len(lines.row) >= ENOUGH_LINES:
            regular.append(statistics_of(lines, facts))
    if not bought:
        when = f" before {as_of:%Y-%m-%d}" if as_of else ""
        raise ValueError(
            f"No purchase of {store.provenance.name!r}{when} is of a product of the catalog {catalog.name!r}; import "
            "the log with the catalog's product ids."
        )
    return (norms_of(regular), len(regular)) if len(regular) > 1 else (UNKNOWN_NORMS, 0)


def _counted(
    store: Store, catalog: Catalog, norms: Norms, options: CountingOptions, summary: CountingSummary
) -> Iterator[Persona]:
    redactor = options.redactor or Redactor()
    facts = product_facts(catalog)
    for history in store.histories(options.as_of, shoppers=options.shoppers):
        if options.limit is not None and summary.counted >= options.limit:
            return
        persona = count_persona(
            history, catalog, options.as_of, norms=norms, token_budget=options.token_budget, redactor=redactor
        )
        if not persona.history and persona.profile.is_empty():
            summary.empty += 1
            continue
        summary.counted += 1
        summary.without_purchases += not len(lines_of(history, facts, options.as_of).row)
        summary.redacted.update(persona.redacted)
        yield persona
