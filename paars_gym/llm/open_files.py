"""How many files and sockets this process may have open: said before a run that needs more."""

from __future__ import annotations

from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

BESIDE_CALLS = 32
"""Files of a run beside the sockets of its calls: logs, ledger, cache, catalog and index."""


def check_open_files(concurrency: int) -> None:
    """Finds out that so many calls at once can be made.

    Args:
        concurrency: Calls at once, a socket each.

    Raises:
        ValueError: The limit of open files is too low; says how to raise it, and what would fit.
    """
    if resource is None:
        return
    limit, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = concurrency + BESIDE_CALLS + _open_now()
    if limit == resource.RLIM_INFINITY or needed <= limit:
        return
    fits = limit - (needed - concurrency)
    advice = f"lower --concurrency to {fits}" if fits > 0 else "close what else this process has open"
    if highest == resource.RLIM_INFINITY or needed <= highest:
        advice = f"raise it (ulimit -n {needed}), or {advice}"
    raise ValueError(
        f"concurrency == {concurrency} needs {needed:,} open files, and this process may have {limit:,}: {advice}."
    )


def _open_now() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return 16
