"""A catalog's folder: its columns twice, as Parquet to exchange and as Arrow to map into memory, card and checksums."""

from __future__ import annotations

import logging
import mmap
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from paars_gym.catalog.fingerprint import Fingerprint
from paars_gym.catalog.language import SAMPLE
from paars_gym.checksums import CHECKSUMS, damage, read_checksums, write_checksums
from paars_gym.files import write_whole
from paars_gym.ingest.account import ACCOUNT_FILE
from paars_gym.outputs import writing

log = logging.getLogger(__name__)

PARQUET, COLUMNS, CARD, REJECTED = "products.parquet", "products.arrow", "catalog.json", "rejected.jsonl"
VARIANTS = "variants.jsonl"
SUMMED = (CARD, PARQUET, COLUMNS)
"""Files that a catalog is read from, each with a checksum."""
TOLD = (ACCOUNT_FILE, REJECTED, VARIANTS)
"""What a build tells of itself: with checksums too, but only ``paars catalog check`` looks at them."""
OWN_FILES = {*SUMMED, *TOLD, CHECKSUMS}
BUILD_AGAIN = "Build the catalog again: paars catalog build FEED --out DIR."

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("category", pa.list_(pa.string())),
        ("brand", pa.string()),
        ("price", pa.float64()),
        ("rating", pa.float64()),
        ("rating_count", pa.int64()),
        ("popularity", pa.float64()),
        ("bullets", pa.list_(pa.string())),
        ("description", pa.string()),
        ("attributes", pa.list_(pa.struct([("name", pa.string()), ("value", pa.string())]))),
        ("options", pa.list_(pa.struct([("name", pa.string()), ("values", pa.list_(pa.string()))]))),
        (
            "reviews",
            pa.list_(
                pa.struct(
                    [
                        ("rating", pa.float64()),
                        ("title", pa.string()),
                        ("text", pa.string()),
                        ("helpful_votes", pa.int64()),
                    ]
                )
            ),
        ),
        ("available", pa.bool_()),
    ]
)
BATCH_ROWS = 16_384
MARK = "paars_gym.fingerprint"


def check_replaceable(folder: Path) -> None:
    """Lets new and empty folders and catalogs pass, damaged ones too.

    Raises:
        FileExistsError: It is a file, or a folder that holds anything but a catalog and its index.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not is_catalog(folder):
        raise FileExistsError(f"{str(folder)!r} is not a catalog, so it is not replaced. Choose another folder.")
    foreign = sorted(
        path.name for path in folder.iterdir() if path.name not in OWN_FILES and not path.name.startswith("index")
    )
    if foreign:
        raise FileExistsError(
            f"{str(folder)!r} also holds {', '.join(foreign[:5])}, which replacing the catalog would delete. "
            "Move it away, or choose another folder."
        )


def is_catalog(folder: Path) -> bool:
    """Whether a folder holds a catalog, be it a damaged one."""
    return any((folder / name).is_file() for name in SUMMED)


class CatalogCard(BaseModel):
    """What is known about a catalog as a whole; ``catalog.json`` in its folder.

    Attributes:
        name: How reports call it.
        synthetic: True when its products were generated; shown wherever the catalog is.
        currency: ISO 4217 code of every price.
        language: Code of the language of its titles, see `language.LANGUAGES`; empty to detect it.
        source: Where the products come from and what was left out.
        fingerprint: Hash of all products; equal exactly when the products are.
        counts: What became of the feed's rows, see `build.BuildReport`; empty when there was no feed.
        format_version: Layout of the folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    synthetic: bool = False
    currency: str = "USD"
    language: str = ""
    source: str = ""
    fingerprint: str
    counts: dict[str, int] = Field(default_factory=dict)
    format_version: Literal[1] = 1


class CatalogWriter:
    """Writes products, sorted by id, as the two data files of a catalog's folder. A context manager.

    Attributes:
        fingerprint: Of what was written, once closed. Both files carry it: with different ones they do not belong
            together.
        titles: Some of what was written, spread over it, to detect the language from.
    """

    def __init__(self, folder: Path, *, parquet: bool = True) -> None:
        self.fingerprint = ""
        self.titles: list[str] = []
        self._digest = Fingerprint()
        self._columns = pa.ipc.new_file(str(folder / COLUMNS), SCHEMA)
        self._parquet = pq.ParquetWriter(folder / PARQUET, SCHEMA, compression="zstd") if parquet else None

    def write(self, table: pa.Table) -> None:
        """Appends rows, in batches small enough for one row to be read alone from a memory map."""
        for start in range(0, table.num_rows, BATCH_ROWS):
            part = table.slice(start, BATCH_ROWS).combine_chunks()
            self.titles += part.column("title")[:: max(part.num_rows // SAMPLE, 1)].to_pylist()
            if self._parquet:
                self._parquet.write_table(part)
            for batch in part.to_batches():
                self._digest.update(batch)
                self._columns.write_batch(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.fingerprint = self._digest.hexdigest()
            mark = {MARK: self.fingerprint}
            # The footer was fixed when the file was opened: an empty last batch carries what is known only now.
            self._columns.write_batch(pa.RecordBatch.from_pylist([], schema=SCHEMA), custom_metadata=mark)
            if self._parquet:
                self._parquet.add_key_value_metadata(mark)
        self._columns.close()
        if self._parquet:
            self._parquet.close()


def write_card(folder: Path, card: CatalogCard) -> None:
    """Writes ``catalog.json``, and the checksums of the folder's files, which must all be there by then."""
    write_whole(folder / CARD, card.model_dump_json(indent=2) + "\n")
    told = (name for name in TOLD if (folder / name).is_file())
    write_checksums(folder / CHECKSUMS, {name: folder / name for name in (*SUMMED, *told)})


def find_damage(folder: Path, *, again: bool = False) -> dict[str, str]:
    """What is wrong with the files of a catalog, in words, by name; empty for a sound one.

    Args:
        folder: Of the catalog.
        again: Read every byte, even of what fitted before and looks unchanged since; and what the build tells.
    """
    try:
        sums = read_checksums(folder / CHECKSUMS)
    except ValueError as error:
        return {CHECKSUMS: str(error)}
    told = (name for name in TOLD if again and name in sums)
    return damage(sums, {name: folder / name for name in (*SUMMED, *told)}, again=again)


def damage_in_words(folder: Path, found: Mapping[str, str]) -> str:
    """What is wrong with a catalog that cannot be opened, and what to do."""
    faults = "; ".join(f"{name}: {fault}" for name, fault in found.items())
    text = f"The catalog in {str(folder)!r} is damaged or was changed by hand: {faults}."
    if set(found) == {COLUMNS}:
        return f"{text} They are written again when it is opened next, or by paars catalog check {folder} --mend."
    if set(found) == {PARQUET}:
        meant = (
            f" If a change is meant: paars catalog build {folder / PARQUET} --format catalog --out DIR."
            if (folder / PARQUET).is_file()
            else ""
        )
        return f"{text} Its other files are sound: paars catalog check {folder} --mend writes it again.{meant}"
    if set(found) <= set(TOLD):
        return (
            f"{text} Its products are sound, and it opens; what the build told of them is lost. Go on without: paars "
            f"catalog check {folder} --mend. {BUILD_AGAIN.removesuffix('.')}, to have it."
        )
    return f"{text} {BUILD_AGAIN}"


class Mapped(NamedTuple):
    """The columns of a catalog, memory-mapped.

    Attributes:
        table: Of `SCHEMA`.
        base: Address in memory at which the file is mapped.
        handle: An open descriptor of the same file, the caller's to close.
    """

    table: pa.Table
    base: int
    handle: int


def open_columns(folder: Path, expected: str) -> Mapped:
    """The mapped columns of a catalog whose other files are sound, rebuilt first if they are not.

    Raises:
        ValueError: The Parquet, which they would be rebuilt from, is not what the card describes.
    """
    mapped = None if COLUMNS in find_damage(folder) else _mapped(folder / COLUMNS, expected)
    if mapped is None:
        log.warning("%s of %s is missing or damaged; it is written again from %s.", COLUMNS, folder, PARQUET)
        _rebuild(folder, expected)
        mapped = _mapped(folder / COLUMNS, expected)
    assert mapped is not None
    return mapped


def _mapped(path: Path, expected: str) -> Mapped | None:
    try:
        with path.open("rb") as file:
            pages = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            handle = os.dup(file.fileno())
    except (OSError, ValueError):  # ValueError: an empty file
        return None
    try:
        reader = pa.ipc.open_file(pages)
        last = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1)
        table = reader.read_all()
    except (OSError, pa.ArrowException):
        table, last = None, None
    mark = (last.custom_metadata or {}).get(MARK.encode(), b"").decode() if last else ""
    if table is not None and table.schema == SCHEMA and mark == expected:
        return Mapped(table, pages.address, handle)
    os.close(handle)
    return None


def _rebuild(folder: Path, expected: str) -> None:
    # In the folder itself: replacing a file by a rename works within one file system only.
    with tempfile.TemporaryDirectory(dir=folder, prefix="index-rebuilding-") as scratch:
        with pq.ParquetFile(folder / PARQUET) as file, CatalogWriter(Path(scratch), parquet=False) as writer:
            for batch in file.iter_batches(BATCH_ROWS, columns=SCHEMA.names):
                writer.write(pa.table(batch).select(SCHEMA.names).cast(SCHEMA))
        if writer.fingerprint != expected:
            raise ValueError(
                f"{str(folder / PARQUET)!r} holds other products (fingerprint {writer.fingerprint}) than {CARD} "
                f"describes ({expected}). {BUILD_AGAIN}"
            )
        (Path(scratch) / COLUMNS).replace(folder / COLUMNS)
    write_checksums(folder / CHECKSUMS, {COLUMNS: folder / COLUMNS}, kept=read_checksums(folder / CHECKSUMS))


def mend(folder: Path) -> dict[str, str]:
    """Reads every byte of a catalog, and writes again what can be made from the files that are sound.

    What the build told of itself and is damaged is left out from now on.

    Returns:
        What was wrong and is mended, in words, by name.

    Raises:
        OutputInUseError: Another process writes there.
        ValueError: More is damaged than that.
    """
    with writing(folder):
        return _mend(folder)


def _mend(folder: Path) -> dict[str, str]:
    found = find_damage(folder, again=True)
    lost = {name: fault for name, fault in found.items() if name in TOLD}
    found = {name: fault for name, fault in found.items() if name not in TOLD}
    if set(found) - {PARQUET} and set(found) - {COLUMNS}:
        raise ValueError(damage_in_words(folder, found | lost))
    card = CatalogCard.model_validate_json((folder / CARD).read_bytes())
    if COLUMNS in found:
        _rebuild(folder, card.fingerprint)
    elif PARQUET in found:
        with tempfile.TemporaryDirectory(dir=folder, prefix="index-rebuilding-") as scratch:
            with CatalogWriter(Path(scratch)) as writer, pa.memory_map(str(folder / COLUMNS)) as pages:
                writer.write(pa.ipc.open_file(pages).read_all())
            (Path(scratch) / PARQUET).replace(folder / PARQUET)
        write_checksums(folder / CHECKSUMS, {PARQUET: folder / PARQUET}, kept=read_checksums(folder / CHECKSUMS))
    if lost:
        kept = {name: one for name, one in read_checksums(folder / CHECKSUMS).items() if name not in lost}
        write_checksums(folder / CHECKSUMS, {}, kept=kept)
        for name in lost:
            (folder / name).unlink(missing_ok=True)
    return found | lost
