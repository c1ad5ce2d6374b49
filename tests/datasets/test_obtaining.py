"""Sets on this machine: got, taken from a folder, found in a package; and what is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from paars_gym.datasets.downloading import ChecksumError, DownloadError
from paars_gym.datasets.obtaining import DataNotHereError, find_data, fingerprint, obtain, read_known, take_copy
from paars_gym.datasets.public import DATASETS, find_dataset
from paars_gym.datasets.registry import DataFile, InPackage, OnHub, OnWeb

pytestmark = pytest.mark.usefixtures("own_cache")


def on_web(publisher, *, sha256=""):
    files = (DataFile("a.csv", f"{publisher.url}/a.csv", sha256), DataFile("b.csv", f"{publisher.url}/b.csv"))
    publisher.files |= {"/a.csv": b"one", "/b.csv": b"two"}
    return replace(DATASETS["asos"], origin=OnWeb(), files=files)


def test_a_set_is_downloaded_once(publisher, own_cache):
    dataset = on_web(publisher, sha256=hashlib.sha256(b"one").hexdigest())
    with pytest.raises(DataNotHereError, match=r"asos is not here\. Download it: paars data get asos"):
        find_data(dataset)
    folder = obtain(dataset)
    assert folder == own_cache / "data" / "asos"
    assert find_data(dataset) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.csv": b"one", "b.csv": b"two"}
    asked = len(publisher.ranges)
    assert obtain(dataset) == folder
    assert len(publisher.ranges) == asked == 2


def test_the_checksum_of_the_first_download_is_kept_and_compared(publisher):
    dataset = on_web(publisher)
    folder = obtain(dataset)
    (folder / "b.csv").unlink()
    with pytest.raises(DataNotHereError, match=r"b\.csv in .* is missing or of another size"):
        find_data(dataset)
    publisher.files["/b.csv"] = b"TWO"
    with pytest.raises(ChecksumError, match="No checksum is published for it: this is the one of the first download"):
        obtain(dataset)
    assert (folder / "b.csv.wrong").read_bytes() == b"TWO"
    publisher.files["/b.csv"] = b"two"
    obtain(dataset)
    assert find_data(dataset) == folder


def test_what_is_there_is_known_when_the_next_file_fails(publisher):
    dataset = on_web(publisher)
    del publisher.files["/b.csv"]
    with pytest.raises(DownloadError, match=r"/b\.csv cannot be had: HTTP 404"):
        obtain(dataset)
    assert list(read_known(dataset).files) == ["a.csv"]
    publisher.files["/b.csv"] = b"two"
    publisher.ranges.clear()
    obtain(dataset)
    assert len(publisher.ranges) == 1


def test_a_set_of_which_some_files_never_came_is_not_here(publisher):
    dataset = on_web(publisher)
    del publisher.files["/b.csv"]
    with pytest.raises(DownloadError):
        obtain(dataset)
    with pytest.raises(DataNotHereError, match=r"b\.csv"):
        find_data(dataset)


def test_a_repository_of_the_hub_is_listed_and_its_checksums_hold(publisher, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", publisher.url)
    origin = OnHub("owner/set", "abc123", {"full/action": "action", "full/user": "user"})
    dataset = replace(DATASETS["opera"], origin=origin)
    content = {"full/action/train-0.parquet": b"actions", "full/user/train/train.parquet": b"users"}
    lists = {
        "full/action": [
            {"type": "directory", "path": "full/action/deep"},
            {"type": "file", "path": "full/action/README.md", "size": 3, "oid": "git"},
            {"type": "file", "path": "full/action/train-0.parquet", "oid": "git",
             "lfs": {"oid": hashlib.sha256(b"actions").hexdigest(), "size": 7, "pointerSize": 130}},
        ],
        "full/user": [{"type": "file", "path": "full/user/train/train.parquet", "oid": "git"}],
    }  # fmt: skip
    for folder, listed in lists.items():
        publisher.listings[f"/api/datasets/owner/set/tree/abc123/{folder}"] = listed
    for path, raw in content.items():
        publisher.files[f"/datasets/owner/set/resolve/abc123/{path}"] = raw
    folder = obtain(dataset)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "action-train-0.parquet": b"actions", "user-train-train.parquet": b"users",
    }  # fmt: skip
    (folder / "action-train-0.parquet").unlink()
    publisher.files["/datasets/owner/set/resolve/abc123/full/action/train-0.parquet"] = b"altered"
    with pytest.raises(ChecksumError, match="not the file that was published"):
        obtain(dataset)


def test_a_hub_without_such_files_is_told(publisher, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", publisher.url)
    dataset = replace(DATASETS["opera"], origin=OnHub("owner/set", "abc123", {"full": "x"}))
    publisher.listings["/api/datasets/owner/set/tree/abc123/full"] = []
    with pytest.raises(DownloadError, match=r"has no \.parquet in full"):
        obtain(dataset)
    publisher.listings["/api/datasets/owner/set/tree/abc123/full"] = {"error": "gone"}
    with pytest.raises(DownloadError, match="gave no list of files"):
        obtain(dataset)
    publisher.listings.clear()
    with pytest.raises(DownloadError, match="HTTP 404"):
        obtain(dataset)


def test_a_copy_stays_where_it_is_and_is_checked(tmp_path):
    dataset = find_dataset("diginetica")
    copy = tmp_path / "copy"
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        take_copy(dataset, copy)
    copy.mkdir()
    (copy / "train-queries.csv").write_text("q")
    (copy / "train-purchases.csv.gz").write_text("p")
    with pytest.raises(FileNotFoundError, match=r"lacks train-item-views\.csv\*\."):
        take_copy(dataset, copy)
    (copy / "train-item-views.csv").write_text("v")
    assert take_copy(dataset, copy) == copy
    assert find_data(dataset) == copy
    first = fingerprint(dataset, copy)
    (copy / "train-item-views.csv").write_text("other")
    with pytest.raises(DataNotHereError, match=r"train-item-views\.csv in"):
        find_data(dataset)
    take_copy(dataset, copy)
    assert fingerprint(dataset, copy) != first


def test_a_copy_of_another_version_is_refused(tmp_path):
    for file in find_dataset("wands").files:
        (tmp_path / file.name).write_text("another version")
    with pytest.raises(ChecksumError, match="another version, a part, or damaged"):
        take_copy(find_dataset("wands"), tmp_path)


def test_a_package_is_found_where_it_is_installed_or_its_command_named(tmp_path):
    here = replace(DATASETS["asos"], origin=InPackage("pydantic", "pydantic", "_internal"), files=(DataFile("_core*"),))
    assert find_data(here).name == "_internal"
    part = replace(here, files=(DataFile("nothing.csv"),))
    with pytest.raises(DataNotHereError, match=r"lacks nothing\.csv"):
        find_data(part)
    (tmp_path / "_core_copy").write_text("a copy at hand")
    take_copy(here, tmp_path)
    assert find_data(here) == tmp_path  # somebody wanted that one
    away = replace(here, name="away", origin=InPackage("no-such-thing", "no_such_thing", "data"))
    with pytest.raises(DataNotHereError, match="pip install --no-deps no-such-thing"):
        find_data(away)
    with pytest.raises(ValueError, match="away is not to be downloaded"):
        obtain(away)


def test_what_may_not_be_downloaded_says_where_to_ask():
    with pytest.raises(ValueError, match=r"Register at https://.*then: paars data get trivago --from DIR"):
        obtain(find_dataset("trivago"))
