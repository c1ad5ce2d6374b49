"""Needs in the words of the reference are noticed, and nothing is concluded from what was copied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment import score
from paars_gym.alignment.copied import COPIED, OF_WORDS, copied_needs
from paars_gym.alignment.session_log import open_log
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.embedding.lexical import LexicalEmbedder
from paars_gym.personas.intentions import mine_intentions
from paars_gym.report.alignment import measure_sentence
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.sessions.split import is_held_out
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.simulation.run import run

WORDS = ["red", "blue", "small", "large", "quiet", "cheap", "warm", "light", "travel", "kids", "steel", "glass"]
THINGS = ["kettle", "shoes", "headphones", "slippers"]


def human(number: int) -> Session:
    rng = np.random.default_rng(number)
    query = f"{rng.choice(WORDS)} {rng.choice(WORDS)} {rng.choice(THINGS)} {number}"
    events = (Event(kind="search", query=query), Event(kind="view", product="k1", title="Calor steel kettle"))
    return Session(shopper=f"p{number % 60}", key=f"h{number}", events=events)


@pytest.fixture(scope="module")
def people() -> list[Session]:
    return [human(number) for number in range(120)]


def simulated(out: Path, intentions: object) -> Path:
    config = RunConfig(sessions=60, policy="uniform", intentions=intentions, condition="persona")
    shop = ShopConfig(catalog="mini")
    return run(out, config.model_copy(update={"personas": ()}), shop).folder


def verdicts(report, population: str = "agents") -> dict[tuple[str, str], tuple[str, str]]:  # type: ignore[no-untyped-def]
    return {
        (one.of, one.metric): (one.estimate.verdict, one.estimate.note)
        for one in report.measures
        if one.population == population and one.of in OF_WORDS
    }


def test_needs_that_are_the_peoples_first_queries_get_no_verdict(people: list[Session], tmp_path: Path) -> None:
    judges = [session for session in people if is_held_out(session.shopper)]
    quoting = simulated(tmp_path / "quoting", list(mine_intentions(judges)))
    store = write_sessions(tmp_path / "people", people, provenance=Provenance(what_is_known=("searches", "views")))
    fitted_on = simulated(tmp_path / "fitted", f"people:{store.folder}")
    report = score(judges, quoting, baseline=fitted_on, embedder=LexicalEmbedder([*WORDS, *THINGS]))

    copied = verdicts(report)
    assert len(copied) > 5
    assert set(copied.values()) == {("described", COPIED)}
    assert report.find("queries", "TTR").estimate.value is not None, "the number stays"
    assert measure_sentence(report.find("first queries", "energy distance")).endswith(f"{COPIED}.")
    assert any("100% of the needs of the agents are copied from the reference" in note for note in report.notes)
    # What shoppers do with their needs is judged all the same.
    assert report.find("searches", "JS").estimate.verdict in ("differs", "not told apart")

    own = verdicts(report, "baseline")
    assert not any(COPIED in note for _, note in own.values())
    assert own["first queries", "energy distance"][0] in ("differs", "not told apart")
    assert not any("of the baseline are copied" in note for note in report.notes)
    assert not {change.of for change in report.improvements} & set(OF_WORDS)


def test_where_no_session_is_named_the_text_and_the_shopper_tell(people: list[Session]) -> None:
    def agent(shopper: str, text: str, source: str = "") -> Session:
        return Session(shopper=shopper, key=f"{shopper} {text} {source}", intention=Intention(text=text, source=source))

    first = people[0].events[0].query or ""
    agents = [
        agent("p0", first.upper()),
        agent("p1", first),
        agent("p0", "something else"),
        agent("visitor 1", first, "h0"),
        agent("visitor 2", "other words", "h0"),
        agent("visitor 3", "gift for [name]", "h0"),
        agent("visitor 4", first, "another log's h0"),
    ]
    assert copied_needs(open_log(people), open_log(agents)).tolist() == [True, False, False, True, False, True, False]


def test_needs_from_a_session_without_queries_are_known_by_its_key() -> None:
    bought = [Session(shopper="p", key="b", events=(Event(kind="purchase", product="k1"),))]
    agents = [
        Session(shopper="q", key="1", intention=Intention(text="kettles", source="b")),
        Session(shopper="q", key="2"),
    ]
    assert copied_needs(open_log(bought), open_log(agents)).tolist() == [True, False]


def test_stores_are_compared_as_lists_are(people: list[Session], tmp_path: Path) -> None:
    store = write_sessions(tmp_path / "people", people, provenance=Provenance())
    agents = [Session(shopper="a", key="1", intention=Intention(text=people[3].events[0].query or "", source="h3"))]
    assert isinstance(store, Store)
    assert copied_needs(open_log(store), open_log(agents)).tolist() == [True]
