"""The import of a log as a session store, with an account of every record."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from paars_gym.cache import cached_folder
from paars_gym.catalog.journey import journey_file
from paars_gym.catalog.load import load_catalog
from paars_gym.ingest.buckets import BUCKET_RECORDS, Buckets
from paars_gym.ingest.times import check_zone
from paars_gym.ingest.unpacking import PACKED
from paars_gym.remote import local_copy
from paars_gym.sessions.logs.finding import log_format
from paars_gym.sessions.logs.formats import INSTALLED
from paars_gym.sessions.logs.mapping import LogFormat, LogMapping, Source
from paars_gym.sessions.logs.reading import LogReading, log_account
from paars_gym.sessions.logs.sessionize import GAP_MINUTES, sessionize
from paars_gym.sessions.logs.shaped_logs import LogShape
from paars_gym.sessions.logs.stitching import on_own_days, stitch
from paars_gym.sessions.store import Store
from paars_gym.sessions.writer import StoreWriter

HOUSEHOLDS_VERSION = 3
"""Raise it with every change of what an import of ``journey`` gives: the store in the cache is then made anew."""
BYTES_PER_RECORD, BYTES_PER_PACKED = 20, 4  # at least: for the bucket count


def import_log(
    log: str | Path,
    out: str | Path,
    format: str | LogMapping | LogFormat | None = None,  # noqa: A002
    *,
    gap_minutes: float | None = None,
    timezone: str | None = None,
    name: str | None = None,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Store:
    """Imports a log of human sessions. Refused records go to ``rejected.jsonl`` in the store's folder.

    Args:
        log: A file, or a folder with the files of a named format; "installed" is the Complete Journey package's.
        out: Folder of the store; replaced whole or not at all.
        format: The name of a known log, or the columns and event words of any other; by default the known log that
            has these columns. A `LogFormat` is a known log whose settings were changed.
        gap_minutes: Inactivity that ends a session; by default the log's session ids where it has any, else 30. Not
            for a log without times: it has a session a session id, or else a session a shopper.
        timezone: Of times without a zone; by default the format's, else UTC.
        name: How reports call these sessions; by default the format or the file's name.
        overwrite: Whether a store in ``out`` may be replaced.
        progress: Called with the number of records read so far.

    Raises:
        FileNotFoundError: No such log.
        FileExistsError: ``out`` holds something that may not be replaced.
        KeyError: No such format.
        ValueError: The log lacks a column, nothing in it could be imported, ``gap_minutes`` without times, or no known
            log has these columns.
    """
    log = local_copy(log)
    layout = log_format(format, log)
    called = layout.name
    path = journey_file("transactions") if called == "journey" and str(log) == INSTALLED else log
    files = layout.files(path)
    zone = check_zone(timezone or layout.timezone)
    fields = {field for _, source in files for field in source.mapping.all_columns()}
    if gap_minutes is not None and "time" not in fields:
        raise ValueError(
            f"gap_minutes == {gap_minutes:g}, but the log has no times; leave it out, or map a time column."
        )
    by_id = gap_minutes is None and all("session" in source.mapping.all_columns() for _, source in files)
    gap = None if by_id else GAP_MINUTES if gap_minutes is None else gap_minutes
    with StoreWriter(out, overwrite=overwrite) as writer:
        spill = Path(tempfile.mkdtemp(prefix="events-", suffix=".spill", dir=out))
        try:
            load = LogReading(layout, zone, writer, progress)
            frames = load.records(files)
            if layout.own_days or load.stitches(files, by_id=by_id):
                frames = _stitched(frames, load, spill, gap, files)
            buckets = Buckets(spill, "shopper", buckets=max(1, _estimate(files) // BUCKET_RECORDS))
            for frame in frames:
                buckets.add(frame)
            for bucket in buckets:
                prepared = load.prepare(bucket)
                done = sessionize(prepared, gap_minutes=gap)
                load.out_of_order += done.out_of_order
                load.compare_ids(prepared, done.sessions, gap)
                writer.add(_ranked(done.events) if layout.ranks_from_results else done.events, done.sessions)
        finally:
            shutil.rmtree(spill)
        if not load.kept:
            raise ValueError(load.why_nothing(path))
        cut = "the log's session ids" if by_id else f"{gap:g} minutes of inactivity"
        cut = "one session a shopper (no times)" if not by_id and not load.timed else cut
        provenance = load.provenance(name or (called if called != "generic" else path.stem), called, files, cut)
        return writer.close(provenance, log_account(load, files, provenance, recognised=layout.recognised))


def _stitched(
    frames: Iterator[pl.DataFrame],
    load: LogReading,
    spill: Path,
    gap_minutes: float | None,
    files: list[tuple[Path, Source]],
) -> Iterator[pl.DataFrame]:
    """The records, each with the shopper of its visit: what a device or a session id did has to be seen together."""
    by = "visitor" if any("visitor" in _flat_fields(source) for _, source in files) else "given"
    folder = spill / "visits"
    folder.mkdir()
    visits = Buckets(folder, by, buckets=max(1, _estimate(files) // BUCKET_RECORDS))
    for frame in frames:
        visits.add(frame)
    for bucket in visits:
        timed = on_own_days(bucket) if load.layout.own_days else bucket
        stitched = stitch(timed, gap_minutes=gap_minutes)
        load.joined += stitched.joined
        yield stitched.records


def _flat_fields(source: Source) -> tuple[str, ...]:
    return LogShape(source.mapping).fields if source.shaped else tuple(source.mapping.columns)


def household_baskets() -> Store:
    """2,469 households' baskets of 2017, with the product ids of the catalog ``journey``, imported once into the cache.

    Raises:
        ImportError: The package with the data is missing.
    """

    def write(folder: Path) -> None:
        import_log(INSTALLED, folder, "journey", name="Complete Journey households")

    name = f"journey-{load_catalog('journey').fingerprint}-v{HOUSEHOLDS_VERSION}"
    return Store(cached_folder("sessions", name, write, check=Store))


def _estimate(files: list[tuple[Path, Source]]) -> int:
    """About how many records there are, rather too many: more buckets cost little, too large ones memory."""
    packed = (".parquet", *PACKED)
    return sum(
        path.stat().st_size // (BYTES_PER_PACKED if path.suffix in packed else BYTES_PER_RECORD) for path, _ in files
    )


def _ranked(events: pl.DataFrame) -> pl.DataFrame:
    """Gives each view its product's position in the results of its session's last search before it."""
    ranks: list[int | None] = []
    shown: list[str] = []
    last = None
    for session, kind, results, product in events.select("session", "kind", "results", "product").iter_rows():
        if session != last:
            last, shown = session, []
        shown = results or [] if kind == "search" else shown
        ranks.append(shown.index(product) + 1 if kind == "view" and product in shown else None)
    return events.with_columns(pl.Series("rank", ranks, dtype=pl.Int64))
