"""Which known log a log is: as it is said, or found by its columns; and what may be changed in how it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from paars_gym.ingest.shaping import FILLED, columns_of
from paars_gym.sessions.logs.analytics_formats import is_query_click, query_click
from paars_gym.sessions.logs.columns import columns_of_file, log_columns
from paars_gym.sessions.logs.formats import FORMATS, INSTALLED, generic
from paars_gym.sessions.logs.mapping import NO_SEARCHES, EventRule, LogFormat, LogMapping


def log_format(said: str | LogMapping | LogFormat | None, log: str | Path) -> LogFormat:
    """The format of a log: as it is said, or found by its columns.

    Raises:
        FileNotFoundError: No such log.
        KeyError: No format of that name.
        ValueError: Nothing is said, and it is none that is known.
    """
    if isinstance(said, LogFormat):
        return said
    if isinstance(said, LogMapping):
        return generic(said)
    return find_format(said, log) if said else replace(find_format(recognise(log), log), recognised=True)


def find_format(name: str, log: str | Path | None = None) -> LogFormat:
    """The known log of a name.

    Args:
        name: Of `FORMATS`.
        log: The log, for a format that reads whichever of its columns are there.

    Raises:
        KeyError: No such format.
        ValueError: ``generic``, which is no log but any log with a mapping.
    """
    if name == "generic":
        raise ValueError("--format generic needs a mapping: --map FILE, --map shopper=…,kind=…, or --wizard.")
    if name not in FORMATS:
        raise KeyError(f"Unknown log format {name!r}. Available: generic, {', '.join(FORMATS)}.")
    if name == "query-click" and log is not None and Path(log).is_file():
        return replace(query_click(log_columns(Path(log))), name=name)
    return replace(FORMATS[name](), name=name)


def with_searches(layout: LogFormat, column: str, log: str | Path) -> LogFormat:
    """A format with a search wherever a column has words: exports of analytics keep them where each site says.

    Raises:
        FileNotFoundError: No such log.
        ValueError: The log has no such column, or the format's own columns cannot be added to.
    """
    if not all(source.shaped for source in layout.sources):
        raise ValueError(f"Format {layout.name!r} reads its own columns; give --map only with --format generic.")
    for file, source in layout.files(Path(log)):
        columns = columns_of_file(file, source)
        if columns and not set(columns_of(column)) & set(columns):
            raise ValueError(
                f"--map query={column}: {file.name!r} has no column {column!r}; it has {', '.join(columns)}."
            )
    rule = EventRule(kind="search", when={column: FILLED}, columns={"query": column})
    sources = tuple(
        replace(one, mapping=one.mapping.model_copy(update={"events": (rule, *one.mapping.events)}))
        for one in layout.sources
    )
    return replace(layout, sources=sources, notes=tuple(note for note in layout.notes if note != NO_SEARCHES))


def recognise(log: str | Path) -> str:
    """The known log that has these columns, or files of these names.

    Raises:
        FileNotFoundError: No such log.
        ValueError: It is none that is known.
    """
    path = Path(log)
    if str(log) == INSTALLED:
        return "journey"
    if not path.exists():
        raise FileNotFoundError(f"No log {str(log)!r}.")
    fitting = [name for name in FORMATS if name != "query-click" and _fits(FORMATS[name](), path)]
    if not fitting and path.is_file() and is_query_click(log_columns(path)):
        fitting = ["query-click"]
    if not fitting:
        raise ValueError(
            f"{str(log)!r} is no log that is known by its columns. Say which it is (--format), or which columns are "
            "what (--map FILE, or --map shopper=…,kind=…): --propose shows what it looks like, --wizard asks."
        )
    return fitting[0]


def _fits(layout: LogFormat, path: Path) -> bool:
    """Whether a log's files have the columns of a format; where those have no header, its names."""
    named = [source for source in layout.sources if source.pattern.strip("*")]
    try:
        files = layout.files(path)
    except FileNotFoundError:
        return False
    for file, source in files:
        columns = set(columns_of_file(file, source))
        if not source.mapping.header:
            if not any(file.match(f"{one.pattern}*") for one in named):
                return False
            continue
        wanted = layout.signature or (frozenset(source.columns),)
        if not any(one <= columns for one in wanted):
            return False
    return bool(files)
