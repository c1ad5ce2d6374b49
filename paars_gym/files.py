"""Objects named ``module:name``, and files and folders that are written whole or not at all."""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

from paars_gym.exit_codes import ExitCode

if TYPE_CHECKING:
    from pydantic import BaseModel

DAY_SECONDS = 86_400
Model = TypeVar("Model", bound="BaseModel")
_own_modules: set[str] = set()
"""That `load_named` has loaded."""


class StorageError(OSError):
    """A run cannot keep what it does, as on a full disk: it has to end before more is paid for."""

    exit_code = ExitCode.MODEL_FAILED

    @classmethod
    def of(cls, error: OSError, path: Path) -> Self:
        """What the system said of a file of the run's own."""
        return cls(error.errno, error.strerror or str(error), str(path))

    def __str__(self) -> str:
        return f"{self.strerror}: {self.filename}. Everything finished before is kept, make room and resume."


def load_named(reference: str) -> Callable[..., Any]:
    """The callable that ``module:name`` stands for; the module may lie in the working directory.

    Raises:
        LookupError: No such module.
        ValueError: Nothing in it of that name that can be called.
        ModuleNotFoundError: The module lacks something that it imports itself.
        ImportError: The module raises when it is imported; says what and where.
    """
    module_name, _, name = reference.partition(":")
    if not module_name:
        raise LookupError(f"{reference!r} names no module; write module:name.")
    here = str(Path.cwd())
    sys.path.insert(0, here)  # as `python -m` does; an installed command does not
    try:
        value: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module exists, and lacks something itself
        raise LookupError(f"No module {module_name!r} to import for {reference!r}.") from None
    except Exception as error:
        raise ImportError(f"Module {module_name!r} cannot be imported: {_cause(error)}.") from error
    finally:
        sys.path.remove(here)
    if not module_name.startswith("paars_gym."):
        _own_modules.add(module_name)
    for part in name.split("."):
        value = getattr(value, part, None)
    if not callable(value):
        raise ValueError(f"Module {module_name!r} has no class or function {name!r}.")
    return value  # type: ignore[no-any-return]


def own_place(error: BaseException) -> str:
    """File and line of the last call in a module that `load_named` has loaded; empty if the error passed none."""
    walked = traceback.walk_tb(error.__traceback__)
    frames = [(frame, line) for frame, line in walked if frame.f_globals.get("__name__") in _own_modules]
    own = [f"{frame.f_code.co_filename}:{line}" for frame, line in frames]
    return own[-1] if own else ""


def _cause(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} at {error.filename}:{error.lineno}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} at {frame.filename}:{frame.lineno}"


def read_text(path: Path, called: str = "") -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Args:
        path: Of the file.
        called: How messages call it, such as ``--names``.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is a folder, or not in UTF-8.
    """
    named = f"{called} {str(path)!r}".strip()
    if path.is_dir():
        raise ValueError(f"{named} is a folder, must be a file.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {named}.") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{named} is not in UTF-8 ({error.reason} at byte {error.start:,}); save it as UTF-8."
        ) from None


def write_whole(path: Path, text: str) -> None:
    """Writes a text file, or nothing; makes its folder if needed. A reader finds the old file or the new one."""
    with written_whole(path) as file:
        file.write(text)


def read_model(kind: type[Model], path: str | Path, called: str, *, make: str) -> Model:
    """What `write_whole` kept of a model of ours.

    Args:
        kind: Its class.
        path: Of the file.
        called: How messages call it.
        make: What makes one, for who has none.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Something else is in it.
    """
    from pydantic import ValidationError

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No {called} at {str(path)!r}; make one: {make}.")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{str(path)!r} is no {called}: {where}: {first['msg']}.") from None


def make_private(path: Path) -> Path:
    """The path of a file that only its owner can read (mode 0600), made with its folder if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    return path


@contextmanager
def written_whole(path: Path, *, binary: bool = False, private: bool = False) -> Iterator[IO[Any]]:
    """A file of text, or of bytes, to write into, which takes the place of ``path`` when the block ends well.

    It is ``<path>.new`` until then, and on the disk before it takes that place. If the block raises, the old file is
    untouched and the new one is removed. A ``private`` one is readable by its owner only. Of a link the file that it
    leads to is replaced; what is no file, such as ``/dev/stdout``, is written into.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Looked at before the link is followed: what /dev/stdout leads to need not have a path of its own.
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") if binary else path.open("w", encoding="utf-8") as file:
            yield file
        return
    if path.is_symlink():
        path = path.resolve()
    draft = path.with_name(f"{path.name}.new")
    try:
        if private:
            draft.unlink(missing_ok=True)
            make_private(draft)
        with draft.open("wb") if binary else draft.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


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
