"""A catalog: products in memory-mapped columns, sorted by id, so that a row number is also a tie-break."""

from __future__ import annotations

import os
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import ValidationError

from paars_gym.catalog.details import Details
from paars_gym.catalog.files import (
    BUILD_AGAIN,
    CARD,
    COLUMNS,
    SCHEMA,
    CatalogCard,
    CatalogWriter,
    damage_in_words,
    find_damage,
    is_catalog,
    open_columns,
    write_card,
)
from paars_gym.catalog.fingerprint import fingerprint
from paars_gym.catalog.language import SAMPLE, check_language, detect_language
from paars_gym.catalog.product import Product, Review
from paars_gym.files import replaced_folder, restored
from paars_gym.remote import local_copy, on_this_machine

__all__ = ["SCHEMA", "Catalog", "CatalogCard", "fingerprint", "from_row", "to_table"]

_LISTED = ("id", "title", "price", "rating", "rating_count", "available")


class Catalog:
    """Products in columns, read one at a time.

    ``catalog[id]`` builds the one `Product` asked for; ``len(catalog)`` and iteration work as on a list. Rows are in
    ascending order of id. Numeric columns are numpy arrays with NaN where a product has none.
    """

    def __init__(self, table: pa.Table, card: CatalogCard, *, folder: Path | None = None) -> None:
        """Wraps a table of `SCHEMA` sorted by id; use `open`, `from_products` or `build_catalog` instead."""
        self.card = card
        self.folder = folder
        self._details: list[Details] = []
        self._table = table
        batches = [batch for batch in table.to_batches() if batch.num_rows]
        self._batches = [dict(zip(table.column_names, batch.columns, strict=True)) for batch in batches]
        self._starts = [0, *accumulate(batch.num_rows for batch in batches)][:-1]
        self._first_ids = [batch["id"][0].as_py() for batch in self._batches]

    @classmethod
    def from_products(
        cls,
        products: Iterable[Product],
        *,
        name: str = "custom",
        synthetic: bool = False,
        currency: str = "USD",
        language: str = "",
    ) -> Self:
        """A catalog in memory; without a language it is detected when the first search needs it.

        Raises:
            ValueError: No product, or two with the same id.
        """
        ordered = sorted(products, key=lambda product: product.id)
        if not ordered:
            raise ValueError("A catalog needs at least one product; got none.")
        for left, right in pairwise(ordered):
            if left.id == right.id:
                raise ValueError(f"Product id {left.id!r} occurs twice; ids must be unique.")
        table = to_table(ordered)
        card = CatalogCard(
            name=name,
            synthetic=synthetic,
            currency=currency,
            language=language and check_language(language),
            fingerprint=fingerprint(table),
        )
        return cls(table, card)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Opens a folder that `save` or ``paars catalog build`` wrote: milliseconds, whatever its size.

        Every file is compared with its checksum when it is opened for the first time, and whenever it looks changed
        since (some 0.4 s a GB). Memory-mapped columns that are missing or damaged are rebuilt from the Parquet.

        Raises:
            FileNotFoundError: No catalog there.
            ValueError: The folder is damaged, of another version, or its files do not belong together.
        """
        folder = restored(local_copy(folder))
        if not is_catalog(folder):
            raise FileNotFoundError(
                f"No catalog in {str(folder)!r} (it needs {CARD}). Build one: paars catalog build FEED --out DIR."
            )
        found = find_damage(folder)
        if set(found) - {COLUMNS}:
            raise ValueError(damage_in_words(folder, found))
        try:
            card = CatalogCard.model_validate_json((folder / CARD).read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ValueError(
                f"{str(folder / CARD)!r} is no catalog card: {where}: {first['msg']}. {BUILD_AGAIN}"
            ) from None
        table, base, handle = open_columns(folder, card.fingerprint)
        catalog = cls(table, card, folder=folder)
        weakref.finalize(catalog, os.close, handle)
        if hasattr(os, "pread"):  # not on Windows, where the map serves everything
            catalog._details = [Details(handle, base, batch) for batch in catalog._batches]
        return catalog

    def save(self, folder: str | Path) -> None:
        """Writes the catalog as a folder of Parquet, memory-mappable columns and card, whole or not at all.

        Raises:
            FileExistsError: The folder exists.
        """
        folder = on_this_machine(folder)
        if folder.exists():
            raise FileExistsError(f"{str(folder)!r} exists; save a catalog to a new folder.")
        with replaced_folder(folder) as building:
            with CatalogWriter(building) as writer:
                writer.write(self._table)
            write_card(building, self.card.model_copy(update={"language": self.language}))

    @property
    def name(self) -> str:
        """How reports call it."""
        return self.card.name

    @property
    def synthetic(self) -> bool:
        """Whether its products were generated."""
        return self.card.synthetic

    @property
    def currency(self) -> str:
        """ISO 4217 code of every price."""
        return self.card.currency

    @cached_property
    def language(self) -> str:
        """Code of the language of its titles: as the card says, or detected."""
        titles = self._table.column("title")
        return self.card.language or detect_language(titles[:: max(len(self) // SAMPLE, 1)].to_pylist())

    @property
    def fingerprint(self) -> str:
        """Hash of all products."""
        return self.card.fingerprint

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[Product]:
        return (self.product(row) for row in range(len(self)))

    def __contains__(self, product_id: object) -> bool:
        return isinstance(product_id, str) and self._find(product_id) is not None

    def __getitem__(self, product_id: str) -> Product:
        return self.product(self.row(product_id))

    def __reduce__(self) -> tuple[Any, ...]:
        # To a worker process goes the folder's name, not the products.
        return (type(self).open, (self.folder,)) if self.folder else (type(self), (self._table, self.card))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: Gymnasium copies an environment's arguments, and nothing in a catalog changes."""
        return self

    def __repr__(self) -> str:
        kind = "synthetic, " if self.synthetic else ""
        return f"<Catalog {self.name!r}: {kind}{len(self):,} products, {self.fingerprint}>"

    def row(self, product_id: str) -> int:
        """Row number of a product.

        Raises:
            KeyError: No such product.
        """
        row = self._find(product_id)
        if row is None:
            raise KeyError(f"No product {product_id!r} in catalog {self.name!r}.")
        return row

    def product(self, row: int) -> Product:
        """The whole product in a row."""
        number = bisect_right(self._starts, row) - 1
        batch, index = self._batches[number], row - self._starts[number]
        details = self._details[number].row(index) if self._details else {}
        return from_row({name: batch[name][index].as_py() for name in SCHEMA.names if name not in details} | details)

    def listing(self, row: int) -> tuple[str, str, float | None, float | None, int, bool]:
        """What a result list shows of a product: id, title, price, rating, rating count, availability."""
        batch, index = self._locate(row)
        product_id, title, price, rating, rating_count, available = (batch[name][index].as_py() for name in _LISTED)
        return product_id, title, price, rating, rating_count, available

    def value(self, column: str, row: int) -> Any:
        """One cell, as a Python value."""
        batch, index = self._locate(row)
        return batch[column][index].as_py()

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column, memory-mapped where the catalog is on disk."""
        return self._table.column(name)

    def frame(self, *columns: str) -> pl.DataFrame:
        """Columns as a polars frame (all of them by default), in row order."""
        frame = pl.from_arrow(self._table.select(list(columns)) if columns else self._table)
        assert isinstance(frame, pl.DataFrame)
        return frame

    @cached_property
    def price(self) -> npt.NDArray[np.float64]:
        """Prices, shape (len,), NaN where there is none."""
        return self._numbers("price")

    @cached_property
    def rating(self) -> npt.NDArray[np.float64]:
        """Mean stars, shape (len,), NaN where there is none."""
        return self._numbers("rating")

    @cached_property
    def rating_count(self) -> npt.NDArray[np.float64]:
        """Numbers of ratings, shape (len,)."""
        return self._numbers("rating_count")

    @cached_property
    def popularity(self) -> npt.NDArray[np.float64]:
        """Demand, shape (len,)."""
        return self._numbers("popularity")

    @cached_property
    def available(self) -> npt.NDArray[np.bool_]:
        """Whether each product can be bought, shape (len,)."""
        return np.asarray(self._table.column("available").to_numpy(), dtype=np.bool_)

    def _numbers(self, name: str) -> npt.NDArray[np.float64]:
        values: npt.NDArray[np.float64] = self._table.column(name).to_numpy().astype(np.float64)
        values.setflags(write=False)
        return values

    def _locate(self, row: int) -> tuple[dict[str, pa.Array], int]:
        batch = bisect_right(self._starts, row) - 1
        return self._batches[batch], row - self._starts[batch]

    def _find(self, product_id: str) -> int | None:
        batch = bisect_right(self._first_ids, product_id) - 1
        if batch < 0:
            return None
        ids = self._batches[batch]["id"]
        index = bisect_left(range(len(ids)), product_id, key=lambda index: ids[index].as_py())
        return self._starts[batch] + index if index < len(ids) and ids[index].as_py() == product_id else None


def to_table(products: Sequence[Product]) -> pa.Table:
    """Products as a table of `SCHEMA`, in their order."""
    columns: dict[str, list[Any]] = {name: [getattr(product, name) for product in products] for name in SCHEMA.names}
    columns["attributes"] = [
        [{"name": name, "value": value} for name, value in facts.items()] for facts in columns["attributes"]
    ]
    columns["options"] = [
        [{"name": name, "values": values} for name, values in options.items()] for options in columns["options"]
    ]
    columns["reviews"] = [[review.__dict__ for review in reviews] for reviews in columns["reviews"]]
    return pa.table(columns, schema=SCHEMA)


def from_row(row: Mapping[str, Any]) -> Product:
    """The product that a row of `SCHEMA` holds; rows were validated when they were written."""
    return Product.model_construct(
        **{
            **row,
            "category": tuple(row["category"]),
            "bullets": tuple(row["bullets"]),
            "attributes": {pair["name"]: pair["value"] for pair in row["attributes"]},
            "options": {pair["name"]: tuple(pair["values"]) for pair in row["options"]},
            "reviews": tuple(Review.model_construct(**review) for review in row["reviews"]),
        }
    )
