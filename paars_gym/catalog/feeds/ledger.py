"""Rows in, products out, and an account of everything else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from paars_gym.catalog.feeds.layouts import FeedMapping, Layout
from paars_gym.catalog.feeds.rows import Problem, RowReader
from paars_gym.catalog.feeds.variants import listed, variant_lines
from paars_gym.catalog.product import Product
from paars_gym.catalog.sorting import SortedRuns
from paars_gym.ingest.account import count_reason
from paars_gym.ingest.feed_rows import Row
from paars_gym.ingest.shaping import CellPath, exploded, filled, grouped, reader_of, split_cells


class Ledger:
    """Takes rows, hands on products, and keeps account of everything else.

    Attributes:
        first: The first thing wrong, in words; empty when nothing was.
        reasons: How often each reason for a rejection was given.
        priced: Products with a price.
        uncategorised: Products without a category.
        unlisted: Rows of products that the shop itself does not list: drafts, archived and hidden ones.
    """

    def __init__(
        self,
        reader: RowReader,
        runs: SortedRuns,
        *,
        only: Mapping[str, str],
        write: Callable[[str], object],
        write_variant: Callable[[str], object],
    ) -> None:
        self.first = ""
        self.reasons: dict[str, int] = {}
        self.priced = self.uncategorised = self.unlisted = 0
        self._reader = reader
        self._runs = runs
        self._only = only
        self._write, self._write_variant = write, write_variant
        self._seen: dict[str, int] = {}
        self._tally: Counter[str] = Counter()
        self._grouping = False

    def take_all(self, rows: Iterable[Row], layout: Layout, mapping: FeedMapping) -> None:
        """Takes every row: apart or, where the layout or the user names a group, with those of the same product."""
        key = _key(layout, mapping)
        if layout.rows or mapping.explode or mapping.split:
            rows = self._unpacked(rows, layout, mapping)
        if key is None:
            for row in rows:
                if (values := self._wanted(row)) is not None:
                    raw = self._reader.raw(values)
                    self._take(row, *self._reader.read_raw(raw), raw.get("variants") or (raw,))
            return
        self._grouping = True
        kept = (row for row in rows if self._wanted(row) is not None)
        for group in grouped(kept, lambda row: key(row.values or {})):
            raws = [self._reader.raw(row.values) for row in group]
            sold = listed(raws)
            self.unlisted += len(raws) - len(sold)
            self._tally["left_out"] += len(raws) - len(sold)
            if sold:
                self._tally["grouped"] += len(sold) - 1
                self._take(group[0], *self._reader.read_group(sold), sold)

    def counts(self) -> dict[str, int]:
        """Rows by what became of them, and unreadable fields."""
        tally = self._tally
        main = {name: tally[name] for name in ("rows", "rejected", "duplicates", "left_out")}
        main |= {"grouped": tally["grouped"]} if self._grouping else {}
        products = main["rows"] - sum(count for name, count in main.items() if name != "rows")
        unreadable = {name: tally[name] for name in sorted(tally) if name.startswith("unreadable_")}
        return {**main, "products": products, "price_ranges": self._reader.price_ranges, **unreadable}

    def _unpacked(self, rows: Iterable[Row], layout: Layout, mapping: FeedMapping) -> Iterator[Row]:
        """The products' rows that rows hold; they keep the number of the row that they come from."""
        path = None if mapping.explode is None else CellPath.parse(mapping.explode)
        for row in rows:
            if row.values is None:
                yield row
                continue
            values = split_cells(row.values, mapping.split) if mapping.split else row.values
            parts = exploded(values, path) if path else layout.rows(values) if layout.rows else [values]
            for part in parts:
                yield Row(row.number, dict(part))
            if not parts:
                yield Row(row.number, None, "no product in it")

    def _wanted(self, row: Row) -> dict[str, Any] | None:
        """The values of a row that is to be taken; others are counted."""
        self._tally["rows"] += 1
        values = row.values
        if values is None:
            self._note(row, "", Problem("", "", row.problem, fatal=True))
            self._tally["rejected"] += 1
        elif any(column in values and str(values[column]) != value for column, value in self._only.items()):
            self._tally["left_out"] += 1
            return None
        return values

    def _take(
        self, row: Row, product: Product | None, problems: list[Problem], variants: Sequence[Mapping[str, Any]]
    ) -> None:
        product_id = product.id if product else ""
        if product and product_id in self._seen:
            reason = f"the same id as row {self._seen[product_id]}, which is kept"
            problems = [Problem("id", product_id, reason, fatal=True)]
            self._tally["duplicates"] += 1
        elif product:
            self._seen[product_id] = row.number
            self._runs.add(product)
            for line in variant_lines(product_id, variants, self._reader.current):
                self._write_variant(json.dumps(line) + "\n")
            self.priced += product.price is not None
            self.uncategorised += not product.category
            if problems:
                self._tally.update(f"unreadable_{field}" for field in {problem.field for problem in problems})
        else:
            self._tally["rejected"] += 1
        for problem in problems:
            self._note(row, product_id, problem)

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
        count_reason(self.reasons, f"{problem.field}: {problem.reason}" if problem.field else problem.reason)
        if not self.first:
            seen = f" {problem.value!r}" if problem.value else ""
            self.first = f"row {row.number}, {problem.field or 'as a whole'}{seen}: {problem.reason}"


def _key(layout: Layout, mapping: FeedMapping) -> Callable[[Mapping[str, Any]], str] | None:
    if mapping.group is not None:
        read = reader_of(mapping.group)

        def named(row: Mapping[str, Any]) -> str:
            value = read(row)
            return str(value).strip() if filled(value) else ""

        return named
    return None if layout.key is None else layout.key()
