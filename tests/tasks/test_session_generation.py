"""Do the session columns of Table 2 and Table 4 say of each number what people among themselves show?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment import open_log, score
from paars_gym.alignment.paired import compare_paired
from paars_gym.alignment.session_log import SessionLog
from paars_gym.config import RunConfig
from paars_gym.estimate import Estimate, Interval
from paars_gym.report import session_generation as report_of
from paars_gym.report.diversity import beside, beside_paper, table_4, table_4_remarks, table_4_rows
from paars_gym.report.persona_gain import paired_rows, persona_answers, persona_table
from paars_gym.report.session_generation import columns, table_2, table_2_remarks, table_2_rows
from paars_gym.sessions import Event, Session
from paars_gym.sessions.opening import open_store
from paars_gym.sessions.split import is_held_out
from paars_gym.sessions.writer import write_sessions
from paars_gym.tasks.fitting import fit_conditions
from paars_gym.tasks.needs import needs_of_world
from paars_gym.tasks.people import MiniPeople, reference_people
from paars_gym.tasks.session_generation import generate_sessions
from paars_gym.tasks.session_results import SessionResults
from tests.shoppers.shopping import FREQUENT_BUYER


def log(n: int, *, views: float, words: int, seed: int) -> SessionLog:
    """Sessions with one search out of so many words, and Poisson views."""
    rng = np.random.default_rng(seed)
    sessions = []
    for i in range(n):
        events = [Event(kind="search", query=f"q{rng.integers(words)}")]
        for _ in range(1 + rng.poisson(views)):
            place = int(rng.integers(words))
            events.append(Event(kind="view", product=f"p{place}", title=f"t{place}"))
        events += [Event(kind="purchase", product="p", units=1)] * int(rng.random() < 0.3)
        sessions.append(Session(shopper=f"{i // 2}", key=f"{i}", events=tuple(events)))
    return open_log(sessions)


def results_of(*, fitted: bool = False, label: str = "synthetic") -> SessionResults:
    people = log(400, views=2.0, words=400, seed=0)
    like, unlike = log(400, views=2.0, words=400, seed=1), log(400, views=7.0, words=20, seed=2)
    report = score(people, like, baseline=unlike, embedder=None)
    same = {
        one.of: one.estimate
        for one in compare_paired(people, like, like, rng=np.random.default_rng(0))
        if one.metric == "KL"
    }
    buying = {"human": 0.09, "baseline": 0.34, "agents": 0.49}
    return SessionResults(
        headline="", policy="behavioural", fitted=fitted, people="mini", label=label, report=report, same=same,
        buying=buying,
    )  # fmt: skip


@pytest.fixture(scope="module")
def shops() -> tuple[SessionResults, SessionResults]:
    mini = results_of()
    grocer = mini.report.model_copy(update={"measures": [m for m in mini.report.measures if m.of == "purchases"]})
    return mini, mini.model_copy(update={"label": "real, Journey", "report": grocer})


@pytest.fixture(scope="module")
def results(shops: tuple[SessionResults, SessionResults]) -> SessionResults:
    return shops[0]


@pytest.fixture(scope="module")
def both(results: SessionResults) -> tuple[SessionResults, SessionResults]:
    return results, results.model_copy(update={"fitted": True})


def test_every_column_of_table_2_has_one_sentence_on_its_rows_and_the_floor(
    shops: tuple[SessionResults, SessionResults], results: SessionResults
) -> None:
    found = columns(sessions=shops)
    assert [column.people for column in found] == ["synthetic"] * 3 + ["real, Journey"]
    said = list(report_of.floors(found))
    assert len(said) == 4
    clicks = said[1]
    floor = results.report.find("views", "KL", population="baseline").estimate.floor
    assert floor is not None
    assert clicks.startswith(f"#clicks (synthetic): people among themselves show {floor:.3g}; behavioural, base ")
    assert ": more than chance makes; behavioural, persona" in clicks
    assert clicks.endswith(": not told apart from people.")


def test_table_2_names_rows_and_marks_what_compares(both: tuple[SessionResults, SessionResults]) -> None:
    shown = table_2(columns(sessions=both))
    rows = [str(text) for text in shown.columns[0].cells]
    assert rows == [
        "behavioural, base",
        "behavioural, persona",
        "behavioural, fitted, base",
        "behavioural, fitted, persona",
        "floor: people",
        "paper (LLM), base",
        "paper (LLM), persona",
        "beside the paper's?",
    ]
    assert [str(column.header).rpartition("\n")[2] for column in shown.columns[1:]] == ["synthetic"] * 3
    # The base's many views lie where people have none, so that the smoothing decides: marked, and said below.
    assert str(next(iter(shown.columns[2].cells))).partition("\n")[0].endswith("*")
    remarks = table_2_remarks(columns(sessions=both[:1]), both[:1])
    assert any("Smoothing decides" in line for line in remarks)
    assert "Visits that buy: people (synthetic) 9%; behavioural: base 34%, persona 49%." in remarks
    assert [str(text) for text in shown.columns[1].cells][-3:] == ["11.69", "3.71", "no"]


def test_whether_the_persona_helps_is_said_by_needs(both: tuple[SessionResults, SessionResults]) -> None:
    found = columns(sessions=both)
    shown = persona_table(found)
    assert shown is not None
    assert [str(text) for text in shown.columns[0].cells] == ["behavioural"] * 2 + ["behavioural, fitted"] * 2
    assert [str(text) for text in shown.columns[1].cells] == ["own", "the same"] * 2
    own, same, *_ = persona_answers(found)
    assert own.startswith("behavioural, own needs: the persona helps in #clicks (by ")
    # The same population twice, under the same needs.
    assert same == (
        "behavioural, the same needs: the persona makes no sure difference in #searches, #clicks, #purchases."
    )
    rows = paired_rows(found)
    clicks = next(row for row in rows if (row["column"], row["needs"], row["fitted"]) == ("#clicks", "own", False))
    kls = [both[0].report.find("views", "KL", population=role).estimate.value for role in ("agents", "baseline")]
    assert clicks["estimate"] == pytest.approx(kls[0] - kls[1])  # type: ignore[operator]
    assert clicks["low"] < clicks["estimate"] < clicks["high"] < 0  # type: ignore[operator]
    assert clicks["shopper"] == "behavioural"


def test_rows_of_table_2_have_stable_names(both: tuple[SessionResults, SessionResults]) -> None:
    rows = table_2_rows(columns(sessions=both))
    assert [(row["column"], row["condition"], row["fitted"], row["needs"]) for row in rows[:4]] == [
        ("#searches", "base", False, "marginal"),
        ("#searches", "persona", False, "persona"),
        ("#searches", "base", True, "marginal"),
        ("#searches", "persona", True, "persona"),
    ]
    assert {"shopper", "people", "estimate", "low", "high", "unit", "floor", "verdict"} <= set(rows[0])


def test_table_4_has_intervals_and_the_peoples_own_as_floor(both: tuple[SessionResults, SessionResults]) -> None:
    shown = table_4(both)
    cells = {str(column.header): [str(text) for text in column.cells] for column in shown.columns}
    assert all("[" in text for text in cells["Query-TTR"][:6])
    assert cells["who"][2] == "floor: synthetic people"
    assert cells["who"][3] == "behavioural, fitted, base"
    queries, products = table_4_remarks(both)[:2]
    assert "is less varied, beyond chance" in queries
    assert "persona" in queries.partition("beyond chance")[2]
    assert "is not told apart from them" in queries
    assert "base" in products
    rows = table_4_rows(both)
    assert {row["condition"] for row in rows} == {"base", "persona", "people"}
    assert {row["fitted"] for row in rows} == {False, True}


def test_table_4_stands_beside_the_papers_at_as_many_sessions_alone(results: SessionResults) -> None:
    assert beside_paper([results]).startswith("No: the ratio falls as the sample grows, and there are 400 sessions")
    populations = [one.model_copy(update={"sessions": 2_330}) for one in results.report.populations]
    as_many = results.model_copy(
        update={"report": results.report.model_copy(update={"populations": tuple(populations)})}
    )
    assert beside_paper([as_many]).startswith("In kind: of 2,330 sessions")


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        ((0.30, 0.28, 0.32), "is not told apart from them"),
        ((0.20, 0.18, 0.22), "is less varied, beyond chance"),
        ((0.40, 0.38, 0.42), "is more varied, beyond chance"),
        # sqrt(.02² + .02²) = .0283: a difference just inside and just outside.
        ((0.328, 0.308, 0.348), "is not told apart from them"),
        ((0.329, 0.309, 0.349), "is more varied, beyond chance"),
    ],
)
def test_two_ratios_are_told_apart_by_both_intervals(agents: tuple[float, float, float], said: str) -> None:
    ratio, people = (Estimate(value, Interval(low, high)) for value, low, high in (agents, (0.30, 0.28, 0.32)))
    assert beside(ratio, people) == said


def test_a_small_run_from_people_to_tables(tmp_path: Path) -> None:
    people = MiniPeople(80, 20_260_101, 20)
    run = RunConfig(policy="behavioural", sessions=40, seed=20_260_101)
    found = generate_sessions(people, run, tmp_path, embedder=None)
    again = generate_sessions(people, run, tmp_path, embedder=None)
    assert found.model_dump() == again.model_dump(), "a run in the folder goes on"
    assert found.headline.startswith("No language model ran")
    assert {measure.population for measure in found.report.measures} == {"human", "agents", "baseline"}
    assert "KL of searches" in set(found.to_polars()["metric"])
    shown = columns(sessions=(found,))
    assert [column.people for column in shown] == ["synthetic"] * 3
    assert any("synthetic" in line for line in table_4_remarks((found,)))
    # The half that judges, and nobody else: people and personas.
    judges = {session.shopper for session in people.source if is_held_out(session.shopper)}
    for name in ("mini-people/test", "mini-base", "mini-persona", "mini-base-same"):
        assert {session.shopper for session in open_store(tmp_path / name)} <= judges, name
    assert found.people == "synthetic people of mini, judging half"


def test_needs_come_from_people_who_do_not_judge(tmp_path: Path) -> None:
    people = MiniPeople(80, 20_260_101, 20)
    run = RunConfig(policy="behavioural", sessions=60, seed=3)
    generate_sessions(people, run, tmp_path, embedder=None)
    asked = {
        name: [session.intention for session in open_store(tmp_path / name)]
        for name in ("mini-base", "mini-persona", "mini-base-same")
    }
    pool = [mined.intention for mined in people.world.mined_intentions(80) if not is_held_out(mined.shopper)]
    assert all(need in pool for need in asked["mini-base"])
    assert asked["mini-base-same"] == asked["mini-persona"]
    assert asked["mini-base"] != asked["mini-persona"]
    # The need of base does not depend on the persona: another draw of personas, the same needs.
    marginal, own = needs_of_world(people.world, 80)
    first, second = people.world.personas[:2]
    assert marginal(first, np.random.default_rng(5)) == marginal(second, np.random.default_rng(5))
    assert own(first, np.random.default_rng(5)) != own(second, np.random.default_rng(5))


def test_a_fitted_shopper_is_nearer_to_the_half_that_it_never_saw(tmp_path: Path) -> None:
    people = MiniPeople(500, 20_260_101, 80)
    run = RunConfig(policy="behavioural", sessions=250, seed=4)
    fitted = fit_conditions(people)
    assert set(fitted) == {"base", "persona"}
    by_hand = run.model_copy(update={"options": {"parameters": FREQUENT_BUYER}})
    default = generate_sessions(people, by_hand, tmp_path / "by hand", same_sessions=0, embedder=None)
    own = generate_sessions(people, run, tmp_path, fitted=fitted, same_sessions=0, embedder=None)
    for of in ("views", "purchases"):
        distances = [each.report.find(of, "KL").estimate.value for each in (own, default)]
        assert distances[0] < distances[1], of  # type: ignore[operator]
    assert own.shopper == "behavioural, fitted"
    assert not own.same


def test_a_log_of_buyers_is_compared_given_that_agents_buy(tmp_path: Path) -> None:
    world = MiniPeople(400, 1, 60).world
    lines = [
        session.model_copy(update={"events": tuple(one for one in session.events if one.kind == "purchase")})
        for session in world.humans(400)
    ]
    told = world.provenance.model_copy(update={"what_is_known": ("purchases", "products"), "synthetic": False})
    write_sessions(tmp_path / "store", [one for one in lines if one.events], provenance=told)
    people = reference_people(tmp_path / "store", catalog="mini")
    run = RunConfig(policy="behavioural", sessions=40, seed=1)
    found = generate_sessions(people, run, tmp_path / "runs", embedder=None)
    assert found.buying["human"] == 1
    assert 0 < found.buying["agents"] < 1
    agents = next(one for one in found.report.populations if one.role == "agents")
    assert agents.sessions == round(found.buying["agents"] * 40)
    assert any("given that they buy" in note for note in found.notes)
    bought = next(one for one in found.report.histograms if one.of == "purchases")
    assert bought.counts["agents"][0] == 0, "nobody without a line"
