"""Outputs by URL: made here, sent whole, kept when that fails; on fsspec's memory."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import fsspec
import pytest

from paars_gym import remote
from paars_gym.outputs import OutputInUseError, writing
from paars_gym.remote.working import work_path

pytestmark = pytest.mark.usefixtures("cache_of_one_process")


@pytest.fixture
def base() -> Iterator[str]:
    yield "memory://bucket"
    fsspec.filesystem("memory").store.clear()


def there(url: str) -> dict[str, str]:
    files = fsspec.filesystem("memory")
    root = url.removeprefix("memory:/")
    return {
        path.removeprefix(root).strip("/"): files.cat_file(path).decode(errors="replace") for path in files.find(root)
    }


def interrupted(url: str) -> Path:
    """The path at which half a file was made."""
    with suppress(KeyboardInterrupt), writing(url) as path:
        path.write_text("half")
        raise KeyboardInterrupt
    return work_path(url)


def test_folder_is_sent_at_the_end_and_nothing_stays(base: str) -> None:
    url = f"{base}/shop"
    with writing(url, called="--out", kind="folder") as path:
        assert path.name == "shop"
        (path / "parts").mkdir(parents=True)
        (path / "parts" / "1").write_text("one")
        (path / "catalog.json").write_text("card")
        assert there(url) == {}
    assert there(url) == {"parts/1": "one", "catalog.json": "card"}
    assert list(path.parent.iterdir()) == []


def test_what_lies_there_is_gone_on_with(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{base}/people"
    with writing(url) as path:
        path.mkdir()
        for name in ("a", "b", "c"):
            (path / name).write_text(name)
    sent = []
    memory = type(fsspec.filesystem("memory"))
    put = memory.put_file
    monkeypatch.setattr(memory, "put_file", lambda self, *args, **kw: (sent.append(args[1]), put(self, *args, **kw)))
    with writing(url) as path:
        assert {one.name: one.read_text() for one in path.iterdir()} == {"a": "a", "b": "b", "c": "c"}
        (path / "a").unlink()
        (path / "b").write_text("changed")
    assert there(url) == {"b": "changed", "c": "c"}
    assert sent == ["/bucket/people/b"]
    with writing(url):
        pass
    assert sent == ["/bucket/people/b"]


def test_file_is_sent_whole(base: str) -> None:
    for text in ("first", "second"):
        with writing(f"{base}/a/report.html", kind="file") as path:
            assert path.exists() == (text == "second")
            path.write_text(text)
        assert there(f"{base}/a") == {"report.html": text}


def test_what_failed_is_kept_named_and_gone_on_with(base: str, caplog: pytest.LogCaptureFixture) -> None:
    url = f"{base}/personas.jsonl"
    with caplog.at_level(logging.WARNING, "paars_gym"):
        path = interrupted(url)
    assert there(url) == {}
    assert f"kept in {str(path)!r}" in remote.named(caplog.text)
    with writing(url) as path:
        assert path.read_text() == "half"
        path.write_text("whole")
    assert there(url) == {"": "whole"}


def test_failing_before_anything_was_made_keeps_nothing(base: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="wrong option"), writing(f"{base}/x"):
        raise ValueError("wrong option")
    assert not work_path(f"{base}/x").exists()
    assert "kept" not in caplog.text


def test_sending_that_fails_loses_nothing(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{base}/people"
    with writing(url) as path:
        path.mkdir()
        (path / "sessions.parquet").write_text("card 1")
        (path / "1").write_text("one")
    memory = type(fsspec.filesystem("memory"))
    put, full = memory.put_file, [True]

    def refused(self: object, lpath: str, rpath: str, **options: object) -> None:
        if full[0] and rpath.endswith("/3"):
            raise OSError(28, "No space left on device")
        put(self, lpath, rpath, **options)

    monkeypatch.setattr(memory, "put_file", refused)

    def again() -> None:
        with writing(url) as path:
            (path / "sessions.parquet").write_text("card 2")
            (path / "1").unlink(missing_ok=True)
            (path / "2").write_text("two")
            (path / "3").write_text("three")

    with pytest.raises(remote.RemoteError, match="no room left") as told:
        again()
    assert told.value.exit_code == 4
    assert "sessions.parquet" not in there(url)  # a reader finds nothing whole, rather than a mixture
    assert (work_path(url) / "3").read_text() == "three"
    with pytest.raises(remote.RemoteError):
        again()
    full[0] = False
    again()
    assert there(url) == {"sessions.parquet": "card 2", "2": "two", "3": "three"}
    assert not work_path(url).exists()


def test_what_others_wrote_meanwhile_is_not_written_over(base: str) -> None:
    url = f"{base}/personas.jsonl"
    path = interrupted(url)
    fsspec.filesystem("memory").pipe_file("/bucket/personas.jsonl", b"of others")
    with pytest.raises(ValueError, match="written by others") as refused, writing(url):
        pass
    assert f"kept in {str(path)!r}" in str(refused.value)
    assert there(url) == {"": "of others"}
    path.unlink()
    with writing(url) as path:
        assert path.read_text() == "of others"


def test_a_second_writer_of_this_machine_is_refused(base: str) -> None:
    refused: list[BaseException] = []

    def second() -> None:
        try:
            with writing(f"{base}/x", called="--out"):
                pass
        except OutputInUseError as error:
            refused.append(error)

    with writing(f"{base}/x"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert f"is writing '{base}/x'" in remote.named(str(refused[0]))


@pytest.mark.parametrize(("kind", "lies", "says"), [("file", "x/1", "is a folder"), ("folder", "x", "is a file")])
def test_file_and_folder_are_told_apart(base: str, kind: str, lies: str, says: str) -> None:
    fsspec.filesystem("memory").pipe_file(f"/bucket/{lies}", b"x")
    with pytest.raises(ValueError, match=f"--out '{base}/x' {says}"), writing(f"{base}/x", called="--out", kind=kind):  # type: ignore[arg-type]
        pass
    assert there(f"{base}/x")


def test_functions_that_write_here_refuse_a_url(base: str, tmp_path: Path) -> None:
    from paars_gym.catalog.feeds.build import build_catalog
    from paars_gym.catalog.mini import mini_catalog
    from paars_gym.sessions.store import Provenance
    from paars_gym.sessions.writer import write_sessions

    (tmp_path / "feed.csv").write_text("id,title,price\n1,red shoe,3\n")
    for write in (
        lambda: build_catalog(tmp_path / "feed.csv", f"{base}/shop"),
        lambda: write_sessions(f"{base}/people", (), provenance=Provenance()),
        lambda: mini_catalog().save(f"{base}/shop"),
    ):
        with pytest.raises(ValueError, match=r"outputs\.writing"):
            write()
    with writing(f"{base}/shop") as folder:
        build_catalog(tmp_path / "feed.csv", folder)
    assert "catalog.json" in there(f"{base}/shop")


def test_paths_alone_need_no_fsspec() -> None:
    code = "import sys, paars_gym.cli; sys.exit('fsspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
