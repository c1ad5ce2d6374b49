from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.personas.persona import ConsumerProfile, Persona, Score, ShoppingPreferences
from paars_gym.probes.answers import SurveyResult, divergences, open_answers, shares, summarise
from paars_gym.probes.survey import Answer, Question, conduct, messages, read_questions

QUESTION = Question(id="q", text="Do you read reviews?", choices=("always", "never"), human={"always": 3, "never": 1})


def people(number: int) -> list[Persona]:
    return [
        Persona(
            shopper=f"p{index}",
            profile=ConsumerProfile(),
            preferences=ShoppingPreferences(review_reliance=Score(value=5.0 if index % 2 else 1.0)),
            source="synthetic",
        )
        for index in range(number)
    ]


def said(answer: str, **line: object) -> Line:
    return Line(text=json.dumps({"answer": answer}), **line)  # type: ignore[arg-type]


def test_answers_are_gathered_by_segment() -> None:
    script = [
        said("always", when="review reliance: 5", times=None),
        said("never", when="review reliance: 1", times=None),
    ]
    asked = people(10)
    answers = asyncio.run(conduct([QUESTION], asked, ScriptedChat(script)))
    assert [answer.answer for answer in answers] == ["never", "always"] * 5
    closed = shares([QUESTION], answers, asked, "review_reliance")
    by_answer = {(one.segment, one.answer): one.share for one in closed}
    assert (by_answer["everyone", "always"].number("given"), by_answer["everyone", "always"].sizes) == (
        5,
        {"answered": 10},
    )
    assert by_answer["everyone", "always"].interval.ends == pytest.approx((0.237, 0.763), abs=0.001)
    assert by_answer["review_reliance high", "always"].number("given") == 5
    assert by_answer["review_reliance low", "always"].number("given") == 0
    assert next(one for one in closed if one.answer == "always").human == 0.75


def test_an_impossible_answer_is_repaired_once_or_counted_as_none() -> None:
    repaired = ScriptedChat([said("sometimes"), said("never")])
    assert asyncio.run(conduct([QUESTION], people(1), repaired))[0].answer == "never"
    assert "must be exactly one of" in repaired.requests[1].messages[-1].text
    failed = asyncio.run(conduct([QUESTION], people(1), ScriptedChat([said("sometimes"), said("hardly")])))
    assert failed[0].answer is None
    assert "MalformedAnswerError" in failed[0].failure
    assert shares([QUESTION], failed, people(1)) == []
    assert divergences([QUESTION], failed, people(1)) == []


def test_open_questions_take_any_text() -> None:
    question = Question(id="o", text="Why?")
    answers = asyncio.run(conduct([question], people(2), ScriptedChat([said("Because.", times=None)])))
    assert [answer.answer for answer in answers] == ["Because.", "Because."]
    assert shares([question], answers, people(2)) == []
    (open_answer,) = open_answers([question], answers, people(2))
    assert (open_answer.answered, open_answer.distinct, open_answer.examples) == (2, 0.5, ("Because.",))


def given(question: Question, *texts: str | None) -> list[Answer]:
    return [Answer(question=question.id, shopper=f"p{index}", answer=text) for index, text in enumerate(texts)]


def test_open_answers_are_counted_by_segment_with_the_most_frequent_first() -> None:
    question = Question(id="o", text="Why?")
    answers = given(question, "Price", "It is near.", "Habit", "it  is NEAR", None, "It is near")
    everyone, low, high = open_answers([question], answers, people(6), "review_reliance")
    assert (everyone.segment, everyone.answered, everyone.distinct) == ("everyone", 5, 0.6)
    assert everyone.examples == ("It is near.", "Price", "Habit")
    assert (low.segment, low.answered, low.examples) == ("review_reliance low", 2, ("Price", "Habit"))
    assert (high.segment, high.answered, high.distinct) == ("review_reliance high", 3, 1 / 3)


def test_divergence_has_an_interval_without_knowing_how_many_people_there_were() -> None:
    answers = given(QUESTION, *["always", "never", "never", "never"] * 10)
    everyone, low, high = divergences([QUESTION], answers, people(40), "review_reliance")
    assert everyone.js.interval is not None
    assert everyone.js.low < everyone.js.value < everyone.js.high
    assert everyone.total_variation == pytest.approx(0.5)
    assert (low.segment, low.js.sizes, low.total_variation) == (
        "review_reliance low",
        {"answered": 20},
        pytest.approx(0.25),
    )
    # All of this segment said "never": its resamples would all say so too, and claim to be certain.
    assert (high.js.interval, high.js.value > low.js.value) == (None, True)
    assert "all gave the same answer" in high.js.note
    few = QUESTION.model_copy(update={"human_answers": 20})
    wider = divergences([few], answers, people(40))[0].js.interval
    assert wider is not None
    assert wider.high - wider.low > everyone.js.high - everyone.js.low


def test_intervals_of_divergences_cover() -> None:
    """40 surveys of 150 personas drawn from known shares."""
    from paars_gym.alignment.divergences import js_divergence

    question = Question(id="q", text="?", choices=("a", "b", "c"), human={"a": 0.5, "b": 0.3, "c": 0.2})
    shares_of_agents = np.array([0.3, 0.3, 0.4])
    truth = js_divergence([0.5, 0.3, 0.2], shares_of_agents, n_resamples=0).value
    rng, asked, covered = np.random.default_rng(0), people(150), 0
    for repeat in range(40):
        answers = given(question, *rng.choice(["a", "b", "c"], size=150, p=shares_of_agents).tolist())
        interval = divergences([question], answers, asked, seed=repeat)[0].js.interval
        covered += interval is not None and truth in interval
    assert 0.85 <= covered / 40 <= 1.0


def test_a_summary_counts_failures_by_their_cause() -> None:
    failed = Answer(question="q", shopper="p0", answer=None, failure="TimeoutError: too late")
    result = summarise([QUESTION], [failed, *given(QUESTION, "never", "never")[1:]], people(3))
    assert (result.failed, result.failures) == (1, {"TimeoutError": 1})
    assert result.shares[1].share.sizes == {"answered": 1}


def test_choices_come_in_an_order_of_each_personas_own() -> None:
    texts = {messages(QUESTION, persona, "persona", 0)[-1].text for persona in people(12)}
    assert len(texts) == 2
    again = messages(QUESTION, people(1)[0], "persona", 0)
    assert again == messages(QUESTION, people(1)[0], "persona", 0)
    assert "review reliance" in again[1].text
    assert "Nothing is known" in messages(QUESTION, people(1)[0], "base", 0)[1].text


def test_a_questionnaire_is_read(tmp_path: Path) -> None:
    file = tmp_path / "questions.yaml"
    file.write_text(
        "questions:\n  - {id: a, text: 'Which?', choices: [x, y], human: {x: 0.2, y: 0.8}}\n  - {id: b, text: 'Why?'}\n"
    )
    assert [question.choices for question in read_questions(file)] == [("x", "y"), ()]


@pytest.mark.parametrize(
    "text",
    [
        "- {id: a, text: b, choices: [yes, no, On, 1, 2020-01-01], human: {yes: 0.25, no: .75}, human_answers: 100}",
        '[{"id": "a", "text": "b", "choices": ["yes", "no", "On", 1, "2020-01-01"], '
        '"human": {"yes": 1, "no": 3}, "human_answers": 100}]',
    ],
)
def test_choices_are_the_words_that_were_written(tmp_path: Path, text: str) -> None:
    file = tmp_path / "questions.yaml"
    file.write_text(text)
    (question,) = read_questions(file)
    assert question.choices == ("yes", "no", "On", "1", "2020-01-01")
    assert question.human is not None
    assert question.human["no"] / sum(question.human.values()) == 0.75
    assert question.human_answers == 100


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {id: a, text: b, choices: [x, y], human: {x: many}}", "human.x: Input should be a valid number"),
        ("- {id: a, text: b, choices: [x, ]}", "at least two"),
        ("- {id: a, text: b, choices: [x, ~]}", "choices.1: Input should be a valid string"),
        ("- !!python/object/apply:os.system [ls]", "is no YAML"),
        ("a: [", "is no YAML"),
        ("", "holds no questions"),
        ("- {id: a}", "question 1: text: Field required"),
        ("- {id: a, text: b, choices: [x]}", "at least two"),
        ("- {id: a, text: b, choices: [x, y], human: {z: 1}}", "'z', which is none of the choices"),
        ("- {id: a, text: b}\n- {id: a, text: c}", "'a' occurs twice"),
    ],
)
def test_bad_questionnaires(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "questions.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_questions(file)


def test_nobody_to_ask() -> None:
    with pytest.raises(ValueError, match="0 personas"):
        asyncio.run(conduct([QUESTION], [], ScriptedChat([])))
    with pytest.raises(FileNotFoundError, match="No questionnaire"):
        read_questions("nowhere.yaml")


def test_a_survey_is_a_table_and_survives_its_file() -> None:
    open_question = Question(id="o", text="Why?")
    answers = [*given(QUESTION, *["always", "never", "never"] * 10), *given(open_question, *["So."] * 30)]
    result = summarise([QUESTION, open_question], answers, people(30))
    assert {row["quantity"] for row in result.to_dicts()} == {"share", "distinct answers", "divergence from people"}
    assert len(repr(result).splitlines()) <= 20
    assert "Survey of 30 personas" in result._repr_html_()
    assert len(result.to_csv().splitlines()) == 1 + len(result.to_dicts())
    assert SurveyResult.model_validate_json(result.model_dump_json()) == result
