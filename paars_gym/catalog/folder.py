"""How is a catalog's folder replaced whole or not at all, whatever stops the writer?"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARQUET, COLUMNS, CARD, REJECTED = "products.parquet", "products.arrow", "catalog.json", "rejected.jsonl"
OWN_FILES = {PARQUET, COLUMNS, CARD, REJECTED}
DAY_SECONDS = 86_400


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of ``folder`` when the block ends well.

    The new folder is a hidden sibling, so that the last step is one rename within one file system. On Linux the two
    folders are exchanged in one system call; elsewhere the old one is first moved aside, and `restored` brings it back
    should the process die between the two renames. If the block raises, the old folder is untouched.

    Raises:
        FileExistsError: Something that is no catalog is in the way.
    """
    folder = folder.absolute()
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    restored(folder)
    _sweep(folder)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.building-", dir=folder.parent))
    try:
        building.chmod(0o777 & ~_umask())  # mkdtemp makes it private; a catalog is as readable as any other folder
        yield building
        for path in [*building.iterdir(), building]:
            _flush(path)
        _swap(building, folder)
        _flush(folder.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def check_replaceable(folder: Path) -> None:
    """Lets new and empty folders and catalogs pass.

    Raises:
        FileExistsError: It is a file, or a folder that holds anything but a catalog and its index.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not (folder / CARD).is_file() or not (folder / PARQUET).is_file():
        raise FileExistsError(f"{str(folder)!r} is not a catalog, so it is not replaced. Choose another folder.")
    foreign = sorted(
        path.name for path in folder.iterdir() if path.name not in OWN_FILES and not path.name.startswith("index")
    )
    if foreign:
        raise FileExistsError(
            f"{str(folder)!r} also holds {', '.join(foreign[:5])}, which replacing the catalog would delete. "
            "Move it away, or choose another folder."
        )


def restored(folder: Path) -> Path:
    """The folder, after undoing a replacement that died between its two renames."""
    aside = _aside(folder)
    if aside.is_dir() and not folder.exists():
        aside.rename(folder)
    return folder


def _swap(new: Path, folder: Path) -> None:
    if folder.exists() and _exchange(new, folder):
        return
    aside = _aside(folder)
    if folder.exists():
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    try:
        new.rename(folder)
    except OSError:
        restored(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _exchange(left: Path, right: Path) -> bool:
    """Exchanges two folders in one step where the system can; says whether it did."""
    if sys.platform != "linux":
        return False
    at_cwd, exchange = -100, 2
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    return bool(renameat2(at_cwd, os.fsencode(left), at_cwd, os.fsencode(right), exchange) == 0)


def _aside(folder: Path) -> Path:
    return folder.absolute().with_name(f".{folder.name}.replaced")


def _sweep(folder: Path) -> None:
    """Removes what writers that were killed left behind; a day old, so that no running one is hit."""
    for path in folder.parent.glob(f".{folder.name}.building-*"):
        if time.time() - path.stat().st_mtime > DAY_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _flush(path: Path) -> None:
    if os.name == "nt":  # Windows opens no folder, and flushes no file that is open for reading
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
