"""The README's picture: of a page that is there, of its size, and never one that is too large to show."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import pytest

from benchmarks import picture
from benchmarks.picture import BROWSERS, MOST_BYTES, PICTURE, WIDTH, take_picture
from benchmarks.readme import FRONT_PAGE


def size_of(file: Path) -> tuple[int, int]:
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def test_the_readme_begins_with_it() -> None:
    front = FRONT_PAGE.read_text(encoding="utf-8")
    assert f"](benchmarks/{PICTURE.name})" in front
    assert front.index(PICTURE.name) < front.index("```")
    assert PICTURE.stat().st_size <= MOST_BYTES
    assert size_of(PICTURE)[0] == WIDTH


@pytest.mark.slow
def test_it_is_taken_of_a_page_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.environ.get("PAARS_REQUIRE_ALL") != "1":
        pytest.importorskip("playwright")
        if not any(map(shutil.which, BROWSERS)):
            pytest.skip("no Chromium here")
    page, out = tmp_path / "a.html", tmp_path / "a.png"
    page.write_text("<!doctype html><h1>A page</h1>", encoding="utf-8")
    assert take_picture(page, out, height=300) == out.stat().st_size
    assert size_of(out) == (WIDTH, 300)
    before = out.read_bytes()
    monkeypatch.setattr(picture, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match="must have at most 10: take a smaller --height"):
        take_picture(page, out)
    assert out.read_bytes() == before


def test_a_page_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make one: paars report RUN"):
        take_picture(tmp_path / "none.html", tmp_path / "a.png")
