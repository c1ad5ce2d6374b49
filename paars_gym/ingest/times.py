"""Timestamps of any notation as instants, and as the clock that the shopper saw."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

TIME: pl.DataType = pl.Datetime("us", "UTC")
PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}
ZONED, RESPELT_ZONED = "%+", "%Y-%m-%d %H:%M:%S%.f%:z"
NAIVE = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d")
# What else ISO 8601 and its relatives write: no seconds, no separators, a comma, hours alone for the zone.
RELATIVE = (
    r"(?i)^(\d{4})(?:-(\d\d)-|(\d\d))(\d\d)(?:[T ]\s*(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?$"
)
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
    nothing = pl.Series(text.name, [None], dtype=TIME).new_from_index(0, len(text))
    times = Times(nothing, _none(len(text)), False)
    # The one that fits the first value first: usually it fits all.
    for notation in sorted((*NAIVE, ZONED), key=lambda one: _parsed(text.drop_nulls().head(1), one).null_count()):
        times = _completed(times, text, notation, timezone)
    if (times.time.is_null() & text.is_not_null()).any():
        respelt = _respelt(text)
        for notation in (NAIVE[0], RESPELT_ZONED):
            times = _completed(times, respelt, notation, timezone)
    return times


def _completed(times: Times, text: pl.Series, notation: str, timezone: str) -> Times:
    """What has been read, and what this notation reads of the rest."""
    left = times.time.is_null() & text.is_not_null()
    if not left.any():
        return times
    parsed = _parsed(text, notation)
    more = _zoned(parsed, text) if notation in (ZONED, RESPELT_ZONED) else _localised(parsed, timezone)
    return Times(
        times.time.zip_with(~left, more.time),
        times.utc_offset_s.zip_with(~left, more.utc_offset_s),
        times.naive or more.naive,
    )


def _respelt(text: pl.Series) -> pl.Series:
    """Relatives of ISO 8601 in full, as `NAIVE`'s first or as `RESPELT_ZONED`; null where it is none."""
    year, month, basic_month, day, hour, minute, second, fraction, zone = (pl.nth(i) for i in range(9))
    parts = text.str.extract_groups(RELATIVE).struct.unnest().with_columns(pl.all().replace("", None))
    digits = zone.str.replace(":", "", literal=True).str.pad_end(5, "0")
    offset = (
        pl.when(zone.is_null())
        .then(pl.lit(""))
        .when(zone.str.contains("^[+-]"))
        .then(pl.concat_str(digits.str.head(3), pl.lit(":"), digits.str.tail(2)))
        .otherwise(pl.lit("+00:00"))
    )
    zero = pl.lit("00")
    clock = [hour.fill_null(zero), pl.lit(":"), minute.fill_null(zero), pl.lit(":"), second.fill_null(zero)]
    date = [year, pl.lit("-"), pl.coalesce(month, basic_month), pl.lit("-"), day, pl.lit(" ")]
    return parts.select(pl.concat_str(*date, *clock, pl.lit("."), fraction.fill_null("0"), offset)).to_series()


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
