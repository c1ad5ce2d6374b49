"""The two-sample measures take the values they must, and keep their level under the null."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance as scipy_energy
from scipy.stats import kstest

from paars_gym.alignment import c2st_auc, coverage, energy_distance, permutation
from paars_gym.alignment.two_sample import _discriminants

Array = np.ndarray


def normals(n: int, dim: int, seed: int, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, dim)) + shift


def naive_energy(x: Array, y: Array) -> float:
    return float(2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean())


def test_energy_of_two_normals() -> None:
    """N(0,1), N(1,1): .541807, on 4,000 quantiles in place of draws."""
    from scipy.stats import norm

    grid = norm.ppf((np.arange(4000) + 0.5) / 4000)
    result = energy_distance(grid, grid + 1, rng=np.random.default_rng(0), n_permutations=0)
    assert result.value == pytest.approx(0.541807, abs=1e-3)
    assert result.p_value is None


def test_energy_is_the_plain_sum_over_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation, "TILE", 8)  # several tiles, the last ragged
    x, y = normals(27, 6, 0) + 50, normals(14, 6, 1, 0.5) + 50
    result = energy_distance(x, y, rng=np.random.default_rng(0), n_permutations=19, threads=2)
    assert result.value == pytest.approx(naive_energy(x, y), rel=1e-9)
    within = cdist(x, x).sum() / (27 * 26), cdist(y, y).sum() / (14 * 13)
    assert result.details["unbiased"] == pytest.approx(2 * cdist(x, y).mean() - sum(within), rel=1e-9)
    flat = normals(40, 1, 2).ravel(), normals(30, 1, 3, 0.3).ravel()
    ours = energy_distance(*flat, rng=np.random.default_rng(0), n_permutations=0).value
    assert ours == pytest.approx(scipy_energy(*flat) ** 2, rel=1e-9)


def test_permutations_are_relabelled_energies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation, "TILE", 5)
    x, y = normals(9, 3, 0), normals(7, 3, 1)
    result = energy_distance(x, y, rng=np.random.default_rng(4), n_permutations=50)
    rng, pooled, null = np.random.default_rng(4), np.vstack([x, y]), []
    labels = rng.permuted(np.broadcast_to(np.arange(16) < 9, (50, 16)), axis=1)
    null = [naive_energy(pooled[row], pooled[~row]) for row in labels]
    assert result.floor == pytest.approx(np.mean(null))
    assert result.p_value == (1 + sum(value >= result.value - 1e-9 for value in null)) / 51


@pytest.mark.parametrize("paired", [False, True])
def test_p_values_are_uniform_under_the_null(paired: bool) -> None:
    rng, values = np.random.default_rng(6), []
    for _ in range(500):
        shared = rng.standard_normal((15, 3)) if paired else 0.0
        x, y = shared + rng.standard_normal((15, 3)), shared + rng.standard_normal((15, 3))
        values.append(energy_distance(x, y, rng=rng, n_permutations=199, paired=paired, threads=1).p_value)
    assert kstest(values, "uniform").pvalue > 0.01


def test_energy_finds_a_shift() -> None:
    result = energy_distance(normals(200, 8, 0), normals(200, 8, 1, 0.3), rng=np.random.default_rng(0))
    assert result.p_value == 0.001
    assert result.value > 3 * result.floor
    assert result.interval is not None
    assert result.interval.low > 0


def test_pairing_finds_what_the_plain_permutation_cannot() -> None:
    base = 10 * normals(60, 2, 0)
    x, y = base + 0.1 * normals(60, 2, 1), base + 0.1 * normals(60, 2, 2, 3.0)
    rng = np.random.default_rng(0)
    assert energy_distance(x, y, rng=rng, paired=True).p_value < 0.01
    assert energy_distance(x, y, rng=rng).p_value > 0.1


def test_energy_interval_covers() -> None:
    """94 to 100%, as its docstring says; 300 runs have a standard error of 1.4% at most."""
    rng, covered, truth = np.random.default_rng(8), 0, 0.5418065793
    for _ in range(300):
        interval = energy_distance(
            rng.standard_normal(60), rng.standard_normal(60) + 1, rng=rng, n_permutations=49, threads=1
        ).interval
        covered += interval.low <= truth <= interval.high
    assert 0.90 <= covered / 300 <= 1.0


@given(st.integers(0, 10_000), st.floats(0.01, 100))
@settings(max_examples=25, deadline=None)
def test_energy_scales_and_ignores_order_and_shift(seed: int, scale: float) -> None:
    x, y = normals(12, 3, seed), normals(10, 3, seed + 1)
    rng = np.random.default_rng(seed)
    plain = energy_distance(x, y, rng=rng, n_permutations=0).value
    moved = energy_distance(scale * (x[::-1] + 7), scale * (y + 7), rng=rng, n_permutations=0).value
    assert moved == pytest.approx(scale * plain, rel=1e-7, abs=1e-9 * scale)
    assert energy_distance(x, x, rng=rng, n_permutations=0).value == pytest.approx(0, abs=1e-7)


def test_single_points_have_a_distance_but_no_evidence() -> None:
    result = energy_distance([[0.0]], [[3.0]], rng=np.random.default_rng(0), n_permutations=99)
    assert result.value == 6
    assert result.p_value is None
    assert result.floor is None
    assert result.interval is None
    assert "Not estimable" in result.note


def test_the_energy_lies_inside_its_own_interval() -> None:
    for seed in range(20):
        result = energy_distance(normals(30, 64, seed), normals(30, 64, 100 + seed), rng=np.random.default_rng(seed))
        assert result.interval is not None
        assert result.interval.low <= result.value <= result.interval.high


@pytest.mark.parametrize("n", [30, 200])
def test_the_discriminant_is_at_its_minimum(n: int) -> None:
    """Both ways of solving, for fewer and for more points than dimensions, leave no gradient."""
    rng = np.random.default_rng(0)
    points, labels = rng.standard_normal((n, 50)), rng.random((n, 3)) < 0.4
    middle, wanted = points.mean(axis=0), labels.astype(float)
    weights = _discriminants(points, labels, np.eye(50) + middle, 2.0)
    residual = wanted - wanted.mean(axis=0) - (points - middle) @ weights
    assert (points - middle).T @ residual == pytest.approx(2.0 * weights, abs=1e-9)


@pytest.mark.parametrize("paired", [False, True])
def test_c2st_and_coverage_p_values_are_uniform_under_the_null(paired: bool) -> None:
    rng, rejected = np.random.default_rng(7), []
    for _ in range(150):
        shared = rng.standard_normal((24, 3)) if paired else 0.0
        x, y = shared + rng.standard_normal((24, 3)), shared + rng.standard_normal((24, 3))
        rejected.append(
            (
                c2st_auc(x, y, rng=rng, n_permutations=39, paired=paired, threads=1).p_value,
                coverage(x, y, neighbours=1, rng=rng, n_permutations=39, paired=paired, threads=1).p_value,
            )
        )
    for name, values in zip(("c2st", "coverage"), np.array(rejected).T, strict=True):
        for level in (0.05, 0.25, 0.5):  # discrete, hence never above its level but by chance
            share = float((values <= level).mean())
            assert share <= level + 3 * math.sqrt(level * (1 - level) / 150), (name, level, share)
        assert (values <= 0.5).mean() > 0.3, name


def test_relabellings_count_as_by_hand() -> None:
    """Each permutation's coverage is the coverage of the relabelled points."""
    x, y = normals(30, 3, 0), normals(20, 3, 1)
    labels = permutation.relabellings(30, 20, 9, False, np.random.default_rng(5))
    pooled = np.vstack([x, y])
    values = [coverage(pooled[~row], pooled[row], n_permutations=0).value for row in labels.T]
    estimate = coverage(x, y, rng=np.random.default_rng(5), n_permutations=9)
    assert estimate.value == values[0]
    assert estimate.p_value == (1 + sum(value <= values[0] for value in values[1:])) / 10


def test_auc_of_two_normals() -> None:
    """N(0,1), N(1,1): the best AUC is Phi(1/sqrt 2) = .7602."""
    result = c2st_auc(normals(3000, 1, 0), normals(2000, 1, 1, 1.0), rng=np.random.default_rng(0))
    assert result.value == pytest.approx(0.7602, abs=0.02)
    assert result.interval is not None
    assert result.interval.low < 0.7602 < result.interval.high


def test_auc_under_the_null_is_a_half_and_paired_copies_do_not_push_it_down() -> None:
    rng = np.random.default_rng(3)
    plain = [c2st_auc(*rng.standard_normal((2, 60, 4)), rng=rng, n_permutations=0).value for _ in range(100)]
    assert np.mean(plain) == pytest.approx(0.5, abs=0.02)
    x = rng.standard_normal((200, 50))
    copies = x + 0.01 * rng.standard_normal(x.shape)
    assert c2st_auc(x, copies, rng=rng, paired=True).value == pytest.approx(0.5, abs=0.1)
    assert c2st_auc(x, copies, rng=rng, paired=False).value < 0.4


def test_auc_of_separate_clouds_is_one_in_any_unit() -> None:
    for scale in (1e-3, 1.0, 1e3):
        result = c2st_auc(scale * normals(50, 3, 0), scale * normals(40, 3, 1, 20.0), rng=np.random.default_rng(0))
        assert result.value == 1
    same = c2st_auc(np.ones((20, 3)), np.ones((20, 3)), rng=np.random.default_rng(0))
    assert same.value == 0.5


def test_too_few_points_for_the_folds_are_not_estimable() -> None:
    result = c2st_auc(normals(9, 2, 0), normals(20, 2, 1), rng=np.random.default_rng(0))
    assert result.value is None
    assert "5 folds need 10" in result.note


def test_coverage_by_hand() -> None:
    """k = 1 on a line: radii 1, 1, 2; agents at .5 and 9 reach the first two."""
    result = coverage([0.0, 1.0, 3.0], [0.5, 9.0], neighbours=1)
    assert result.value == pytest.approx(2 / 3)
    assert coverage([0.0, 1.0, 3.0], [5.0], neighbours=1).value == pytest.approx(1 / 3)  # the ball is closed


def test_coverage_names_mode_collapse() -> None:
    human = np.vstack([normals(100, 8, 0), normals(100, 8, 1, 30.0)])
    assert coverage(human, normals(200, 8, 2)).value < 0.55
    faultless = coverage(human, np.vstack([normals(100, 8, 2), normals(100, 8, 3, 30.0)]))
    assert faultless.value == pytest.approx(faultless.floor, abs=0.06)


def test_coverage_floor_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation, "MOST_CELLS", 1600)
    rng = np.random.default_rng(0)
    results = [
        coverage(rng.standard_normal((60, 3)), rng.standard_normal((40, 3)), n_permutations=0, threads=1)
        for _ in range(200)
    ]
    error = np.std([result.value for result in results]) / math.sqrt(200)
    assert np.mean([result.value for result in results]) == pytest.approx(results[0].floor, abs=4 * error)


def test_too_few_humans_have_no_neighbours() -> None:
    result = coverage(normals(5, 2, 0), normals(9, 2, 1))
    assert result.value is None
    assert "Not estimable" in result.note


@pytest.mark.parametrize(
    ("human", "agent", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), "dimensions"),
        (np.zeros((0, 3)), np.zeros((2, 3)), "not empty"),
        (np.array([[math.nan]]), np.zeros((2, 1)), "NaN or infinity"),
        (np.zeros((2, 1)), np.array([[math.inf]]), "NaN or infinity"),
    ],
)
def test_unusable_populations_are_refused(human: Array, agent: Array, message: str) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message):
        energy_distance(human, agent, rng=rng)
    with pytest.raises(ValueError, match=message):
        c2st_auc(human, agent, rng=rng)
    with pytest.raises(ValueError, match=message):
        coverage(human, agent)


def test_a_bare_seed_is_refused() -> None:
    points = np.zeros((12, 2))
    for metric in (energy_distance, c2st_auc, coverage):
        with pytest.raises(TypeError, match="rng == 0, must be a numpy Generator"):
            metric(points, points, rng=0)  # type: ignore[operator]


def test_unusable_options_are_refused() -> None:
    rng, points = np.random.default_rng(0), np.zeros((12, 2))
    with pytest.raises(ValueError, match="n_permutations"):
        energy_distance(points, points, rng=rng, n_permutations=-1)
    with pytest.raises(ValueError, match="paired"):
        energy_distance(points, points[:5], rng=rng, paired=True)
    with pytest.raises(ValueError, match="folds"):
        c2st_auc(points, points, rng=rng, folds=1)
    with pytest.raises(ValueError, match="penalty"):
        c2st_auc(points, points, rng=rng, penalty=0)
    with pytest.raises(ValueError, match="neighbours"):
        coverage(points, points, neighbours=0)
