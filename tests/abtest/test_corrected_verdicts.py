"""Of several outcomes one leaves out 0 by chance: no direction is told that the corrected p-value does not carry."""

from __future__ import annotations

import numpy as np
import pytest

from paars_gym.abtest import ABTest, ABTestResult, Arm
from paars_gym.abtest.compare import Pairs, compare
from paars_gym.abtest.outcomes import COLUMNS, OUTCOMES
from paars_gym.abtest.result import SampleRatio
from paars_gym.config import RunConfig
from paars_gym.report.abtest import notes, result_forest
from paars_gym.report.pages.abtest_page import abtest_plots, abtest_words

SHOPPERS = 60
VIEWS = tuple(one for one in OUTCOMES if one.name == "views")


def pairs(shift: float) -> Pairs:
    """Sessions that differ by chance, and in the products opened by ``shift`` besides."""
    rng = np.random.default_rng(5)
    control = {name: rng.poisson(3, SHOPPERS).astype(float) for name in COLUMNS}
    treatment = {name: column + rng.normal(0, 1, SHOPPERS) for name, column in control.items()}
    treatment["views"] = control["views"] + shift + rng.permutation(np.linspace(-1.7, 1.7, SHOPPERS))
    for arm in (control, treatment):
        arm |= {name: np.ones(SHOPPERS) for name in ("sessions", "ranked_views", "carts")}
        arm["unpriced"] = np.zeros(SHOPPERS)
    shoppers = [str(number) for number in range(SHOPPERS)]
    return Pairs(shoppers, control, treatment, 1, 0, SampleRatio(control=0, treatment=0, p_value=1))


def test_a_direction_needs_the_corrected_p_value() -> None:
    alone = compare(pairs(0.28), outcomes=VIEWS)["views"]
    assert alone.difference.verdict == alone.relative.verdict == "higher"
    among = compare(pairs(0.28))["views"]
    assert among.difference.interval == alone.difference.interval
    assert among.difference.p_value == pytest.approx(alone.difference.p_value)
    assert among.difference.p_value < 0.05 < among.difference.number("p_adjusted")
    assert not {"higher", "lower"} & {one.verdict for one in among.estimates.values()}
    assert among.difference.verdict == among.relative.verdict == "unclear"


def test_a_large_difference_keeps_its_direction_among_many_outcomes() -> None:
    among = compare(pairs(2.0))["views"]
    assert among.difference.number("p_adjusted") < 0.001
    assert among.difference.verdict == among.relative.verdict == "higher"
    assert compare(pairs(-2.0))["views"].difference.verdict == "lower"


@pytest.fixture(scope="module")
def played() -> ABTestResult:
    return ABTest(Arm("bm25"), Arm("price")).run(RunConfig(sessions=8))


def test_what_is_printed_follows_the_corrected_verdict(played: ABTestResult) -> None:
    unsure, sure = (played.model_copy(update={"outcomes": compare(pairs(shift))}) for shift in (0.28, 2.0))
    shown = {row["outcome"]: row["verdict"] for row in unsure._shown()}
    assert shown["views"] == "unclear"
    told = [line for line in notes(unsure) if line.startswith("No change is told of")]
    assert len(told) == 1
    assert "views (p (FDR) 0." in told[0]
    assert not any(line.startswith("No change is told of") for line in notes(sure))
    words = next(line for line in abtest_words(unsure) if line.startswith("Products opened"))
    assert words.endswith("; chance alone among 8 outcomes could explain it.")
    assert "chance" not in next(line for line in abtest_words(sure) if line.startswith("Products opened"))
    assert "products opened" not in abtest_plots(unsure)[0].text
    assert "products opened" in abtest_plots(sure)[0].text
    styles = [str(span.style) for result in (unsure, sure) for span in result_forest(result).text().spans]
    assert "green" not in styles[: len(styles) // 2]
    assert "green" in styles[len(styles) // 2 :]
