"""Are past tests of texts read, asked about without a bias of place, and scored as what is planted in them?"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import archive
from paars_gym.catalog.product import Product
from paars_gym.config import RunConfig
from paars_gym.tasks.text_results import carry_over, score_texts
from paars_gym.tasks.text_tests import (
    TextPair,
    TextTest,
    Variant,
    ask_texts,
    by_embedding,
    by_length,
    one_pair_each,
    pairs_of,
    read_text_tests,
)
from tests.benchmarks.running import run_main

HEADER = "test,image,headline,impressions,clicks\n"


def planted(n: int, seed: int = 0, *, noise: float = 0.1) -> tuple[list[TextPair], np.ndarray]:
    """Pairs with known true effects of standard deviation .4, observed with noise."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 0.4, n)
    seen = truth + rng.normal(0, noise, n)
    return [TextPair(f"t{at}", (f"a{at}", f"b{at}"), float(one), noise) for at, one in enumerate(seen)], truth


def test_a_pair_by_hand(tmp_path: Path) -> None:
    (tmp_path / "tests.csv").write_text(
        HEADER + "1,a,Long title,1000,20\n1,a,Short,500,5\n1,b,Alone,90,1\n2,,x,9,9\n2,,x,9,1\n"
    )
    tests = read_text_tests(tmp_path / "tests.csv")
    assert [(test.name, len(test.variants)) for test in tests] == [("1", 2), ("2", 2)]
    (pair,) = pairs_of(tests[0])
    assert pair.effect == pytest.approx(math.log((20.5 / 1001) / (5.5 / 501)))
    assert pair.standard_error == pytest.approx(math.sqrt(1 / 20.5 - 1 / 1000 + 1 / 5.5 - 1 / 500))
    assert pairs_of(tests[1]) == [], "the same text twice is no pair"
    assert [one.test for one in one_pair_each([*tests, tests[0]], seed=0)] == ["1"]
    swapped = {one_pair_each([TextTest(str(at), tests[0].variants)], seed=0)[0].texts for at in range(20)}
    assert swapped == {("Long title", "Short"), ("Short", "Long title")}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1,a,x,10,11\n", "11 clicks of 10 impressions"),
        ("1,a,x,0,0\n", "0 clicks of 0 impressions"),
        ("1,a,x,many,1\n", "must be whole numbers"),
        ("1,a,,10,1\n", "headline is empty"),
        ("1,a,x,10,1\n2,a,y,10,1\n", "no test of two texts"),
    ],
)
def test_bad_tables_are_said(rows: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "tests.csv").write_text(HEADER + rows)
    with pytest.raises(ValueError, match=said):
        read_text_tests(tmp_path / "tests.csv")


def test_planted_predictions_get_what_they_deserve() -> None:
    pairs, truth = planted(1_500)
    rng = np.random.default_rng(1)
    half = 0.5 * truth + rng.normal(0, 0.1, len(truth))
    report = score_texts(
        pairs, {"coin": np.zeros(len(pairs)), "half": half, "wrong": -half, "noise": rng.normal(0, 1, len(truth))}
    )
    coin, good, wrong, noise = report.scores
    assert report.spread == pytest.approx(0.4, abs=0.03)
    assert (coin.direction.value, coin.confident, coin.recovered.value) == (0.5, None, 0.0)
    assert abs(coin.explained.value or 0) < 1e-9
    assert (good.direction.value or 0) > 0.9
    assert good.confident is not None
    assert (good.confident.value or 0) > 0.98
    assert good.recovered.interval is not None
    assert 0.5 in good.recovered.interval
    # 1 less the share of the misfit: (.1 / .5)² of .4².
    misfit = 0.2**2 / (0.2**2 + 0.4**2)
    assert good.explained.value == pytest.approx(1 - misfit, abs=0.03)
    assert (wrong.direction.value or 1) < 0.1
    assert wrong.explained.value == pytest.approx(good.explained.value), "the other half of the tests turns it round"
    assert abs(noise.explained.value or 1) < 0.02
    for score in report.scores:
        assert abs((score.coverage.value or 0) - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 1_500)
    width, none = good.coverage.number("width"), good.coverage.number("width_none")
    assert width is not None
    assert none is not None
    assert width < 0.65 * none


def test_carry_over_is_found() -> None:
    rng = np.random.default_rng(2)
    given, errors = rng.normal(0, 1, 3_000), rng.uniform(0.05, 0.3, 3_000)
    effects = 0.3 * given + rng.normal(0, 0.2, 3_000) + rng.normal(0, 1, 3_000) * errors
    slope, misfit = carry_over(given, effects, errors)
    assert slope == pytest.approx(0.3, abs=0.02)
    assert misfit == pytest.approx(0.2, abs=0.02)


class Letters:
    """Vectors that say how many letters a of a text there are."""

    name = "letters"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[text.count("a"), text.count("b"), 1.0] for text in texts], dtype=np.float32)


def test_baselines_learn_from_the_other_half() -> None:
    rng = np.random.default_rng(3)
    tests = []
    for at in range(400):
        texts = ["".join(rng.choice(list("abc"), rng.integers(5, 30))) + f" {at}" for _ in range(2)]
        rates = [0.02 * math.exp(0.08 * text.count("a")) for text in texts]
        tests.append(
            TextTest(
                str(at),
                tuple(
                    Variant(text, 5_000, int(rng.binomial(5_000, rate)))
                    for text, rate in zip(texts, rates, strict=True)
                ),
            )
        )
    pairs = one_pair_each(tests, seed=0)
    scores = {
        one.name: one
        for one in score_texts(
            pairs, {"length": by_length(pairs), "ridge": by_embedding(pairs, tests, Letters())}
        ).scores
    }  # type: ignore[arg-type]
    assert (scores["length"].direction.value or 0) > 0.75, "letters a are more in long texts"
    assert (scores["ridge"].direction.value or 0) > 0.95
    assert (scores["ridge"].explained.value or 0) > 0.9
    assert (scores["ridge"].explained.value or 0) > (scores["length"].explained.value or 0) + 0.1
    # What a half of the tests says of itself plays no part: with its effects turned round, its predictions stay.
    turned_round = [
        test._replace(variants=tuple(one._replace(opened=4_000 - one.opened) for one in test.variants))
        if pairs_of(test)[0].fold == 0
        else test
        for test in tests
    ]
    before, after = (by_embedding(pairs, some, Letters()) for some in (tests, turned_round))  # type: ignore[arg-type]
    mine = np.array([pair.fold == 0 for pair in pairs])
    assert before[mine] == pytest.approx(after[mine])
    assert before[~mine] != pytest.approx(after[~mine])


class First:
    """Opens whatever stands first."""

    name = "first"

    def __init__(self, condition: str = "base") -> None:
        """Takes any condition."""

    def reset(self, persona: Any, intention: Any, rng: Any) -> None:
        self.persona = persona

    def write_query(self, product: Product) -> str:
        raise NotImplementedError

    def choose_item(self, products: Sequence[Product]) -> int:
        raise NotImplementedError

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        return 0


class LovesA(First):
    """Opens the text with more letters a; visitors of 65 and older the other one."""

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        old = self.persona is not None and self.persona.profile.age_range.value == "65+"
        return int((results[0].title.count("a") < results[1].title.count("a")) ^ old)


def test_shoppers_are_asked_without_a_bias_of_place() -> None:
    pairs = [TextPair("1", ("aaa", "b"), 0.1, 0.1), TextPair("2", ("b", "aa"), 0.1, 0.1)]

    def said(kind: type, **more: Any) -> dict[str, Any]:
        run = RunConfig(policy=f"{__name__}:{kind.__name__}")
        return ask_texts(pairs, run, draws=6, **more)[0]

    assert next(iter(said(First).values())) == pytest.approx([0.0, 0.0])
    (odds,) = said(LovesA).values()
    assert odds == pytest.approx([math.log(6.5 / 0.5), -math.log(6.5 / 0.5)])
    visitors = [one for one in archive.visitors() if one.shopper in ("65+ male", "25-34 male", "35-44 male")]
    base, persona = said(LovesA, personas=visitors).values()
    assert base == pytest.approx(odds)
    assert persona == pytest.approx([math.log(4.5 / 2.5), -math.log(4.5 / 2.5)])
    with pytest.raises(ValueError, match="draws == 3"):
        ask_texts(pairs, RunConfig(policy=f"{__name__}:First"), draws=3)


def test_the_command(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = [
        f"{test},i,{'a' * int(rng.integers(1, 9))} {test} {one},2000,{int(rng.integers(5, 60))}"
        for test in range(120)
        for one in range(3)
    ]
    import polars as pl

    pl.read_csv((HEADER + "\n".join(rows)).encode()).write_parquet(tmp_path / "headlines.parquet")
    words = ["--data", str(tmp_path), "--json", str(tmp_path / "out.json")]
    done = run_main(archive.main, *words, "--policy", f"{__name__}:LovesA", "--personas", "ages")
    assert done.exit_code == 0, done.output + done.stderr
    assert "nothing here was for sale" in " ".join(done.output.split())
    report = json.loads((tmp_path / "out.json").read_text())
    names = [score["name"].rpartition(":")[2] for score in report["scores"]]
    assert names == ["coin", "length", "ridge on embeddings", "LovesA, base", "LovesA, persona"]
    assert report["pairs"] == 120
    assert run_main(archive.main, "--data", str(tmp_path / "none")).exit_code == 2


def test_the_archive(shared_data: Path) -> None:
    tests = read_text_tests(shared_data / "upworthy" / "headlines.parquet")
    assert len({test.name for test in tests}) == 1_003
    assert sum(len(test.variants) for test in tests) == 4_617
    pairs = one_pair_each(tests, seed=0)
    assert len(pairs) == 1_003
    (score,) = score_texts(pairs, {"length": by_length(pairs)}).scores
    assert score.direction.sizes["pairs"] > 200
