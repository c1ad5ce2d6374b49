"""Is every form of an answer read, is what is none refused in words, and does a file of questions hold the request?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paars_gym.llm.chat import Message, Request
from paars_gym.probes.survey import answer_form
from paars_gym.shoppers.llm_prompts import QueryAnswer, choice_form
from paars_gym.tasks.answer_files import as_asked_for, fields_of, read_answer_file

FOUR = choice_form(4).model_json_schema()
QUERY = QueryAnswer.model_json_schema()
OFTEN = answer_form(("Yes", "Yes, often", "No")).model_json_schema()
SCALE = answer_form(("1", "2", "3")).model_json_schema()
OPEN = answer_form(()).model_json_schema()
NESTED = '{"choice": {"choice": 2}}'


@pytest.mark.parametrize(
    ("answer", "schema", "value"),
    [
        *[(form, FOUR, 2) for form in (2, 2.0, "2", " 2. ", "option 2", "Option: 2", "(2)", "Answer is 2", "No. 2")],
        *[(form, FOUR, 2) for form in ({"choice": 2}, {"choice": "option 2"}, '{"choice": 2}', 'So: {"choice": 2}!')],
        ('```json\n{"choice": 4}\n```', FOUR, 4),
        ("1", choice_form(1).model_json_schema(), 1),
        ("red shoes", QUERY, "red shoes"),
        ({"query": " red shoes "}, QUERY, "red shoes"),
        ('{"query": "red shoes"}', QUERY, "red shoes"),
        (501, QUERY, "501"),
        ("{curly} words", QUERY, "{curly} words"),
        *[(form, OFTEN, "Yes") for form in ("Yes", "yes", " YES. ", {"answer": "yes"})],
        ("yes,  often", OFTEN, "Yes, often"),
        *[(form, SCALE, "2") for form in ("2", 2, {"answer": "2"})],
        ("Because it is cheap.", OPEN, "Because it is cheap."),
    ],
)
def test_every_form_of_an_answer_is_read(answer: Any, schema: dict[str, Any], value: Any) -> None:
    assert list(json.loads(as_asked_for(answer, schema)).values()) == [value]


@pytest.mark.parametrize(
    ("answer", "schema", "says"),
    [
        *[
            (form, FOUR, "must be 1 to 4")
            for form in (0, 5, "5", "2 or 3", "12", 2.5, True, [2], {}, {"choice": None}, {"option": 2}, NESTED, "-")
        ],
        ("x" * 201, QUERY, "1 to 200 characters"),
        ("  ", QUERY, "1 to 200 characters"),
        ({"words": "x"}, QUERY, "1 to 200 characters"),
        ("sometimes", OFTEN, "must be Yes, Yes, often, No"),
        (False, OPEN, "must be a text"),
    ],
)
def test_what_is_no_answer_is_refused(answer: Any, schema: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        as_asked_for(answer, schema)


def test_a_question_shows_its_choices_in_the_order_in_which_they_are_asked() -> None:
    text = "Reviews?\nAnswer with exactly one of:\n- No\n- Yes, often\n- Yes"
    request = Request(messages=(Message(role="user", text=text),), output_schema=OFTEN, seed=3, draw=4)
    assert fields_of(request) == {
        "messages": [{"role": "user", "text": text}],
        "choices": ["No", "Yes, often", "Yes"],
        "schema": OFTEN,
    }
    assert fields_of(request.model_copy(update={"output_schema": QUERY}))["choices"] is None


def test_other_fields_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '\ufeff{"id": "a", "answer": 0, "by": " ana  b ", "at": "2026-11-29T10:00Z", "more": [1]}\n\n{"id": "b"}\n'
    )
    answers = read_answer_file(path)
    assert answers["a"] == ("a", 0, "ana b", "2026-11-29T10:00Z", 1)
    assert answers["a"].given, "0 is an answer, and an unusable one"
    assert not answers["b"].given
