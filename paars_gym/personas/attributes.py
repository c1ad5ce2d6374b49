"""Attributes that tell shoppers apart in a report: those of their personas, or of a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from paars_gym.personas.persona import Interests, Score, Trait
from paars_gym.personas.store import read_personas

READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": pl.read_csv,
    ".parquet": pl.read_parquet,
    ".jsonl": pl.read_ndjson,
    ".ndjson": pl.read_ndjson,
}


def read_attributes(path: Path) -> dict[str, dict[str, str]]:
    """Names and values of each shopper.

    Args:
        path: A file of personas, or a CSV, JSONL or Parquet table with a column ``shopper``, one row a shopper. Of a
            persona: each value of the profile (of a list the first), and each preference as low (below 2.5), middle or
            high (above 3.5). What is unknown is left out.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is neither.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    if path.suffix not in READERS:
        raise ValueError(f"{str(path)!r} ends in {path.suffix!r}, must end in {', '.join(READERS)}.")
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as file:
            if '"profile"' in file.readline():
                return _of_personas(path)
    try:
        table = READERS[path.suffix](path)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}.") from None
    if "shopper" not in table.columns:
        raise ValueError(f"{str(path)!r} has the columns {', '.join(table.columns)}, must have one named shopper.")
    rows = table.with_columns(pl.all().cast(pl.String, strict=False)).iter_rows(named=True)
    return {str(row.pop("shopper")): {name: value for name, value in row.items() if value} for row in rows}


def _of_personas(path: Path) -> dict[str, dict[str, str]]:
    attributes = {}
    for persona in read_personas(path):
        values: dict[str, str] = {}
        for part in (persona.profile, persona.preferences):
            for name in type(part).model_fields:
                field = getattr(part, name)
                if isinstance(field, Trait) and field.value != "unknown":
                    values[name] = field.value
                elif isinstance(field, Interests) and field.values:
                    values[name] = field.values[0]
                elif isinstance(field, Score) and field.value is not None:
                    values[name] = "low" if field.value < 2.5 else "high" if field.value > 3.5 else "middle"
        attributes[persona.shopper] = values
    return attributes
