"""The exit codes of every command, in one table: what a script may rely on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended.

    Attributes:
        meaning: In words, as ``paars --help`` says it.

    >>> print(ExitCode.CAPPED, ExitCode.CAPPED.meaning)
    5 stopped at a cap, such as --max-usd
    """

    meaning: str

    def __new__(cls, code: int, meaning: str) -> ExitCode:
        """A code with its meaning."""
        one = int.__new__(cls, code)
        one._value_ = code
        one.meaning = meaning
        return one

    DONE = 0, "done"
    CHECK_FAILED = 1, "a check failed, such as --check or paars sessions check"
    WRONG_USE = 2, "wrong use: an option, a file or a name"
    SESSIONS_FAILED = 3, "too many sessions failed"
    MODEL_FAILED = 4, "the language model or the disk failed"
    CAPPED = 5, "stopped at a cap, such as --max-usd"
    OUR_ERROR = 70, "an error of paars_gym: please report it"
    INTERRUPTED = 130, "interrupted by Ctrl-C; what was logged is kept"
    TERMINATED = 143, "ended by SIGTERM; what was logged is kept"
