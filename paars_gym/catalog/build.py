"""A catalog built from a product feed, row by row."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from paars_gym.catalog.feeds import FeedMapping, check_columns, layout, unused_columns
from paars_gym.catalog.files import REJECTED, CatalogCard, CatalogWriter, check_replaceable, write_card
from paars_gym.catalog.rows import Problem, RowReader
from paars_gym.catalog.sorting import SortedRuns
from paars_gym.files import replaced_folder
from paars_gym.ingest.cells import UnreadableError
from paars_gym.ingest.feed_rows import FeedFile, Row
from paars_gym.ingest.prices import parse_currency

PROGRESS_ROWS = 1_000
DEFAULT_CURRENCY = "USD"

Progress = Callable[[str, int, float], None]


class BuildReport(NamedTuple):
    """What became of a feed.

    Attributes:
        card: As written to the folder. Its ``counts``: rows = products + rejected + duplicates + left_out;
            ``price_ranges`` are prices of which the low end was taken, ``unreadable_<field>`` products that were
            kept without what that field said.
        damage: What was wrong with the feed as a whole; empty when it was read to its end.
        currency_assumed: True when neither the user, the feed's description nor a price named the currency.
        seconds: Duration.
        unused: Columns of the feed that became no field of a product.
    """

    card: CatalogCard
    damage: str
    currency_assumed: bool
    seconds: float
    unused: tuple[str, ...] = ()


def build_catalog(
    feed: str | Path,
    out: str | Path,
    mapping: FeedMapping | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Builds a catalog's folder from a feed, row by row, in memory that does not grow with descriptions.

    Ids keep their spelling, but what the action grammar forbids in them is percent-encoded (`product.clean_id`). Of
    rows with the same id the first is kept. ``rejected.jsonl`` has one line for each thing that could not be used: the
    row's number, its id, the field, the value seen, the reason, and whether the row was kept without it.

    Args:
        feed: CSV, TSV, JSON lines, one JSON array, or Parquet; plain, gzip or zstd.
        out: The catalog's folder. A catalog that is there is replaced whole or, on any failure, not at all.
        mapping: Its format, its columns and its currency; by default columns with usual names are found.
        name: How reports call it; the folder's name by default.
        progress: Called with what is being done, the number of rows, and the fraction done.

    Raises:
        FileExistsError: ``out`` holds something that is no catalog.
        FileNotFoundError: There is no feed.
        ValueError: Unknown format, field or column; an unreadable feed; no row that could be used.
    """
    started = time.monotonic()
    feed, out = Path(feed), Path(out).absolute()
    mapping = mapping or FeedMapping()
    chosen = layout(mapping.format)
    check_replaceable(out)
    stated = _currency(mapping.currency) or chosen.currency
    with FeedFile(feed, encoding=mapping.encoding) as file:
        check_columns(chosen, mapping.columns, file.columns)
        for column, value in (mapping.only or {}).items():
            if file.columns is not None and column not in file.columns:
                known = ", ".join(file.columns)
                raise ValueError(f"--only {column}={value}: no column {column!r} in the feed, only {known}.")
        reader = RowReader(chosen, mapping.columns, currency=stated)
        only = chosen.only if mapping.only is None else mapping.only
        with replaced_folder(out) as folder, tempfile.TemporaryDirectory(prefix=".scratch-", dir=folder) as scratch:
            runs = SortedRuns(Path(scratch))
            with (folder / REJECTED).open("w", encoding="utf-8") as rejected:
                ledger = _Ledger(reader, runs, only=only, write=rejected.write)
                for row in file:
                    ledger.take(row)
                    if progress and row.number % PROGRESS_ROWS == 0:
                        progress("reading", row.number, file.fraction())
            counts = ledger.counts()
            if not counts["products"]:
                raise ValueError(_nothing(feed, file, counts, ledger.first))
            written = 0
            with CatalogWriter(folder) as writer:
                for table in runs.merged():
                    writer.write(table)
                    written += table.num_rows
                    if progress:
                        progress("sorting", written, written / counts["products"])
            card = CatalogCard(
                name=name or out.name,
                currency=reader.currency or DEFAULT_CURRENCY,
                source=_source(feed, mapping.format, counts, file.damage),
                fingerprint=writer.fingerprint,
                counts=counts,
            )
            write_card(folder, card)
        unused = unused_columns(chosen, mapping.columns, file.columns)
        return BuildReport(card, file.damage, reader.currency is None, time.monotonic() - started, unused)


class _Ledger:
    """Takes rows, hands on products, and keeps account of everything else."""

    def __init__(
        self, reader: RowReader, runs: SortedRuns, *, only: Mapping[str, str], write: Callable[[str], object]
    ) -> None:
        self.first = ""
        self._reader = reader
        self._runs = runs
        self._only = only
        self._write = write
        self._seen: dict[str, int] = {}
        self._tally: Counter[str] = Counter()

    def take(self, row: Row) -> None:
        self._tally["rows"] += 1
        if row.values is None:
            self._note(row, "", Problem("", "", row.problem, fatal=True))
            self._tally["rejected"] += 1
            return
        values = row.values
        if any(column in values and str(values[column]) != value for column, value in self._only.items()):
            self._tally["left_out"] += 1
            return
        product, problems = self._reader.read(values)
        product_id = product.id if product else ""
        if product and (first := self._seen.setdefault(product_id, row.number)) != row.number:
            problems = [Problem("id", product_id, f"the same id as row {first}, which is kept", fatal=True)]
            self._tally["duplicates"] += 1
        elif product:
            self._runs.add(product)
            self._tally.update(f"unreadable_{field}" for field in {problem.field for problem in problems})
        else:
            self._tally["rejected"] += 1
        for problem in problems:
            self._note(row, product_id, problem)

    def counts(self) -> dict[str, int]:
        tally = self._tally
        main = {name: tally[name] for name in ("rows", "rejected", "duplicates", "left_out")}
        products = main["rows"] - main["rejected"] - main["duplicates"] - main["left_out"]
        unreadable = {name: tally[name] for name in sorted(tally) if name.startswith("unreadable_")}
        return {**main, "products": products, "price_ranges": self._reader.price_ranges, **unreadable}

    def _note(self, row: Row, product_id: str, problem: Problem) -> None:
        line = {
            "row": row.number,
            "id": product_id,
            "field": problem.field,
            "value": problem.value,
            "reason": problem.reason,
            "row_kept": not problem.fatal and bool(product_id),
        }
        self._write(json.dumps(line) + "\n")
        if not self.first:
            seen = f" {problem.value!r}" if problem.value else ""
            self.first = f"row {row.number}, {problem.field or 'as a whole'}{seen}: {problem.reason}"


def _currency(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return parse_currency(text.upper())[0]
    except (UnreadableError, IndexError):
        raise ValueError(f"currency == {text!r}, must be an ISO 4217 code such as EUR.") from None


def _source(feed: Path, format: str, counts: Mapping[str, int], damage: str) -> str:  # noqa: A002
    parts = [f"{counts[name]:,} {name.replace('_', ' ')}" for name in ("rejected", "duplicates", "left_out")]
    text = f"{feed.name} ({format}): {counts['rows']:,} rows; {', '.join(parts)}"
    return f"{text}; incomplete: {damage}" if damage else text


def _nothing(feed: Path, file: FeedFile, counts: Mapping[str, int], first: str) -> str:
    text = f"None of the {counts['rows']:,} rows of {str(feed)!r} could be used"
    if file.damage:
        text += f" ({file.damage})"
    if first:
        text += f"; the first thing wrong: {first}"
    elif counts["left_out"]:
        text += ": all were left out, see --only"
    columns = f" The columns are: {', '.join(file.columns)}." if file.columns else ""
    return f"{text}.{columns} Say which column is which: --map id=COLUMN,title=COLUMN, or --format."
