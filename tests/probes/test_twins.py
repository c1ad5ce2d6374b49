"""Are twins scored one by one and as a group, and are the two told apart?"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from paars_gym.cli import app
from paars_gym.probes.answer_tables import NO_ANSWER, AnswerTable, read_answers
from paars_gym.probes.share_map import fitted_map, mapped, right_after
from paars_gym.probes.twins import score_twins

CHOICES = ("no", "yes")


def table(answers: np.ndarray, choices: tuple[str, ...] = CHOICES) -> AnswerTable:
    people, questions = answers.shape
    names = tuple(f"p{row}" for row in range(people)), tuple(f"q{column}" for column in range(questions))
    return AnswerTable(*names, choices, answers.astype(np.int16))


@pytest.fixture(scope="module")
def people() -> AnswerTable:
    rng = np.random.default_rng(5)
    easy, keen = rng.normal(0, 0.8, 20), rng.normal(0, 1.0, (400, 1))
    return table(rng.random((400, 20)) < 1 / (1 + np.exp(-(easy + keen))))


def test_by_hand() -> None:
    """People say yes to the first two of four questions; their twins say yes to everything."""
    said = np.tile([1, 1, 0, 0], (20, 1))
    said[0, 0] = 0
    (score,) = (report := score_twins(table(said), {"all yes": table(np.ones_like(said))})).scores
    assert score.right.value == pytest.approx(39 / 80)
    assert score.share is not None
    assert score.share.value == pytest.approx(-41 / 80)  # of the first choice, no
    assert score.distance is not None
    assert score.distance.value == pytest.approx((0.05 + 0 + 1 + 1) / 4)
    assert score.js is not None
    p = np.array([[0.05, 0.95], [0, 1]])
    m = p.mean(0)
    first = 0.5 * sum(float((row[row > 0] * np.log(row[row > 0] / m[row > 0])).sum()) for row in p)
    assert score.js.value == pytest.approx((first + 0 + 2 * math.log(2)) / 4)
    assert report.people_share.value == pytest.approx(41 / 80)
    # Always no is right in 41 of 80; to each question the commonest of the others is wrong for one person, once.
    assert [bar.right.value for bar in report.bars] == [pytest.approx(41 / 80), pytest.approx(79 / 80)]
    assert score.right.details["less_commonest"] == pytest.approx(-2 / 80)
    assert report.order is None


def test_a_group_may_be_right_of_which_nobody_is_and_the_reverse(people: AnswerTable) -> None:
    rng = np.random.default_rng(1)
    others = table(people.answers[rng.permutation(400)])
    shy = people.answers.copy()
    shy[(rng.random(shy.shape) < 0.3) & (shy == 1)] = 0
    report = score_twins(people, {"others": others, "shy": table(shy), "same": people})
    same, less, group = report.scores
    assert [score.construction for score in report.scores] == ["same", "shy", "others"]
    assert (same.right.value, same.distance and same.distance.value) == (1.0, 0.0)
    assert same.right.interval is None
    for score, alike in ((same, True), (group, True), (less, False)):
        assert score.distance is not None
        assert score.distance.floor is not None
        halves = score.distance.number("halves")
        assert halves is not None
        assert (halves < 1.15 * score.distance.floor) is alike, score.construction
    assert group.distance is not None
    assert group.distance.value == 0
    assert group.right.value is not None
    assert less.right.value is not None
    assert group.right.value < less.right.value - 0.1
    assert group.correlation is not None
    assert group.correlation.value == pytest.approx(1)
    assert report.order is None


def test_calibration_mends_shares_of_others_and_not_the_answers(people: AnswerTable) -> None:
    rng = np.random.default_rng(2)
    shares = (people.answers == 1).mean(0)
    biased = 1 / (1 + np.exp(-(1.2 + 1.6 * np.log(shares / (1 - shares)))))
    (score,) = score_twins(people, {"": table(rng.random(people.answers.shape) < biased)}).scores
    assert score.calibrated is not None
    before, after = score.calibrated.number("before"), score.calibrated.value
    assert score.distance is not None
    assert score.distance.floor is not None
    assert before is not None
    assert after is not None
    assert before > 0.15
    assert after < 1.3 * score.distance.floor
    right, right_before = score.calibrated.number("right"), score.calibrated.number("right_before")
    assert right is not None
    assert right_before is not None
    assert abs(right - right_before) < 0.1


def test_three_choices_and_gaps() -> None:
    rng = np.random.default_rng(3)
    answers = rng.integers(0, 3, (60, 6))
    twins = answers.copy()
    twins[:30] = (twins[:30] + 1) % 3
    twins[rng.random(twins.shape) < 0.1] = NO_ANSWER
    given, choices = twins != NO_ANSWER, ("a", "b", "c")
    (score,) = score_twins(table(answers, choices), {"half": table(twins, choices)}).scores
    assert score.right.value == pytest.approx((given & (twins == answers)).sum() / given.sum())
    assert score.right.sizes["answers"] == given.sum()
    assert score.share is None
    assert score.correlation is None
    assert score.calibrated is not None


def test_the_map_and_the_least_changes() -> None:
    twins = np.array([[0.2, 0.8], [0.5, 0.5], [0.7, 0.3], [0.9, 0.1]])
    truth = mapped(twins, np.array([0.7, 0.5]))
    assert mapped(twins, fitted_map(truth, twins)) == pytest.approx(truth, abs=0.02)
    # 40 of 100 say yes as their persons do, 20 wrongly; 60 must become 30: half of each changes.
    joint = np.array([[[0.4, 0.2], [0.0, 0.4]]])
    before, after = joint.sum(1), np.array([[0.7, 0.3]])
    assert right_after(joint, before, after) == pytest.approx(0.4 + 0.2 + 0.2 * 0.5)


def test_intervals_take_a_persons_answers_for_alike() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(200):
        answers = rng.random((60, 10)) < rng.beta(2, 1, (60, 1))
        share = score_twins(table(answers), {}).people_share
        assert share.interval is not None
        inside += 1 / 3 in share.interval
    assert inside >= 179  # of 95% of 200, three standard errors below; answers taken for independent cover 70%


WIDE = "person,q1,q2,q3,q4\n" + "".join(f"p{n},1,2,{1 + n % 2},{'' if n == 3 else 2}\n" for n in range(24))


def test_files_wide_and_long_are_the_same(tmp_path: Path) -> None:
    wide, long, packed = tmp_path / "wide.csv", tmp_path / "long.jsonl", tmp_path / "wide.parquet"
    wide.write_text(WIDE)
    rows = [line.split(",") for line in WIDE.splitlines()[1:]]
    long.write_text(
        "".join(
            json.dumps({"Respondent": row[0], "Question": f"q{at}", "Answer": int(cell), "Condition": "x"}) + "\n"
            for row in rows
            for at, cell in enumerate(row[1:], 1)
            if cell
        )
    )
    import polars as pl

    pl.read_csv(wide).with_columns(pl.col("q4").cast(pl.Float64)).write_parquet(packed)
    first, second, third = read_answers(wide)[""], read_answers(long)["x"], read_answers(packed)[""]
    for other in (second, third):
        assert other[:3] == first[:3] == (tuple(row[0] for row in rows), ("q1", "q2", "q3", "q4"), ("1", "2"))
        assert (other.answers == first.answers).all()
    assert first.answers[3, 3] == NO_ANSWER


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(WIDE)
    (tmp_path / "twins.csv").write_text(WIDE.replace(",2,", ",1,"))
    words = ["survey", "score", "--human", str(tmp_path / "people.csv"), "--answers", str(tmp_path / "twins.csv")]
    said = CliRunner(env={"COLUMNS": "80"}).invoke(app, words)
    assert said.exit_code == 0, said.output
    assert "One by one" in said.output
    assert "As a group" in said.output
    assert max(map(len, said.output.splitlines())) <= 80
    report = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert report["scores"][0]["right"]["sizes"] == {"people": 24, "questions": 4, "answers": 95}


@pytest.mark.parametrize(
    ("people", "twins", "said"),
    [
        ("name,q\na,1\n", WIDE, "names nobody: one column must be person"),
        (WIDE + "p1,1,1,1,1\n", WIDE, "'p1' answers 'q1' a second time"),
        (WIDE + ",1,1,1,1\n", WIDE, "row 25: person is empty"),
        ("person,q1\np1,\n", WIDE, "holds no answers"),
        (WIDE, WIDE.replace(",2,", ",maybe,"), "the answer 'maybe' is none that people gave (1, 2)"),
        (WIDE, WIDE.replace("\np", "\nx"), "0 people and 4 questions stand in both files"),
        (WIDE, WIDE.replace("q", "Q"), "24 people and 0 questions stand in both files"),
        (WIDE.replace("person", "person,model").replace("\np", "\np,"), WIDE, "holds 24 constructions"),
    ],
)
def test_what_cannot_be_scored_is_said(people: str, twins: str, said: str, tmp_path: Path) -> None:
    for name, text in (("people.csv", people), ("twins.csv", twins)):
        (tmp_path / name).write_text(text)
    words = ["survey", "score", "--human", str(tmp_path / "people.csv"), "--answers", str(tmp_path / "twins.csv")]
    ended = CliRunner().invoke(app, words)
    assert isinstance(ended.exception, ValueError)
    assert said in str(ended.exception)
    assert isinstance(
        CliRunner().invoke(app, ["survey", "score", "--human", "no", "--answers", "no"]).exception, OSError
    )


def test_twins_of_real_people(shared_data: Path) -> None:
    from benchmarks.twins import run

    report = run(shared_data / "twin2k")
    by_name = {score.construction: score for score in report.scores}
    assert (report.people, report.questions) == (2058, 40)
    best, least = by_name["JSON Persona - GPT4.1"], by_name["Demographics Only - GPT4.1-mini"]
    assert best is report.scores[0]
    for score, right, buys in ((best, 0.719, 0.41), (least, 0.585, 0.71)):
        assert score.right.value == pytest.approx(right, abs=0.0006)
        assert score.share is not None
        assert score.share.value is not None
        assert report.people_share.value is not None
        assert score.share.value + report.people_share.value == pytest.approx(buys, abs=0.006)
    assert report.bars[0].right.value == pytest.approx(0.57, abs=0.005)
    assert report.order is not None
