from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.personas.persona import ConsumerProfile, Persona, Score, ShoppingPreferences
from paars_gym.probes.survey import Question, conduct, divergences, messages, read_questions, shares

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
    crowd = people(10)
    answers = asyncio.run(conduct([QUESTION], crowd, ScriptedChat(script)))
    assert [answer.answer for answer in answers] == ["never", "always"] * 5
    found = {(one.segment, one.answer): one for one in shares([QUESTION], answers, crowd, "review_reliance")}
    assert (found["everyone", "always"].given, found["everyone", "always"].answered) == (5, 10)
    assert found["everyone", "always"].interval == pytest.approx((0.237, 0.763), abs=0.001)
    assert found["review_reliance high", "always"].given == 5
    assert found["review_reliance low", "always"].given == 0
    (divergence,) = divergences([QUESTION], answers)
    assert divergence.total_variation == pytest.approx(0.25)
    assert divergence.interval is None
    sure = QUESTION.model_copy(update={"human_answers": 400})
    low, high = divergences([sure], answers)[0].interval or (1.0, 0.0)
    assert low <= divergence.js <= high


def test_an_impossible_answer_is_repaired_once_or_counted_as_none() -> None:
    repaired = ScriptedChat([said("sometimes"), said("never")])
    assert asyncio.run(conduct([QUESTION], people(1), repaired))[0].answer == "never"
    assert "must be exactly one of" in repaired.requests[1].messages[-1].text
    failed = asyncio.run(conduct([QUESTION], people(1), ScriptedChat([said("sometimes"), said("hardly")])))
    assert failed[0].answer is None
    assert "MalformedAnswerError" in failed[0].failure
    assert shares([QUESTION], failed, people(1)) == []
    assert divergences([QUESTION], failed) == []


def test_open_questions_take_any_text() -> None:
    question = Question(id="o", text="Why?")
    answers = asyncio.run(conduct([question], people(2), ScriptedChat([said("Because.", times=None)])))
    assert [answer.answer for answer in answers] == ["Because.", "Because."]
    assert shares([question], answers, people(2)) == []


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
    ("text", "says"),
    [
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
