"""The account of a catalog's build: which column became which field, what became of the rows, and what to look at."""

from __future__ import annotations

from typing import NamedTuple

from paars_gym.catalog.feeds.headers import looks_like
from paars_gym.catalog.feeds.layouts import FIELDS, GENERIC, FeedMapping, Raw, layout, unused_columns, used_columns
from paars_gym.catalog.feeds.ledger import Ledger
from paars_gym.catalog.feeds.rows import RowReader
from paars_gym.ingest.account import ColumnAccount, ReadingAccount, look_alike_warnings

NOTHING_PRICED = "Nothing has a price."


class FeedRead(NamedTuple):
    """What was read, and how.

    Attributes:
        source: The feed's name.
        format: Of `LAYOUTS`.
        mapping: What the user said.
        columns: Its header, or the keys of its first rows.
        samples: Some rows, as the layout takes them.
        currency: That the user stated, or None.
    """

    source: str
    format: str
    mapping: FeedMapping
    columns: tuple[str, ...]
    samples: tuple[Raw, ...]
    currency: str | None


def feed_account(read: FeedRead, reader: RowReader, ledger: Ledger) -> ReadingAccount:
    """The account of a build that is through."""
    counts, chosen, mapping = ledger.counts(), layout(read.format), read.mapping
    products = max(1, counts["products"])
    used = used_columns(chosen, mapping, read.columns, read.samples)
    unused = unused_columns(chosen, mapping, read.columns, used)
    recognised = mapping.format is None and read.format != GENERIC
    fields = []
    for field in FIELDS:
        seen = reader.seen.counts.get(field, 0)
        columns = used.get(field, ())
        if seen or columns:
            how = "by name" if read.format == GENERIC else f"as {read.format} has it"
            how = "as you say" if field in {name.partition(".")[0] for name in mapping.columns} else how
            share = min(1.0, seen / products)
            examples = reader.seen.examples(field)
            fields.append(ColumnAccount(field=field, columns=columns, how=how, filled=share, examples=examples))
    told = reader.seen.counts.get("available", 0)
    without = {
        "a price": counts["products"] - ledger.priced,
        "a stock status": max(0, counts["products"] - told),
        "a category": ledger.uncategorised,
    }
    notation = ", ".join(f"{name} ({count:,})" for name, count in reader.notations.most_common())
    source = "as you say" if read.currency else "as the format has it" if chosen.currency else "found in the feed"
    facts = {
        "currency": f"{reader.currency}, {source}" if reader.currency else "none named",
        "number notation": notation or "numbers",
        **{
            f"products without {what}": f"{count:,} of {counts['products']:,}"
            + (", taken to be in stock" if what == "a stock status" and count else "")
            for what, count in without.items()
        },
    }
    if ledger.unlisted:
        facts["left out as not listed by the shop"] = f"{ledger.unlisted:,} rows (drafts, archived, hidden)"
    warnings = look_alike_warnings(looks_like(unused), [one.field for one in fields if one.filled], "--map")
    if len(reader.notations.keys() & {"decimal point", "decimal comma"}) == 2:
        warnings += ("Prices are written with decimal points and with decimal commas: look at some.",)
    if not ledger.priced:
        warnings += (NOTHING_PRICED,)
    return ReadingAccount(
        source=(read.source,),
        format=read.format,
        recognised=recognised,
        fields=tuple(fields),
        unused=unused,
        counts=counts,
        rejected=dict(sorted(ledger.reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        facts=facts,
        warnings=warnings,
    )


def unpriced(account: ReadingAccount, columns: tuple[str, ...]) -> str:
    """Why a catalog without a single price is not written, and what to do."""
    rows, products = account.counts["rows"], account.counts["products"]
    text = f"Nothing has a price: 0 of {products:,} products of {rows:,} rows."
    priced = [reason for reason in account.rejected if reason.startswith("price: ")]
    if priced:
        text += f" Prices were read and refused: {priced[0].removeprefix('price: ')}."
    hints = [column for column, what in looks_like(account.unused).items() if what == "a price"]
    shown = ", ".join(hints or account.unused or columns)
    named = f"Columns that look like one: {shown}." if hints else f"Columns not used: {shown}."
    return f"{text} {named} Name it: --map price=COLUMN; or --allow-unpriced, for a catalog without prices."
