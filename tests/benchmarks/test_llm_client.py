"""Does the measurement of the client against the bare SDK run, and is its overhead of the size that it was?"""

from __future__ import annotations

import re

import pytest

from benchmarks.performance import llm_client
from tests.benchmarks.running import run_main

pytestmark = pytest.mark.slow
LOOSE_CPU_MS = 15.0
"""The bar is 3 ms on an idle machine at 256 sessions; this one may be busy, and runs eight."""


def test_a_small_round() -> None:
    small = ["--concurrency", "8", "--rounds", "1", "--short", "0.05", "--long", "0.1", "--settle", "2"]
    done = run_main(llm_client.main, *small)
    assert done.exit_code == 0, done.output
    rows = [line.split("│")[1:-1] for line in done.output.splitlines() if re.search(r"│ 0\.\d+ s", line)]
    assert [row[0].strip() for row in rows] == ["0.05 s", "0.1 s"]
    for row in rows:
        bare, sessions, ratio = (float(cell) for cell in row[1:4])
        assert ratio == pytest.approx(sessions / bare, abs=0.1)
        assert ratio > 0.3
        more = float(re.search(r"\(([+-][\d.]+)\)", row[6]).group(1))
        assert more < LOOSE_CPU_MS
    assert re.search(r"included: -?\d+ KiB", done.output)
