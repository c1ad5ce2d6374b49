"""The kernel density KL is exact, at every bandwidth and size, and read against the right floor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from paars_gym.alignment import kde_halves, kde_kl, kde_kl_loo, kde_kl_loo_test, kde_sweep, log_density, split_kl
from paars_gym.alignment.kde import Kernel, kernel_kls

Array = np.ndarray


def unit_vectors(n: int, dim: int, seed: int) -> Array:
    points = np.random.default_rng(seed).standard_normal((n, dim))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def naive_log_density(points: Array, centres: Array, h: float) -> Array:
    squares = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    dim = points.shape[1]
    return (
        logsumexp(-squares / (2 * h * h), axis=1) - math.log(len(centres)) - dim * math.log(h * math.sqrt(2 * math.pi))
    )


@pytest.mark.parametrize("bandwidth", [0.001, 0.01, 0.1, 1.0])
def test_log_density_is_the_sum_of_all_kernels(bandwidth: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kde_halves, "ROWS", 7)  # many tiles, the last ones ragged
    monkeypatch.setattr(kde_halves, "COLUMNS", 10)
    centres, points = unit_vectors(31, 384, 0) + 5, unit_vectors(23, 384, 1) + 5
    expected = naive_log_density(points, centres, bandwidth)
    assert log_density(points, centres, bandwidth=bandwidth, threads=2) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
@pytest.mark.parametrize("scale", [1.0, 590.0, 610.0, 1e3, 1e6])
def test_sums_of_any_size_are_exact_whatever_tile_comes_first(
    scale: float, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without a shift by the greatest, which a later tile may begin or end to need."""
    monkeypatch.setattr(kde_halves, "COLUMNS", 3)
    exponents = np.random.default_rng(7).uniform(-scale, scale, 40)
    ordered = {"rising": np.sort(exponents), "falling": -np.sort(-exponents), "mixed": exponents}[order]
    rows = np.outer([1.0, -1.0, 0.5], np.ones(1))  # the product is each row's share of the exponents
    expected = logsumexp(rows * ordered, axis=1)
    assert kde_halves.log_sum(rows, ordered[:, None]) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_one_centre_is_a_gaussian() -> None:
    points = np.random.default_rng(0).standard_normal((50, 3))
    expected = multivariate_normal(np.ones(3), 0.49 * np.eye(3)).logpdf(points)
    assert log_density(points, np.ones((1, 3)), bandwidth=0.7) == pytest.approx(expected)


def gaussian_kl(shift: Array, wide: float) -> tuple[float, float]:
    """Monte Carlo KL(N(0, I) || N(shift, wide² I)) and its error, by way of log_density."""
    points = np.random.default_rng(1).standard_normal((100_000, len(shift)))
    ratio = log_density(points, np.zeros((1, len(shift))), bandwidth=1) - log_density(
        points, shift[None], bandwidth=wide
    )
    return float(ratio.mean()), float(ratio.std()) / math.sqrt(len(ratio))


@pytest.mark.parametrize(
    ("shift", "wide", "nats"),
    [
        (np.array([1.0]), 1.0, 0.5),
        (np.array([0.0]), 2.0, 0.3181472),
        (np.full(10, 0.5), 1.0, 1.25),
        (np.full(10, 0.5), math.sqrt(2), 1.5907),
    ],
)
def test_closed_forms_of_gaussians(shift: Array, wide: float, nats: float) -> None:
    value, error = gaussian_kl(shift, wide)
    assert value == pytest.approx(nats, abs=4 * error)
    assert error < 0.01


def test_the_reverse_of_the_wider_gaussian() -> None:
    points = 2 * np.random.default_rng(2).standard_normal((100_000, 1))
    ratio = log_density(points, [[0.0]], bandwidth=2) - log_density(points, [[0.0]], bandwidth=1)
    assert ratio.mean() == pytest.approx(0.8068528, abs=4 * ratio.std() / math.sqrt(len(ratio)))


def test_one_centre_each_at_distance_one() -> None:
    """d = 384, h = .1: per sample exactly 50 - e/h with e standard normal, hence mean 50 and standard deviation 10."""
    human = np.zeros((1, 384))
    agent = human.copy()
    agent[0, 0] = 1
    result = kde_kl(human, agent, bandwidth=0.1, n_samples=20_000, repeats=2, rng=np.random.default_rng(3))
    assert result.value == pytest.approx(50, abs=4 * result.details["mc_error"])
    assert result.details["mc_error"] == pytest.approx(10 / math.sqrt(40_000), rel=0.03)
    assert result.interval is None  # one human is no sample of humans


def test_a_population_against_itself_is_zero_exactly() -> None:
    points = unit_vectors(40, 16, 4)
    result = kde_kl(points, points.copy(), rng=np.random.default_rng(0))
    assert result.value == 0
    assert result.details["mc_error"] == 0


def test_small_bandwidths_measure_the_nearest_neighbour() -> None:
    human, agent = unit_vectors(60, 64, 5), unit_vectors(60, 64, 6)
    nearest = ((human[:, None] - agent[None]) ** 2).sum(axis=2).min(axis=1).mean()
    sweep = kde_sweep(human, agent, bandwidths=(1e-4, 1e-3, 1e-2), rng=np.random.default_rng(0))
    assert 2 * 1e-8 * sweep[1e-4].value == pytest.approx(nearest, rel=0.01)
    assert sweep[1e-3].value / sweep[1e-2].value == pytest.approx(100, rel=0.05)  # the exact fingerprint


def test_the_sweep_is_the_density_kl_at_every_bandwidth() -> None:
    human, agent = unit_vectors(80, 16, 5), unit_vectors(60, 16, 6)
    sweep = kde_sweep(human, agent, rng=np.random.default_rng(0))
    assert list(sweep) == [0.001, 0.01, 0.1, 1.0]
    for h, estimate in sweep.items():
        assert estimate == kde_kl(human, agent, bandwidth=h, rng=np.random.default_rng(0))  # the same draws
        other = kde_kl(human, agent, bandwidth=h, n_samples=400, rng=np.random.default_rng(1))  # other draws
        error = math.hypot(estimate.details["mc_error"], other.details["mc_error"])
        assert estimate.value == pytest.approx(other.value, abs=5 * error)
    itself = kde_sweep(human, human.copy(), rng=np.random.default_rng(0))
    assert [estimate.value for estimate in itself.values()] == [0.0] * 4
    # One draw by hand: the same noise, the plain formula.
    first = kde_sweep(human[:64], agent, bandwidths=(0.1,), repeats=1, rng=np.random.default_rng(0))
    e = np.random.default_rng(np.random.default_rng(0).integers(0, 2**63, 1)[0]).standard_normal((64, 16))
    z = human[:64] + 0.1 * e
    ratio = naive_log_density(z, human[:64], 0.1) - naive_log_density(z, agent, 0.1)
    assert first[0.1].value == pytest.approx(ratio.mean(), rel=1e-9)
    # The second repeat mirrors it.
    mirrored = kde_sweep(human[:64], agent, bandwidths=(0.1,), repeats=2, rng=np.random.default_rng(0))[0.1]
    z = human[:64] - 0.1 * e
    ratio = naive_log_density(z, human[:64], 0.1) - naive_log_density(z, agent, 0.1)
    assert mirrored.value == pytest.approx((first[0.1].value + ratio.mean()) / 2, rel=1e-9)


def test_leaving_the_own_centre_out_costs_a_sweep_nothing_but_a_pass() -> None:
    human, agent = unit_vectors(80, 16, 5), unit_vectors(60, 16, 6)
    with_own, without = Kernel(0.1), Kernel(0.1, leave_one_out=True)
    estimates = kernel_kls(human, agent, kernels=[with_own, without], rng=np.random.default_rng(0))
    assert estimates[with_own] == kde_sweep(human, agent, bandwidths=(0.1,), rng=np.random.default_rng(0))[0.1]
    assert estimates[without] == kde_kl_loo(human, agent, rng=np.random.default_rng(0))
    single = kernel_kls(human[:1], agent[:1], kernels=[with_own, without], rng=np.random.default_rng(0))
    assert single[with_own].value is not None
    assert single[without].value is None
    assert single[without].note


@pytest.mark.parametrize("paired", [False, True])
def test_the_leave_one_out_test_keeps_its_level_and_finds_a_shift(paired: bool) -> None:
    rng, rejected = np.random.default_rng(4), []
    for _ in range(120):
        shared = rng.standard_normal((30, 4)) if paired else 0.0
        x, y = shared + rng.standard_normal((30, 4)), shared + rng.standard_normal((30, 4))
        tested = kde_kl_loo_test(x, y, bandwidth=0.5, n_permutations=39, paired=paired, rng=rng, threads=1)
        rejected.append((tested.p_value, tested.halves_p_value))
    for level in (0.05, 0.5):
        assert ((np.array(rejected) <= level).mean(axis=0) <= level + 3 * math.sqrt(level * (1 - level) / 120)).all()
    shifted = kde_kl_loo_test(x, y + 1.5, bandwidth=0.5, paired=paired, rng=rng)
    assert max(shifted.p_value, shifted.halves_p_value) < 0.05


def test_copies_of_ones_own_pair_are_below_chance_and_halves_do_not_see_them() -> None:
    human = unit_vectors(200, 32, 20)
    agent = human + 0.02 * np.random.default_rng(21).standard_normal(human.shape)
    tested = kde_kl_loo_test(human, agent, paired=True, rng=np.random.default_rng(0))
    assert tested.halves_p_value > 0.05
    own = kde_kl_loo(human, agent, rng=np.random.default_rng(0))
    assert own.value < 0


def test_a_bare_seed_is_refused() -> None:
    points = np.eye(6)
    for metric in (kde_kl, kde_kl_loo, kde_sweep, split_kl, kde_kl_loo_test):
        with pytest.raises(TypeError, match="rng == 0, must be a numpy Generator"):
            metric(points, points, rng=0)  # type: ignore[operator]


@given(st.floats(0.01, 100), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_scaling_identity(scale: float, seed: int) -> None:
    """KL(cP || cQ; ch) = KL(P || Q; h)."""
    human, agent = unit_vectors(12, 5, seed), unit_vectors(9, 5, seed + 1)
    plain = kde_kl(human, agent, bandwidth=0.2, rng=np.random.default_rng(seed))
    scaled = kde_kl(scale * human, scale * agent, bandwidth=scale * 0.2, rng=np.random.default_rng(seed))
    assert scaled.value == pytest.approx(plain.value, rel=1e-7, abs=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_shifts_and_the_order_of_agents_do_not_matter(seed: int) -> None:
    human, agent = unit_vectors(12, 5, seed), unit_vectors(9, 5, seed + 1)
    order = np.random.default_rng(seed).permutation(9)
    for metric in (kde_kl, kde_kl_loo):
        plain = metric(human, agent, rng=np.random.default_rng(seed)).value
        moved = metric(human + 1000, agent[order] + 1000, rng=np.random.default_rng(seed)).value
        assert moved == pytest.approx(plain, rel=1e-7, abs=1e-7)


@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.3, 1.0]))
@settings(max_examples=25, deadline=None)
def test_it_is_not_negative_up_to_monte_carlo_error(seed: int, bandwidth: float) -> None:
    human, agent = unit_vectors(15, 8, seed), unit_vectors(20, 8, seed + 1)
    result = kde_kl(human, agent, bandwidth=bandwidth, rng=np.random.default_rng(seed))
    assert result.value >= -5 * result.details["mc_error"]


def test_tiles_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    human, agent = unit_vectors(50, 20, 7), unit_vectors(50, 20, 8)

    def both() -> list[float]:
        return [
            metric(human, agent, rng=np.random.default_rng(0), threads=threads).value
            for metric in (kde_kl, kde_kl_loo)
            for threads in (1, 3)
        ]

    whole = both()
    assert whole[0] == whole[1]
    assert whole[2] == whole[3]


def test_halves_do_not_depend_on_threads_and_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    human, agent = unit_vectors(50, 20, 7), unit_vectors(50, 20, 8)

    def both() -> list[float | None]:
        halves = [split_kl(human, agent, rng=np.random.default_rng(0), threads=threads) for threads in (1, 3)]
        return [estimate.value for half in halves for estimate in half]

    whole = both()
    assert whole[:2] == whole[2:]
    monkeypatch.setattr(kde_halves, "COLUMNS", 1)  # every tile may be the skipped centre alone
    assert both() == pytest.approx(whole, rel=1e-10)


def test_leave_one_out_by_hand() -> None:
    """Three humans on a line: at a draw near human i only the two others count."""
    human, agent, h = np.array([[0.0], [1.0], [5.0]]), np.array([[0.5], [4.0]]), 0.5
    result = kde_kl_loo(human, agent, bandwidth=h, n_samples=200_000, repeats=1, rng=np.random.default_rng(0))
    rng, expected = np.random.default_rng(1), []
    for own in range(3):
        z = human[own] + h * rng.standard_normal((60_000, 1))
        others = np.delete(human, own, axis=0)
        expected.append((naive_log_density(z, others, h) - naive_log_density(z, agent, h)).mean())
    assert result.value == pytest.approx(np.mean(expected), abs=5 * result.details["mc_error"])
    assert result.floor is None  # sizes differ


@pytest.mark.parametrize("bandwidth", [0.1, 0.3, 1.0])
def test_halves_of_one_sample_are_zero_without_their_own_centres(bandwidth: float) -> None:
    """Within 2 Monte Carlo errors of 0 in some 95% of splits, while the plain KL is far from it."""
    inside = 0
    for seed in range(40):
        points = unit_vectors(400, 32, seed)
        halves = points[:200], points[200:]
        result = kde_kl_loo(*halves, bandwidth=bandwidth, repeats=1, rng=np.random.default_rng(seed))
        inside += abs(result.value) <= 2 * result.details["mc_error"]
        plain = kde_kl(*halves, bandwidth=bandwidth, repeats=1, rng=np.random.default_rng(seed))
        assert plain.value > 5 * plain.details["mc_error"] or bandwidth == 1.0
        assert result.floor == 0
    assert inside >= 34  # 38 expected; below 34 in less than 2% of runs


def test_paired_agents_beat_the_human_floor_and_unpaired_ones_do_not() -> None:
    human = unit_vectors(300, 64, 20)
    agent = human + 0.02 * np.random.default_rng(21).standard_normal(human.shape)
    result = split_kl(human, agent, rng=np.random.default_rng(0))
    for estimate in result[:1]:
        assert estimate.details["own_pair"] < 0.5 * estimate.floor
        assert estimate.value == pytest.approx(estimate.floor, rel=0.1)
        assert estimate.sizes == {"human": 150, "agent": 150}


def test_split_without_pairs_equalises_the_sizes() -> None:
    human, agent = unit_vectors(41, 16, 1), unit_vectors(33, 16, 2)
    result = split_kl(human, agent, paired=False, splits=1, rng=np.random.default_rng(0))
    for estimate in result:
        assert estimate.sizes == {"human": 20, "agent": 20}
        assert estimate.details["own_pair"] is None
        assert estimate.value is not None
    with_own, without = (kernel.value for kernel in result)
    assert without < with_own


def test_interval_shrinks_with_humans_not_with_repeats() -> None:
    human, agent = unit_vectors(200, 16, 3), unit_vectors(200, 16, 4)
    once, often = (
        kde_kl(human, agent, bandwidth=0.05, repeats=repeats, rng=np.random.default_rng(0)) for repeats in (1, 20)
    )
    assert once.interval is not None
    assert often.interval is not None
    assert often.details["mc_error"] < 0.3 * once.details["mc_error"]
    assert often.interval.high - often.interval.low > 0.5 * (once.interval.high - once.interval.low)


def test_seeded_runs_repeat() -> None:
    human, agent = unit_vectors(20, 8, 0), unit_vectors(20, 8, 1)
    one, other = (kde_kl(human, agent, n_samples=50, rng=np.random.default_rng(9)) for _ in range(2))
    assert one == other


def test_a_single_human_is_not_estimable_without_its_centre() -> None:
    result = kde_kl_loo([[0.0, 1.0]], [[1.0, 0.0]], rng=np.random.default_rng(0))
    assert result.value is None
    assert "Not estimable" in result.note
    assert kde_kl([[0.0, 1.0]], [[1.0, 0.0]], rng=np.random.default_rng(0)).value is not None


@pytest.mark.parametrize(
    ("human", "agent", "options", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), {}, "3 dimensions, agent embeddings 4"),
        (np.zeros((0, 3)), np.zeros((2, 3)), {}, "not empty"),
        (np.array([[math.nan, 0.0]]), np.zeros((1, 2)), {}, "human row 0"),
        (np.zeros((1, 2)), np.array([[0.0, 0.0], [0.0, math.inf]]), {}, "agent row 1"),
        (
            np.zeros((2, 2)),
            np.array([[0.0, 1.0], [1e200, 0.0]]),
            {},
            "agent row 1 .* so long that its distances overflow",
        ),
        (np.zeros((2, 2, 2)), np.zeros((2, 2)), {}, "must be"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {"bandwidth": 0}, "bandwidth == 0"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {"bandwidth": math.nan}, "bandwidth == nan"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {"n_samples": 0}, "n_samples == 0"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {"repeats": 0}, "repeats == 0"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {"threads": 0}, "threads == 0"),
    ],
)
def test_unusable_input_is_refused(human: Array, agent: Array, options: dict[str, object], message: str) -> None:
    for metric in (kde_kl, kde_kl_loo):
        with pytest.raises(ValueError, match=message):
            metric(human, agent, rng=np.random.default_rng(0), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("human", "agent", "options", "message"),
    [
        (np.zeros((1, 2)), np.zeros((1, 2)), {}, "at least 2"),
        (np.zeros((4, 2)), np.zeros((3, 2)), {}, "paired"),
        (np.zeros((8, 2)), np.zeros((3, 2)), {"paired": False}, "as many as half"),
        (np.zeros((4, 2)), np.zeros((4, 2)), {"splits": 0}, "splits == 0"),
    ],
)
def test_unusable_splits_are_refused(human: Array, agent: Array, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_kl(human, agent, rng=np.random.default_rng(0), **options)  # type: ignore[arg-type]


def test_halves_of_three_have_no_centre_to_spare() -> None:
    with_own, without = split_kl(np.eye(3), np.eye(3) + 1, rng=np.random.default_rng(0))
    assert with_own.value is not None
    assert without.value is None


def test_samples_with_replacement_are_drawn_anew_for_every_pair_of_repeats() -> None:
    """An interval takes two humans: with one draw a repeat, two repeats share theirs and the third has its own."""
    human, agent = unit_vectors(400, 4, 0), unit_vectors(400, 4, 1)
    two, three = (
        kde_kl(human, agent, n_samples=1, repeats=repeats, rng=np.random.default_rng(0)) for repeats in (2, 3)
    )
    assert two.interval is None
    assert three.interval is not None
    assert three.details["n_samples"] == 1
