from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.report.shop_page import page_text
from paars_gym.serve.play import play, read_shortcut
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop


@pytest.fixture
def shop(catalog: Catalog) -> Shop:
    return open_shop(catalog, page_size=3)


def lines(*typed: str) -> Any:
    waiting: Iterator[str] = iter(typed)

    def read() -> str:
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    return read


def test_a_person_shops_by_shortcuts(shop: Shop) -> None:
    written: list[str] = []
    bought = play(
        RetailEnv(shop=shop), lines("headphones", "n", "4", "a", "", "p", "view[k1]", "b", "q"), written.append
    )
    assert bought == 1
    assert 'results for "headphones"' in written[1]
    assert "Your cart:" in written[4]
    assert written[-1] == "You left the shop."


def test_the_end_of_input_leaves_the_shop(shop: Shop) -> None:
    written: list[str] = []
    assert play(RetailEnv(shop=shop), lines("kettle"), written.append) == 0
    assert written[-1] == "You left the shop."


@pytest.mark.parametrize(
    ("typed", "action"),
    [
        ("2", "view[y]"),
        ("9", "view[result 9]"),
        ("a", "add_to_cart[z]"),
        ("Q", "stop[]"),
        ("red shoes", "search[red shoes]"),
        ("remove_from_cart[x]", "remove_from_cart[x]"),
    ],
)
def test_shortcuts(typed: str, action: str) -> None:
    assert read_shortcut(typed, {"product": "z", "results": ("x", "y"), "first_rank": 1}) == action


def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "paars_gym", "play", "--catalog", "mini", "--log", str(tmp_path / "steps.jsonl")]
    done = subprocess.run(command, input="headphones\n1\nq\n", capture_output=True, text=True, check=True)
    assert "headphones" in done.stdout
    assert len((tmp_path / "steps.jsonl").read_text().splitlines()) == 3
    wrong = subprocess.run([*command[:4], "--catalog", "nowhere"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "No catalog 'nowhere'" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_page_in_a_terminal_keeps_its_words_and_sets_off_what_matters(shop: Shop) -> None:
    pages: list[str] = []
    play(RetailEnv(shop=shop), lines("headphones", "1", "a", "p", "view[none]", "q"), pages.append)
    styled = [page_text(page) for page in pages]
    assert [text.plain for text in styled] == pages
    told = {(str(span.style), text.plain[span.start : span.end]) for text in styled for span in text.spans}
    by_style = {style: [words for other, words in told if other == style] for style, _ in told}
    assert any("results for" in words for words in by_style["bold cyan"])
    assert all(words.startswith("Not possible: ") for words in by_style["bold red"])
    assert all(words.startswith("Order placed: ") for words in by_style["bold green"])
    assert any(re.fullmatch(r"\$\d+\.\d\d", words) for words in by_style["bold"])
    assert any(re.fullmatch(r"\[\w+\]", words) for words in by_style["dim"])
    assert page_text("a\x1b[31mb [red]c[/red]").plain == "a[31mb [red]c[/red]"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_the_command_in_a_terminal_has_colours_and_in_a_pipe_none(tmp_path: Path) -> None:
    import pty

    command = [sys.executable, "-m", "paars_gym", "play", "--catalog", "mini"]
    piped = subprocess.run(command, input="headphones\nq\n", capture_output=True, text=True, check=True)
    assert "\x1b[" not in piped.stdout
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        assert process.stdin is not None
        process.stdin.write(b"headphones\nq\n")
        process.stdin.close()
        shown = b""
        try:
            while piece := os.read(ours, 65_536):
                shown += piece
        except OSError:  # how Linux says that the other side has closed
            pass
        assert process.wait() == 0
    os.close(ours)
    assert b"\x1b[1;36mmini: results for" in shown
