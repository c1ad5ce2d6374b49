"""The records of a log, typed, and the account of what became of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from paars_gym.ingest.account import EXAMPLES, ColumnAccount, ReadingAccount, count_reason, look_alike_warnings, shown
from paars_gym.ingest.log_blocks import ROW, Reject
from paars_gym.ingest.log_reading import Batch, read_log
from paars_gym.ingest.shaping import columns_of
from paars_gym.sessions.logs.columns import columns_of_file, looks_like_log_field
from paars_gym.sessions.logs.converting import USED_BY, convert
from paars_gym.sessions.logs.duplicates import deduplicate
from paars_gym.sessions.logs.mapping import FIELDS, LogFormat, Source
from paars_gym.sessions.logs.sessionize import FILE_ORDINALS
from paars_gym.sessions.logs.shaped_logs import LogShape, read_shaped
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import StoreWriter

KNOWN_BY_KIND = {
    "search": "searches", "view": "views", "purchase": "purchases", "add": "carts", "next_page": "pages",
    "filter": "filters",
}  # fmt: skip
KNOWN_BY_COLUMN = {"product": "products", "query": "queries", "results": "results", "rank": "ranks", "price": "prices"}
RESOLUTIONS = {"day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}
"""Microseconds of which the times of a log may all be multiples."""
ENOUGH_TIMES = 12
"""Fewer that happen to be full hours do not show that a log knows no minutes."""
COARSE = ("day", "hour")
"""Resolutions that tell no pause of half an hour, and no view within 60 seconds."""


class LogReading:
    """The records of a log, converted, and the account of what became of each.

    Attributes:
        layout: The log's format.
        repeated: Records that repeat an earlier one; ``left_out`` of them were left out.
        joined: Visits in which a login named events around it.
        split_ids: Session ids of the log that a pause cut in several sessions.
        joined_ids: Sessions that hold several session ids of the log.
    """

    def __init__(
        self, layout: LogFormat, zone: str, writer: StoreWriter, progress: Callable[[int], None] | None
    ) -> None:
        self.layout, self.zone, self.writer, self.progress = layout, zone, writer, progress
        self.read = self.kept = self.rejected = self.out_of_order = self.timed = self.untimed = 0
        self.repeated = self.left_out = 0
        self.joined = self.split_ids = self.joined_ids = 0
        self.naive = False
        self.cut: list[str] = []
        self.kinds: set[str] = set()
        self.columns: set[str] = set()
        self.first_reject = ""
        self.reasons: dict[str, int] = {}
        self.filled: Counter[str] = Counter()
        self.possible: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._first: list[pl.DataFrame] = []
        self._first_repeat: int | None = None
        self._finer = dict.fromkeys(RESOLUTIONS, False)

    def records(self, files: list[tuple[Path, Source]]) -> Iterator[pl.DataFrame]:
        """Frames of schema `converting.RECORDS`, with ordinals."""
        batches = self._converted(files)
        self._first = list(islice(batches, 1))
        return chain(self._first, batches)

    def stitches(self, files: list[tuple[Path, Source]], *, by_id: bool) -> bool:
        """Whether some events name the shopper and others of the same visit may not."""
        if self.layout.one_shopper_a_session and by_id:
            return True
        fields = {field for _, source in files for field in source.mapping.all_columns()}
        if any(source.shaped and "visitor" in LogShape(source.mapping).fields for _, source in files):
            return "shopper" in fields or by_id
        unnamed = any(not frame["named"].all() for frame in self._first)
        return by_id and {"shopper", "session"} <= fields and unnamed

    def _converted(self, files: list[tuple[Path, Source]]) -> Iterator[pl.DataFrame]:
        for number, (path, source) in enumerate(files):
            kinds = {rule.kind for rule in source.mapping.events}
            self.kinds |= {source.mapping.kind or "", *source.mapping.kinds.values(), *kinds}
            ordinal = number * FILE_ORDINALS
            for batch, mapping in _batches(path, source):
                frame, rejects = batch.frame, batch.rejects
                read = frame[ROW].n_unique() if source.shaped else len(frame)
                self.read += read + len(rejects)
                if source.reshape is not None:
                    reshaped = source.reshape(frame)
                    frame, rejects = reshaped.frame, [*rejects, *reshaped.rejects]
                converted = convert(frame, mapping, timezone=self.zone)
                self._account(path, converted.frame[ROW], [*rejects, *converted.rejects])
                self._see(frame, converted.frame, mapping.plain_columns)
                self.cut += [batch.cut] if batch.cut else []
                self.naive |= converted.naive
                untimed = converted.frame["time"].null_count()
                self.timed, self.untimed = self.timed + len(converted.frame) - untimed, self.untimed + untimed
                ordinals = pl.int_range(ordinal, ordinal + len(converted.frame), eager=True).alias("ordinal")
                ordinal += len(converted.frame)
                if self.progress is not None:
                    self.progress(self.read)
                records = converted.frame
                if not self.layout.own_days and records["since"].null_count() < len(records):
                    since = pl.duration(milliseconds=pl.col("since").fill_null(0))
                    records = records.with_columns((pl.col("time") + since).alias("time"))
                line = (pl.col(ROW) + number * FILE_ORDINALS).alias("line")
                yield records.with_columns(ordinals, line).drop(ROW)

    def prepare(self, bucket: pl.DataFrame) -> pl.DataFrame:
        """A bucket of records, ready to be cut into sessions."""
        if self.layout.repeats_searches:
            first = pl.struct("shopper", "time", "query").is_first_distinct().over("kind")
            bucket = bucket.filter((pl.col("kind") != "search") | first)
        drop = any(source.mapping.drop_duplicates for source in self.layout.sources)
        bucket, repeated, left_out, repeat = deduplicate(bucket, drop=drop)
        self.repeated, self.left_out, self.kept = (
            self.repeated + repeated, self.left_out + left_out, self.kept - left_out,
        )  # fmt: skip
        if repeat is not None:
            self._first_repeat = min(repeat, self._first_repeat or repeat)
        self.kinds |= set(bucket["kind"].unique().cast(pl.String))
        self.columns |= {column for column in KNOWN_BY_COLUMN if bucket[column].null_count() < len(bucket)}
        local = (bucket["time"].dt.epoch("us") + bucket["utc_offset_s"].cast(pl.Int64) * 1_000_000).drop_nulls()
        for name, size in RESOLUTIONS.items():
            self._finer[name] = self._finer[name] or bool((local % size != 0).any())
        return bucket.drop("named", "visitor", "since", "event_id", "line")

    @property
    def resolution(self) -> str:
        """The coarsest unit of which all times are multiples; "none" without times."""
        if not self.timed:
            return "none"
        found = next((name for name in RESOLUTIONS if not self._finer[name]), "subsecond")
        return "minute" if found == "hour" and self.timed < ENOUGH_TIMES else found

    def compare_ids(self, records: pl.DataFrame, sessions: pl.DataFrame, gap_minutes: float | None) -> None:
        """Counts sessions that a pause cut out of one session id, where the log has ids and they were not used."""
        if gap_minutes is None or records["given"].null_count() == len(records):
            return
        ids = records.filter(pl.col("given").is_not_null()).select(pl.struct("shopper", "given").n_unique()).item()
        self.split_ids += max(0, len(sessions) - ids)
        self.joined_ids += max(0, ids - len(sessions))

    def why_nothing(self, path: Path) -> str:
        """Why nothing could be imported."""
        why = f"; the first of {self.rejected:,} refused: {self.first_reject}" if self.rejected else ""
        why = why or "".join(f"; {cut}" for cut in self.cut)
        return f"Nothing in {str(path)!r} could be imported{why}."

    def provenance(self, name: str, format: str, files: list[tuple[Path, Source]], cut: str) -> Provenance:  # noqa: A002
        """Where the sessions come from, and what their log can tell."""
        times = "none" if not self.timed else "some" if self.untimed else "all"
        known = [word for kind, word in KNOWN_BY_KIND.items() if kind in self.kinds]
        known += [word for column, word in KNOWN_BY_COLUMN.items() if column in self.columns]
        known += ["ranks"] if self.layout.ranks_from_results and "results" in known else []
        notes = list(self.layout.notes)
        if self.naive:
            notes.append(f"Times without a zone were taken for {self.zone}.")
        if times != "all":
            notes.append(f"{'No' if times == 'none' else 'Not every'} event has a time: order is that of the log.")
        if self._first_repeat is not None:
            file, row = divmod(self._first_repeat, FILE_ORDINALS)
            where = f" of {files[file][0].name}" if len(files) > 1 else ""
            kept = (
                " Where neither an event id nor a time finer than a second proves that they are one event they are "
                "kept, unless duplicates are to be dropped (--drop-duplicates)."
            )
            notes.append(
                f"{self.repeated:,} records repeat an earlier one, the first of them record {row:,}{where}; "
                f"{self.left_out:,} were left out.{kept if self.left_out < self.repeated else ''}"
            )
        if self.resolution in COARSE:
            notes.append(
                f"Times are whole {self.resolution}s: the order within one is that of the log, no view is known to "
                "follow a search within 60 seconds, and shorter inactivity ends no session."
            )
        if not {"shopper", "visitor"} & {field for _, source in files for field in source.mapping.all_columns()}:
            notes.append("Every session is a shopper of its own, so there are no histories.")
        return Provenance(
            name=name,
            synthetic=any(source.mapping.synthetic for source in self.layout.sources),
            format=format,
            source=tuple(path.name for path, _ in files),
            timezone=self.zone if self.naive else None,
            times=times,
            time_resolution=self.resolution,
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
            seen = f" {reject.value!r}" if reject.field == "kind" and reject.value else ""
            count_reason(self.reasons, f"{reject.field}{seen}, {reject.reason}" if reject.field else reject.reason)

    def _see(self, raw: pl.DataFrame, records: pl.DataFrame, columns: dict[str, str]) -> None:
        """Counts what is filled among the events that could have it, and keeps the first values as the log has them."""
        for field, column in columns.items():
            able = records["kind"].is_in(USED_BY[field]) if field in USED_BY and field != "since" else None
            of = {"session": "given", "category": "filters", "total": "price"}.get(field, field)
            where = records[of].is_not_null() if field != "shopper" else records["named"]
            self.possible[field] += len(records) if able is None else int(able.sum())
            self.filled[field] += int(where.sum()) if able is None else int((where & able).sum())
            kept = self.examples.setdefault(field, [])
            if len(kept) < EXAMPLES and column in raw.columns:
                values: list[Any] = raw[column].drop_nulls().head(1000).to_list()
                kept += [text for text in dict.fromkeys(map(shown, values)) if text and text not in kept]
                del kept[EXAMPLES:]


def _batches(path: Path, source: Source) -> Iterator[tuple[Batch, Any]]:
    """Batches of a file, each with the mapping of its columns."""
    mapping = source.mapping
    if not source.shaped:
        for batch in read_log(path, mapping, source.columns):
            yield batch, mapping
        return
    shape = LogShape(mapping)
    for batch in read_shaped(path, source, shape):
        yield batch, shape.flat


def log_account(
    load: LogReading, files: list[tuple[Path, Source]], provenance: Provenance, *, recognised: bool
) -> ReadingAccount:
    """The account of an import that is through."""
    used: dict[str, tuple[str, ...]] = {}
    unused: list[str] = []
    for path, source in files:
        here = source.mapping.all_columns()
        for field, made in here.items():
            columns = tuple(name for column in made for name in source.made_of.get(column, (column,)))
            used[field] = tuple(dict.fromkeys((*used.get(field, ()), *columns)))
        read = {name for columns in here.values() for name in columns_of(columns)} | set(source.reads)
        read |= {name for text in (*source.mapping.explode, *source.mapping.only) for name in columns_of(text)}
        read |= {name for rule in source.mapping.events if rule.explode for name in columns_of(rule.explode)}
        unused += [name for name in columns_of_file(path, source) if name not in read and name not in unused]
    how = "as you say" if provenance.format == "generic" else f"as {provenance.format} has it"
    fields = tuple(
        ColumnAccount(
            field=field,
            columns=used.get(field, ()),
            how=how,
            filled=load.filled[field] / load.possible[field] if load.possible[field] else 0.0,
            examples=tuple(load.examples.get(field, ())),
        )
        for field in FIELDS
        if field != "total" and (field in used or load.filled[field])
    )
    facts = {"time resolution": load.resolution, "sessions": provenance.sessionised}
    if load.joined:
        facts["visits in which a login named events around it"] = f"{load.joined:,}"
    if load.split_ids or load.joined_ids:
        facts["sessions more than the log's ids"] = f"{load.split_ids:,}"
        facts["the log's ids more than sessions"] = f"{load.joined_ids:,}"
    warnings = look_alike_warnings(looks_like_log_field(unused), [one.field for one in fields if one.filled], "--map")
    return ReadingAccount(
        source=provenance.source,
        format=provenance.format,
        recognised=recognised,
        fields=fields,
        unused=tuple(unused),
        counts={
            "records": provenance.records_read,
            "kept": provenance.records_kept,
            "rejected": provenance.records_rejected,
            "ignored": provenance.records_ignored - load.left_out,
            **({"left_out_as_repeated": load.left_out} if load.left_out else {}),
            "out_of_order": provenance.out_of_order,
        },
        rejected=dict(sorted(load.reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        facts=facts,
        warnings=warnings if provenance.format == "generic" else (),
    )
