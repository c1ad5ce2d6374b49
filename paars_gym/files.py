"""Objects named ``module:name``, files and folders that are written whole or not at all, and locks."""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

DAY_SECONDS = 86_400


def load_named(reference: str) -> Callable[..., Any]:
    """The callable that ``module:name`` stands for; the module may lie in the working directory.

    Raises:
        LookupError: No such module.
        ValueError: Nothing in it of that name that can be called.
        ModuleNotFoundError: The module lacks something that it imports itself.
    """
    module_name, _, name = reference.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)  # as `python -m` does; an installed command does not
    try:
        value: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module exists, and lacks something itself
        raise LookupError(f"No module {module_name!r} to import for {reference!r}.") from None
    finally:
        sys.path.remove(here)
    for part in name.split("."):
        value = getattr(value, part, None)
    if not callable(value):
        raise ValueError(f"Module {module_name!r} has no class or function {name!r}.")
    return value  # type: ignore[no-any-return]


def write_whole(path: Path, text: str) -> None:
    """Writes a text file, or nothing; makes its folder if needed. A reader finds the old file or the new one."""
    with written_whole(path) as file:
        file.write(text)


@contextmanager
def written_whole(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file of text, or of bytes, to write into, which takes the place of ``path`` when the block ends well.

    It is ``<path>.new`` until then, and on the disk before it takes that place. If the block raises, the old file is
    untouched and the new one is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    try:
        with draft.open("wb") if binary else draft.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other processes out of the folder of a lock file as long as the block runs.

    Raises:
        OSError: Another process is at work there.
    """
    try:
        import fcntl
    except ImportError:  # Windows has none; two processes in one folder are then the user's lookout
        yield
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"Another process is at work in {str(path.parent)!r}; wait for it to end.") from None
        yield


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of ``folder`` when the block ends well.

    The new folder is a hidden sibling, so that the last step is one rename within one file system. On Linux the two
    folders are exchanged in one system call; elsewhere the old one is first moved aside, and `restored` brings it back
    should the process die between the two renames. If the block raises, the old folder is untouched.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    restored(folder)
    _sweep(folder)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.building-", dir=folder.parent))
    try:
        building.chmod(0o777 & ~_umask())  # mkdtemp makes it private; what it becomes is as readable as any other
        yield building
        for path in [*building.iterdir(), building]:
            _flush(path)
        _swap(building, folder)
        _flush(folder.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


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
