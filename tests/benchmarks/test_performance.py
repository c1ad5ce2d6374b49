"""The table of speed: rows and bars, exponents, its place in the page, and how the command goes on and fails."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.performance import __main__ as command
from benchmarks.performance import listed
from benchmarks.performance.growth import Curve, bytes_more, curves, fit
from benchmarks.performance.record import Measurement, SpeedRecord
from benchmarks.performance.rows import SpeedRow, at_least, at_most, in_turn, number
from benchmarks.performance.table import BEGIN, END, growth_table, speed_table, with_speed
from benchmarks.readme import README
from tests.benchmarks.running import Ended, run_main

FAST = SpeedRow(
    name="steps", measured=846_123.0, unit="steps/s", beside="CartPole", peer=139_000.0, asked=at_least(2.0, "ratio")
)
SLOW = FAST.model_copy(update={"measured": 150_000.0})


def test_an_exponent_worked_by_hand() -> None:
    sizes = [10.0, 100.0, 1_000.0]
    exact = fit(sizes, [3.0 * size**1.5 for size in sizes])
    assert exact is not None
    assert exact.exponent == pytest.approx(1.5)
    assert exact.error == pytest.approx(0.0, abs=1e-9)
    # Logarithms to base 10: x = 1, 2, 3; y = 1, 2, 4. Slope 3/2; residuals 1/6, -1/3, 1/6; error √(1/6 / 1 / 2).
    bent = fit(sizes, [10.0, 100.0, 10_000.0])
    assert bent is not None
    assert bent.exponent == pytest.approx(1.5)
    assert bent.error == pytest.approx((1 / 12) ** 0.5)


def test_its_error_holds_the_true_exponent() -> None:
    rng = np.random.default_rng(0)
    sizes = np.array([1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6])
    held = 0
    for _ in range(300):
        fitted = fit(sizes.tolist(), (2 * sizes**0.8 * np.exp(0.1 * rng.standard_normal(len(sizes)))).tolist())
        assert fitted is not None
        assert fitted.error is not None
        held += abs(fitted.exponent - 0.8) < 2.571 * fitted.error  # t of 5 degrees of freedom, 95%
    assert 0.91 < held / 300 < 0.985


def test_what_has_no_exponent() -> None:
    assert fit([10.0], [1.0]) is None
    assert fit([1.0, 10.0], [0.0, 1.0]) is None
    two = fit([1.0, 10.0], [2.0, 20.0])
    assert two is not None
    assert two.exponent == pytest.approx(1.0)
    assert two.error is None


def test_bars_of_figures_and_of_ratios() -> None:
    assert FAST.ratio == pytest.approx(6.087, abs=1e-3)
    assert not FAST.missed()
    assert SLOW.missed() == ["steps: 1.08 times, must be at least 2"]
    late = SpeedRow(name="start", measured=2.0, unit="CPU s", asked=at_most(1.5))
    assert late.missed() == ["start: 2 CPU s, must be at most 1.5"]
    assert late.model_copy(update={"measured": float("nan")}).missed()
    assert not late.model_copy(update={"measured": None}).missed()
    assert [number(value) for value in (0, 0.01234, 1.5, 99.96, 846_123)] == ["0", "0.0123", "1.5", "100", "846,000"]


def test_works_take_turns() -> None:
    order: list[str] = []
    ticks = iter(range(100))
    took = in_turn(lambda: order.append("a"), lambda: order.append("b"), rounds=2, clock=lambda: float(next(ticks)))
    assert order == ["a", "b", "a", "b"]
    assert took == [1.0, 1.0]


def test_the_table_in_markdown() -> None:
    times = SpeedRow(name="KDE|KL", measured=0.8, unit="s", beside="sklearn", peer=52.0, note="scaled")
    absent = times.model_copy(update={"beside": "duckdb: not installed", "peer": None})
    table = speed_table(
        [
            Measurement(name="env", rows=(FAST, SLOW)),
            Measurement(name="density", rows=(times, absent), failed="its | died"),
        ]
    ).splitlines()
    assert table[2:] == [
        "| steps | 846,000 steps/s | CartPole: 139,000 steps/s | 6.09 | ≥ 2 times |",
        "|  | 150,000 steps/s | CartPole: 139,000 steps/s | 1.08 | ≥ 2 times, **missed** |",
        "| density (failed: its \\| died) |  |  |  |  |",
        "| KDE\\|KL (scaled) | 0.8 s | sklearn: 52 s | 1/65 |  |",
        "|  | 0.8 s | duckdb: not installed |  |  |",
    ]


def test_growth_in_markdown() -> None:
    points = {"sessions": {1_000: {"run, s": 2.0, "peak memory, MB": 300.0}, 10_000: {"run, s": 20.0}}}
    made = curves(points)
    assert made[0] == Curve("sessions", "run", "s", (1_000, 10_000), (2.0, 20.0))
    assert growth_table(made).splitlines() == [
        "| sessions | 1,000 | 10,000 | exponent |",
        "| --- | --- | --- | --- |",
        "| run, s | 2 | 20 | 1.00 |",
        "| peak memory, MB | 300 |  |  |",
    ]
    longer = made[1]._replace(sizes=(1_000, 10_000), values=(300.0, 300.9))
    assert bytes_more(longer) == pytest.approx(100)
    assert growth_table([longer]).endswith(
        "\n\nBetween its two largest sizes a population takes 100 bytes more for each session."
    )
    assert made[1].most == 1_500
    assert not made[1].missed()
    assert made[1]._replace(values=(1_600.0,)).missed() == [
        "peak memory of 1,000 sessions: 1,600 MB, must be at most 1,500"
    ]


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_speed(page, "new \\1") == f"before\n{BEGIN}\n\nnew \\1\n\n{END}\nafter\n"
    with pytest.raises(ValueError, match="no lines"):
        with_speed("before\n", "new")
    ours = README.read_text(encoding="utf-8")
    assert with_speed(ours, "SENTINEL").count("SENTINEL") == 1


def test_every_benchmark_is_there() -> None:
    for where in (*listed.BENCHMARKS.values(), *command.MEASURES.values()):
        module, _, name = where.partition(":")
        source = Path(README).parent / "performance" / f"{module.rpartition('.')[2]}.py"
        assert f"def {name}(" in source.read_text(encoding="utf-8"), where


def two(_: bool) -> list[SpeedRow]:
    return [FAST, SLOW]


def broken(_: bool) -> list[SpeedRow]:
    raise ValueError("out of\nluck")


def grown(size: int) -> dict[str, float]:
    if size > 100:
        raise MemoryError("too many")
    return {"run, s": size / 10}


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """The command with two benchmarks of its own and one that grows, in processes of their own."""
    here = f"{__name__}:"
    monkeypatch.setattr(command, "BENCHMARKS", {"two": f"{here}two", "broken": f"{here}broken"})
    monkeypatch.setattr(command, "MEASURES", {"sessions": f"{here}grown"})
    monkeypatch.setattr(command, "SIZES", {"sessions": (100, 400)})
    monkeypatch.setattr(command, "REDUCED", {"sessions": (10, 100)})
    monkeypatch.setattr(command, "_apart", _here)
    return lambda *arguments: run_main(command.main, *arguments)


def _here(work: Callable[..., Any], where: str, *given: Any) -> tuple[Any, str]:
    try:
        return globals()[where.rpartition(":")[2]](*given), ""
    except Exception as error:
        return None, " ".join(f"{type(error).__name__}: {error}".split())


def test_a_missed_bar_and_a_failed_row_fail_the_check_alone(main: Callable[..., Ended]) -> None:
    ended = main("--reduced", "--only", "two")
    assert ended.exit_code == 0
    assert "steps: 1.08 times, must be at least 2" in ended.output
    assert main("--reduced", "--only", "two", "--check").exit_code == 1
    ended = main("--reduced", "--check", "--part", "table")
    assert ended.exit_code == 1
    assert "broken failed: ValueError: out of luck" in ended.output
    assert "846,000 steps/s" in ended.output  # the others are not lost
    assert main("--reduced", "--check", "--only", "sessions").exit_code == 0
    ended = main("--check", "--only", "sessions")
    assert ended.exit_code == 1
    assert "400 sessions failed: MemoryError: too many" in ended.output


def test_what_the_file_holds_is_kept(main: Callable[..., Ended], tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    main("--reduced", "--json", file)
    record = SpeedRecord.model_validate_json(file.read_text())
    assert record.benchmarks["two"].rows == (FAST, SLOW)
    assert record.growth == {"sessions": {10: {"run, s": 1.0}, 100: {"run, s": 10.0}}}
    content = json.loads(file.read_text())
    content["benchmarks"]["two"]["rows"][0]["measured"] = 1.0
    content["benchmarks"]["broken"]["failed"] = "of old"
    content["growth"]["sessions"]["10"]["run, s"] = 7.0
    file.write_text(json.dumps(content))
    main("--reduced", "--json", file)
    record = SpeedRecord.model_validate_json(file.read_text())
    assert record.benchmarks["two"].rows[0].measured == 1.0
    assert record.benchmarks["broken"].failed == "ValueError: out of luck"  # what failed is tried again
    assert record.growth["sessions"][10] == {"run, s": 7.0}
    main("--reduced", "--json", file, "--again")
    assert SpeedRecord.model_validate_json(file.read_text()).benchmarks["two"].rows == (FAST, SLOW)
    assert SpeedRecord.model_validate_json(file.read_text()).growth["sessions"][10] == {"run, s": 1.0}


def test_the_page_is_written(main: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"x\n{BEGIN}\n{END}\ny\n")
    monkeypatch.setattr(command, "README", page)
    main("--write")
    text = page.read_text()
    assert "| steps | 846,000 steps/s |" in text
    assert "| broken (failed: ValueError: out of luck) |" in text
    assert "| run, s | 10 |" in text
    assert text.startswith("x\n")
    assert text.endswith("y\n")


@pytest.mark.slow
def test_a_process_that_is_killed_loses_its_own_row_alone() -> None:
    assert command._apart(number, 1.5) == ("1.5", "")
    assert command._apart(os._exit, 9) == (None, "its process was killed, or ran out of memory")
