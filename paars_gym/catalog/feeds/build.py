"""A catalog built from a product feed, row by row."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from paars_gym.catalog.feeds.account import FeedRead, feed_account, unpriced
from paars_gym.catalog.feeds.layouts import PEEKED_ROWS, FeedMapping, check_columns, layout, recognise
from paars_gym.catalog.feeds.ledger import Ledger
from paars_gym.catalog.feeds.rows import RowReader
from paars_gym.catalog.files import REJECTED, VARIANTS, CatalogCard, CatalogWriter, check_replaceable, write_card
from paars_gym.catalog.language import check_language, detect_language
from paars_gym.catalog.sorting import SortedRuns
from paars_gym.files import replaced_folder
from paars_gym.ingest.account import ReadingAccount
from paars_gym.ingest.cells import UnreadableError
from paars_gym.ingest.documents import PageFile, open_feed
from paars_gym.ingest.feed_rows import FeedFile, Row
from paars_gym.ingest.prices import parse_currency
from paars_gym.outputs import writing
from paars_gym.remote import local_copy, on_this_machine

PROGRESS_ROWS = 1_000
DEFAULT_CURRENCY = "USD"

Progress = Callable[[str, int, float], None]


class BuildReport(NamedTuple):
    """What became of a feed.

    Attributes:
        card: As written to the folder. Its ``counts``: rows = products + rejected + duplicates + left_out + grouped
            (rows that are variants or pictures of a product that another row began); ``price_ranges`` are prices of
            which the low end was taken, ``unreadable_<field>`` products that were kept without what that field said.
        damage: What was wrong with the feed as a whole; empty when it was read to its end.
        currency_assumed: True when neither the user, the feed's description nor a price named the currency.
        seconds: Duration.
        unused: Columns of the feed that became no field of a product.
        account: What each column became, and what became of each row; as ``account.json`` in the folder has it.
    """

    card: CatalogCard
    damage: str
    currency_assumed: bool
    seconds: float
    unused: tuple[str, ...]
    account: ReadingAccount


def build_catalog(
    feed: str | Path,
    out: str | Path,
    mapping: FeedMapping | None = None,
    *,
    name: str | None = None,
    language: str | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Builds a catalog's folder from a feed, row by row, in memory that does not grow with descriptions.

    Ids keep their spelling, but what the action grammar forbids in them is percent-encoded (`product.clean_id`). Of
    rows with the same id the first is kept. ``rejected.jsonl`` has one line for each thing that could not be used: the
    row's number, its id, the field, the value seen, the reason, and whether the row was kept without it. Of an export
    that names variants ``variants.jsonl`` has a line for each: product, variant (its id or SKU), options, price now,
    and whether it can be bought.

    Args:
        feed: CSV, TSV, JSON lines, one JSON array, Parquet, or a page with JSON-LD; plain, gzip or zstd.
        out: The catalog's folder. A catalog that is there is replaced whole or, on any failure, not at all.
        mapping: Its format, its columns and its currency; by default the format is that of the feed's columns, or else
            columns with usual names are found.
        name: How reports call it; the folder's name by default.
        language: Code of the language of its titles, by which search reads words; detected by default.
        progress: Called with what is being done, the number of rows, and the fraction done.

    Raises:
        FileExistsError: ``out`` holds something that is no catalog.
        OutputInUseError: Another process writes there.
        FileNotFoundError: There is no feed.
        ValueError: Unknown format, language, field or column; an unreadable feed; no row that could be used; nothing
            with a price, where the mapping does not allow that.
    """
    started = time.monotonic()
    feed, out = local_copy(feed), on_this_machine(out).absolute()
    mapping = mapping or FeedMapping()
    if mapping.format is not None:
        layout(mapping.format)
    check_replaceable(out)
    spoken = check_language(language) if language else ""
    stated = _currency(mapping.currency)
    with open_feed(feed, written=mapping.written) as file:
        head = list(islice(file, PEEKED_ROWS))
        columns = file.columns or tuple(dict.fromkeys(key for row in head for key in row.values or ()))
        format = mapping.format or recognise(columns)  # noqa: A001
        chosen = layout(format)
        try:
            check_columns(chosen, mapping, file.columns)
        except ValueError as error:
            raise ValueError(f"{feed.name!r}: {error}") from None
        for column, value in (mapping.only or {}).items():
            if file.columns is not None and column not in file.columns:
                known = ", ".join(file.columns)
                raise ValueError(f"--only {column}={value}: no column {column!r} in the feed, only {known}.")
        reader = RowReader(chosen, mapping, currency=stated or chosen.currency)
        only = chosen.only if mapping.only is None else mapping.only
        with (
            writing(out),
            replaced_folder(out) as folder,
            tempfile.TemporaryDirectory(prefix=".scratch-", dir=folder) as scratch,
        ):
            runs = SortedRuns(Path(scratch))
            with (
                (folder / REJECTED).open("w", encoding="utf-8") as rejected,
                (folder / VARIANTS).open("w", encoding="utf-8") as variants,
            ):
                ledger = Ledger(reader, runs, only=only, write=rejected.write, write_variant=variants.write)
                ledger.take_all(_told(chain(head, file), file, progress), chosen, mapping)
            if not (folder / VARIANTS).stat().st_size:
                (folder / VARIANTS).unlink()
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
                language=spoken or detect_language(writer.titles),
                source=_source(feed, format, counts, file.damage),
                fingerprint=writer.fingerprint,
                counts=counts,
            )
            samples = tuple(row.values for row in head if row.values)
            if chosen.rows:
                samples = tuple(dict(part) for row in samples for part in chosen.rows(row))
                columns = tuple(dict.fromkeys(key for row in samples for key in row))
            read = FeedRead(feed.name, format, mapping, columns, samples, stated)
            account = feed_account(read, reader, ledger)
            if not ledger.priced and not (mapping.allow_unpriced or chosen.unpriced):
                raise ValueError(unpriced(account, columns))
            account.write(folder)
            write_card(folder, card)
        return BuildReport(
            card, file.damage, reader.currency is None, time.monotonic() - started, account.unused, account
        )


def _told(rows: Iterable[Row], file: FeedFile | PageFile, progress: Progress | None) -> Iterator[Row]:
    """The rows, and every so often word of how far they are."""
    for row in rows:
        yield row
        if progress and row.number % PROGRESS_ROWS == 0:
            progress("reading", row.number, file.fraction())


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


def _nothing(feed: Path, file: FeedFile | PageFile, counts: Mapping[str, int], first: str) -> str:
    text = f"None of the {counts['rows']:,} rows of {str(feed)!r} could be used"
    if file.damage:
        text += f" ({file.damage})"
    if first:
        text += f"; the first thing wrong: {first}"
    elif counts["left_out"]:
        text += ": all were left out, see --only"
    columns = f" The columns are: {', '.join(file.columns)}." if file.columns else ""
    return f"{text}.{columns} Say which column is which: --map id=COLUMN,title=COLUMN, or --format."
