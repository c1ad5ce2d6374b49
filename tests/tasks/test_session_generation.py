"""Do the session columns of Table 2 and Table 4 say of each number what people among themselves show?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment import open_log, score
from paars_gym.alignment.session_log import SessionLog
from paars_gym.config import RunConfig
from paars_gym.estimate import Estimate, Interval
from paars_gym.report import session_generation as report_of
from paars_gym.report.session_generation import beside, columns, table_2, table_2_remarks, table_4, table_4_remarks
from paars_gym.sessions import Event, Session
from paars_gym.tasks.people import MiniPeople
from paars_gym.tasks.session_generation import SessionResults, generate_sessions


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


@pytest.fixture(scope="module")
def shops() -> tuple[SessionResults, SessionResults]:
    people = log(400, views=2.0, words=400, seed=0)
    like, unlike = log(400, views=2.0, words=400, seed=1), log(400, views=7.0, words=20, seed=2)
    report = score(people, like, baseline=unlike, embedder=None)
    mini = SessionResults(headline="", policy="behavioural", people="mini", label="synthetic", report=report)
    grocer = report.model_copy(update={"measures": [m for m in report.measures if m.of == "purchases"]})
    return mini, mini.model_copy(update={"label": "real, Journey", "report": grocer})


@pytest.fixture(scope="module")
def results(shops: tuple[SessionResults, SessionResults]) -> SessionResults:
    return shops[0]


def test_every_column_of_table_2_has_one_sentence_on_base_persona_and_floor(
    shops: tuple[SessionResults, SessionResults], results: SessionResults
) -> None:
    found = columns("behavioural", sessions=shops)
    assert [column.people for column in found] == ["synthetic"] * 3 + ["real, Journey"]
    said = list(report_of.floors(found))
    assert len(said) == 4
    clicks = said[1]
    assert clicks.startswith("#clicks (synthetic): base ")
    assert "base more than chance makes, persona not told apart from people" in clicks
    assert clicks.endswith("persona is closer to people than base.")
    floor = results.report.find("views", "KL").estimate.floor
    assert floor is not None
    assert f"people among themselves show {floor:.3g}" in clicks


def test_table_2_names_rows_and_marks_what_compares(shops: tuple[SessionResults, SessionResults]) -> None:
    shown = table_2("behavioural", columns("behavioural", sessions=shops))
    rows = [str(text) for text in shown.columns[0].cells]
    assert rows == [
        "behavioural, base",
        "behavioural, persona",
        "floor: people",
        "paper (LLM), base",
        "paper (LLM), persona",
        "beside the paper's?",
    ]
    assert [str(column.header).rpartition("\n")[2] for column in shown.columns[1:]] == ["synthetic"] * 3 + [
        "real, Journey"
    ]
    # The base's many views lie where people have none, so that the smoothing decides: marked, and said below.
    assert str(next(iter(shown.columns[2].cells))).partition("\n")[0].endswith("*")
    assert any("Smoothing decides" in line for line in table_2_remarks(columns("behavioural", sessions=shops[:1])))
    assert [str(text) for text in shown.columns[1].cells][-3:] == ["11.69", "3.71", "no"]


def test_table_4_has_intervals_and_the_peoples_own_as_floor(results: SessionResults) -> None:
    shown = table_4(results)
    cells = {str(column.header): [str(text) for text in column.cells] for column in shown.columns}
    assert all("[" in text for text in cells["Query-TTR"][:3])
    assert cells["who"][2] == "floor: synthetic people"
    assert cells["Query-TTR"][-1] == "in kind"
    queries, products = table_4_remarks(results)[:2]
    assert "is less varied, beyond chance" in queries
    assert "persona" in queries.partition("beyond chance")[2]
    assert "is not told apart from them" in queries
    assert "base" in products


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
    people = MiniPeople(40, 20_260_101, 20)
    run = RunConfig(policy="behavioural", sessions=40, seed=20_260_101)
    found = generate_sessions(people, run, tmp_path, embedder=None)
    again = generate_sessions(people, run, tmp_path, embedder=None)
    assert found.model_dump() == again.model_dump(), "a run in the folder goes on"
    assert found.headline.startswith("No language model ran")
    assert {measure.population for measure in found.report.measures} == {"human", "agents", "baseline"}
    assert "KL of searches" in set(found.to_polars()["metric"])
    assert [column.people for column in columns("behavioural", sessions=(found,))] == ["synthetic"] * 3
    assert any("synthetic" in line for line in table_4_remarks(found))
