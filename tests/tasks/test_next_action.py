"""Are next actions cut from sessions as they were, asked without a bias of place, and scored as worked by hand?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from paars_gym.config import RunConfig
from paars_gym.datasets.obtaining import take_copy
from paars_gym.datasets.public import DATASETS
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Event, EventKind, Session
from paars_gym.synthetic.world import mini_world
from paars_gym.tasks.answers import NOT_ASKED, UNANSWERED
from paars_gym.tasks.next_actions.action import NextQuestions, OtherPersonas, predict_next
from paars_gym.tasks.next_actions.baselines import baselines
from paars_gym.tasks.next_actions.cases import MOST_TOLD, OFF_PAGE, NextCase, actions_of, next_cases
from paars_gym.tasks.next_actions.results import score_next
from paars_gym.tasks.people import MiniPeople, reference_people
from paars_gym.tasks.reference_people import ReferencePeople
from tests.benchmarks.running import run_main

RNG = np.random.default_rng
NOON, LATER = datetime(2025, 1, 1, 12, tzinfo=UTC), datetime(2025, 1, 1, 13, tzinfo=UTC)


class People(ReferencePeople):
    """Whoever made these sessions, in a shop of two products."""

    name, known, synthetic = "ours", ("searches", "results", "views", "purchases"), False

    def __init__(self, sessions: Sequence[Session], personas: Sequence[Persona] = ()) -> None:
        self.source = sessions
        self.personas = {one.shopper: one for one in personas}

    @property
    def catalog(self) -> Catalog:
        return Catalog.from_products([Product(id="a", title="Red pan"), Product(id="b", title="Blue pan")], name="pans")


def visit(kinds: str, shopper: str = "ann", key: str = "") -> Session:
    """A session by initials: search, view, purchase."""
    known: dict[str, EventKind] = {"s": "search", "v": "view", "p": "purchase", "a": "add"}
    events = tuple(Event(kind=known[one]) for one in kinds)
    return Session(shopper=shopper, key=key or f"{shopper}/{kinds}", events=events)


def cases_of(*sessions: Session) -> tuple[NextCase, ...]:
    return next_cases(People(sessions), most=1_000, rng=RNG(0)).cases


def choices(cases: Sequence[NextCase], kinds: Sequence[str]) -> np.ndarray:
    """The options of these kinds, without a page."""
    return np.array(
        [
            next(i for i, one in enumerate(case.options) if one.kind == kind)
            for case, kind in zip(cases, kinds, strict=True)
        ]
    )


def test_a_session_ends_with_its_purchase_or_by_leaving() -> None:
    lines = (Event(kind="purchase", product="a", time=NOON), Event(kind="purchase", product="b", time=NOON))
    bought = Session(shopper="ann", key="1", events=(*lines, Event(kind="stop")))
    assert [action.kind for action in actions_of(bought)] == ["purchase"], "lines of one purchase are one action"
    twice = Session(shopper="ann", key="1", events=(lines[0], Event(kind="purchase", product="b", time=LATER)))
    assert [action.kind for action in actions_of(twice)] == ["purchase", "purchase"]
    assert [action.kind for action in actions_of(visit("spv"))] == ["search", "purchase", "view", "stop"]
    cut = visit("sv").model_copy(update={"end": "max_steps"})
    assert [action.kind for action in actions_of(cut)] == ["search", "view"]
    (case,) = cases_of(cut)
    assert not case.last, "nobody knows how it would have ended"


def test_cases_and_what_is_told_by_hand() -> None:
    events = (
        Event(kind="search", query="pan", results=("a", "b", "gone")),
        Event(kind="view", product="b"),
        Event(kind="view", product="gone", title="Lost pan"),
    )
    found = next_cases(People([Session(shopper="ann", key="1", events=events), visit("")]), most=9, rng=RNG(0))
    opened, other, left = found.cases
    assert [option.shown.title for option in opened.options[1:4]] == ["Open Red pan", "Open Blue pan", OFF_PAGE]
    assert (opened.told, opened.before, opened.right, opened.kind) == (("searched for pan",), ("search",), 2, "view")
    assert other.told == ("searched for pan", "opened Blue pan")
    assert (other.options[other.right].place, other.options[other.right].shown.title) == (0, OFF_PAGE)
    assert left.told[-1] == "opened Lost pan"
    assert (left.kind, left.last) == ("stop", True)
    assert "1 of 2 sessions have no second action" in " ".join(found.notes)
    assert "1 products on people's pages are not in the catalog" in " ".join(found.notes)
    assert len(cases_of(visit("s" * 30))[-1].told) == MOST_TOLD


def test_sessions_are_drawn_and_failed_ones_are_none() -> None:
    many = [visit("sv", "ann", str(number)) for number in range(30)]
    assert len({case.session for case in next_cases(People(many), most=7, rng=RNG(0)).cases}) == 7
    failed = [one.model_copy(update={"end": "gave_up"}) for one in many]
    with pytest.raises(ValueError, match="No session of ours has two actions"):
        next_cases(People(failed), most=99, rng=RNG(0))


def test_baselines_count_others_sessions_only() -> None:
    """Ann always buys after a view, the others leave: nobody's own habit reaches a prediction of theirs."""
    sessions = [visit("svp", "ann", f"a{n}") for n in range(9)]
    sessions += [visit("sv", who, f"{who}{n}") for who in ("bob", "cy") for n in range(2)]
    cases = cases_of(*sessions)
    said = {
        name: [case.options[one].kind for case, one in zip(cases, given, strict=True)]
        for name, given in baselines(cases).items()
    }
    after_view = [at for at, case in enumerate(cases) if case.before == ("search", "view")]
    for name in ("Markov, order 1", "Markov, order 2"):
        by_person = {cases[at].shopper: said[name][at] for at in after_view}
        assert by_person == {"ann": "stop", "bob": "purchase", "cy": "purchase"}, name
        assert {said[name][at] for at in range(len(cases)) if at not in after_view} == {"view"}
    # Of the others' actions half are views, for everybody, and no other type is more.
    assert set(said["commonest"]) == {"view"}


def test_order_two_sees_what_order_one_cannot() -> None:
    """After a view: leave if it came after a search, and search if it came after another view."""
    sessions = [visit("svvsv", who, f"{who}") for who in ("ann", "bob", "cy")]
    cases = cases_of(*sessions)
    told = baselines(cases)
    exact = {
        name: np.mean([case.right == one for case, one in zip(cases, given, strict=True)])
        for name, given in told.items()
    }
    assert exact["Markov, order 2"] > exact["Markov, order 1"] > exact["commonest"] - 1e-9


def test_a_place_is_predicted_from_others() -> None:
    def opens(who: str, product: str) -> Session:
        events = (Event(kind="search", results=("a", "b")), Event(kind="view", product=product))
        return Session(shopper=who, key=who, events=events)

    cases = cases_of(opens("ann", "a"), opens("bob", "b"), opens("cy", "b"))
    given = baselines(cases)["Markov, order 1"]
    first = {
        case.shopper: case.options[one].place for case, one in zip(cases, given, strict=True) if len(case.before) == 1
    }
    assert first == {"ann": 2, "bob": 1, "cy": 1}, "of one's own choice nothing is known; of a tie the first"


def test_scores_by_hand() -> None:
    cases = cases_of(visit("svp", "ann"), visit("ss", "bob"), visit("sp", "bob"))
    assert [case.kind for case in cases] == ["view", "purchase", "search", "stop", "purchase"]
    given = choices(cases, ["view", "stop", "view", "stop", "purchase"])
    score = score_next(cases, {"x": given}).find("x")
    # Sessions: 1 of 2, 1 of 2, 1 of 1.
    assert score.exact.value == pytest.approx((0.5 + 0.5 + 1) / 3)
    # Weights 1/2 1/2 | 1/2 1/2 | 1: view 2·½/(½+1), purchase 2·1/(1½+1), search 0, stop 2·½/(½+1).
    assert score.type_f1.value == pytest.approx(np.mean([2 / 3, 4 / 5, 0, 2 / 3]))
    # Ends: purchase (said stop), stop (said stop), purchase: each F1 is 2/3.
    assert score.outcome_f1 is not None
    assert score.outcome_f1.value == pytest.approx(2 / 3)
    perfect = score_next(cases, {"x": np.array([case.right for case in cases])}).find("x")
    assert [perfect.exact.value, perfect.type_f1.value, perfect.outcome_f1.value] == [1, 1, 1]  # type: ignore[union-attr]


def test_no_answer_is_wrong_and_no_question_is_no_case() -> None:
    cases = cases_of(visit("svp", "ann"), visit("svp", "bob"))
    right = np.array([case.right for case in cases])
    silent, unasked = right.copy(), right.copy()
    silent[1], unasked[3] = UNANSWERED, NOT_ASKED
    results = score_next(cases, {"all": right, "silent": silent, "unasked": unasked})
    assert results.cases == 3
    assert (results.find("silent").unanswered, results.find("all").unanswered) == (1, 0)
    assert results.find("silent").exact.value == pytest.approx((0.5 + 1) / 2)
    assert results.find("all").exact.value == 1
    assert "1 cases could not be put to every shopper" in results.notes[0]
    with pytest.raises(ValueError, match="No case was put to every shopper"):
        score_next(cases, {"nobody": np.full(4, NOT_ASKED)})


def test_intervals_resample_people_not_cases() -> None:
    """Two kinds of people, each all right or all wrong: with a hundred cases each the interval stays that of people."""
    cases = cases_of(*[visit("svvvv", f"p{who}", f"{who}/{n}") for who in range(12) for n in range(10)])
    right = np.array([case.right if int(case.shopper[1:]) % 2 else UNANSWERED for case in cases])
    estimate = score_next(cases, {"x": right}).find("x").exact
    assert estimate.value == 0.5
    assert estimate.interval is not None
    assert 0.4 < estimate.interval.high - estimate.interval.low < 0.7
    assert score_next(cases, {"x": right}) == score_next(cases, {"x": right})
    alone = score_next(cases[:4], {"x": right[:4]}).find("x").exact
    assert alone.interval is None
    assert "One person" in alone.note


class Clairvoyant:
    """Opens the product that its persona names, and buys nothing; without a persona it takes what stands first."""

    name = "clairvoyant"
    seen: list[tuple[str, list[str]]] = []  # noqa: RUF012 (of all of them, for the test)

    def reset(self, persona: Persona | None, intention: Any, rng: np.random.Generator) -> None:
        self.wanted = "" if persona is None else persona.history

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        titles = [one.title for one in results]
        self.seen.append((query, titles))
        return titles.index(self.wanted) if self.wanted else 0

    def choose_item(self, products: Sequence[Product]) -> int:
        return 0

    def write_query(self, product: Product) -> str:
        return ""


def people_who_open_what_they_like() -> People:
    world = mini_world(n_shoppers=4, seed=1)
    sessions, personas = [], []
    for at, persona in enumerate(world.personas[:4]):
        likes = "ab"[at % 2]
        events = (Event(kind="search", query="pan", results=("a", "b")), Event(kind="view", product=likes))
        sessions.append(Session(shopper=persona.shopper, key=f"k{at}", events=events))
        title = {"a": "Open Red pan", "b": "Open Blue pan"}[likes]
        personas.append(persona.model_copy(update={"history": title}))
    return People(sessions, personas)


def test_a_policy_is_asked_with_its_own_and_with_anothers_persona() -> None:
    Clairvoyant.seen.clear()
    people = people_who_open_what_they_like()
    results = predict_next(people, RunConfig(sessions=9), policies=[f"{__name__}:Clairvoyant"])
    name = f"{__name__}:Clairvoyant"
    assert [score.name for score in results.scores[3:]] == [
        f"{name}, base", f"{name}, persona", f"{name}, persona of another"
    ]  # fmt: skip
    # The view is right by the own persona, and leaving never.
    assert results.find(f"{name}, persona").exact.value == 0.5
    assert results.find(f"{name}, persona of another").exact.value < 0.5
    difference = results.paired[name]["less persona of another"].value
    assert difference == pytest.approx(0.5 - results.find(f"{name}, persona of another").exact.value)
    query, titles = Clairvoyant.seen[0]
    assert query == "what to do next in the shop, after I searched for pan"
    assert sorted(titles) == sorted(
        ["Search the shop for something", "Open Red pan", "Open Blue pan", OFF_PAGE, "Leave the shop"]
    )
    assert len({tuple(titles) for _, titles in Clairvoyant.seen}) > 1, "the order is drawn for each question"


class NextAsked(Clairvoyant):
    """Is asked for actions: takes the last of them in the alphabet."""

    asked: list[tuple[Sequence[str], Sequence[str]]] = []  # noqa: RUF012 (of all of them, for the test)

    def choose_next(self, done: Sequence[str], actions: Sequence[str]) -> int:
        self.asked.append((done, actions))
        return actions.index(max(actions))

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        raise AssertionError("it has a question of its own")


def test_who_can_be_asked_for_actions_is() -> None:
    NextAsked.asked.clear()
    name = f"{__name__}:NextAsked"
    results = predict_next(people_who_open_what_they_like(), RunConfig(sessions=9), policies=[name])
    done, actions = NextAsked.asked[0]
    assert done == ("searched for pan",)
    assert sorted(actions)[-1] == "Search the shop for something"
    assert len({tuple(actions) for _, actions in NextAsked.asked}) > 1
    score = results.find(f"{name}, base")
    assert (score.exact.value, score.unanswered) == (0, 0), "nobody searches twice"


def test_an_answer_is_read_in_the_order_that_was_shown() -> None:
    cases = cases_of(visit("svp", "ann"), visit("sssvp", "bob"))
    questions = NextQuestions(cases, seed=0)
    for index, case in enumerate(cases):
        shown = [case.options[one] for one in questions.order(index)]
        assert sorted(questions.order(index)) == list(range(len(case.options)))
        assert questions.usable(index, shown.index(case.options[case.right])) == case.right


def test_another_persona_is_never_ones_own() -> None:
    personas = {one.shopper: one for one in mini_world(n_shoppers=7, seed=1).personas}
    others = OtherPersonas(personas, RNG(0))._others
    assert all(persona.shopper != shopper for shopper, persona in others.items())
    assert {persona.shopper for persona in others.values()} == set(personas)
    with pytest.raises(ValueError, match="two at least"):
        OtherPersonas(dict(list(personas.items())[:1]), RNG(0))


def test_who_cannot_be_asked_and_which_people() -> None:
    with pytest.raises(ValueError, match="does not read what the actions say"):
        predict_next(people_who_open_what_they_like(), RunConfig(), policies=["Behavioural"])
    stranger = mini_world(n_shoppers=4, seed=2).personas[0].model_copy(update={"shopper": "nobody"})
    with pytest.raises(ValueError, match="None of the personas is of a shopper"):
        predict_next(People([visit("svp")], [stranger]), RunConfig(), policies=["uniform"])
    buyers = People([visit("svp")])
    buyers.known = ("purchases",)
    with pytest.raises(ValueError, match="Next action needs searches and views"):
        predict_next(buyers, RunConfig())


def test_the_verb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("paars_gym.tasks.people.mini_people", lambda: MiniPeople(60, 1, 20))
    done = run_main(app, "tasks", "next", "--policy", "uniform", "--out", tmp_path / "next.json")
    assert done.exit_code == 0, done.stderr
    for words in ("What comes next?", "Markov, order 2", "uniform, persona of another", "less persona of another"):
        assert words in done.output
    results = json.loads((tmp_path / "next.json").read_text(encoding="utf-8"))
    assert results["cases"] == sum(results["types"].values())
    assert {"commonest", "uniform, base"} < {score["name"] for score in results["scores"]}


def test_the_people_of_opera(shared_data: Path) -> None:
    if not (shared_data / "opera" / "action.parquet").is_file():
        pytest.skip("the log is not here")
    take_copy(DATASETS["opera"], shared_data / "opera")
    results = predict_next(reference_people("opera"), RunConfig(sessions=1_000))
    assert (results.persons, results.sessions, results.cases) == (14, 120, 463)
    assert results.outcomes == {"purchase": 77, "stop": 43}
    assert 0.2 < results.find("commonest").exact.value < 0.3 < results.find("Markov, order 1").exact.value < 0.4
