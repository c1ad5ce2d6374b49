from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.abtest.backtest import BacktestResult, backtest, read_backtest
from paars_gym.abtest.fit.magnitude import Calibration, calibrate, leave_one_out
from paars_gym.abtest.past_tests import PastTest, folder_name, read_tests
from paars_gym.estimate import Estimate, Interval
from paars_gym.report.abtest import backtest_plot


def past_test(name: str, human: float, around: tuple[float, float] | None, simulated: float) -> PastTest:
    interval = None if around is None else Interval(*around)
    return PastTest(name=name, human=Estimate(human, interval), simulated=Estimate(simulated))


def past(simulated: list[float], human: list[float]) -> list[PastTest]:
    return [
        past_test(f"t{i}", y, (y - 0.01, y + 0.01), x) for i, (x, y) in enumerate(zip(simulated, human, strict=True))
    ]


def test_three_tests_by_hand() -> None:
    result = backtest(past([0.2, -0.3, 0.1], [0.02, -0.02, -0.01]))
    assert (result.direction.number("count"), result.direction.sizes) == (2, {"tests": 3})
    assert result.direction.interval.ends == pytest.approx((0.208, 0.939), abs=0.001)
    assert result.magnitude_ratio.value == pytest.approx(10.0)
    assert result.no_effect.mean_absolute == pytest.approx(0.05 / 3)
    assert result.no_effect.direction.value == 0
    # The first by the others: slope (0.3·0.02 - 0.1·0.01) / (0.09 + 0.01) = 0.05.
    assert result.tests[0].calibrated.value == pytest.approx(0.01)
    assert result.calibration.slope == pytest.approx((0.2 * 0.02 + 0.3 * 0.02 - 0.1 * 0.01) / 0.14)
    assert result.mean_effect.direction.value == 0


def test_calibration_closes_a_magnitude_gap_out_of_sample() -> None:
    rng = np.random.default_rng(0)
    human = rng.normal(0, 0.02, 40)
    result = backtest(past((15 * human + rng.normal(0, 0.05, 40)).tolist(), human.tolist()))
    assert result.magnitude_ratio.value > 10
    assert result.calibrated_magnitude_ratio.value == pytest.approx(1, abs=0.3)
    assert result.calibrated.mean_absolute < 0.4 * result.no_effect.mean_absolute < result.raw.mean_absolute
    assert result.coverage.value > 0.85
    assert result.rank_correlation.value > 0.9
    assert result.correlation.low < result.correlation.value < result.correlation.high


def test_prediction_intervals_cover_new_tests() -> None:
    rng = np.random.default_rng(1)
    held = []
    for _ in range(60):
        x = rng.normal(0, 0.3, 12)
        y = 0.1 * x + rng.normal(0, 0.01, 12)
        held += [true in one.interval for one, true in zip(leave_one_out(x, y), y, strict=True)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_too_few_tests_are_not_calibrated() -> None:
    result = backtest(past([0.1, 0.2], [0.01, 0.03]))
    assert (result.calibrated, result.calibration, result.coverage.sizes) == (None, None, {"tests": 0})
    assert backtest(past([0.1], [0.01])).mean_effect is None
    with pytest.raises(ValueError, match="no past test"):
        backtest([])
    with pytest.raises(ValueError, match="at least two"):
        calibrate([0.1], [0.2])
    with pytest.raises(ValueError, match="All simulated effects are 0"):
        calibrate([0.0, 0.0], [0.2, 0.1])
    with pytest.raises(ValueError, match="must be numbers"):
        backtest([past_test("t", float("nan"), None, 0.1)])


def test_a_file_of_past_tests(tmp_path: Path) -> None:
    file = tmp_path / "tests.csv"
    file.write_text("test,human_effect,human_low,human_high,simulated_effect\na,2.1%,1%,3%,0.2\nb,-0.01,,,-5%\n")
    first, second = read_tests(file, simulate=lambda *_: pytest.fail("nothing to simulate"))
    assert (first.name, first.human.value, first.human.interval.ends) == ("a", pytest.approx(0.021), (0.01, 0.03))
    assert (first.simulated.value, first.simulated.interval) == (0.2, None)
    assert (second.name, second.human.value, second.human.interval, second.simulated.value) == ("b", -0.01, None, -0.05)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("test,human_effect\na,much", r"line 2 \(a\): human_effect == 'much'"),
        ("test,human_effect,simulated_effect\na,,0.1", "human_effect is missing"),
        ("test,human_effect\na,0.1", "nor arms that differ"),
        ("test,human_effect\n", "holds no test"),
        ("test,human_effect,human_low,human_high\na,1%,3%,0%", "human_low <= human_effect <= human_high"),
        ("test,human_effect,human_low,human_high\na,5%,0%,3%", "human_low <= human_effect <= human_high"),
        ("test,human_effect,human_low,human_high\na,1%,0%,", "both human_low and human_high"),
        ("test,human_effect,simulated_effect\na b,1%,1%\nb,1%,1%\nA B,2%,1%", "line 2 has that name"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "tests.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_tests(file, simulate=lambda *_: pytest.fail("nothing to simulate"))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../b", "..", "", "C:\\x", "\0"])
def test_a_test_is_kept_within_its_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / folder_name(name)
    assert path.resolve().parent == tmp_path.resolve()
    assert path != tmp_path
    assert folder_name("price +20%, all") != folder_name("price -20%, all")


def test_a_prediction_knows_the_noise_of_the_new_simulation() -> None:
    line = Calibration(slope=0.5, slope_error=0.1, spread=0.02, degrees=1_000_000, level=0.95)
    predicted = line.predict(0.2, error=0.04)
    assert predicted.value == pytest.approx(0.1)
    # Three errors of 0.02 each: sqrt(3) · 0.02 · 1.96.
    assert (
        predicted.high - predicted.value
        == pytest.approx(predicted.value - predicted.low)
        == pytest.approx(0.0679, abs=1e-4)
    )
    assert line.predict(0.2).high == pytest.approx(0.1 + 1.96 * 2**0.5 * 0.02, abs=1e-4)


def test_what_has_no_interval_is_drawn_without_one() -> None:
    tests = [past_test("a", 0.1, None, 0.2), past_test("b", 0.1, (0.05, 0.15), 0.2)]
    drawn = backtest_plot(backtest(tests)).text().plain
    first, sure = (line for line in drawn.splitlines() if "people" in line)
    assert first.count("●") == sure.count("●") == 1
    assert "[" not in first
    assert "─" not in first
    assert "[+5.0%, +15.0%]" in sure


def test_a_backtest_is_a_table_and_survives_its_file(tmp_path: Path) -> None:
    result = backtest(past([0.2, -0.3, 0.1], [0.02, -0.02, -0.01]))
    rows = result.to_dicts()
    assert [row["quantity"] for row in rows][:2] == ["direction", "direction_significant"]
    assert {row["test"] for row in rows} == {"all", "t0", "t1", "t2"}
    assert len(repr(result).splitlines()) <= 20
    assert "Backtest on 3 tests" in result._repr_html_()
    file = tmp_path / "backtest.json"
    file.write_text(result.model_dump_json())
    again = read_backtest(file)
    assert isinstance(again, BacktestResult)
    assert again == result


def test_past_tests_on_one_line_give_no_interval() -> None:
    line = calibrate([0.1, 0.2, -0.3], [0.05, 0.1, -0.15])
    for found in (line.predict(0.2), line.slope_estimate()):
        assert (found.interval, found.note) == (None, "no interval: all past tests lie on one line")
    assert line.predict(0.2, error=0.01).interval is not None
