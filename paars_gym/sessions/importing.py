"""The import of a log as a session store, with an account of every record."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from paars_gym.cache import cached_folder
from paars_gym.catalog.journey import journey_file
from paars_gym.catalog.load import load_catalog
from paars_gym.ingest.buckets import BUCKET_RECORDS, Buckets
from paars_gym.ingest.log_blocks import ROW, Reject
from paars_gym.ingest.log_reading import read_log
from paars_gym.ingest.opening import suffix
from paars_gym.ingest.times import check_zone
from paars_gym.sessions.converting import convert
from paars_gym.sessions.event import ANONYMOUS
from paars_gym.sessions.formats import INSTALLED, find_format, generic
from paars_gym.sessions.mapping import LogFormat, LogMapping, Source
from paars_gym.sessions.sessionize import FILE_ORDINALS, GAP_MINUTES, sessionize
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import StoreWriter

HOUSEHOLDS_VERSION = 1
"""Raise it with every change of what an import of ``journey`` gives: the store in the cache is then made anew."""
BYTES_PER_RECORD = {".csv": 20, ".jsonl": 20, ".parquet": 4}  # at least, compressed ones less: for the bucket count
KNOWN_BY_KIND = {"search": "searches", "view": "views", "purchase": "purchases", "add": "carts"}
KNOWN_BY_COLUMN = {"product": "products", "query": "queries", "results": "results", "rank": "ranks", "price": "prices"}


def import_log(
    log: str | Path,
    out: str | Path,
    format: str | LogMapping,  # noqa: A002
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
        format: The name of a public log, or the columns and event words of any other.
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
        ValueError: The log lacks a column, nothing in it could be imported, or ``gap_minutes`` without times.
    """
    layout = generic(format) if isinstance(format, LogMapping) else find_format(format)
    called = "generic" if isinstance(format, LogMapping) else format
    path = journey_file("transactions") if called == "journey" and str(log) == INSTALLED else Path(log)
    files = layout.files(path)
    zone = check_zone(timezone or layout.timezone)
    if gap_minutes is not None and not any("time" in source.mapping.columns for _, source in files):
        raise ValueError(
            f"gap_minutes == {gap_minutes:g}, but the log has no times; leave it out, or map a time column."
        )
    by_id = gap_minutes is None and all("session" in source.mapping.columns for _, source in files)
    gap = None if by_id else GAP_MINUTES if gap_minutes is None else gap_minutes
    with StoreWriter(out, overwrite=overwrite) as writer:
        spill = Path(tempfile.mkdtemp(prefix="events-", suffix=".spill", dir=out))
        try:
            load = _Load(layout, zone, writer, progress)
            by = "given" if layout.one_shopper_a_session and by_id else "shopper"
            buckets = Buckets(spill, by, buckets=max(1, _estimate(files) // BUCKET_RECORDS))
            for frame in load.records(files):
                buckets.add(frame)
            for bucket in buckets:
                done = sessionize(load.prepare(bucket), gap_minutes=gap)
                load.out_of_order += done.out_of_order
                writer.add(_ranked(done.events) if layout.ranks_from_results else done.events, done.sessions)
        finally:
            shutil.rmtree(spill)
        if not load.kept:
            raise ValueError(load.why_nothing(path))
        cut = "the log's session ids" if by_id else f"{gap:g} minutes of inactivity"
        cut = "one session a shopper (no times)" if not by_id and not load.timed else cut
        return writer.close(load.provenance(name or (called if called != "generic" else path.stem), called, files, cut))


def household_baskets() -> Store:
    """2,469 households' baskets of 2017, with the product ids of the catalog ``journey``, imported once into the cache.

    Raises:
        ImportError: The package with the data is missing.
    """

    def write(folder: Path) -> None:
        import_log(INSTALLED, folder, "journey", name="Complete Journey households")

    name = f"journey-{load_catalog('journey').fingerprint}-v{HOUSEHOLDS_VERSION}"
    return Store(cached_folder("sessions", name, write, check=Store))


class _Load:
    """The records of a log, converted, and the account of what became of each."""

    def __init__(
        self, layout: LogFormat, zone: str, writer: StoreWriter, progress: Callable[[int], None] | None
    ) -> None:
        self.layout, self.zone, self.writer, self.progress = layout, zone, writer, progress
        self.read = self.kept = self.rejected = self.out_of_order = self.timed = self.untimed = 0
        self.naive = False
        self.cut: list[str] = []
        self.kinds: set[str] = set()
        self.columns: set[str] = set()
        self.first_reject = ""

    def records(self, files: list[tuple[Path, Source]]) -> Iterator[pl.DataFrame]:
        for number, (path, source) in enumerate(files):
            self.kinds |= {source.mapping.kind or "", *source.mapping.kinds.values()}
            ordinal = number * FILE_ORDINALS
            for batch in read_log(path, source.mapping, source.columns):
                frame, rejects = batch.frame, batch.rejects
                self.read += len(frame) + len(rejects)
                if source.reshape is not None:
                    reshaped = source.reshape(frame)
                    frame, rejects = reshaped.frame, [*rejects, *reshaped.rejects]
                converted = convert(frame, source.mapping, timezone=self.zone)
                self._account(path, converted.frame[ROW], [*rejects, *converted.rejects])
                self.cut += [batch.cut] if batch.cut else []
                self.naive |= converted.naive
                untimed = converted.frame["time"].null_count()
                self.timed, self.untimed = self.timed + len(converted.frame) - untimed, self.untimed + untimed
                ordinals = pl.int_range(ordinal, ordinal + len(converted.frame), eager=True).alias("ordinal")
                ordinal += len(converted.frame)
                if self.progress is not None:
                    self.progress(self.read)
                yield converted.frame.drop(ROW).with_columns(ordinals)

    def prepare(self, bucket: pl.DataFrame) -> pl.DataFrame:
        if self.layout.one_shopper_a_session:
            named = pl.col("shopper").filter(pl.col("shopper") != pl.concat_str(pl.lit(ANONYMOUS), "given"))
            bucket = bucket.with_columns(pl.coalesce(named.first().over("given"), "shopper").alias("shopper"))
        if self.layout.repeats_searches:
            first = pl.struct("shopper", "time", "query").is_first_distinct().over("kind")
            bucket = bucket.filter((pl.col("kind") != "search") | first)
        self.kinds |= set(bucket["kind"].unique().cast(pl.String))
        self.columns |= {column for column in KNOWN_BY_COLUMN if bucket[column].null_count() < len(bucket)}
        return bucket

    def why_nothing(self, path: Path) -> str:
        why = f"; the first of {self.rejected:,} refused: {self.first_reject}" if self.rejected else ""
        why = why or "".join(f"; {cut}" for cut in self.cut)
        return f"Nothing in {str(path)!r} could be imported{why}."

    def provenance(self, name: str, format: str, files: list[tuple[Path, Source]], cut: str) -> Provenance:  # noqa: A002
        times = "none" if not self.timed else "some" if self.untimed else "all"
        known = [word for kind, word in KNOWN_BY_KIND.items() if kind in self.kinds]
        known += [word for column, word in KNOWN_BY_COLUMN.items() if column in self.columns]
        known += ["ranks"] if self.layout.ranks_from_results and "results" in known else []
        notes = list(self.layout.notes)
        if self.naive:
            notes.append(f"Times without a zone were taken for {self.zone}.")
        if times != "all":
            notes.append(f"{'No' if times == 'none' else 'Not every'} event has a time: order is that of the log.")
        if not any("shopper" in source.mapping.columns for _, source in files):
            notes.append("Every session is a shopper of its own, so there are no histories.")
        return Provenance(
            name=name,
            format=format,
            source=tuple(path.name for path, _ in files),
            timezone=self.zone if self.naive else None,
            times=times,
            sessionised=cut,
            what_is_known=tuple(word for word in known if word not in self.layout.unknown),
            notes=tuple(notes),
            records_read=self.read,
            records_kept=self.kept,
            records_rejected=self.rejected,
            records_ignored=self.read - self.kept - self.rejected,
            out_of_order=self.out_of_order,
            cut=tuple(self.cut),
        )

    def _account(self, path: Path, kept: pl.Series, rejects: list[Reject]) -> None:
        """Counts rows of the log: one may have become several events, or been refused in part."""
        refused = {reject.row for reject in rejects}
        self.rejected += len(refused)
        self.kept += kept.filter(~kept.is_in(list(refused))).n_unique() if refused else kept.n_unique()
        for reject in rejects:
            line = json.dumps({"file": path.name, **reject._asdict()}, ensure_ascii=False)
            self.first_reject = self.first_reject or line
            self.writer.reject(line)


def _estimate(files: list[tuple[Path, Source]]) -> int:
    """About how many records there are, rather too many: more buckets cost little, too large ones memory."""
    return sum(path.stat().st_size // BYTES_PER_RECORD[suffix(path)] for path, _ in files)


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
