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
    kl_divergence,
    open_log,
    score,
    wasserstein1,
)
from paars_gym.alignment.private import discrete_laplace, noisy_replicas, one_session_each
from paars_gym.report.alignment import measure_sentence
from paars_gym.sessions import Session
from paars_gym.sessions.event import ANONYMOUS

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
    reference = export_reference(
        open_log(population(3000, seed=1)), epsilon=60.0, rng=np.random.default_rng(0), force=True
    )
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


@pytest.mark.parametrize(("other", "size"), [(0.5, 2000), (0.6, 400), (0.6, 2000), (0.8, 2000)])
def test_estimate_and_interval_speak_of_the_populations(other: float, size: int) -> None:
    """Noise and cut add to the distance: taken off, the estimate is near the truth, and inside its interval."""
    rng, scale, threshold = np.random.default_rng(5), 3.0, 17
    people, agents = (np.power(share, np.arange(1, 23)) for share in (0.5, other))
    truth = js_divergence(people, agents, n_resamples=0).value
    values, released, covered, floors = [], [], 0, []
    for _ in range(120):
        noisy = rng.multinomial(size, people / people.sum()) + discrete_laplace((22,), scale, rng)
        histogram = np.where(noisy >= threshold, noisy, 0.0)
        log = rng.multinomial(600, agents / agents.sum()).astype(float)
        drawn = noisy_replicas(histogram, log, scale=scale, threshold=threshold, n=199, rng=rng)
        found = js_divergence(histogram, log, n_resamples=drawn)
        w1 = wasserstein1(histogram, log, n_resamples=drawn)
        for one in (found, w1, kl_divergence(histogram, log, n_resamples=drawn)):
            assert one.interval.low - 1e-12 <= one.value <= one.interval.high + 1e-12
        values.append(found.value)
        released.append(found.details["as_released"])
        floors.append(found.floor)
        covered += found.interval.low - 1e-12 <= truth <= found.interval.high
    assert covered / 120 >= 0.9
    assert np.abs(np.array(values) - truth).mean() < np.abs(np.array(released) - truth).mean()
    if other == 0.5:
        assert np.mean(values) == pytest.approx(np.mean(floors), abs=0.003)


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


def test_a_log_without_shopper_ids_hides_sessions_and_says_so(population: Population) -> None:
    pytest.importorskip("opendp")
    sessions = population(600, seed=1, shoppers=30)
    nameless = [s.model_copy(update={"shopper": f"{ANONYMOUS}{n}"}) for n, s in enumerate(sessions[:300])]
    log = open_log([*nameless, *sessions[300:]])
    with pytest.raises(ValueError, match=r"300 of 600 sessions of 'sessions' have no shopper id.*--unit session"):
        export_reference(log, rng=np.random.default_rng(0))
    found = export_reference(log, rng=np.random.default_rng(0), unit="session", epsilon=20)
    assert found.unit == "session"
    assert sum(found.histograms["searches"]) == pytest.approx(600, abs=30)
    assert "a session, not a person" in found.notes()[0]
    assert "one session of each shopper counts" in export_reference(
        open_log(sessions), epsilon=20, rng=np.random.default_rng(0)
    ).notes()[0]  # fmt: skip


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
    with pytest.raises(ValueError, match=r"epsilon == 1e[+]09, must be at most 20.*--force"):
        export_reference(few, epsilon=1e9, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="Unknown unit 'basket'"):
        export_reference(few, unit="basket", rng=np.random.default_rng(0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing but noise"):
        export_reference(few, epsilon=0.01, rng=np.random.default_rng(0))
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(ValueError, match="is no reference"):
        score(tmp_path / "r.json", population(30, seed=1), embedder=None)


def test_without_opendp_the_error_says_what_to_install(population: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opendp.prelude", None)
    with pytest.raises(ImportError, match=r"paars_gym\[privacy\]"):
        export_reference(open_log(population(10, seed=1)), rng=np.random.default_rng(0))
