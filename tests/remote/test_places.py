"""URLs, copies in the cache and whole files sent, on fsspec's memory: no server, no network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from paars_gym import remote
from paars_gym.remote.copying import MOST_TRIES
from paars_gym.remote.place import room_of

pytestmark = pytest.mark.usefixtures("cache_of_one_process")


@pytest.fixture
def base() -> Iterator[str]:
    yield "memory://bucket"
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def folder(tmp_path: Path, base: str) -> Path:
    made = tmp_path / "run"
    (made / "steps").mkdir(parents=True)
    (made / "steps" / "1.jsonl").write_text("a" * 10)
    (made / "card.json").write_text("1")
    (made / ".run.lock").write_text("not sent")
    remote.put_folder(made, f"{base}/run", last=("card.json",))
    return made


def content(path: Path) -> dict[str, str]:
    return {one.relative_to(path).as_posix(): one.read_text() for one in path.rglob("*") if one.is_file()}


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("s3://bucket/run", "s3://bucket/run"),
        (Path("s3://bucket/run"), "s3://bucket/run"),
        ("S3://bucket/run/", "s3://bucket/run"),
        ("gs://bucket/2026-01-01 a/x=1", "gs://bucket/2026-01-01 a/x=1"),
        ("sftp://me@host/run", "sftp://me@host/run"),
        ("file:///tmp/run", "file:///tmp/run"),
        ("/tmp/run", ""),
        ("run", ""),
        (Path("C:/run"), ""),
        ("openai:model@http://127.0.0.1/v1", ""),
        ("people:store", ""),
    ],
)
def test_url_is_told_from_a_path(place: str | Path, url: str) -> None:
    assert remote.url_of(place) == url
    assert remote.is_remote(place) == bool(url and not url.startswith("file:"))


@pytest.mark.parametrize(
    "url",
    [
        "s3://KEY:HUSH@bucket/run",
        Path("s3://KEY:HUSH@bucket/run"),
        "https://host/feed.csv?X-Amz-Signature=HUSH",
        "https://host/feed.csv?a=1&sig=HUSH",
    ],
)
def test_key_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    for use in (remote.is_remote, remote.url_of, remote.local_copy, remote.list_files, remote.check_writable):
        with pytest.raises(ValueError, match="environment only") as refused:
            use(url)  # type: ignore[operator]
        assert "HUSH" not in str(refused.value)


def test_path_is_its_own_copy(tmp_path: Path) -> None:
    assert remote.local_copy(tmp_path) == tmp_path
    assert remote.local_copy(tmp_path.as_uri()) == tmp_path
    assert remote.local_copy(Path(tmp_path.as_uri())) == tmp_path


def test_folder_comes_back_as_it_was_sent(folder: Path, base: str) -> None:
    copy = remote.local_copy(Path(f"{base}/run"))
    assert copy.name == "run"
    assert content(copy) == {"steps/1.jsonl": "a" * 10, "card.json": "1"}
    assert remote.list_files(f"{base}/run") == {"steps/1.jsonl": 10, "card.json": 1}
    assert remote.local_copy(f"{base}/run/card.json").read_text() == "1"
    assert remote.list_files(f"{base}/run/card.json") == {"": 1}
    assert remote.list_files(f"{base}/nothing") == {}


def test_copy_follows_what_changes(folder: Path, base: str) -> None:
    copy = remote.local_copy(f"{base}/run")
    untouched = (copy / "steps" / "1.jsonl").stat().st_ino
    (folder / "card.json").write_text("2")
    (folder / "new").write_text("n")
    remote.put_file(folder / "card.json", f"{base}/run/card.json")
    remote.put_file(folder / "new", f"{base}/run/new")
    assert content(remote.local_copy(f"{base}/run")) == {"steps/1.jsonl": "a" * 10, "card.json": "2", "new": "n"}
    assert (copy / "steps" / "1.jsonl").stat().st_ino == untouched  # was not fetched again
    remote.remove(f"{base}/run/steps")
    remote.remove(f"{base}/run/steps")
    assert content(remote.local_copy(f"{base}/run")) == {"card.json": "2", "new": "n"}
    remote.remove(f"{base}/run")
    remote.put_file(folder / "new", f"{base}/run")  # a file where a folder was
    assert remote.local_copy(f"{base}/run").read_text() == "n"
    remote.remove(f"{base}/run")
    remote.put_folder(folder, f"{base}/run")
    assert content(remote.local_copy(f"{base}/run")) == {"steps/1.jsonl": "a" * 10, "card.json": "2", "new": "n"}


def test_copy_that_somebody_changed_is_fetched_again(folder: Path, base: str) -> None:
    copy = remote.local_copy(f"{base}/run")
    (copy / "card.json").write_text("x")
    (copy / "steps" / "1.jsonl").unlink()
    (copy / "beside").write_text("x")
    assert content(remote.local_copy(f"{base}/run")) == {"steps/1.jsonl": "a" * 10, "card.json": "1"}


def test_copy_that_is_cut_off_is_not_taken(folder: Path, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type(fsspec.filesystem("memory"))
    whole, calls = memory.get_file, []

    def cut(self: object, rpath: str, lpath: str, **options: object) -> None:
        whole(self, rpath, lpath, **options)
        calls.append(rpath)
        if len(calls) <= 2:
            Path(lpath).write_bytes(Path(lpath).read_bytes()[:-1])

    monkeypatch.setattr(memory, "get_file", cut)
    assert content(remote.local_copy(f"{base}/run")) == {"steps/1.jsonl": "a" * 10, "card.json": "1"}
    assert len(calls) == 4


def test_what_never_stays_as_it_is(folder: Path, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type(fsspec.filesystem("memory"))
    calls = []

    def nothing(self: object, rpath: str, lpath: str, **options: object) -> None:
        calls.append(rpath)
        Path(lpath).write_bytes(b"")

    monkeypatch.setattr(memory, "get_file", nothing)
    with pytest.raises(remote.RemoteError, match="changes while it is read"):
        remote.local_copy(f"{base}/run/card.json")
    assert len(calls) == MOST_TRIES


def test_drafts_of_a_killed_process_do_no_harm(folder: Path, base: str) -> None:
    room = room_of("copies", f"{base}/run")
    (room / "drafts").mkdir()
    (room / "drafts" / "0").write_text("half")
    (room / "marks.json").write_text('{"card.json": [1')
    assert content(remote.local_copy(f"{base}/run")) == {"steps/1.jsonl": "a" * 10, "card.json": "1"}


def test_threads_that_copy_at_once(folder: Path, base: str) -> None:
    found: list[dict[str, str]] = []
    threads = [
        threading.Thread(target=lambda: found.append(content(remote.local_copy(f"{base}/run")))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"steps/1.jsonl": "a" * 10, "card.json": "1"}] * 8


def test_names_that_lead_out_are_refused(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type(fsspec.filesystem("memory"))
    fsspec.filesystem("memory").pipe_file("/bucket/run/x", b"x")
    monkeypatch.setattr(
        memory, "find", lambda *_, **__: {"/bucket/run/../../x": {"type": "file", "size": 1, "created": "now"}}
    )
    with pytest.raises(ValueError, match="cannot be copied"):
        remote.local_copy(f"{base}/run")


def test_what_makes_the_rest_visible_comes_last(folder: Path, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type(fsspec.filesystem("memory"))
    put, seen = memory.put_file, []

    def watched(self: object, lpath: str, rpath: str, **options: object) -> None:
        seen.append((Path(rpath).name, "card.json" in remote.list_files(f"{base}/run")))
        put(self, lpath, rpath, **options)

    monkeypatch.setattr(memory, "put_file", watched)
    (folder / "steps" / "2.jsonl").write_text("b")
    (folder / "steps" / "1.jsonl").unlink()
    remote.put_folder(folder, f"{base}/run", last=("card.json",), removed=("steps/1.jsonl", "card.json"))
    assert seen == [("2.jsonl", False), ("card.json", False)]
    assert set(remote.list_files(f"{base}/run")) == {"steps/2.jsonl", "card.json"}


def test_probe_leaves_nothing(base: str) -> None:
    remote.check_writable(f"{base}/a/b.html")
    fsspec.filesystem("memory").pipe_file("/bucket/x", b"x")
    assert set(remote.list_files(base)) == {"x"}


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("memory://bucket/nothing", FileNotFoundError, "There is nothing at 'memory://bucket/nothing'"),
        ("foo://bucket/x", ValueError, "no scheme 'foo' is known"),
        ("memory://bucket/a::memory://b", ValueError, "must be one"),
    ],
)
def test_what_cannot_be_read(base: str, url: str, kind: type[Exception], says: str) -> None:
    fsspec.filesystem("memory").pipe_file("/bucket/x", b"x")
    with pytest.raises(kind, match=says):
        remote.local_copy(url)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(ImportError, match=r"paars_gym\[gcs\]"):
        remote.local_copy("gs://bucket/x")
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(ImportError, match=r"paars_gym\[s3\]"):
        remote.local_copy("s3://bucket/x")


def test_texts_call_copies_by_their_urls(folder: Path, base: str) -> None:
    fsspec.filesystem("memory").pipe_file("/bucket/my run/a=1/x", b"x")
    copy, other = remote.local_copy(f"{base}/run"), remote.local_copy(f"{base}/my run/a=1")
    assert remote.named(f"Run in {copy}, '{copy}/card.json'.") == f"Run in {base}/run, '{base}/run/card.json'."
    assert remote.named(f"{other}/x {copy}") == f"{base}/my run/a=1/x {base}/run"
    assert remote.named(f"kept in '{copy}'") == f"kept in '{copy}'"
    assert remote.named(f"replies in {copy.with_name('beside')}") == f"replies in {copy.with_name('beside')}"
    assert remote.named("nothing /tmp/x") == "nothing /tmp/x"
