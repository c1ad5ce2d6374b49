"""``paars probe`` and ``paars survey`` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paars_gym import cli
from paars_gym.llm.chat import ChatModel
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.personas.store import write_personas
from tests.probes.people import people


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["paars", *words])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def crowd(tmp_path: Path) -> str:
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
    crowd: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("probe", "sentiment", "--by", "income", "--personas", crowd, "--trials", "45", "--pages", "5")
    assert run(monkeypatch, *words, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["probe"], said["segment"]) == ("review", "income_band")
    assert {one["segment"] for one in said["effects"]} == {"everyone", "income_band 25-49K"}
    assert run(monkeypatch, *words) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "45 trials of 30 personas on 5 pages" in told
    assert "Fewer than 20 trials: income_band 150K+ (15); not shown." in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("probe", "colour"), "Unknown probe 'colour'"),
        (("probe", "price", "--trials", "0"), "trials == 0"),
        (("probe", "price", "--by", "mood"), "Unknown segment 'mood'"),
        (("probe", "price", "--brand", "Dunk"), "is for the probe brand"),
        (("probe", "price", "--personas", "nowhere"), "There are no personas at nowhere"),
        (("survey", "nowhere.yaml"), "A survey needs --model"),
        (("survey", "nowhere.yaml", "--model", "anthropic:x"), "A survey needs --personas"),
        (("survey", "nowhere.yaml", "--model", "anthropic:x", "--personas", "p"), "No questionnaire 'nowhere.yaml'"),
    ],
)
def test_a_mistake_is_one_line(
    words: tuple[str, ...], says: str, crowd: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if words[0] == "probe":
        words = (words[0], words[1], "--personas", crowd, *words[2:])
    assert run(monkeypatch, *words) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert says in told[0]


def test_a_survey_shows_choices_open_answers_and_the_distance_from_people(
    crowd: str, questions: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def scripted(*_: object, **__: object) -> ChatModel:
        said = {"three sentences": "Too dear.", "price sensitivity: 5": "yes", "price sensitivity: 1": "no"}
        lines = [Line(text=json.dumps({"answer": text}), when=when, times=None) for when, text in said.items()]
        return ScriptedChat(lines)

    monkeypatch.setattr("paars_gym.llm.stack.open_model", scripted)
    words = ("survey", questions, "--model", "x:y", "--personas", crowd, "--by", "price_sensitivity")
    assert run(monkeypatch, *words, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    found = {(one["segment"], one["answer"]): one["given"] for one in said["shares"]}
    assert found["price_sensitivity high", "yes"] == 15
    assert [one["segment"] for one in said["divergences"]] == [
        "everyone", "price_sensitivity low", "price_sensitivity high",
    ]  # fmt: skip
    assert said["divergences"][0]["interval"] is not None
    assert [one["distinct"] for one in said["open"]] == [1 / 30, 1 / 15, 1 / 15]
    assert run(monkeypatch, *words) == 0
    told = capsys.readouterr().out
    assert "“Too dear.”" in told
    assert "50%" in told
