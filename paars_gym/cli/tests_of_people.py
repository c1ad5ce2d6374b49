"""``paars abtest --human``: what a test of people takes, and what one came to."""

from __future__ import annotations

from collections.abc import Sequence

from paars_gym.cli.app import console


def plan_test_of_people(
    human: str, *, mde: float, outcome: str, powers: Sequence[float], level: float, json: bool
) -> None:
    """Prints how many visits of people a precision takes; arguments as of `paars_gym.abtest.people_planning`."""
    from paars_gym.abtest.people_planning import NEEDS, plan_people
    from paars_gym.abtest.planning import check_plan
    from paars_gym.report.people import people_plan_notes, people_plan_table
    from paars_gym.tasks.people import reference_people

    check_plan(mde, outcome, powers)
    people = reference_people(human)
    people.require(f"A plan for {outcome}", NEEDS[outcome])
    plan = plan_people(
        people.source,
        mde=mde,
        outcome=outcome,
        powers=powers,
        level=level,
        people=people.full_name,
        synthetic=people.synthetic,
    )
    if json:
        console.write_json(plan.model_dump_json(indent=2))
        return
    console.print(people_plan_table(plan))
    for note in people_plan_notes(plan):
        console.print(note)


def compare_arms_of_people(folder: str, *, level: float, json: bool) -> None:
    """Prints by how much the arms of a test of people differ; see `paars_gym.abtest.people_test`."""
    from paars_gym.abtest.people_test import read_people_test
    from paars_gym.report.people import people_test_notes, people_test_table

    result = read_people_test(folder, level=level)
    if json:
        console.write_json(result.as_json())
        return
    console.print(people_test_table(result))
    for note in people_test_notes(result):
        console.print(note)
