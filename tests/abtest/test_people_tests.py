from __future__ import annotations

import json
import math
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from paars_gym.abtest.outcomes import OUTCOMES
from paars_gym.abtest.people_planning import NEEDS, plan_people
from paars_gym.abtest.people_test import compare_people, read_people_test
from paars_gym.cli import app
from paars_gym.report.people import people_plan_notes, people_plan_table, people_test_notes, people_test_table
from paars_gym.report.printing import Printer
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.store import Provenance
from paars_gym.sessions.writer import write_sessions


def visit(shopper: str, number: int, *, units: int = 0, searches: int = 1, end: Any = "stop") -> Session:
    events = [Event(kind="search", query="tea")] * searches
    if units:
        events += [Event(kind="purchase", product="a", units=units, price=2.0)]
    return Session(shopper=shopper, key=f"{shopper}-{number}", events=tuple(events), end=end)


def people(count: int, mean: float, *, seed: int = 0, each: int = 1, name: str = "p") -> list[Session]:
    rng = np.random.default_rng(seed)
    return [
        visit(f"{name}{one}", number, searches=int(rng.poisson(mean)) + 1)
        for one in range(count)
        for number in range(each)
    ]


def test_visits_are_those_of_the_classic_formula() -> None:
    sessions = people(400, 2.0)
    counts = np.array([session.count("search") for session in sessions], dtype=float)
    plan = plan_people(sessions, mde=0.1, outcome="searches", powers=(0.8,))
    relative = counts.std(ddof=1) / counts.mean()
    assert plan.mean == pytest.approx(counts.mean())
    # By the normal distribution; Student's asks for a few more.
    mean_itself = (stats.norm.ppf(0.975) * relative / 0.1) ** 2
    an_arm = 2 * ((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * relative / 0.1) ** 2
    assert 0 <= plan.mean_itself.visits - mean_itself <= 4
    assert 0 <= plan.test[0].visits - 2 * an_arm <= 8
    for row in (plan.mean_itself, *plan.test):
        assert row.low < row.visits < row.high
        assert row.shoppers == row.visits == row.visits_of_shoppers  # each of these came once
    assert plan == plan_people(sessions, mde=0.1, outcome="searches", powers=(0.8,))


def test_visits_of_people_who_repeat_themselves_tell_less() -> None:
    once = people(50, 2.0)
    again = [session.model_copy(update={"key": f"{session.key}-{n}"}) for session in once for n in range(4)]
    first, second = (plan_people(log, mde=0.2, outcome="searches") for log in (once, again))
    assert second.mean_itself.shoppers == first.mean_itself.shoppers  # four times the same is as much as once
    assert second.mean_itself.visits_of_shoppers == 4 * first.mean_itself.shoppers
    assert abs(second.mean_itself.visits - first.mean_itself.visits) <= 1


def test_so_many_visits_reach_the_precision() -> None:
    plan = plan_people(people(2_000, 2.0), mde=0.1, outcome="searches", powers=(0.8,))
    rng = np.random.default_rng(1)
    n = plan.mean_itself.visits
    draws = rng.poisson(2.0, (4_000, n)) + 1.0
    errors = stats.t.ppf(0.975, n - 1) * draws.std(axis=1, ddof=1) / math.sqrt(n)
    assert np.median(errors) <= 0.1 * 3.0 * 1.03
    arm = plan.test[0].visits // 2
    control = rng.poisson(2.0, (2_000, arm)) + 1.0
    treatment = rng.poisson(2.3, (2_000, arm)) + 1.0  # 10% more of 3
    found = stats.ttest_ind(treatment, control, axis=1, equal_var=False).pvalue < 0.05
    assert 0.76 < found.mean() < 0.84


@pytest.mark.parametrize(
    ("sessions", "options", "says"),
    [
        (people(9, 2.0), {}, "9 shoppers, at least 10"),
        (people(20, 2.0), {"outcome": "sales_units"}, "variance of sales_units: its mean is 0"),
        ([visit(f"p{n}", 0) for n in range(20)], {}, "standard deviation 0"),
        (people(20, 2.0), {"outcome": "nothing"}, "Unknown outcome"),
        (people(20, 2.0), {"mde": 0.0}, "mde == 0.0"),
        ([visit(f"p{n}", 0, end="policy_error") for n in range(20)], {}, "0 shoppers"),
    ],
)
def test_what_cannot_be_planned(sessions: list[Session], options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        plan_people(sessions, **({"mde": 0.1, "outcome": "searches"} | options))


def test_every_outcome_needs_something() -> None:
    assert set(NEEDS) == {one.name for one in OUTCOMES}


def test_a_test_is_welchs_on_shoppers() -> None:
    control, treatment = people(80, 2.0, name="a", each=2), people(90, 3.0, name="b", seed=1)
    result = compare_people(control, treatment)
    assert (result.shoppers, result.sessions) == ((80, 90), (160, 90))
    one = result.outcomes["searches"]
    # Ratio of means, shopper by shopper, linearised by hand.
    linearised = []
    for arm in (control, treatment):
        totals: dict[str, list[float]] = {}
        for session in arm:
            total = totals.setdefault(session.shopper, [0.0, 0.0])
            total[0] += session.count("search")
            total[1] += 1
        n, d = np.array(list(totals.values())).T
        ratio = n.sum() / d.sum()
        linearised.append(ratio + (n - ratio * d) / d.mean())
    expected = stats.ttest_ind(linearised[1], linearised[0], equal_var=False)
    assert one.difference.value == pytest.approx(linearised[1].mean() - linearised[0].mean())
    assert one.difference.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert one.difference.interval is not None
    assert (one.difference.interval.low, one.difference.interval.high) == pytest.approx(tuple(interval))
    assert result.outcomes["sales_units"].difference.value is None
    assert result.split_p_value > 0.3
    assert compare_people(people(10, 2.0), people(60, 2.0, name="b")).split_p_value < 0.01
    assert json.loads(result.as_json())["outcomes"]["searches"]["difference"]["value"] == one.difference.value


def test_nothing_came() -> None:
    result = compare_people([], [])
    assert result.split_p_value == 1.0
    assert all(one.difference.value is None for one in result.outcomes.values())


def written(table: object, notes: list[str]) -> str:
    printer = Printer(width=160, record=True, file=StringIO())
    printer.print(table, *notes)
    return printer.export_text()


def test_in_words() -> None:
    plan = plan_people(people(50, 2.0), mde=0.1, outcome="searches", people="our visitors", synthetic=True)
    said = written(people_plan_table(plan), people_plan_notes(plan))
    assert "know the mean to ±10.0%" in said
    assert "50 shoppers differ in 50 synthetic sessions, our visitors" in said
    result = compare_people(people(10, 2.0), people(60, 2.0, name="b"))
    said = written(people_test_table(result), people_test_notes(result))
    assert "10 and 60 shoppers" in said
    assert "find out why" in said


def test_the_command(tmp_path: Path) -> None:
    for name, mean in (("control", 2.0), ("treatment", 3.0)):
        provenance = Provenance(name=name, what_is_known=("searches",))
        write_sessions(tmp_path / name, people(40, mean, name=name), provenance=provenance)
    said = CliRunner().invoke(app, ["abtest", "--human", str(tmp_path)])
    assert said.exit_code == 0
    assert "An A/B test of people: 40 and 40 shoppers" in said.output
    told = json.loads(CliRunner().invoke(app, ["abtest", "--human", str(tmp_path), "--json"]).output)
    assert told["shoppers"] == [40, 40]
    assert not read_people_test(tmp_path).synthetic
    words = ["abtest", "--plan", "--human", str(tmp_path / "control"), "--mde", "10%"]
    assert "know the mean" in CliRunner().invoke(app, [*words, "--outcome", "searches"]).output
    told = json.loads(CliRunner().invoke(app, [*words, "--outcome", "searches", "--json"]).output)
    assert told["people"] == "control"
    unknown = CliRunner().invoke(app, [*words, "--outcome", "views"])
    assert "A plan for views needs views" in str(unknown.exception)
