"""Do answers from elsewhere count as those of a model that is asked, and does a file of questions tell no more?"""

from __future__ import annotations

import json
import stat
import zlib
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from paars_gym.alignment.item_selection import ItemCases
from paars_gym.catalog.product import Product
from paars_gym.cli import app
from paars_gym.config import Condition, ModelConfig, RunConfig
from paars_gym.llm.chat import Reply, Request
from paars_gym.llm.families import SCRIPTED
from paars_gym.personas.persona import Persona
from paars_gym.report.item_selection import table_3_remarks
from paars_gym.tasks.elsewhere import AnswerReader, QuestionWriter, asked_elsewhere, export_questions
from paars_gym.tasks.items.questions import ItemDesign, ItemQuestions
from paars_gym.tasks.items.selection import asked_items, item_questions, select_items
from paars_gym.tasks.people import MiniPeople
from paars_gym.tasks.persona_sources import CountedPersonas, KnownPersonas
from paars_gym.tasks.query_generation import QueryQuestions, asked_queries, generate_queries, query_questions
from paars_gym.tasks.questions import TaskShoppers
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.view_selection import ViewQuestions, asked_views, select_views, view_questions
from tests.benchmarks.running import run_main
from tests.tasks.conftest import Households

DESIGN = ItemDesign(protocols=("popularity",), min_known=3, history_tokens=300)
ALL: tuple[Condition, ...] = ("base", "profile", "preferences", "history", "persona")
Lines = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAARS_HASH_KEY", "of a test")


@pytest.fixture(scope="module")
def mini() -> MiniPeople:
    return MiniPeople(60, 1, 20)


def said(texts: Sequence[str], choices: Sequence[Any] | None) -> str:
    """What a model of a test answers: by the words alone, now and then nonsense."""
    number = zlib.crc32("\n".join(texts).encode())
    if number % 11 == 0:
        return "no idea"
    if choices is None:
        return json.dumps({"query": f"{texts[-1].split('<products>')[1].split()[number % 3]} {'ab'[number % 2]}"})
    return json.dumps({"choice": 1 + number % len(choices)})


class ByWords:
    """`said`, as a model that is asked."""

    spec, family = "scripted:by words", SCRIPTED

    async def complete(self, request: Request) -> Reply:
        first = [message.text for message in request.messages[:3]]  # a repair is answered like the question
        about = next(iter((request.output_schema or {})["properties"].values()))
        return Reply(text=said(first, about.get("enum")))

    async def aclose(self) -> None:
        pass


def read(path: Path) -> Lines:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, lines: Lines) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def answered(questions: Lines) -> Lines:
    at = {"by": "ana", "at": "2026-11-28"}
    return [
        {"id": one["id"], "answer": said([turn["text"] for turn in one["messages"]], one["choices"]), **at}
        for one in questions
    ]


def exported(path: Path, task: Any, sets: Sequence[Any], asked: Callable[[QuestionWriter], TaskShoppers]) -> Lines:
    writer = QuestionWriter(task, path)
    done = export_questions(sets, asked(writer), writer)
    assert done.path == path
    lines = read(path)
    assert done.questions == len(lines)
    return lines


def items(path: Path, people: ReferencePeople, run: RunConfig) -> Lines:
    asked = lambda writer: asked_items(people, run, policies=(writer,), conditions=ALL, history_tokens=300)  # noqa: E731
    return exported(path, "item", item_questions(people, run, DESIGN), asked)


def test_items_answered_elsewhere_are_a_models(households: Households, tmp_path: Path) -> None:
    run = RunConfig(sessions=8, personas="counted")
    direct = run.model_copy(update={"model": ModelConfig(spec=ByWords())})
    settings: dict[str, Any] = {"conditions": ALL, "design": DESIGN, "embedder": "lexical"}
    asked = select_items(households, direct, policies=("llm",), **settings)
    reader = AnswerReader("item", write(tmp_path / "a.jsonl", answered(items(tmp_path / "q.jsonl", households, run))))
    back = select_items(households, run, policies=(reader,), **settings)
    mine, theirs = ([row for row in each.rows if row.shopper.startswith(who)] for each, who in
                    ((asked, "llm, "), (back, "ana, ")))  # fmt: skip
    assert [row.shopper for row in theirs] == [f"ana, {condition}" for condition in ALL]
    same = {"shopper", "causes"}
    assert [row.model_dump(exclude=same) for row in mine] == [row.model_dump(exclude=same) for row in theirs]
    unusable, rows = sum(row.unanswered for row in theirs), sum(row.cases for row in theirs)
    assert 0 < unusable < rows / 4
    gains = [[gain.gain for gain in each.gains if gain.shopper == who] for each, who in ((asked, "llm"), (back, "ana"))]
    assert gains[0] == gains[1]
    assert f"by ana, on 2026-11-28. Of {rows} questions {rows - unusable} were answered, 0 unanswered, {unusable} " in (
        " ".join(table_3_remarks(back))
    )
    assert back.headline.startswith("Answers came from elsewhere, by ana")
    assert back.settings["asked"]["ana, base"]["at"] == ["2026-11-28", "2026-11-28"]


def test_views_and_queries_answered_elsewhere_are_a_models(mini: MiniPeople, tmp_path: Path) -> None:
    run = RunConfig(sessions=24)
    direct = run.model_copy(update={"model": ModelConfig(spec=ByWords()), "policy": "llm"})
    questions = exported(
        tmp_path / "v.jsonl", "view", [view_questions(mini, run)], lambda writer: asked_views(mini, run, (writer,))
    )
    reader = AnswerReader("view", write(tmp_path / "va.jsonl", answered(questions)), "class 7b")
    views, back = select_views(mini, direct), select_views(mini, run, policies=(reader,))
    assert [name.replace("llm", "class 7b") for name in views.ranks] == list(back.ranks)
    assert list(views.ranks.values()) == list(back.ranks.values())
    assert [one.estimate for one in views.measures] == [one.estimate for one in back.measures]
    assert list(views.paired.values()) == list(back.paired.values())
    assert any("by class 7b (ana 48), on 2026-11-28" in note for note in back.notes)

    questions = exported(
        tmp_path / "q.jsonl", "query", [query_questions(mini, run)], lambda writer: asked_queries(mini, run, (writer,))
    )
    reader = AnswerReader("query", write(tmp_path / "qa.jsonl", answered(questions)))
    # A text that is no JSON is a model's mistake, and a person's query.
    queries = generate_queries(mini, direct, embedder="lexical")
    lines = [line for line in answered(questions) if line["answer"] != "no idea"]
    written = generate_queries(
        mini, run, policies=(AnswerReader("query", write(tmp_path / "some.jsonl", lines)),), embedder="lexical"
    )
    every = len(query_questions(mini, run))
    assert every / 2 < queries.pairs < every
    assert [one.estimate for one in queries.measures] == [one.estimate for one in written.measures]
    assert generate_queries(mini, run, policies=(reader,), embedder="lexical").pairs == every


def test_a_file_of_questions_is_the_same_whatever_the_right_answers_are(
    households: Households, mini: MiniPeople, tmp_path: Path
) -> None:
    run = RunConfig(sessions=12)
    first = items(tmp_path / "a.jsonl", households, run)
    assert len(first) == 12 * len(ALL)
    turned = item_questions(households, run, DESIGN)
    for questions in turned:
        questions.cases = copy(questions.cases)
        questions.cases.answer = (questions.cases.answer + 1) % 4
    asked = lambda writer: asked_items(households, run, policies=(writer,), conditions=ALL, history_tokens=300)  # noqa: E731
    exported(tmp_path / "b.jsonl", "item", turned, asked)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()

    pages = view_questions(mini, run)
    others = [case._replace(chosen=1 + case.chosen % len(case.results)) for case in pages.cases]
    to_views = lambda writer: asked_views(mini, run, (writer,))  # noqa: E731
    exported(tmp_path / "c.jsonl", "view", [pages], to_views)
    exported(tmp_path / "d.jsonl", "view", [ViewQuestions(others, pages._products, pages.seed)], to_views)
    assert (tmp_path / "c.jsonl").read_bytes() == (tmp_path / "d.jsonl").read_bytes()

    pairs = query_questions(mini, run)
    reworded = QueryQuestions([pair._replace(query="something else") for pair in pairs.pairs], pairs.seed)
    to_queries = lambda writer: asked_queries(mini, run, (writer,))  # noqa: E731
    exported(tmp_path / "e.jsonl", "query", [pairs], to_queries)
    exported(tmp_path / "f.jsonl", "query", [reworded], to_queries)
    assert (tmp_path / "e.jsonl").read_bytes() == (tmp_path / "f.jsonl").read_bytes()


def test_a_file_of_questions_holds_the_request_and_no_case(cases: ItemCases, tmp_path: Path) -> None:
    questions, source = ItemQuestions(cases), CountedPersonas(300)
    texts, shown = [], {}
    for at_once in (1, 16):
        writer = QuestionWriter("item", tmp_path / f"{at_once}.jsonl", seed=5)
        asked = asked_elsewhere(TaskShoppers(at_once=at_once), (writer,), ("base", "persona"), source)
        export_questions([questions], asked, writer)
        texts.append((tmp_path / f"{at_once}.jsonl").read_text())
    assert texts[0] == texts[1], "the order is the seed's, not that in which they were asked"
    lines = [json.loads(line) for line in texts[0].splitlines()]
    assert {tuple(line) for line in lines} == {("id", "task", "messages", "choices", "schema")}
    assert len({line["id"] for line in lines}) == len(lines) == 2 * len(cases)
    assert stat.S_IMODE((tmp_path / "1.jsonl").stat().st_mode) == 0o600
    for case in cases:
        assert case.shopper not in texts[0]
    titles = [[product.title for product in questions.options(index)] for index in range(len(cases))]
    for place, line in enumerate(lines):
        asked_for = [row.split(" | ")[0].split(". ", 1)[1] for row in line["messages"][2]["text"].split("\n")[2:6]]
        assert asked_for in titles
        shown.setdefault(tuple(asked_for), []).append(place)
    assert any(abs(pair[0] - pair[1]) > 1 for pair in shown.values()), "a case's conditions do not stand side by side"
    right = [int(cases.answer[titles.index(list(one))]) for one in shown]
    assert all(right.count(place) < len(right) / 2 for place in range(4)), "no place is the right one"
    other = QuestionWriter("item", tmp_path / "other.jsonl", seed=6)
    export_questions([questions], asked_elsewhere(TaskShoppers(), (other,), ("base", "persona"), source), other)
    assert sorted((tmp_path / "other.jsonl").read_text().splitlines()) == sorted(texts[0].splitlines())
    assert (tmp_path / "other.jsonl").read_text() != texts[0]


def test_personal_data_do_not_leave(mini: MiniPeople, tmp_path: Path) -> None:
    run = RunConfig(sessions=5)
    pages = view_questions(mini, run)
    planted = [case._replace(query="gift for jane.roe@example.com") for case in pages.cases]

    def told(persona: Persona) -> Persona:
        return persona.model_copy(update={"history": "2026-01-02 search: call 0171 555 0143, Main Street 12"})

    personas = KnownPersonas({name: told(persona) for name, persona in mini.personas.items()})
    writer = QuestionWriter("view", tmp_path / "q.jsonl")
    asked = asked_elsewhere(TaskShoppers(), (writer,), ("base", "persona"), personas)
    export_questions([ViewQuestions(planted, pages._products, 0)], asked, writer)
    text = (tmp_path / "q.jsonl").read_text()
    assert "2026-01-02 search: call" in text
    assert "[email]" in text
    for secret in ("jane", "example.com", "0143", *mini.personas):
        assert f'"{secret}"' not in text
        assert secret not in text or secret in mini.personas


def test_answers_to_other_questions_are_refused_and_missing_ones_are_unanswered(
    cases: ItemCases, tmp_path: Path
) -> None:
    run = RunConfig(sessions=6)
    people = Households(cases.log)
    lines = answered(items(tmp_path / "q.jsonl", people, run))
    some = write(tmp_path / "some.jsonl", [{**line, "answer": "1"} for line in lines[:10]])
    settings: dict[str, Any] = {"conditions": ALL, "design": DESIGN, "embedder": "lexical"}
    found = select_items(people, run, policies=(AnswerReader("item", some),), **settings)
    rows = [row for row in found.rows if row.shopper.startswith("ana, ")]
    assert sum(row.unanswered for row in rows) == len(lines) - 10
    assert f"10 were answered, {len(lines) - 10} unanswered, 0 answered unusably" in " ".join(found.notes)

    for other in (RunConfig(sessions=6, seed=1), RunConfig(sessions=5)):
        with pytest.raises(
            ValueError, match=r"lines of --answers .* are of no question of this run, the first in line"
        ):
            select_items(people, other, policies=(AnswerReader("item", some),), **settings)
    strange = write(tmp_path / "strange.jsonl", [*lines[:3], {**lines[4], "id": "feedfacefeedface"}])
    with pytest.raises(ValueError, match=r"1 of the 4 lines .* line 4: id 'feedfacefeedface'"):
        select_items(people, run, policies=(AnswerReader("item", strange),), **settings)


def test_two_people_with_a_file_each_are_two_rows(mini: MiniPeople, tmp_path: Path) -> None:
    run = RunConfig(sessions=5)
    questions = exported(
        tmp_path / "q.jsonl", "view", [view_questions(mini, run)], lambda writer: asked_views(mini, run, (writer,))
    )
    path = write(tmp_path / "a.jsonl", [{"id": one["id"], "answer": 1} for one in questions])
    ann, bob = (AnswerReader("view", path, name) for name in ("ann", "bob"))
    results = select_views(mini, run, policies=(ann, bob))
    assert list(results.ranks) == ["people", "ann, base", "ann, persona", "bob, base", "bob, persona"]
    assert [note.split(",")[0] for note in results.notes[:2]] == [
        f"Answers came from elsewhere: by {who}" for who in ("ann", "bob")
    ]
    with pytest.raises(ValueError, match="Two of those asked are called 'ann'"):
        select_views(mini, run, policies=(ann, AnswerReader("view", path, "ann")))


def test_a_question_whose_words_changed_has_another_id(catalog: Any, tmp_path: Path) -> None:
    from paars_gym.alignment.rank_selection import RankCase

    ids = []
    for title in ("Trail shoes", "Road shoes"):
        products = {"a": Product(id="a", title=title), "b": Product(id="b", title="Kettle")}
        for key in ("s", "t"):
            questions = ViewQuestions([RankCase(key, "ann", "shoes", ("a", "b"), 1)], products, 0)
            writer = QuestionWriter("view", tmp_path / "q.jsonl")
            export_questions(
                [questions], asked_elsewhere(TaskShoppers(), (writer,), ("base",), KnownPersonas({})), writer
            )
            ids += [line["id"] for line in read(tmp_path / "q.jsonl")]
    assert len(set(ids)) == 4, "another case has another id, though its words are the same"


@pytest.mark.parametrize(
    ("lines", "by_whom", "name"),
    [
        ([("a", "ana"), ("b", "ana")], None, "ana"),
        ([("a", "zoe"), ("b", "ana")], None, "ana and zoe"),
        ([("a", "1"), ("b", "2"), ("c", "3")], None, "3 people"),
        ([("a", "zoe"), ("b", "ana")], "a panel", "a panel"),
        ([("a", None)], "gpt", "gpt"),
    ],
)
def test_a_row_is_called_by_who_answered(
    lines: list[tuple[str, str | None]], by_whom: str | None, name: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": key, "answer": 1, "by": by} for key, by in lines])
    assert AnswerReader("item", path, by_whom).name == name


def test_views_from_the_command_line(monkeypatch: pytest.MonkeyPatch, mini: MiniPeople, tmp_path: Path) -> None:
    monkeypatch.setattr("paars_gym.tasks.people.mini_people", lambda: mini)
    questions, answers = tmp_path / "q.jsonl", tmp_path / "a.jsonl"
    done = run_main(app, "tasks", "view", "--cases", 15, "--export-questions", questions)
    assert done.exit_code == 0, done.stderr
    assert f"30 questions are in {questions}" in " ".join(done.output.split())
    lines = read(questions)
    write(
        answers,
        [{**line, "answer": 1, "by": "a class", "at": "2026-11-2" + "89"[line["choices"][-1] % 2]} for line in lines],
    )
    done = run_main(app, "tasks", "view", "--cases", 15, "--answers", answers, "--json")
    assert done.exit_code == 0, done.stderr
    results = json.loads(done.output)
    assert list(results["ranks"]) == ["people", "a class, base", "a class, persona"]
    assert results["ranks"]["a class, base"][0] == results["cases"] == 15
    more = tmp_path / "more.txt"
    more.write_text("You are in a hurry.\n")
    telling = ["tasks", "view", "--cases", 15, "--prompt", more]
    done = run_main(app, *telling, "--export-questions", questions)
    assert done.exit_code == 0, done.stderr
    told = read(questions)
    assert all(one["messages"][0]["text"].endswith("\n\nYou are in a hurry.") for one in told)
    assert not {one["id"] for one in told} & {one["id"] for one in lines}
    mine = write(tmp_path / "told.jsonl", [{"id": one["id"], "answer": 2, "by": "a class"} for one in told])
    done = run_main(app, *telling, "--answers", mine, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.output)["ranks"]["a class, base"][1] == 15
    done = run_main(app, "tasks", "view", "--cases", 15, "--answers", mine)
    assert done.exit_code == 2
    assert "of no question of this run" in done.stderr
    assert "--prompt" in done.stderr
    done = run_main(app, "tasks", "view", "--cases", 14, "--answers", answers)
    assert done.exit_code == 2
    assert "of no question of this run" in done.stderr
