"""Pairs are mined exactly as section 4.3 says, and agents' queries scored against them as worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment import mine_query_pairs, score_queries
from paars_gym.alignment.query_generation import QueryOptions, QueryPair
from paars_gym.embedding.lexical import LexicalEmbedder
from paars_gym.sessions import Event, Provenance, Session, write_sessions

START = datetime(2025, 1, 1, tzinfo=UTC)


def session(key: str, *steps: tuple[str, float, str], end: str = "stop", timed: bool = True) -> Session:
    events = []
    for kind, second, text in steps:
        time = START + timedelta(seconds=second) if timed else None
        if kind == "view":
            events.append(Event(kind="view", product=f"p-{text}", title=text or None, time=time))
        elif kind == "search":
            events.append(Event(kind="search", query=text, time=time))
        else:
            events.append(Event(kind=kind, product="p", time=time))  # type: ignore[arg-type]
    return Session(shopper=f"shopper of {key}", key=key, events=tuple(events), end=end)  # type: ignore[arg-type]


CASES: dict[str, tuple[Session, bool]] = {
    "as the paper tells it": (
        session("a", ("search", 0, "soccer shoes"), ("view", 9, "Sneaker"), ("search", 20, "mod"), ("view", 25, "Og")),
        True,
    ),
    "at exactly 60 s": (session("b", ("search", 0, "fan"), ("view", 60, "Fan")), True),
    "a view before the search": (session("c", ("view", 0, "Lamp"), ("search", 5, "fan"), ("view", 9, "Fan")), True),
    "after 60.001 s": (session("d", ("search", 0, "fan"), ("view", 60.001, "Fan")), False),
    "another event between": (session("e", ("search", 0, "fan"), ("add", 2, ""), ("view", 5, "Fan")), False),
    "only the second search is followed": (
        session("f", ("search", 0, "fan"), ("search", 3, "fan big"), ("view", 5, "Fan")), False,
    ),
    "never viewed": (session("g", ("search", 0, "fan")), False),
    "the next session begins with a view": (session("h", ("search", 0, "fan")), False),
    "that next session": (session("i", ("view", 1, "Fan")), False),
    "failed": (session("j", ("search", 0, "fan"), ("view", 5, "Fan"), end="policy_error"), False),
    "no words": (session("k", ("search", 0, " "), ("view", 5, "Fan")), False),
    "no title": (session("l", ("search", 0, "fan"), ("view", 5, "")), False),
}  # fmt: skip


def test_pairs_are_mined_as_section_4_3_says(tmp_path: Path) -> None:
    sessions = [each for each, _ in CASES.values()]
    wanted = [each.key for each, is_pair in CASES.values() if is_pair]
    provenance = Provenance(what_is_known=("searches", "views", "purchases"))
    for source in (sessions, write_sessions(tmp_path / "store", sessions, provenance=provenance), tmp_path / "store"):
        mined = mine_query_pairs(source)
        assert [pair.key for pair in mined.pairs] == wanted
        assert mined.pairs[0] == QueryPair("a", "shopper of a", "soccer shoes", "p-Sneaker", "Sneaker")
        assert mined.sessions == len(sessions)
        assert mined.in_time == len(wanted) + 1
        assert "1 views have no title" in mined.notes[0]


def test_titles_may_come_from_elsewhere() -> None:
    mined = mine_query_pairs([CASES["no title"][0]], titles={"p-": "Fan from the catalog"})
    assert [pair.title for pair in mined.pairs] == ["Fan from the catalog"]


def test_logs_that_cannot_have_pairs_say_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no times"):
        mine_query_pairs([session("a", ("search", 0, "fan"), ("view", 9, "Fan"), timed=False)])
    pair = [session("a", ("search", 0, "fan"), ("view", 9, "Fan"))]
    purchases = write_sessions(tmp_path / "p", pair, provenance=Provenance(what_is_known=("purchases",)))
    with pytest.raises(ValueError, match="does not record searches or views"):
        mine_query_pairs(purchases)
    clicks = write_sessions(tmp_path / "c", pair, provenance=Provenance(what_is_known=("searches", "views")))
    assert "searches and views only" in mine_query_pairs(clicks).notes[0]


class OneHot:
    """Each distinct text is a direction of its own: cosines are 1 or 0."""

    name, dim, comparable = "one-hot", 64, False

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        rows = [self.texts.setdefault(text, len(self.texts)) for text in texts]
        return np.eye(self.dim, dtype=np.float32)[rows]


def pairs(n: int) -> list[QueryPair]:
    return [QueryPair(str(i), str(i), f"q{i}", None, f"title {i} q{i if i % 2 else 'x'}") for i in range(n)]


def test_similarity_gain_and_strata_are_as_worked_by_hand() -> None:
    people = pairs(8)
    base = [p.query if i in (0, 1) else "other" for i, p in enumerate(people)]
    persona = [p.query if i in (0, 1, 2, 3, 4) else "other" for i, p in enumerate(people)]
    scores = score_queries(
        people,
        {"base": base, "persona": persona},
        embedder=OneHot(),
        options=QueryOptions(strata=2),
        rng=np.random.default_rng(0),
    )
    assert [c.similarity.mean.value for c in scores.conditions] == [0.25, 0.625]
    assert scores.gains["persona"].value == pytest.approx(1.5)
    # The words of every other query are in its title: those are the easy half.
    easy, hard = scores.conditions[1].strata
    assert [(each.mean.sizes["cases"], each.mean.value) for each in (easy, hard)] == [(4, 0.5), (4, 0.75)]
    assert scores.difficulty == "word overlap (not perplexity)"
    assert {example.human for example in scores.examples} <= {p.query for p in people}
    assert scores.embedder.endswith("not comparable to the paper")


def test_agents_who_copy_their_own_pair_are_found_out_by_the_unpaired_split() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(40)]
    people = [QueryPair(str(i), str(i), " ".join(rng.choice(words, 3)), None, "t") for i in range(120)]
    copies = [pair.query + " cheap" for pair in people]
    scores = score_queries(
        people, {"copies": copies}, embedder=LexicalEmbedder(), rng=rng, options=QueryOptions(n_permutations=99)
    )
    halves = scores.conditions[0].group.halves
    assert halves is not None
    assert halves.plain.details["own_pair"] < halves.plain.floor < halves.plain.value


def test_every_metric_by_any_attribute() -> None:
    people = pairs(50)
    agents = [pair.query if i < 25 else "other" for i, pair in enumerate(people)]
    scores = score_queries(
        people, {"a": agents}, embedder=OneHot(), by=["old"] * 25 + ["young"] * 20 + ["rare"] * 5,
        options=QueryOptions(n_permutations=19), rng=np.random.default_rng(0),
    )  # fmt: skip
    by = scores.conditions[0].by
    assert [(name, group.similarity.mean.value) for name, group in by.items()] == [("old", 1.0), ("young", 0.0)]
    assert (scores.pooled, scores.suppressed) == (("rare",), 5)
    for group in by.values():
        assert "equally similar" in group.similarity.mean.note  # all 1, or all 0
    assert by["young"].group.energy.interval is not None
    assert by["old"].group.energy.note == "No interval: the two samples are the same points."
    assert by["young"].group.n == 20
    with pytest.raises(ValueError, match="1 labels for 50 cases"):
        score_queries(people, {"a": agents}, embedder=OneHot(), by=["x"], rng=np.random.default_rng(0))


class Scripted:
    name = "scripted"

    def conditional_log_prob(self, context: str, continuation: str) -> list[float]:
        return [-float(len(continuation))]


def test_strata_are_by_perplexity_when_there_is_a_model() -> None:
    people = pairs(12)
    agents = {"a": [pair.query + "!" for pair in people]}
    rng = np.random.default_rng(0)
    human = score_queries(
        people, agents, embedder=OneHot(), language_model=Scripted(), options=QueryOptions(strata=2), rng=rng
    )
    assert human.difficulty == "perplexity of the human's query by scripted"
    assert [s.mean.sizes["cases"] for s in human.conditions[0].strata] == [10, 2]  # q10 and q11 are longer
    agent = score_queries(
        people,
        agents,
        embedder=OneHot(),
        language_model=Scripted(),
        options=QueryOptions(perplexity_of="agent", strata=2),
        rng=rng,
    )
    assert agent.difficulty == "perplexity of the agent's query by scripted"
    assert agent.conditions[0].strata[0].hardest == pytest.approx(np.exp(3))


@pytest.mark.parametrize(
    ("agents", "match"),
    [({}, "0 conditions"), ({"a": ["x"]}, "1 queries for 2 pairs"), ({"a": ["x", " "]}, "empty query for 'title 1")],
)
def test_bad_input_is_refused(agents: dict[str, list[str]], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        score_queries(pairs(2), agents, embedder=OneHot(), rng=np.random.default_rng(0))


def test_real_population_gives_pairs(population: Callable[..., list[Session]]) -> None:
    mined = mine_query_pairs(population(100, seed=1))
    assert 50 < len(mined.pairs) == mined.in_time < mined.searched == 100
