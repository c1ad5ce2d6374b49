"""How is a column of any type shown as text? As it would stand in a CSV; what is nested as JSON."""

from __future__ import annotations

import json
from typing import Any

import polars as pl


def as_text(values: pl.Series) -> pl.Series:
    """The column as text, nulls kept; lists, structs, bytes and durations included, which polars does not cast."""
    dtype = values.dtype
    if not dtype.is_nested() and dtype not in (pl.Binary, pl.Duration, pl.Object):
        return values.cast(pl.String)
    return pl.Series(values.name, [_shown(value) for value in values.to_list()], dtype=pl.String)


def is_flat_list(dtype: pl.DataType) -> bool:
    """Whether it is a list of plain values, which can be product ids."""
    inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else None
    return inner is not None and (inner.is_numeric() or inner in (pl.String, pl.Categorical, pl.Enum))


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.decode(errors="replace") if isinstance(value, bytes) else json.dumps(value, default=_leaf)


def _leaf(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
