"""Do the session columns of Table 2 and Table 4 say of each number what people among themselves show?"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.report import table_2
from benchmarks.session_generation import HEADLINE, SessionResults, beside, notes, table_4
from paars_gym.alignment import open_log, score
from paars_gym.alignment.session_log import SessionLog
from paars_gym.sessions import Event, Session


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
def results() -> SessionResults:
    people = log(400, views=2.0, words=400, seed=0)
    like, unlike = log(400, views=2.0, words=400, seed=1), log(400, views=7.0, words=20, seed=2)
    report = score(people, like, baseline=unlike, embedder=None)
    return SessionResults(headline=HEADLINE, mini=report, journey=report)


def test_every_column_of_table_2_has_one_sentence_on_base_persona_and_floor(results: SessionResults) -> None:
    found = table_2.columns(mini=results.mini, journey=results.journey)
    assert [column.people for column in found] == ["synthetic"] * 3 + ["real, Journey"]
    said = list(table_2.floors(found))
    assert len(said) == 4
    clicks = said[1]
    assert clicks.startswith("#clicks (synthetic): base ")
    assert "base more than chance makes, persona not told apart from people" in clicks
    assert clicks.endswith("persona is closer to people than base.")
    floor = results.mini.find("views", "KL").estimate.floor
    assert floor is not None
    assert f"people among themselves show {floor:.3g}" in clicks


def test_table_2_names_rows_and_marks_what_compares(results: SessionResults) -> None:
    shown = table_2.table(table_2.columns(mini=results.mini, journey=results.journey))
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
    assert any("Smoothing decides" in line for line in table_2.remarks(table_2.columns(mini=results.mini)))
    assert [str(text) for text in shown.columns[1].cells][-3:] == ["11.69", "3.71", "no"]


def test_table_4_has_intervals_and_the_peoples_own_as_floor(results: SessionResults) -> None:
    shown = table_4(results)
    cells = {str(column.header): [str(text) for text in column.cells] for column in shown.columns}
    assert all("[" in text for text in cells["Query-TTR"][:3])
    assert cells["who"][2] == "floor: synthetic people"
    assert cells["Query-TTR"][-1] == "in kind"
    queries, products = notes(results)[:2]
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
    assert beside(agents, (0.30, 0.28, 0.32)) == said
