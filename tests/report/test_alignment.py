"""The printed report shows what it must, and the command answers mistakes in one line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from paars_gym.alignment import AlignmentReport, score
from paars_gym.embedding.lexical import LexicalEmbedder
from paars_gym.report.alignment import render
from paars_gym.report.alignment_tables import number
from paars_gym.report.headlines import headlines
from paars_gym.report.paper import paper_values
from paars_gym.report.printing import Printer
from paars_gym.sessions import Event, Provenance, Session, write_sessions


def sessions(n: int, seed: int, end: str = "stop") -> list[Session]:
    rng = np.random.default_rng(seed)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    words = ("red fan", "quiet fan", "desk lamp", "steel kettle", "usb cable")
    places = []
    for i in range(n):
        events = []
        for j in range(1 + rng.poisson(1.0)):
            word = words[rng.integers(5)]
            events.append(Event(kind="search", query=word, time=start + timedelta(seconds=20 * j)))
            view = Event(kind="view", product="p", title=f"{word} {i}", time=start + timedelta(seconds=20 * j + 9))
            events += [view] * int(rng.integers(0, 3))
        events += [Event(kind="purchase", product="p", units=1)] * int(rng.integers(0, 2))
        places.append(Session(shopper=f"s{i}", key=f"{end}{i}", events=tuple(events), end=end))  # type: ignore[arg-type]
    return places


def shown(report: AlignmentReport, width: int = 200, *, explain: bool = False) -> str:
    console = Printer(width=width, record=True, file=io.StringIO())
    console.print(render(report, explain=explain))
    return console.export_text()


@pytest.fixture(scope="module")
def report() -> AlignmentReport:
    agents = sessions(80, 2) + sessions(5, 3, "policy_error")
    return score(
        sessions(80, 1), agents, baseline=sessions(60, 4), by="age", embedder=LexicalEmbedder(),
        attributes={f"s{i}": {"age": "old" if i % 2 else "young"} for i in range(100)},
    )  # fmt: skip


def test_every_number_shows_floor_interval_and_the_papers_value(report: AlignmentReport) -> None:
    text = shown(report)
    paper = ("Table 2", "Table 4", "base 11.69, persona 3.71", "people 0.38")
    for part in ("95% interval", "floor", "5 policy_error", *paper):
        assert part in text
    assert "Compares? No: the paper does not name its smoothing" in " ".join(text.split())
    assert "by chance alone" in text
    assert "By age" in text
    assert "KL of searches is" not in text
    explained = shown(report, explain=True)
    assert "KL of searches is" in explained
    assert "KDE-KL h\u00a0=\u00a00.001" in explained


def test_at_eighty_columns_every_verdict_and_number_is_whole(report: AlignmentReport) -> None:
    text = shown(report, width=80)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in text
    whole = [m for m in report.measures if m.segment is None and m.metric in ("KL", "JS", "W1", "energy distance")]
    by_segment = [m for m in report.measures if m.segment and m.metric == "JS" and m.population == "agents"]
    by_segment = [m for m in by_segment if m.of in ("searches", "views", "purchases")]
    assert whole
    assert by_segment
    for each in [*whole, *by_segment]:
        estimate = each.estimate
        parts = [number(estimate.value), number(estimate.floor), estimate.verdict]
        if estimate.low is not None:
            parts.append(f"[{number(estimate.low)}, {number(estimate.high)}]")
        if estimate.p_value is not None and each.segment is None:
            parts.append(f"p {estimate.p_value:.2g}")
        assert any(all(part in line for part in parts) for line in lines), parts
    for of in ("searches", "order of actions", "first queries", "queries"):
        assert any(of in line for line in lines)


def test_it_opens_with_what_tells_most(report: AlignmentReport) -> None:
    furthest, nearest, limits = headlines(report)
    assert shown(report, width=400).splitlines()[:3] == [furthest, nearest, limits]
    judged = [m for m in report.measures if m.population == "agents" and m.segment is None]
    judged = [m for m in judged if m.estimate.verdict in ("differs", "not told apart", "below people")]
    ranked = [m for m in judged if m.metric in ("JS", "KL", "W1", "energy distance") and m.estimate.floor]
    ranked = [m for m in ranked if not m.estimate.details.get("warning")]
    ranked.sort(key=lambda m: (m.estimate.value or 0.0) / (m.estimate.floor or 1.0))
    assert f"{ranked[-1].of} by {ranked[-1].metric}, {ranked[-1].estimate.value:.3g} where" in furthest
    assert f"{ranked[0].of} by {ranked[0].metric}, {ranked[0].estimate.value:.3g} where" in nearest
    assert "6% of the agents sessions are left out (5 policy_error)" in limits
    assert "the smaller side has 80 sessions" in limits


def test_it_says_when_nothing_can_be_ranked_or_something_differs(report: AlignmentReport) -> None:
    bare = report.model_copy(update={"measures": ()})
    assert headlines(bare)[:2] == ("Nothing here can be judged: no number has a floor.", "No distance can be ranked.")
    first = report.find("searches", "JS")
    far = first.model_copy(
        update={"estimate": replace(first.estimate, value=10 * (first.estimate.floor or 1.0), verdict="differs")}
    )
    differs = report.model_copy(update={"measures": (far,)})
    furthest, nearest, _ = headlines(differs)
    assert furthest.endswith("(10.0 times as much). 1 of 1 numbers differ beyond chance.")
    assert nearest.startswith("Nearest to people, though told apart from them: searches by JS")


def test_a_number_without_verdict_says_why() -> None:
    lone = score(sessions(1, 1), sessions(40, 2), embedder=None)
    text = " ".join(shown(lone, width=80).split())
    assert "not estimable" in text
    assert "it would take two human sessions, and there is one" in text


def test_appendix_d_says_whether_it_compares(report: AlignmentReport) -> None:
    paper = paper_values("queries for viewed items", "KDE-KL h = 0.001")
    assert "base 410026, persona 334170" in paper
    assert "near 100" in paper
    assert "183 (base) and 179 (persona)" in paper


def test_a_report_is_a_table(report: AlignmentReport) -> None:
    rows = report.to_dicts()
    assert len(rows) == len(report.measures)
    first = rows[0]
    assert [first[name] for name in ("population", "of", "metric", "segment")] == ["agents", "searches", "JS", None]
    js = report.find("searches", "JS").estimate
    assert (first["value"], first["low"], first["floor"], first["n_human"]) == (js.value, js.low, js.floor, 80)
    assert report.to_polars().height == len(rows)
    assert report.to_csv().splitlines()[0].startswith("population,of,metric,segment,value,low,high,level,unit,floor")
    frame = pytest.importorskip("pandas") and report.to_pandas()
    assert len(frame) == len(rows)


def test_a_report_reads_well_in_a_terminal_and_in_a_notebook(report: AlignmentReport) -> None:
    lines = repr(report).splitlines()
    assert len(lines) <= 20
    assert lines[0].startswith("sessions against sessions: ")
    assert "numbers differ" in lines[0]
    # The most telling first: every row that fits is of the whole agents.
    assert all(line.startswith("agents") for line in lines[2:-1])
    assert "searches" in lines[2]
    assert "more rows" in lines[-1]
    page = report._repr_html_()
    assert ">estimate</th>" in page
    assert str(report) == repr(report)
    named = report.model_copy(update={"populations": (report.populations[0].model_copy(update={"name": "<b>"}),)})
    assert "&lt;b&gt;" in named.to_html()


def test_synthetic_humans_are_called_so(report: AlignmentReport) -> None:
    human = report.populations[0].model_copy(update={"synthetic": True})
    synthetic = report.model_copy(update={"populations": (human, *report.populations[1:])})
    assert "The humans of this report are SYNTHETIC" in shown(synthetic)
    assert "SYNTHETIC" not in shown(report)


def test_narrow_terminals_do_not_break(report: AlignmentReport) -> None:
    assert max(map(len, shown(report, width=60).splitlines())) <= 60


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.0, "0"), (0.00012, "1.2e-04"), (0.1234, "0.123"), (4e5, "400,000")]
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "paars_gym", *arguments], cwd=cwd, capture_output=True, text=True)


def test_the_command_writes_the_report(tmp_path: Path) -> None:
    known = ("searches", "views", "purchases")
    for name, seed in (("human", 1), ("agents", 2)):
        write_sessions(tmp_path / name, sessions(40, seed), provenance=Provenance(name=name, what_is_known=known))
    ages = "".join(f"s{i},{'old' if i % 2 else 'young'}\n" for i in range(40))
    (tmp_path / "who.csv").write_text("shopper,age\n" + ages)
    done = run(
        "score", "--human", "human", "--agents", "agents", "--embedder", "none", "--out", "results.json",
        "--by", "age", "--attributes", "who.csv", "--minimum", "5", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = AlignmentReport.model_validate(json.loads((tmp_path / "results.json").read_text()))
    assert report.find("searches", "KL", segment="old").estimate.sizes["human"] == 20


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    done = run("score", "--human", "nowhere", "--agents", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "There are no people 'nowhere'" in done.stderr


def test_a_result_that_cannot_be_kept_is_refused_before_the_work(tmp_path: Path) -> None:
    done = run("score", "--human", "nowhere", "--agents", "nowhere", "--out", "missing/results.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no folder 'missing'" in done.stderr
