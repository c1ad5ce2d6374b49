"""Files of personas, of shoppers without one, and of the attributes that tell shoppers apart in a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from paars_gym.files import read_text, written_whole
from paars_gym.personas.persona import Interests, Persona, Score, Trait
from paars_gym.remote import local_copy

BOM = b"\xef\xbb\xbf"
READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": partial(pl.read_csv, infer_schema=False),  # as text: an id may begin with 0
    ".parquet": pl.read_parquet,
    ".jsonl": pl.read_ndjson,
    ".ndjson": pl.read_ndjson,
}


class Failure(BaseModel):
    """A shopper without a persona.

    Attributes:
        shopper: Keyed hash of the id.
        cause: Name of the error.
        reason: What it said.
        tries: How many runs have ended in an unusable answer; the next asks for another draw instead of reading the
            same answer from the cache.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shopper: str
    cause: str
    reason: str
    tries: int = 0


def read_personas(path: str | Path) -> Iterator[Persona]:
    """The personas of a file or a URL, in its order.

    A last line without an end is what a killed process left, and is skipped.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no persona.
    """
    path = local_copy(path)
    if not path.exists():
        raise FileNotFoundError(f"There are no personas at {path}; mine some with: paars personas mine.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder, must be a file of personas.")
    with path.open("rb") as file:
        for number, row in enumerate(file, start=1):
            if not row.endswith(b"\n"):
                return
            try:
                yield Persona.model_validate_json(row.removeprefix(BOM) if number == 1 else row)
            except ValidationError as error:
                raise ValueError(
                    f"{path}, line {number} is no persona: {error.errors()[0]['msg']}. A file of personas has a JSON "
                    "object a line, as paars personas mine and paars personas count write it."
                ) from None


def write_personas(path: Path, personas: Iterable[Persona]) -> int:
    """Writes a file of personas anew, and returns how many; the old file stays until the new one is whole."""
    count = 0
    with written_whole(path, private=True) as file:
        for persona in personas:
            file.write(persona.model_dump_json() + "\n")
            count += 1
    return count


def read_shoppers(path: Path) -> list[str]:
    """The ids of a file of shoppers, a line each.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It names no shopper.
    """
    shoppers = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not shoppers:
        raise ValueError(f"{path} names no shopper; write an id a line.")
    return shoppers


def read_failures(path: Path) -> list[Failure]:
    """The shoppers without a persona in ``path``, each with the failure of its last try."""
    failures = failures_path(path)
    if not failures.exists():
        return []
    rows = failures.read_text(encoding="utf-8").splitlines(keepends=True)
    failed = [Failure.model_validate_json(row) for row in rows if row.endswith("\n")]
    last = {failure.shopper: failure for failure in failed}
    mined = {persona.shopper for persona in read_personas(path)} if path.exists() else set()
    return [failure for failure in last.values() if failure.shopper not in mined]


def failures_path(path: Path) -> Path:
    """The file of failures beside a file of personas."""
    return path.with_name(f"{path.stem}.failed.jsonl")


def mend(path: Path) -> None:
    """Cuts off a last line without an end, so that the next one can be appended."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


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
