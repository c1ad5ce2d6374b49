"""When was that? Timestamps of any notation to instants, and to the clock that the shopper saw."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from paars_gym.sessions.rows import TIME

PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}
ZONED, NAIVE = "%+", ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d")
# Outside of these a number was read in the wrong unit: 1.4e9 as milliseconds is January 1970.
FIRST_YEAR, LAST_YEAR = 1990, 2100


class Times(NamedTuple):
    """Instants (null where unreadable), seconds east of UTC of the clock they were written by, and naive or not."""

    time: pl.Series
    utc_offset_s: pl.Series
    naive: bool


def check_zone(name: str) -> str:
    """The zone's name, if there is such a zone.

    Raises:
        ValueError: There is none.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"Unknown time zone {name!r}; give an IANA name such as UTC or Europe/Berlin.") from error
    return name


def parse_times(raw: pl.Series, notation: str, *, timezone: str) -> Times:
    """Reads a column of timestamps.

    Args:
        raw: Text, numbers, dates or datetimes.
        notation: "iso", "s", "ms", "us" (since 1970), or a strptime format; unused for dates and datetimes.
        timezone: Zone of the naive ones. Times that occur twice there (autumn) are the first of the two; those that
            do not exist (spring) are null.
    """
    if raw.dtype == pl.Date or isinstance(raw.dtype, pl.Datetime):
        typed = raw.cast(pl.Datetime("us", getattr(raw.dtype, "time_zone", None)))
        return _zoned(typed) if typed.dtype.time_zone else _localised(typed, timezone)  # type: ignore[attr-defined]
    text = raw.cast(pl.String)
    if notation in PER_UNIT:
        micros = text.cast(pl.Int64, strict=False) * PER_UNIT[notation]
        if micros.null_count() > text.null_count():  # fractions, 1.4e9
            exact = text.cast(pl.Float64, strict=False) * PER_UNIT[notation]
            micros = micros.zip_with(micros.is_not_null(), exact.round().cast(pl.Int64, strict=False))
        return _zoned(micros.cast(TIME))
    if notation != "iso":
        if "%z" in notation or "%:z" in notation or "%#z" in notation:
            return _zoned(text.str.to_datetime(notation, time_unit="us", strict=False), text)
        return _localised(text.str.to_datetime(notation, time_unit="us", strict=False), timezone)
    return _iso(text, timezone)


def _iso(text: pl.Series, timezone: str) -> Times:
    formats = sorted((*NAIVE, ZONED), key=lambda notation: _parsed(text.drop_nulls().head(1), notation).null_count())
    time = pl.Series(text.name, [None], dtype=TIME).new_from_index(0, len(text))
    offset = pl.Series("utc_offset_s", [None], dtype=pl.Int32).new_from_index(0, len(text))
    naive = False
    for notation in formats:  # the one that fits the first value first: usually it fits all
        left = time.is_null() & text.is_not_null()
        if not left.any():
            break
        parsed = _parsed(text, notation)
        found = _zoned(parsed, text) if notation == ZONED else _localised(parsed, timezone)
        naive |= found.naive
        offset = offset.zip_with(~left, found.utc_offset_s)
        time = time.zip_with(~left, found.time)
    return Times(time, offset, naive)


def _parsed(text: pl.Series, notation: str) -> pl.Series:
    return text.str.to_datetime(notation, time_unit="us", strict=False)


def _zoned(time: pl.Series, text: pl.Series | None = None) -> Times:
    zone = getattr(time.dtype, "time_zone", None)
    instant = _sane(time.dt.convert_time_zone("UTC"))
    offset = _offset(time) if zone != "UTC" else pl.Series([0], dtype=pl.Int32).new_from_index(0, len(time))
    if text is not None:
        parts = text.str.extract_groups(r"([+-])(\d\d):?(\d\d)$").struct.unnest()
        if parts[:, 0].is_not_null().any():
            written = parts.select(
                pl.when(pl.nth(0) == "-").then(-1).otherwise(1)
                * (pl.nth(1).cast(pl.Int32) * 3600 + pl.nth(2).cast(pl.Int32) * 60)
            ).to_series()
            offset = written.fill_null(0).cast(pl.Int32)
    return Times(instant, offset.zip_with(instant.is_not_null(), _none(len(time))), False)


def _localised(time: pl.Series, timezone: str) -> Times:
    local = time.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    instant = _sane(local.dt.convert_time_zone("UTC"))
    return Times(
        instant, _offset(local).zip_with(instant.is_not_null(), _none(len(time))), bool(time.is_not_null().any())
    )


def _offset(time: pl.Series) -> pl.Series:
    return (time.dt.base_utc_offset() + time.dt.dst_offset()).dt.total_seconds().cast(pl.Int32)


def _sane(time: pl.Series) -> pl.Series:
    inside = time.dt.year().is_between(FIRST_YEAR, LAST_YEAR).fill_null(value=False)
    return time.zip_with(inside, pl.Series([None], dtype=TIME).new_from_index(0, len(time)))


def _none(length: int) -> pl.Series:
    return pl.Series([None], dtype=pl.Int32).new_from_index(0, length)
