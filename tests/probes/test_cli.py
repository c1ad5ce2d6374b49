"""``paars probe`` and ``paars survey`` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paars_gym import cli
from paars_gym.llm.chat import ChatModel
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.llm.stack import open_model
from paars_gym.personas.store import write_personas
from paars_gym.probes.answers import SurveyResult
from paars_gym.simulation.steps import StepReader
from tests.probes.people import people


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["paars", *words])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def personas_file(tmp_path: Path) -> str:
    path = tmp_path / "personas.jsonl"
    write_personas(path, people(30, ("25-49K", "25-49K", "150K+")))
    return str(path)


@pytest.fixture
def questions(tmp_path: Path) -> str:
    path = tmp_path / "questions.yaml"
    path.write_text(
        "- {id: r, text: 'Reviews?', choices: [yes, no], human: {yes: 1, no: 1}}\n- {id: w, text: 'Why?'}\n"
    )
    return str(path)


def test_a_probe_by_income_in_one_word(
    personas_file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("probe", "sentiment", "--by", "income", "--personas", personas_file, "--trials", "45", "--pages", "5")
    assert run(monkeypatch, *words, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["probe"], said["segment"]) == ("review", "income_band")
    assert {one["segment"] for one in said["effects"]} == {"everyone", "income_band 25-49K"}
    assert run(monkeypatch, *words) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "45 trials of 30 personas on 5 pages" in printed
    assert "Fewer than 20 trials: income_band 150K+ (15); not shown." in printed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("probe", "colour"), "Unknown probe 'colour'"),
        (("probe", "price", "--trials", "0"), "sessions == 0"),
        (("probe", "price", "--by", "mood"), "Unknown segment 'mood'"),
        (("probe", "price", "--brand", "Dunk"), "is for the probe brand"),
        (("probe", "price", "--personas", "nowhere"), "There are no personas at nowhere"),
        (("survey", "nowhere.yaml"), "A survey needs --model"),
        (("survey", "nowhere.yaml", "--model", "anthropic:x"), "A survey needs --personas"),
        (("survey", "nowhere.yaml", "--model", "anthropic:x", "--personas", "p"), "No questionnaire 'nowhere.yaml'"),
    ],
)
def test_a_mistake_is_one_line(
    words: tuple[str, ...],
    says: str,
    personas_file: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if words[0] == "probe":
        words = (words[0], words[1], "--personas", personas_file, *words[2:])
    assert run(monkeypatch, *words) == 2
    printed = capsys.readouterr().err.strip().splitlines()
    assert len(printed) == 1
    assert says in printed[0]


def test_a_survey_shows_choices_open_answers_and_the_distance_from_people(
    personas_file: str, questions: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def scripted(*_: object, **__: object) -> ChatModel:
        said = {"three sentences": "Too dear.", "price sensitivity: 5": "yes", "price sensitivity: 1": "no"}
        lines = [Line(text=json.dumps({"answer": text}), when=when, times=None) for when, text in said.items()]
        return open_model(ScriptedChat(lines))

    monkeypatch.setattr("paars_gym.llm.stack.open_model", scripted)
    words = ("survey", questions, "--model", "x:y", "--personas", personas_file, "--by", "price_sensitivity")
    assert run(monkeypatch, *words, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    given = {(one["segment"], one["answer"]): one["share"]["details"]["given"] for one in said["shares"]}
    assert given["price_sensitivity high", "yes"] == 15
    assert [one["segment"] for one in said["divergences"]] == [
        "everyone", "price_sensitivity low", "price_sensitivity high",
    ]  # fmt: skip
    assert said["divergences"][0]["js"]["interval"] is not None
    assert [one["distinct"] for one in said["open"]] == [1 / 30, 1 / 15, 1 / 15]
    assert run(monkeypatch, *words) == 0
    printed = capsys.readouterr().out
    assert "“Too dear.”" in printed
    assert "50%" in printed


def test_a_survey_keeps_answers_result_and_what_the_model_was_asked(
    personas_file: str, questions: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "replies.jsonl"
    script.write_text('{"text": "{\\"answer\\": \\"yes\\"}", "times": null}\n')
    out = tmp_path / "survey"
    words = ("survey", questions, "--model", f"scripted:{script}", "--personas", personas_file, "--out", str(out))
    assert run(monkeypatch, *words) == 0
    answers = [json.loads(line) for line in (out / "answers.jsonl").read_text().splitlines()]
    assert [answer["answer"] for answer in answers] == ["yes"] * 60
    assert SurveyResult.model_validate_json((out / "result.json").read_bytes()).personas == 30
    (step,) = StepReader(out / "steps" / "steps.jsonl.zst").read("p0 r")
    assert (step.action, step.shown) == ("yes", "Reviews?")
    assert step.model is not None
    assert "Reviews?" in step.model.prompt[-1]["text"]


def test_a_survey_answered_elsewhere_is_a_models(
    personas_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    form, asked, answers = tmp_path / "form.yaml", tmp_path / "asked.jsonl", tmp_path / "answers.jsonl"
    form.write_text(
        "- {id: r, text: 'Reviews? Write to jane@example.com', choices: [yes, no], human: {yes: 3, no: 1}}\n"
        "- {id: w, text: 'Why?'}\n"
    )
    said = {"three sentences": "Too dear.", "price sensitivity: 5": "yes", "price sensitivity: 1": "no"}
    script = [{"text": json.dumps({"answer": text}), "when": when, "times": None} for when, text in said.items()]
    (tmp_path / "replies.jsonl").write_text("".join(json.dumps(line) + "\n" for line in script))
    words = ("survey", str(form), "--personas", personas_file)
    assert run(monkeypatch, *words, "--model", f"scripted:{tmp_path / 'replies.jsonl'}", "--json") == 0
    direct = json.loads(capsys.readouterr().out)

    assert run(monkeypatch, *words, "--export-questions", str(asked), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"questions": 60, "file": str(asked)}
    text = asked.read_text()
    assert "jane" not in text
    assert "0.75" not in text
    assert "human" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert {tuple(line["choices"] or ()) for line in lines} == {("yes", "no"), ("no", "yes"), ()}

    def answer(line: dict[str, Any]) -> str:
        words = "\n".join(turn["text"] for turn in line["messages"])
        return next(text for when, text in said.items() if when in words).upper()

    given = [{"id": line["id"], "answer": answer(line), "by": "ann", "at": "2026-11-03T10:00"} for line in lines]
    answers.write_text("".join(json.dumps(line) + "\n" for line in given))
    assert run(monkeypatch, *words, "--answers", str(answers), "--json") == 0
    back = json.loads(capsys.readouterr().out)
    note = "Answers came from elsewhere: by ann, on 2026-11-03. Of 60 questions 60 were answered, 0 unanswered, 0 "
    assert back["notes"] == [f"{note}answered unusably."]
    assert back["open"][0]["examples"] == ["TOO DEAR."]
    same = ("shares", "divergences", "failed", "personas")
    assert {name: back[name] for name in same} == {name: direct[name] for name in same}

    answers.write_text("".join(json.dumps({**line, "answer": None}) + "\n" for line in given[:7]))
    with answers.open("a") as file:
        file.writelines(json.dumps({**line, "answer": ["?"]}) + "\n" for line in given[7:9])
        file.writelines(json.dumps(line) + "\n" for line in given[10:])
    assert run(monkeypatch, *words, "--answers", str(answers), "--out", str(tmp_path / "result")) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "by ann, on 2026-11-03. Of 60 questions 50 were answered, 8 unanswered, 2 answered unusably." in printed
    assert "10 of 60 questions got no usable answer: UnansweredError 8, MalformedAnswerError 2." in printed
    assert len((tmp_path / "result" / "answers.jsonl").read_text().splitlines()) == 60


@pytest.mark.parametrize(
    "words",
    [
        ("probe", "rating", "--policy", "llm", "--trials", "6", "--pages", "2"),
        ("abtest", "--treatment", "price", "--policy", "llm", "--sessions", "6"),
        ("survey",),
    ],
)
def test_a_dry_run_says_what_a_model_would_take(
    words: tuple[str, ...],
    personas_file: str,
    questions: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    verb, *rest = words
    asked = [verb, questions] if verb == "survey" else [verb, *rest]
    common = ("--personas", personas_file, "--model", "openai:gpt-4.1-mini", "--dry-run")
    assert run(monkeypatch, *asked, *common) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "calls" in printed
    assert "US dollars" in printed
    assert "nothing" in printed


def test_options_of_a_model_are_for_a_policy_that_asks_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in (("abtest", "--treatment", "price"), ("probe", "price"), ("backtest", "nowhere.csv")):
        assert run(monkeypatch, *verb, "--max-usd", "1") == 2
        assert "--max-usd is for shoppers that ask a language model" in " ".join(capsys.readouterr().err.split())
