"""A reference keeps its privacy bound, accounts for its budget, and stands in for the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment import (
    Bins,
    Reference,
    ScoreOptions,
    SessionBins,
    export_reference,
    js_divergence,
    open_log,
    score,
)
from paars_gym.alignment.private import discrete_laplace, noisy_replicas, one_session_each
from paars_gym.report.alignment import measure_sentence
from paars_gym.sessions import Session

Population = Callable[..., list[Session]]


@pytest.fixture(scope="module")
def reference(population: Population) -> Reference:
    pytest.importorskip("opendp")
    return export_reference(open_log(population(3000, seed=1)), epsilon=1.0, rng=np.random.default_rng(0))


def test_the_budget_adds_up(reference: Reference) -> None:
    assert reference.epsilon == pytest.approx(1.0)
    assert reference.spent == pytest.approx(dict.fromkeys(("searches", "views", "purchases"), 1 / 3))
    assert reference.noise_scale == 3.0


def test_it_takes_the_place_of_the_log(population: Population, tmp_path: Path) -> None:
    pytest.importorskip("opendp")
    # The noise cannot be seeded: a large epsilon keeps it far from the tolerance.
    reference = export_reference(open_log(population(3000, seed=1)), epsilon=60.0, rng=np.random.default_rng(0))
    path = tmp_path / "reference.json"
    path.write_text(reference.model_dump_json())
    agents, other = population(800, seed=2), population(800, seed=3, searches=4.0)
    report = score(path, agents, baseline=other, embedder=None)
    exact = score(population(3000, seed=1), agents, baseline=other, embedder=None)
    for role in ("agents", "baseline"):
        noisy, true = (r.find("searches", "JS", population=role).estimate.value or 0.0 for r in (report, exact))
        assert noisy == pytest.approx(true, abs=0.01)
    assert report.find("searches", "JS", population="baseline").estimate.verdict == "differs"
    notes = [*report.notes, *(note for population_summary in report.populations for note in population_summary.notes)]
    assert len([note for note in notes if "differential privacy (epsilon 60)" in note]) == 1


def test_people_are_not_told_apart_from_themselves_and_others_are(population: Population) -> None:
    """Shoppers with four sessions each; the noise cannot be seeded, so that a few of 24 verdicts may fall."""
    pytest.importorskip("opendp")
    wrong, right = 0, 0
    for seed in range(8):
        people = population(1200, seed=seed, shoppers=300)
        reference = export_reference(open_log(people), epsilon=1.0, rng=np.random.default_rng(seed))
        other = population(600, seed=100 + seed, searches=4.0, shoppers=300)
        report = score(
            reference, people, baseline=other, embedder=None, seed=seed, options=ScoreOptions(n_resamples=200)
        )
        for of in ("searches", "views", "purchases"):
            own = report.find(of, "JS")
            assert own.estimate.verdict in ("not told apart", "differs")
            assert own.estimate.sizes["agent"] == 300  # one session a shopper, as the reference has them
            wrong += own.estimate.verdict == "differs"
        right += report.find("searches", "JS", population="baseline").estimate.verdict == "differs"
    assert wrong <= 4
    assert right == 8


def test_noise_and_cut_leave_the_test_its_level() -> None:
    """Agents and people of one geometric distribution: some 5% of 200 seeded comparisons are told apart."""
    rng, scale, threshold = np.random.default_rng(3), 3.0, 17
    share = 0.5 ** np.arange(1, 23)
    share /= share.sum()
    wrong = 0
    for _ in range(200):
        noisy = rng.multinomial(400, share) + discrete_laplace((22,), scale, rng)
        released = np.where(noisy >= threshold, noisy, 0.0)
        agents = rng.multinomial(300, share).astype(float)
        drawn = noisy_replicas(released, agents, scale=scale, threshold=threshold, n=99, rng=rng)
        estimate = js_divergence(released, agents, n_resamples=drawn)
        assert estimate.p_value is not None
        assert estimate.interval is not None
        wrong += estimate.p_value < 0.05
    assert wrong <= 20


def test_discrete_laplace_has_its_variance() -> None:
    noise = discrete_laplace((200_000,), 3.0, np.random.default_rng(0))
    ratio = np.exp(-1 / 3.0)
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.var() == pytest.approx(2 * ratio / (1 - ratio) ** 2, rel=0.03)


def test_what_little_is_left_gets_no_verdict(population: Population) -> None:
    pytest.importorskip("opendp")
    reference = export_reference(open_log(population(150, seed=1)), epsilon=1.0, rng=np.random.default_rng(0))
    few = reference.model_copy(update={"histograms": {"searches": (0, 40, 20) + (0,) * 19}})
    measure = score(few, population(100, seed=2), embedder=None).find("searches", "JS")
    assert (measure.estimate.verdict, measure.estimate.low, measure.estimate.floor) == ("not estimable", None, None)
    assert "beyond the noise" in measure_sentence(measure)


def test_each_shopper_counts_once(population: Population) -> None:
    log = open_log(population(200, seed=1, shoppers=30))
    chosen = one_session_each(log, np.random.default_rng(0))
    assert len(chosen) == chosen.n_shoppers == 30


def test_smaller_epsilon_is_noisier(population: Population) -> None:
    pytest.importorskip("opendp")
    log = open_log(population(2000, seed=1))
    error = []
    for epsilon in (0.1, 10.0):
        reference = export_reference(log, epsilon=epsilon, rng=np.random.default_rng(0))
        exact = np.bincount(np.minimum(log.activity.searches, 21), minlength=22)
        error.append(np.abs(reference.counts()["searches"] - exact).sum())
    assert error[0] > 3 * error[1]


def test_other_bins_are_refused_by_name(reference: Reference, population: Population) -> None:
    with pytest.raises(ValueError, match=r"bins of counts differ.*\(0, 1, 2, 3, 4.*\(0, 5\)"):
        score(
            reference,
            population(50, seed=2),
            options=ScoreOptions(bins=SessionBins(counts=Bins((0, 5)))),
            embedder=None,
        )


def test_bad_requests(population: Population, tmp_path: Path) -> None:
    pytest.importorskip("opendp")
    few = open_log(population(3, seed=1))
    with pytest.raises(ValueError, match="epsilon == 0"):
        export_reference(few, epsilon=0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="nothing but noise"):
        export_reference(few, epsilon=0.01, rng=np.random.default_rng(0))
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(ValueError, match="is no reference"):
        score(tmp_path / "r.json", population(30, seed=1), embedder=None)


def test_without_opendp_the_error_says_what_to_install(population: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opendp.prelude", None)
    with pytest.raises(ImportError, match=r"paars_gym\[privacy\]"):
        export_reference(open_log(population(10, seed=1)), rng=np.random.default_rng(0))
