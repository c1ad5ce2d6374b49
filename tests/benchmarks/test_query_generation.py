"""Does the query task run on real pairs, and say what they are?"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.query_generation import OF, remarks, run, tables, webshop_pairs


def test_small_run_on_real_pairs(shared_data: Path) -> None:
    results = run(shoppers=("uniform", "behavioural"), embedder="lexical", limit=60)
    assert results.pairs == 60
    told = {(m.population, m.metric): m for m in results.measures}
    behavioural = told["behavioural", "mean cosine"]
    assert behavioural.of == OF
    assert behavioural.estimate is not None
    assert behavioural.estimate > behavioural.details["cosine with other people's queries"] + 0.2
    halves = told["behavioural", "KDE-KL of halves"]
    assert halves.null_floor is not None
    assert halves.details["paired"] < (halves.estimate or 0.0)
    assert "not comparable to the paper" in results.embedder
    assert "goal text stands for the title" in results.people
    assert len(tables(results)) == 2
    assert any("copying one's own pair" in line or "differ" in line for line in remarks(results))
    again = run(shoppers=("uniform", "behavioural"), embedder="lexical", limit=60)
    assert again == results


def test_absent_data_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--human STORE"):
        webshop_pairs(tmp_path / "nothing.json")


def test_second_queries_differ_from_first_ones(shared_data: Path) -> None:
    pairs, twice = webshop_pairs()
    assert len(pairs) == 1506
    assert twice
    assert all(first != second for first, second in twice)
