"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paars_gym.files import load_named, own_place, write_whole, written_whole


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "settings.json"
    write_whole(path, "{}\n")
    with pytest.raises(RuntimeError), written_whole(path) as file:  # noqa: PT012
        file.write("half")
        raise RuntimeError
    assert path.read_text() == "{}\n"
    with written_whole(path) as file:
        file.write("é\n")
        assert path.read_text() == "{}\n"
    assert path.read_text(encoding="utf-8") == "é\n"
    assert list(path.parent.iterdir()) == [path]


def test_of_a_link_the_file_is_replaced_and_what_is_no_file_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", "said")
    assert os.read(reading, 100) == b"said"
    os.close(reading)
    assert (tmp_path / "pipe").is_fifo()
    reading, writing = os.pipe()
    (tmp_path / "stdout").symlink_to(f"/dev/fd/{writing}")  # as /dev/stdout is one
    write_whole(tmp_path / "stdout", "said")
    assert os.read(reading, 100) == b"said"
    os.close(reading)
    os.close(writing)


def test_named_objects() -> None:
    assert load_named("pathlib:Path.cwd")() == Path.cwd()
    with pytest.raises(LookupError, match="No module 'no_such_module'"):
        load_named("no_such_module:x")
    with pytest.raises(ValueError, match="has no class or function 'nothing'"):
        load_named("pathlib:nothing")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\ny = 1 / 0\n", "'broken_{}' cannot be imported: ZeroDivisionError: division by zero at "),
        ("x = 1\ndef f(:\n", "'broken_{}' cannot be imported: SyntaxError: invalid syntax at "),
        ("x = 1\nraise ValueError('no')\n", "'broken_{}' cannot be imported: ValueError: no at "),
    ],
)
def test_a_module_that_raises_at_import_is_told_with_its_line(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportError) as caught:
        load_named(f"{name}:f")
    assert str(caught.value) == f"Module {told.format(name.removeprefix('broken_'))}{tmp_path / name}.py:2."


def test_the_place_of_an_error_is_the_line_of_a_named_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "named_here.py").write_text("def f():\n    return {}['nothing']\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyError) as caught:
        load_named("named_here:f")()
    assert own_place(caught.value) == f"{tmp_path / 'named_here.py'}:2"
    assert own_place(ValueError("raised nowhere")) == ""
