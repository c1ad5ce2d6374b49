"""The account of a build or an import on the screen."""

from __future__ import annotations

from paars_gym.cli.app import console, print_facts
from paars_gym.ingest.account import ReadingAccount

MOST_REASONS, MOST_UNUSED = 5, 30


def print_account(account: ReadingAccount) -> None:
    """Each field with its columns, what became of the rows, and what to look at."""
    from rich.table import Table

    table = Table("field", "from", "how", "filled", "such as", title_justify="left")
    for one in account.fields:
        columns = ", ".join(one.columns)
        table.add_row(one.field, columns, one.how, f"{one.filled:.0%}", "; ".join(one.examples))
    console.print(table)
    counts = {name.replace("_", " "): f"{count:,}" for name, count in account.counts.items()}
    print_facts("", {**counts, **account.facts}.items())
    for reason, count in list(account.rejected.items())[:MOST_REASONS]:
        console.print(f"Not used: {count:,} times {reason}.")
    if account.unused:
        more = f" and {len(account.unused) - MOST_UNUSED} more" if len(account.unused) > MOST_UNUSED else ""
        shown = ", ".join(account.unused[:MOST_UNUSED])
        console.print(f"Columns left unused: {shown}{more}.")
    for sentence in account.warnings:
        console.notice("Look at this:", sentence)
