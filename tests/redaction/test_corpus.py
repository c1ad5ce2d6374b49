"""Recall and false alarms of the recognisers on lines kept as data: both have limits."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from paars_gym.redaction.folding import fold
from paars_gym.redaction.texts import KINDS, TextRedactor, listed_names

ROOT = Path(__file__).parents[2]
TEXTS = ROOT / "tests" / "redteam" / "texts"
README = ROOT / "paars_gym" / "redaction" / "README.md"
NAMES = listed_names(TEXTS / "names.txt")
LEAST_RECALL = 0.9
MOST_FALSE = 0.02


def personal() -> list[list[str]]:
    """Kind, a piece that must not be left, and the line."""
    lines = (TEXTS / "personal.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines]


def harmless() -> list[str]:
    return (TEXTS / "harmless.txt").read_text(encoding="utf-8").splitlines()


def recall() -> tuple[Counter[str], Counter[str], list[str]]:
    """Found and all, by kind, and the lines that were missed."""
    redactor = TextRedactor(listed_names=NAMES)
    found, whole, missed = Counter[str](), Counter[str](), []
    for kind, piece, line in personal():
        clean, sought = redactor.redact(line), fold(piece).text
        assert sought in fold(line).text, line
        whole[kind] += 1
        found[kind] += sought not in fold(clean).text
        if sought in fold(clean).text:
            missed.append(f"{kind}: {line} -> {clean}")
    return found, whole, missed


def test_recall_of_every_kind() -> None:
    found, whole, missed = recall()
    assert whole.total() >= 150
    assert set(whole) == set(KINDS)
    shares = {kind: found[kind] / whole[kind] for kind in whole}
    assert min(shares.values()) >= LEAST_RECALL, (shares, missed)


def test_harmless_lines_stay() -> None:
    redactor = TextRedactor(listed_names=NAMES)
    lines = harmless()
    assert len(lines) >= 150
    changed = {line: clean for line in lines if (clean := redactor.redact(line)) != line}
    assert len(changed) <= MOST_FALSE * len(lines), changed


def test_the_readme_says_what_is_found() -> None:
    found, whole, _ = recall()
    page = README.read_text(encoding="utf-8")
    told = {
        row[1]: (int(row[2]), int(row[3])) for row in re.finditer(r"(?m)^\| (\w+)[^|]* \| (\d+) \| (\d+) \|$", page)
    }
    assert told == {kind: (found[kind], whole[kind]) for kind in whole}
    redactor = TextRedactor(listed_names=NAMES)
    changed = sum(redactor.redact(line) != line for line in harmless())
    assert (changed, len(harmless())) == (1, 207)
    assert "One of 207 harmless lines" in page


@pytest.mark.parametrize("line", [line for *_, line in personal()] + harmless())
def test_redacting_again_changes_nothing(line: str) -> None:
    redactor = TextRedactor(listed_names=[*NAMES, "Card", "email"])
    once = redactor.redact(line)
    assert redactor.redact(once) == once
