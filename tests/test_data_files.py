"""Data files hold data: no text in any file that the package reads is imported, run, or opened as a file.

A module lies in the working directory, as one of a user's own would, and leaves a mark when it is imported. Its name is
put, in every form that a command line takes, into every text of every kind of file.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import polars as pl
import pytest

from paars_gym.abtest import ABTest, ABTestResult, Arm
from paars_gym.abtest.backtest import backtest, read_backtest
from paars_gym.abtest.fit.fitted_population import FittedPopulation, Judgement, Stage
from paars_gym.abtest.fit.weights import read_marginals
from paars_gym.abtest.past_tests import PastTest, read_tests
from paars_gym.abtest.patch import patched, read_patch
from paars_gym.alignment.private import Reference
from paars_gym.catalog.describe import describe
from paars_gym.catalog.feeds.build import build_catalog
from paars_gym.catalog.files import SUMMED, find_damage
from paars_gym.catalog.store import Catalog
from paars_gym.checksums import write_checksums
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.estimate import Estimate
from paars_gym.ingest.account import ReadingAccount
from paars_gym.llm.cache import Cached
from paars_gym.llm.chat import Message, Reply, Request
from paars_gym.llm.errors import OutOfRepliesError
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.personas.store import read_attributes, read_failures, read_personas, read_shoppers
from paars_gym.probes.survey import read_questions
from paars_gym.ranking.registry import RANKINGS, make_ranking, ranking_from_file, register
from paars_gym.sessions import Event, Intention, Provenance, Session, write_sessions
from paars_gym.sessions.logs.importing import import_log
from paars_gym.sessions.logs.mapping import LogMapping
from paars_gym.sessions.opening import read_sessions, run_settings
from paars_gym.sessions.run_log import encode, read_log
from paars_gym.sessions.step import ModelTurn, StepRecord
from paars_gym.shoppers.fitted import FittedShopper, HalfLikelihood
from paars_gym.simulation.read_run import Run
from paars_gym.simulation.run import run as simulate
from paars_gym.simulation.steps import StepReader, StepWriter
from paars_gym.tasks.shoppers import fitted_shoppers
from tests.abtest.shoppers import FirstBuyer, headphones, people

MODULE = "marking_module"
EXPRESSIONS = (
    f"{MODULE}:Thing",
    f"rerank:{MODULE}:thing",
    f"Rerank : {MODULE}:thing",
    f"rating(rerank:{MODULE}:thing)",
    f"bm25(rerank:{MODULE}:thing)+rating:0.3",
    f"sponsored:h1({MODULE}:Thing)",
    f"random:7(popularity({MODULE}:Thing+rating:1))",
    "logged:lists.parquet",
    "price(logged:lists.parquet)",
)
VALUES = (*EXPRESSIONS, f"openai:x@{MODULE}:Thing", f"!!python/object/apply:{MODULE}.thing []")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, in which the module lies; fails the test if that was imported."""
    (tmp_path / f"{MODULE}.py").write_text(
        "from pathlib import Path\nPath('mark').write_text('imported')\n"
        "class Thing:\n    def __init__(self, *_, **__): Path('mark').write_text('made')\n"
        "def thing(*_, **__): Path('mark').write_text('called')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    assert MODULE not in sys.modules
    assert not (tmp_path / "mark").exists()


def variants(content: Any) -> Iterator[Any]:
    """The content with one of its texts, or one of its keys, replaced by each value."""
    if isinstance(content, str):
        yield from VALUES
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from ({**content, name: changed} for changed in variants(value))
        first = next(iter(content), None)
        if first is not None:
            yield {VALUES[0]: content[first], **content}
            yield {"ranking": VALUES[1], "policy": VALUES[0], "env": VALUES[0], "__class__": VALUES[0], **content}
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield from ([*content[:place], changed, *content[place + 1 :]] for changed in variants(value))
    elif content is None:
        yield from VALUES[:2]


def read_or_refused(read: Callable[[], Any]) -> None:
    """Reads a file: as data, or with a clear error."""
    try:
        read()
    except (ValueError, LookupError, FileNotFoundError, OutOfRepliesError) as error:
        assert len(str(error)) > 10  # noqa: PT017
        assert "Traceback" not in str(error)  # noqa: PT017


def test_a_caller_may_name_code_which_is_what_the_other_tests_look_for(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="is no ranking policy"):
        make_ranking(EXPRESSIONS[0], catalog)
    assert (folder / "mark").read_text() == "made"
    (folder / "mark").unlink()
    del sys.modules[MODULE]


@pytest.mark.parametrize("spec", EXPRESSIONS)
def test_an_expression_of_a_file_names_neither_code_nor_a_file(spec: str) -> None:
    with pytest.raises(ValueError, match="names code or a file"):
        ranking_from_file(spec)


@pytest.mark.parametrize("spec", ["bm25", " Rating ( hybrid ) ", "sponsored:h1@2(bm25+rating:0.3)", "random:7"])
def test_an_expression_of_a_file_names_rankings(spec: str) -> None:
    assert ranking_from_file(spec) == spec.strip()


def test_a_ranking_of_ones_own_says_whether_files_may_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.ranking.registry.RANKINGS", dict(RANKINGS))
    register("fine")(lambda request: request.make_base())
    register("opens", in_files=False)(lambda request: request.make_base())
    assert ranking_from_file("fine:x") == "fine:x"
    with pytest.raises(ValueError, match="names code or a file"):
        ranking_from_file("rating(opens:x)")
    with pytest.raises(ValueError, match="Unknown ranking 'bm26'"):
        ranking_from_file("bm26")


@pytest.mark.parametrize("column", ["control", "treatment"])
@pytest.mark.parametrize("spec", EXPRESSIONS)
def test_a_table_of_tests_names_no_code_in_its_arms(column: str, spec: str, folder: Path) -> None:
    with (folder / "tests.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["test", "human_effect", column], ["t", "0.1", spec]])
    with pytest.raises(ValueError, match=rf"line 2 \(t\): {column}: .* names code or a file.*paars abtest"):
        read_tests(folder / "tests.csv", lambda *_: pytest.fail("it was played"))


def test_tables_of_tests(folder: Path, catalog: Catalog) -> None:
    columns = ["test", "human_effect", "human_low", "simulated_effect", "result", "control", "control_patch"]
    for column in columns:
        for value in VALUES:
            row = {"test": "t", "human_effect": "0.1", column: value}
            with (folder / "tests.csv").open("w", newline="") as file:
                csv.writer(file).writerows([[*row], [*row.values()]])
            test = ABTest(Arm("bm25"), Arm("rating"))
            read_or_refused(lambda test=test: read_tests(folder / "tests.csv", lambda *_: small(test, catalog)))


def small(test: ABTest, catalog: Catalog) -> ABTestResult:
    run = RunConfig(personas=people(4), intentions=headphones, policy=FirstBuyer, sessions=4)
    return test.run(run, ShopConfig(catalog=catalog))


def test_cards_of_catalogs(catalog: Catalog, folder: Path) -> None:
    catalog.save(folder / "shop")
    card = folder / "shop" / "catalog.json"
    for content in variants(json.loads(card.read_text())):
        card.write_text(json.dumps(content))
        write_checksums(folder / "shop" / "checksums.json", {name: folder / "shop" / name for name in SUMMED})
        read_or_refused(lambda: describe(Catalog.open(folder / "shop")))


def test_feeds(folder: Path) -> None:
    good = {"id": "a", "title": "t", "category": "c", "brand": "b", "price": "1", "url": "u", "format": "f"}
    for row in list(variants(good))[::3]:
        with (folder / "feed.csv").open("w", newline="") as file:
            csv.writer(file).writerows([[*row], [*row.values()]])
        (folder / "feed.jsonl").write_text(json.dumps(row) + "\n")
        for feed in ("feed.csv", "feed.jsonl"):
            read_or_refused(lambda feed=feed: build_catalog(folder / feed, folder / "out"))


def test_feeds_and_logs_in_columns_and_cells(folder: Path) -> None:
    mapping = LogMapping.parse("shopper=user,kind=event,time=ts,product=id")
    for value in VALUES[::6]:
        row = {"id": value, "title": value, "price": "1", "user": value, "event": "view", "ts": "2026-01-01T00:00:00Z"}
        pl.DataFrame([row]).write_parquet(folder / "rows.parquet")
        book = openpyxl.Workbook()
        for cells in (list(row), list(row.values())):
            book.active.append(cells)
        book.save(folder / "rows.xlsx")
        for name in ("rows.parquet", "rows.xlsx"):
            read_or_refused(lambda name=name: build_catalog(folder / name, folder / "out"))
            read_or_refused(lambda name=name: import_log(folder / name, folder / "store", mapping, overwrite=True))


def test_accounts_and_checksums_of_builds(folder: Path) -> None:
    (folder / "feed.csv").write_text("id,title,price\na,t,1\n")
    build_catalog(folder / "feed.csv", folder / "out")
    for name, read in (("account.json", ReadingAccount.read), ("checksums.json", find_damage)):
        path = folder / "out" / name
        good = path.read_text()
        for content in list(variants(json.loads(good)))[::5]:
            path.write_text(json.dumps(content))
            read_or_refused(lambda read=read: read(folder / "out"))  # type: ignore[operator]
        path.write_text(good)


def test_scripts_and_cached_replies_of_models(folder: Path) -> None:
    request = Request(messages=(Message(role="user", text="x"),))
    line = {"text": "t", "when": "", "tool_calls": [{"name": "n", "arguments": {"a": "b"}}]}
    for content in variants(line):
        (folder / "script.jsonl").write_text(json.dumps(content) + "\n")
        read_or_refused(lambda: asyncio.run(ScriptedChat.from_file(folder / "script.jsonl").complete(request)))
    model = ScriptedChat([Line(text="t", tool_calls=({"name": "n"},))])  # type: ignore[arg-type]

    async def ask(stored: str | None) -> Reply:
        cached = Cached(model, folder / "replies.sqlite")
        try:
            if stored is not None:
                cached._base.execute("UPDATE replies SET reply = ?", (stored,))
            return await cached.complete(request)
        finally:
            cached._base.close()

    good = json.loads(asyncio.run(ask(None)).model_dump_json())
    for content in variants(good):
        read_or_refused(lambda content=content: asyncio.run(ask(json.dumps(content))))


def test_fitted_shoppers(folder: Path, catalog: Catalog) -> None:
    half = HalfLikelihood(sessions=1, fitted=0.0, default=0.0)
    fitted = FittedShopper(
        condition="base", parameters={}, standard_errors={}, prior_errors={}, held=(), reference_prices={"": 1.0},
        people="p", catalog=catalog.name, tests=(), test_sessions=0, strength=1.0, strength_chosen=False,
        fitting=half, judging=half, unexplained=0,
    )  # fmt: skip
    people = SimpleNamespace(catalog=catalog, language=catalog.language)

    def use() -> Any:
        shopper = FittedShopper.read(folder / "shopper.json")
        return [each.make() for each in fitted_shoppers(RunConfig(), [shopper], people, None)]  # type: ignore[arg-type]

    for content in variants(json.loads(fitted.model_dump_json())):
        (folder / "shopper.json").write_text(json.dumps(content))
        read_or_refused(use)
    (folder / "shopper.json").write_text(json.dumps({**json.loads(fitted.model_dump_json()), "policy": EXPRESSIONS[0]}))
    with pytest.raises(ValueError, match="policy"):
        use()


def test_logs_and_their_mappings(folder: Path) -> None:
    event = {"user": "u", "event": "view", "ts": "2026-01-01T00:00:00Z", "item": "a", "q": "words"}
    mapping = LogMapping.parse("shopper=user,kind=event,time=ts,product=item,query=q,kinds.view=view")
    for row in list(variants(event))[::3]:
        (folder / "log.jsonl").write_text(json.dumps(row) + "\n")
        read_or_refused(lambda: import_log(folder / "log.jsonl", folder / "store", mapping, overwrite=True))
    (folder / "log.jsonl").write_text(json.dumps(event) + "\n")
    for content in list(variants(json.loads(mapping.model_dump_json(exclude_none=True))))[::3]:
        (folder / "map.json").write_text(json.dumps(content))
        read_or_refused(
            lambda: import_log(
                folder / "log.jsonl", folder / "store", LogMapping.parse(str(folder / "map.json")), overwrite=True
            )
        )


def test_personas_and_what_lies_beside_them(folder: Path) -> None:
    persona = json.loads(people(1)[0].model_dump_json())
    for content in variants(persona):
        (folder / "personas.jsonl").write_text(json.dumps(content) + "\n")
        read_or_refused(lambda: list(read_personas(folder / "personas.jsonl")))
        read_or_refused(lambda: read_failures(folder / "personas.jsonl"))
    for value in VALUES:
        (folder / "who.csv").write_text(f'shopper,income\n"{value}","{value}"\n')
        read_or_refused(lambda: read_attributes(folder / "who.csv"))
        read_or_refused(lambda: read_shoppers(folder / "who.csv"))


def test_questionnaires_patches_and_shares(folder: Path, catalog: Catalog) -> None:
    question = {"id": "q", "text": "Do you?", "choices": ["yes", "no"], "human": {"yes": "0.5", "no": "0.5"}}
    for content in variants([question]):
        (folder / "survey.yaml").write_text(json.dumps(content))
        read_or_refused(lambda: read_questions(folder / "survey.yaml"))
    for tag in VALUES[-1:]:
        (folder / "survey.yaml").write_text(f"- id: {tag}\n  text: x\n")
        with pytest.raises(ValueError, match="is no YAML"):
            read_questions(folder / "survey.yaml")
    for content in variants({"product": "h1", "title": "x", "bullets": ["y"], "review_summary": "z"}):
        (folder / "patch.jsonl").write_text(json.dumps(content) + "\n")
        read_or_refused(lambda: patched(catalog, read_patch(folder / "patch.jsonl")))
    for content in variants({"gender": {"female": 0.5, "male": 0.5}}):
        (folder / "marginals.json").write_text(json.dumps(content))
        read_or_refused(lambda: read_marginals(folder / "marginals.json"))


def test_runs_with_their_settings_logs_and_steps(folder: Path, catalog: Catalog) -> None:
    run = RunConfig(personas=people(2), intentions=headphones, policy=FirstBuyer, sessions=2, record="steps")
    simulate(folder / "run", run, ShopConfig(catalog=catalog))
    settings = folder / "run" / "settings.json"
    good = settings.read_text()
    for content in variants(json.loads(good)):
        settings.write_text(json.dumps(content))
        read_or_refused(lambda: [Run(folder / "run").session(key) for key in Run(folder / "run")])
        read_or_refused(lambda: dict(run_settings(folder / "run")))
        again = RunConfig(personas=people(2), intentions=headphones, policy=FirstBuyer, sessions=2, record="steps")
        read_or_refused(lambda again=again: simulate(folder / "run", again, ShopConfig(catalog=catalog), resume=True))
    settings.write_text(good)
    for value in VALUES:
        session = Session(
            shopper=value,
            key=value,
            intention=Intention(text=value),
            events=(Event(kind="search", query=value), Event(kind="view", product=value)),
        )
        (folder / "sessions.jsonl").write_bytes(encode(session, value))
        assert list(read_log(folder / "sessions.jsonl")) == [session]
        write_sessions(folder / "store", [session], provenance=Provenance(name=value, format=value), overwrite=True)
        assert read_sessions(folder / "store") == [session]
        with StepWriter(folder / "steps.jsonl.zst") as writer:
            turn = ModelTurn(prompt=({"role": value},), said={value: value}, parameters={"model": value})
            writer.add(value, [StepRecord(session=value, step=1, shown=value, action=value, valid=True, model=turn)])
        assert StepReader(folder / "steps.jsonl.zst").read(value)[0].action == value


def test_results_references_and_fitted_populations(folder: Path, catalog: Catalog) -> None:
    small(ABTest(Arm("bm25"), Arm("rating")), catalog).write(folder / "test")
    one, judged = Estimate(0.1), Judgement(moments={}, distance=0.0)
    population = FittedPopulation(
        catalog="twelve",
        policy="behavioural",
        condition="persona",
        mix={"buy": 1.0},  # type: ignore[dict-item]
        parameters={},
        weights={},
        human={},
        reference_prices={},
        stages=(Stage(name="choices", kept=True, before=1.0, after=0.5),),
        before=judged,
        after=judged,
        floor=0.0,
        train_sessions=1,
        held_out_sessions=1,
        seed=0,
    )
    reference = {
        "paars_gym": "1", "name": "n", "synthetic": True, "bins": {}, "histograms": {"x": [1]}, "epsilon": 1.0,
        "spent": {}, "noise_scale": 1.0, "threshold": 1, "mechanism": "m", "unit": "shopper",
    }  # fmt: skip
    (result,) = (folder / "test").glob("*.json")
    tested = backtest([PastTest(name="t", human=one, simulated=one)])
    for content, read in [
        (json.loads(result.read_text()), ABTestResult.read),
        (json.loads(tested.model_dump_json()), read_backtest),
        (json.loads(population.model_dump_json()), FittedPopulation.read),
        (reference, Reference.read),
    ]:
        (folder / "file.json").write_text(json.dumps(content))
        read(folder / "file.json")  # type: ignore[operator]
        for number, changed in enumerate(variants(content)):
            if number < 400:
                (folder / "file.json").write_text(json.dumps(changed))
                read_or_refused(lambda read=read: read(folder / "file.json"))  # type: ignore[misc]
