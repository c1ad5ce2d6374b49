"""Files of personas, and of shoppers without one: a JSON line each, safe to append to after a crash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from paars_gym.files import written_whole
from paars_gym.personas.persona import Persona


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


def read_personas(path: Path) -> Iterator[Persona]:
    """The personas of a file, in its order. A last line without an end is what a killed process left, and is skipped.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no persona.
    """
    if not path.exists():
        raise FileNotFoundError(f"There are no personas at {path}; mine some with: paars personas mine.")
    with path.open(encoding="utf-8") as file:
        for number, row in enumerate(file, start=1):
            if not row.endswith("\n"):
                return
            try:
                yield Persona.model_validate_json(row)
            except ValidationError as error:
                raise ValueError(
                    f"{path}, line {number} is no persona: {error.errors()[0]['msg']}. A file of personas has a JSON "
                    "object a line, as paars personas mine and paars personas count write it."
                ) from None


def write_personas(path: Path, personas: Iterable[Persona]) -> int:
    """Writes a file of personas anew, and returns how many; the old file stays until the new one is whole."""
    count = 0
    with written_whole(path) as file:
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
    shoppers = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
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
