"""Runs a command so that whatever ends it is told in words on stderr, and with its exit code."""

from __future__ import annotations

import dis
import errno
import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import typer

from paars_gym.exit_codes import ExitCode
from paars_gym.files import own_place
from paars_gym.llm.errors import ModelError
from paars_gym.printable import survive_any_encoding
from paars_gym.report.printing import Printer

MISTAKES = (ValueError, LookupError, OSError, ImportError, ModelError)
"""What functions of this package raise when they are given what they cannot use."""
STOPPED = (
    "Stopped. What was logged is kept: the same command goes on where it writes a folder or a file, "
    "simulate and abtest with --resume."
)
OURS = (
    "This is an error of paars_gym, not of yours. Please report it where you have paars_gym from, with the command and "
    "what stands below:"
)
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""The disk is full or broken, whatever is written there."""
errors = Printer(stderr=True)


class Terminated(KeyboardInterrupt):
    """SIGTERM: it takes every way out that Ctrl-C takes."""


def run_command(command: typer.Typer | Callable[..., Any]) -> None:
    """Runs an application, or a function as a command of its own as `typer.run` does, with ``sys.argv``.

    Whatever ends it is told on stderr, and the process ends with the `ExitCode` that belongs to it.

    Args:
        command: The application, or the function.
    """
    if not isinstance(command, typer.Typer):
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command()(command)
        command = single
    survive_any_encoding()
    with _logging(), _terminating() as terminated:
        try:
            code = _ended(command)
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
            errors.notice(STOPPED)
        if terminated and code == ExitCode.INTERRUPTED:
            code = ExitCode.TERMINATED
    _flush()
    if code:
        sys.exit(int(code))


def _ended(command: typer.Typer) -> int:
    """Runs it, says what ended it, and returns the exit code."""
    from paars_gym.cli.inputs import reading_urls

    try:
        code = reading_urls(typer.main.get_command(command))(standalone_mode=False)
    except Exception as mistake:
        return _tell(mistake)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # of the help, whose reader has gone
            return ExitCode.DONE
        raise
    if code == ExitCode.INTERRUPTED:  # how typer gives an interrupt back
        raise KeyboardInterrupt
    return code if isinstance(code, int) else ExitCode.DONE


def _tell(mistake: Exception) -> int:
    """Says what was wrong, and returns the exit code."""
    if isinstance(mistake, typer.Abort):
        raise KeyboardInterrupt from mistake
    code = int(getattr(mistake, "exit_code", ExitCode.DONE)) or ExitCode.WRONG_USE
    if isinstance(mistake, OSError) and mistake.errno in DISK:
        code = ExitCode.MODEL_FAILED
    # By its shape: typer 0.29 brings its own copy of click, whose exceptions are no longer click's.
    if callable(message := getattr(mistake, "format_message", None)):
        _tell_usage(mistake, message())
    elif place := own_place(mistake):  # a ranking, an environment or a function of the user's raised
        errors.notice("error:", f"{type(mistake).__name__}: {mistake} at {place}", style="red")
    elif not isinstance(mistake, MISTAKES) or _slipped(mistake):
        errors.notice("error:", OURS, style="red")
        errors.write("".join(traceback.format_exception(mistake)).rstrip())
        return ExitCode.OUR_ERROR
    else:
        text = mistake.args[0] if isinstance(mistake, KeyError) and mistake.args else mistake
        stopped = code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
        errors.notice("Stopped:" if stopped else "error:", str(text) or type(mistake).__name__, style="red")
    return code


def _tell_usage(mistake: Exception, message: str) -> None:
    context = getattr(mistake, "ctx", None)
    if type(mistake).__name__ == "NoArgsIsHelpError":  # its message is the help
        mistake.show()  # type: ignore[attr-defined]
        return
    if context is not None:
        errors.write(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n")
    errors.notice("error:", message, style="red")


def _slipped(mistake: Exception) -> bool:
    """Whether a LookupError is no message to a user, but a key or an index that our code took to be there."""
    last = mistake.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or not isinstance(mistake, LookupError):
        return False
    steps = dis.get_instructions(last.tb_frame.f_code)
    done = next((step.opname for step in steps if step.offset == last.tb_lasti), "")
    return done not in ("RAISE_VARARGS", "RERAISE")


@contextmanager
def _terminating() -> Iterator[list[int]]:
    """Makes SIGTERM raise `Terminated` in the main thread; the list is empty until it has come."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def terminate(number: int, _: object) -> None:
        received.append(number)
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _logging() -> Iterator[None]:
    """What the package logs goes the way of all other text, unless somebody has said where logs go."""
    log, handler = logging.getLogger("paars_gym"), _ToErrors(logging.WARNING)
    if log.hasHandlers():
        yield
        return
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


class _ToErrors(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        errors.print(self.format(record), soft_wrap=True)


def _flush() -> None:
    """Meets a closed pipe here, where it can be passed over, and not while the interpreter ends."""
    for printer in (Printer(), errors):
        try:
            printer.file.flush()
        except BrokenPipeError:
            printer.on_broken_pipe()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                printer.file.close()
