"""Figures of results: every result has one, it shows itself, says what it shows, and is written as SVG and PNG."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from paars_gym.abtest import ABTest, Arm
from paars_gym.alignment.scoring import score
from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.estimate import Estimate, Estimates, Interval
from paars_gym.figure import Figure, figure_of
from paars_gym.report.pages import drawing
from tests.examples_of_results import example, results
from tests.report.playing import config, play

RATE = Estimate(0.1, Interval(0.05, 0.15), unit="share", floor=0.02)
KINDS = results()
WITHOUT = {"FittedPopulation", "PeoplePlan", "TestPlan"}
"""Tables whose rows are no estimates."""


def svg_of(figure: Figure) -> ElementTree.Element:
    """The picture, which is well-formed and holds every id once."""
    text = figure._repr_svg_()
    root = ElementTree.fromstring(text)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)
    return root


def words_of(figure: Figure) -> str:
    return " ".join("".join(each.itertext()) for each in svg_of(figure).iter("{http://www.w3.org/2000/svg}text"))


def test_an_estimate_is_a_point_with_its_interval_and_its_floor() -> None:
    figure = RATE.plot()
    assert figure.title == "0.1 [0.05, 0.15] share"
    svg = svg_of(figure)
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == figure.text
    marks = [figure._repr_svg_().count(f'aria-roledescription="{kind}"') for kind in ("rule mark", "point", "tick")]
    assert marks == [1, 1, 1]
    assert "0.1 [0.05, 0.15] share" in figure.text
    assert not hasattr(figure, "_repr_html_")  # a notebook would keep the picture twice
    assert RATE.plot(title="Conversion").title == "Conversion"


def test_estimates_of_several_units_have_a_picture_each() -> None:
    named = {"a": RATE, "b": Estimate(3.0, unit="nats"), "c": RATE, "unknown": Estimate(None, note="nobody came")}
    figure = Estimates(named, title="Two units").plot()
    words = words_of(figure)
    assert "Two units" in words
    assert [plot.title for plot in figure.plots] == ["share", "nats"]  # type: ignore[attr-defined]
    assert [row[0] for row in figure.plots[0].table.rows] == ["a", "c"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(KINDS.keys() - WITHOUT - {"AlignmentReport"}))
def test_every_result_of_estimates_has_a_figure(name: str) -> None:
    figure = example(KINDS[name]).plot()
    assert float(svg_of(figure).get("width") or 0) > 300
    assert len(figure.text) > 30


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_a_table_without_estimates_says_that_there_is_nothing_to_draw(name: str) -> None:
    with pytest.raises(ValueError, match="Nothing to draw in"):
        example(KINDS[name]).plot()


def test_a_comparison_and_a_test_are_drawn_as_in_their_reports(tmp_path: Path, catalog: Catalog) -> None:
    people, agents = (play(tmp_path / str(seed), catalog, 30, seed=seed) for seed in (1, 2))
    figure = score(people, agents, embedder=None).plot()
    assert "Searches in a session" in words_of(figure)
    assert "How far from people: what sessions do" in words_of(figure)
    result = ABTest(Arm("bm25"), Arm("price")).run(config(30), ShopConfig(catalog=catalog))
    assert "relative change by outcome" in words_of(result.plot())
    assert "difference" in words_of(result.outcomes["views"].plot())


def test_a_figure_is_written_as_its_name_ends(tmp_path: Path) -> None:
    figure = RATE.plot()
    assert figure.save(tmp_path / "rate.svg").read_text(encoding="utf-8") == figure._repr_svg_()
    small, large = (figure.save(tmp_path / f"{scale}.PNG", scale=scale).read_bytes() for scale in (1, 2))
    assert small[:8] == large[:8] == b"\x89PNG\r\n\x1a\n"
    widths = [int.from_bytes(content[16:20], "big") for content in (small, large)]
    assert widths[1] == pytest.approx(2 * widths[0], abs=2)
    for name, scale, says in (
        ("rate.pdf", 2.0, r"'\.pdf', must end in \.svg or \.png"),
        ("a.png", 0.0, "scale == 0.0"),
    ):
        with pytest.raises(ValueError, match=says):
            figure.save(tmp_path / name, scale=scale)
        assert not (tmp_path / name).exists()


def test_what_names_hold_is_text() -> None:
    hostile = "</text><script>alert(1)</script>\"' + datum + '\\ \u202eabc"
    figure = Estimates({hostile: RATE, hostile + " ": RATE}, title=hostile).plot()
    svg = figure._repr_svg_()
    assert "<script" not in svg
    assert "\u202e" not in svg
    assert words_of(figure).count("</text><script>") >= 2


def test_nothing_can_be_drawn_of_nothing() -> None:
    with pytest.raises(ValueError, match="none of its estimates has a value"):
        Estimate(None, note="nobody came").plot()
    with pytest.raises(ValueError, match="Nothing to draw"):
        Estimates({}).plot()
    with pytest.raises(TypeError, match="no figure of a int"):
        figure_of(3)


def test_without_the_library_a_figure_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"pip install 'paars_gym\[report\]'"):
        RATE.plot()
