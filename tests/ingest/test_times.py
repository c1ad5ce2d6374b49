from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from paars_gym.ingest.times import parse_times

EIGHT = datetime(2024, 1, 1, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time", "offset_s"),
    [
        ("2024-01-01 08:01", EIGHT, 0),
        ("2024-01-01T08:01", EIGHT, 0),
        ("2024-01-01T08:01Z", EIGHT, 0),
        ("2024-01-01 08:01:00 UTC", EIGHT, 0),
        ("2024-01-01 10:01:00+02", EIGHT, 7_200),
        ("2024-01-01T02:31-0530", EIGHT, -19_800),
        ("20240101T080100Z", EIGHT, 0),
        ("20240101 1001 +02:00", EIGHT, 7_200),
        ("2024-01-01 08:01:00,000", EIGHT, 0),
        ("20240101", EIGHT.replace(hour=0, minute=0), 0),
        ("2024-01-01 08:61", None, None),
        ("2024-13-01 08:01", None, None),
        ("20240101080100", None, None),
        ("1500000000", None, None),
    ],
)
def test_iso_and_its_relatives(text, time, offset_s):
    parsed = parse_times(pl.Series([None, text]), "iso", timezone="UTC")
    assert parsed.time.to_list() == [None, time]
    assert parsed.utc_offset_s.to_list() == [None, offset_s]
    # Beside others of any spelling it is read the same.
    mixed = parse_times(pl.Series(["2024-01-01 00:00:00", text, "2024-01-01T00:00+01"]), "iso", timezone="UTC")
    assert (mixed.time[1], mixed.utc_offset_s[1], mixed.utc_offset_s[2]) == (time, offset_s, 3_600)
