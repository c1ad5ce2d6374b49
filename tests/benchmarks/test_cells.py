"""How does a number stand in a table?"""

from __future__ import annotations

from benchmarks.report.cells import estimate


def test_a_cell_has_no_empty_brackets() -> None:
    assert estimate(0.5) == "0.5"
    assert estimate(None) == "–"
    assert estimate(0.5, 0.41234, 0.6) == "0.5\n[0.41, 0.6]"
