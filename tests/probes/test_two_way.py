from __future__ import annotations

import numpy as np
import pytest

from paars_gym.probes.two_way import crossed_difference, two_way_moments


def test_worked_by_hand() -> None:
    """Two shoppers × two pages: V(persona) = 2·(1² + 1²)/16 = 1/4, V(page) = 0, V(cell) = 4/3·4·(1/4)/16 = 1/12."""
    estimate = crossed_difference([0, 0, 0, 0], [1, 1, 0, 0], ["a", "a", "b", "b"], [1, 2, 1, 2])
    assert estimate.value == 0.5
    # 1/4 + 0 - 1/12 = 1/6 is less than the persona's own 1/4, which therefore stands.
    assert estimate.number("standard_error") == pytest.approx(0.5)
    assert estimate.interval.ends == pytest.approx((0.5 - 12.7062 * 0.5, 0.5 + 12.7062 * 0.5), abs=1e-3)
    assert (estimate.sizes, estimate.number("baseline")) == ({"trials": 4, "personas": 2, "pages": 2}, 0.0)


def test_both_kinds_of_clusters_add_up() -> None:
    """Sums of a shopper's and a page's part: the error is the root of the two one-way variances, but for the cells'."""
    rng = np.random.default_rng(0)
    persona, page = rng.normal(size=40), rng.normal(size=30)
    rows, columns = np.repeat(np.arange(40), 30), np.tile(np.arange(30), 40)
    values = persona[rows] + page[columns]
    expected = persona.var(ddof=1) / 40 + page.var(ddof=1) / 30
    cells = values.var(ddof=1) / len(values)
    assert two_way_moments(values, rows, columns)[0] == pytest.approx(np.sqrt(expected - cells), rel=1e-9)


def test_a_skewed_estimate_has_a_longer_interval_on_its_long_side() -> None:
    """One page in eight reacts: the true mean is rather above the estimate than as far below it."""
    people, pages = np.repeat(np.arange(20), 8).tolist(), np.tile(np.arange(8), 20).tolist()
    after = [int(page == 0) for page in pages]
    estimate = crossed_difference(np.zeros(160), after, people, pages)
    assert estimate.high - estimate.value > 1.5 * (estimate.value - estimate.low) > 0
    turned = crossed_difference(after, np.zeros(160), people, pages)
    assert turned.interval.ends == pytest.approx((-estimate.high, -estimate.low))


def test_swapping_the_two_kinds_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.integers(2, size=90), rng.integers(2, size=90)
    people, pages = rng.integers(20, size=90).tolist(), rng.integers(8, size=90).tolist()
    one, other = crossed_difference(before, after, people, pages), crossed_difference(before, after, pages, people)
    assert (one.value, one.interval) == (other.value, other.interval)


@pytest.mark.parametrize(
    ("people", "pages", "after", "note"),
    [
        ("aaaa", "1234", (0, 1, 0, 1), "not estimable: one persona"),
        ("abcd", "1111", (0, 1, 0, 1), "not estimable: one page"),
        ("aabb", "1212", (0, 0, 0, 0), "no trial differs"),
        ("aabb", "1212", (1, 1, 1, 1), "not estimable: zero variance"),
    ],
)
def test_what_cannot_be_estimated_is_no_number(people: str, pages: str, after: tuple[int, ...], note: str) -> None:
    estimate = crossed_difference([0, 0, 0, 0], after, people, pages)
    assert estimate.note == note
    assert estimate.interval is None
    assert estimate.value == (0.0 if note == "no trial differs" else None)
    assert estimate.number("may_differ") == (pytest.approx(1 - 0.05**0.5) if estimate.value == 0 else None)


@pytest.mark.parametrize(
    ("arguments", "level", "says"),
    [
        (([], [], [], []), 0.95, "one entry a trial"),
        (([0, 1], [1, 1], ["a"], [1, 2]), 0.95, "one entry a trial"),
        (([0, 1], [1, float("nan")], ["a", "b"], [1, 2]), 0.95, "NaN"),
        (([0, 1], [1, 1], ["a", "b"], [1, 2]), 1.0, "level == 1.0"),
    ],
)
def test_bad_input(arguments: tuple[list[object], ...], level: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        crossed_difference(*arguments, level=level)  # type: ignore[arg-type]
