"""People whose shop agents cannot visit: do all of them judge, is nothing of theirs told, and are fits crossed?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment.histograms import count_bins, histogram
from paars_gym.alignment.session_log import open_log
from paars_gym.catalog.load import load_catalog
from paars_gym.config import RunConfig
from paars_gym.datasets.obtaining import take_copy
from paars_gym.datasets.public import DATASETS
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.report.diversity import table_4, table_4_remarks
from paars_gym.report.persona_gain import gains, persona_answers
from paars_gym.report.session_generation import (
    columns,
    further_columns,
    further_table,
    table_2,
    table_2_remarks,
    table_2_rows,
)
from paars_gym.sessions import Event, Session
from paars_gym.sessions.opening import open_store
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import write_sessions
from paars_gym.simulation.default_people import default_people
from paars_gym.tasks import other_shop
from paars_gym.tasks.count_fitting import (
    LEVELS,
    SimulatedSetting,
    folds_of,
    nearest_setting,
    simulate_settings,
)
from paars_gym.tasks.needs import MarginalNeeds
from paars_gym.tasks.people import LoggedPeople, reference_people
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.session_generation import forecast_sessions, generate_sessions
from tests.shoppers.shopping import FREQUENT_BUYER

KNOWN = ("searches", "views", "purchases", "products")


def buyers(folder: Path, shoppers: int = 6, known: tuple[str, ...] = KNOWN) -> LoggedPeople:
    """People who open two things and buy one, of a shop of their own; the first comes most often."""
    rng = np.random.default_rng(0)
    sessions = []
    for number in range(60):
        shopper = 0 if number % 3 == 0 else int(rng.integers(shoppers))
        events = [Event(kind="search", query=f"thing {rng.integers(30)}")]
        events += [Event(kind="view", product=f"x{rng.integers(9)}") for _ in range(2)]
        events += [Event(kind="purchase", product="x1", units=1)] * int(rng.random() < 0.8)
        sessions.append(Session(shopper=f"s{shopper}", key=f"{number}", events=tuple(events)))
    write_sessions(folder, sessions, provenance=Provenance(name="buyers", what_is_known=known))
    return LoggedPeople(open_store(folder))


def test_all_people_judge_shoppers_who_are_told_nothing_of_theirs(tmp_path: Path) -> None:
    people = buyers(tmp_path / "store")
    assert people.shops_elsewhere
    persona = Persona(
        shopper="s1", profile=ConsumerProfile.model_validate({"gender": {"value": "female"}}),
        preferences=ShoppingPreferences(), source="survey",
    )  # fmt: skip
    people.personas = {"s1": persona}
    run = RunConfig(policy="behavioural", sessions=60, seed=1)
    found = generate_sessions(people, run, tmp_path / "runs", embedder=None)
    again = generate_sessions(people, run, tmp_path / "runs", embedder=None)
    assert found.model_dump() == again.model_dump(), "a run in the folder goes on"
    human = next(one for one in found.report.populations if one.role == "human")
    assert (human.sessions, human.shoppers) == (60, 6)
    base, with_persona = (list(open_store(tmp_path / "runs" / f"log-{name}")) for name in ("base", "persona"))
    assert {one.key: one.intention for one in base} == {one.key: one.intention for one in with_persona}
    texts = {mined.intention.text for mined in default_people(load_catalog("mini"))[1]}
    assert all(one.intention is not None and one.intention.text in texts for one in base)
    # Each comes as often as in the log; who told nothing is nobody in particular, under a pseudonym.
    real = [session.shopper for session in people.source]
    assert sum(one.shopper == "s1" for one in with_persona) == real.count("s1")
    assert not {one.shopper for one in with_persona} & {"s0", "s2", "s3"}
    said = " ".join((found.judged, *found.choices))
    most = max(real.count(name) for name in set(real))
    assert "all 6 of them judge, by 60 sessions" in said
    assert f"has {most} of the sessions ({most / 60:.0%})" in said
    assert "for 1 of 6" in said
    assert "the catalog mini" in said
    assert "different queries of the people all words of 0 stand together in a title of mini" in said
    assert found.same_only
    assert not found.same


def test_a_fit_to_counts_is_nearer_to_people_that_it_has_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = buyers(tmp_path / "store")
    few = lambda *args, **more: simulate_settings(*args, **more, settings=16, sessions=40)  # noqa: E731
    monkeypatch.setattr(other_shop, "simulate_settings", few)
    run = RunConfig(policy="behavioural", sessions=80, seed=1)
    default = generate_sessions(people, run, tmp_path / "runs", embedder=None)
    fitted = generate_sessions(people, run, tmp_path / "runs", cross_fit=True, embedder=None)
    of = "purchases"
    distances = [each.report.find(of, "KL").estimate.value for each in (fitted, default)]
    assert distances[0] < distances[1]  # type: ignore[operator]
    assert fitted.fitted
    assert any("of the other of 5 folds" in choice for choice in fitted.choices)
    agents = next(one for one in fitted.report.populations if one.role == "agents")
    assert (agents.sessions, agents.synthetic) == (80, True)
    both = (default, fitted)
    shown, further = columns(sessions=both), further_columns(both)
    assert [column.name for column in further] == ["counts together", "order of actions"]
    assert [str(text) for text in table_2(shown).columns[0].cells][:4] == [
        "behavioural, base", "behavioural, persona", "behavioural, fitted, base", "behavioural, fitted, persona",
    ]  # fmt: skip
    assert not any("paper" in str(text) for text in further_table(further).columns[0].cells)
    assert {row["needs"] for row in table_2_rows(shown)} == {"marginal"}
    assert {needs for _, needs in gains(shown)} == {"same"}
    assert sum("of them judge" in line for line in table_2_remarks(shown, both)) == 1
    assert persona_answers(shown)
    assert table_4(both).row_count
    assert table_4_remarks(both)


def test_real_and_synthetic_columns_of_one_name_keep_apart(tmp_path: Path) -> None:
    people = buyers(tmp_path / "store")
    run = RunConfig(policy="behavioural", sessions=40, seed=1)
    one = generate_sessions(people, run, tmp_path / "runs", embedder=None)
    other = one.model_copy(update={"people": "others", "label": "synthetic"})
    shown = columns(sessions=(one, other))
    assert [(column.name, column.people) for column in shown][::3] == [
        ("#searches", "real"),
        ("#searches", "synthetic"),
    ]
    (row,) = gains(shown).values()
    assert len(row) == 6
    assert "#searches (real)" in persona_answers(shown)[0]


def test_the_nearest_setting_is_the_one_with_peoples_counts(tmp_path: Path) -> None:
    log = open_log(buyers(tmp_path / "store").source)
    bins = count_bins()

    def setting(views: int, purchases: float) -> SimulatedSetting:
        some = {"searches": [1] * 50, "views": [views] * 50, "purchases": [1] * int(50 * purchases)}
        some["purchases"] += [0] * (50 - len(some["purchases"]))
        return SimulatedSetting(
            {"outside": purchases}, {name: histogram(values, bins) for name, values in some.items()}
        )

    tried = [setting(0, 0.1), setting(2, 0.1), setting(2, 0.8), setting(4, 0.8)]
    assert nearest_setting([tried], log) is tried[2].parameters
    # Of several conditions the sum decides.
    assert nearest_setting([tried, [tried[3], tried[2], tried[3], tried[0]]], log) is tried[1].parameters
    with pytest.raises(ValueError, match="0 sessions"):
        nearest_setting([tried], log.where(np.zeros(60, dtype=bool)))


def test_settings_are_the_defaults_first_and_then_within_their_limits() -> None:
    catalog = load_catalog("mini")
    personas, needs = default_people(catalog)
    tried = simulate_settings(catalog, personas[:5], MarginalNeeds(needs), "persona", settings=4, sessions=5, seed=3)
    again = simulate_settings(catalog, personas[:5], MarginalNeeds(needs), "persona", settings=4, sessions=5, seed=3)
    assert [one.parameters for one in tried] == [one.parameters for one in again]
    assert all((a.counts["views"] == b.counts["views"]).all() for a, b in zip(tried, again, strict=True))
    first = tried[0].parameters
    for name, (low, high) in LEVELS.items():
        assert all(low <= one.parameters[name] - first[name] <= high for one in tried)
    assert all(one.counts["purchases"].sum() == 5 for one in tried)


def test_folds_hang_on_names_alone() -> None:
    names = [f"p{number}" for number in range(12)]
    folds = folds_of(names)
    assert folds == folds_of(names[::-1] * 2)
    assert sorted(np.bincount(list(folds.values()))) == [2, 2, 2, 3, 3]
    assert set(folds_of(names[:3]).values()) == {0, 1, 2}
    with pytest.raises(ValueError, match="1 shopper"):
        folds_of(["ann", "ann"])


def test_what_cannot_be_fitted_is_said(tmp_path: Path) -> None:
    people = buyers(tmp_path / "store")
    run = RunConfig(policy="uniform", sessions=4)
    with pytest.raises(ValueError, match="not for uniform"):
        generate_sessions(people, run, tmp_path / "runs", cross_fit=True)
    own = run.model_copy(update={"policy": "behavioural", "options": {"parameters": FREQUENT_BUYER}})
    with pytest.raises(ValueError, match="with nothing set"):
        generate_sessions(people, own, tmp_path / "runs", cross_fit=True)
    nothing = buyers(tmp_path / "nothing", known=("carts",))
    with pytest.raises(ValueError, match="there are only carts"):
        generate_sessions(nothing, own, tmp_path / "runs")
    with pytest.raises(ValueError, match="asks no"):
        forecast_sessions(people, run)


def test_a_log_whose_products_are_in_the_catalog_shops_there(tmp_path: Path) -> None:
    product = next(iter(load_catalog("mini"))).id
    event = Event(kind="view", product=product)
    write_sessions(
        tmp_path / "own", [Session(shopper="a", key="1", events=(event,))], provenance=Provenance(name="own")
    )
    assert not reference_people(tmp_path / "own", catalog="mini").shops_elsewhere
    buyers(tmp_path / "store")
    assert reference_people(tmp_path / "store", catalog="mini").shops_elsewhere
    assert not ReferencePeople().shops_elsewhere


def test_the_people_of_opera(shared_data: Path, tmp_path: Path) -> None:
    if not (shared_data / "opera" / "action.parquet").is_file():
        pytest.skip("the log is not here")
    take_copy(DATASETS["opera"], shared_data / "opera")
    run = RunConfig(policy="behavioural", sessions=60, seed=1)
    found = generate_sessions(reference_people("opera"), run, tmp_path, embedder=None)
    assert found.label == "real, opera"
    assert "all 15 of them judge, by 218 sessions" in found.judged
    assert "57 of the sessions (26%)" in found.judged
    assert "Of 85 different queries of the people all words of 5 stand together" in found.choices[1]
    assert "for 12 of 15" in found.choices[2]
    assert any("A purchase is a click" in note for note in found.notes)
    assert found.buying["human"] == pytest.approx(118 / 218)
    assert "51% of their sessions show no search, of the shoppers' base 0%, persona 0%" in found.choices[3]
