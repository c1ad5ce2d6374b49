"""Downloads from a server on this machine: whole, broken off, refused, wrong."""

from __future__ import annotations

import hashlib
import random

import pytest

from paars_gym.datasets.downloading import ChecksumError, DownloadError, download

CONTENT = random.Random(0).randbytes(300_000)
SUM = hashlib.sha256(CONTENT).hexdigest()


def get(publisher, target, **options):
    return download(f"{publisher.url}/set.bin", target, wait_seconds=0.0, **options)


def test_a_file_arrives_whole_and_nothing_is_left_beside_it(publisher, tmp_path):
    publisher.files["/set.bin"] = CONTENT
    seen = []
    assert get(publisher, tmp_path / "in" / "set.bin", sha256=SUM, progress=lambda *told: seen.append(told)) == SUM
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["set.bin"]
    assert (tmp_path / "in" / "set.bin").read_bytes() == CONTENT
    assert seen[-1] == ("set.bin", len(CONTENT), len(CONTENT))


def test_a_dropped_connection_goes_on_where_it_ended(publisher, tmp_path):
    publisher.files["/set.bin"] = CONTENT
    publisher.drops["/set.bin"] = [100_000, 100_000]
    assert get(publisher, tmp_path / "set.bin", sha256=SUM) == SUM
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert publisher.ranges == ["", "bytes=100000-", "bytes=200000-"]


def test_a_connection_that_never_holds_is_told_and_the_next_command_goes_on(publisher, tmp_path):
    publisher.files["/set.bin"] = CONTENT
    publisher.drops["/set.bin"] = [200_000, *[0] * 20]
    with pytest.raises(DownloadError, match=r"broke off 5 times .* 200,000 bytes are kept"):
        get(publisher, tmp_path / "set.bin")
    assert not (tmp_path / "set.bin").exists()
    publisher.drops.clear()
    publisher.ranges.clear()
    assert get(publisher, tmp_path / "set.bin") == SUM
    assert publisher.ranges == ["bytes=200000-"]


def test_a_file_that_changed_in_between_is_taken_anew(publisher, tmp_path):
    publisher.files["/set.bin"] = CONTENT
    publisher.drops["/set.bin"] = [200_000, *[0] * 20]
    with pytest.raises(DownloadError):
        get(publisher, tmp_path / "set.bin")
    publisher.drops.clear()
    publisher.files["/set.bin"] = CONTENT[::-1]
    get(publisher, tmp_path / "set.bin")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("late", [CONTENT, CONTENT[:50_000]])
def test_all_that_arrived_before_the_end_was_noticed(publisher, tmp_path, late):
    """Killed between the last byte and the rename; or the file at the server is shorter now, and another."""
    publisher.files["/set.bin"] = late
    tag = hashlib.sha256(late).hexdigest()[:16]
    (tmp_path / "set.bin.part").write_bytes(CONTENT)
    (tmp_path / "set.bin.part-tag").write_text(f'"{tag}"')
    get(publisher, tmp_path / "set.bin")
    assert (tmp_path / "set.bin").read_bytes() == late


def test_what_arrived_without_a_mark_of_the_server_is_not_trusted(publisher, tmp_path):
    publisher.files["/set.bin"] = CONTENT
    (tmp_path / "set.bin.part").write_bytes(b"something else")
    assert get(publisher, tmp_path / "set.bin") == SUM


def test_a_wrong_checksum_is_refused_and_the_file_set_aside(publisher, tmp_path):
    publisher.files["/set.bin"] = b"damaged"
    (tmp_path / "set.bin").write_bytes(CONTENT)  # what was there stays
    found = hashlib.sha256(b"damaged").hexdigest()
    with pytest.raises(ChecksumError, match=f"has the checksum {found} and should have {SUM}"):
        get(publisher, tmp_path / "set.bin", sha256=SUM)
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert (tmp_path / "set.bin.wrong").read_bytes() == b"damaged"
    assert not (tmp_path / "set.bin.part").exists()


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(publisher, tmp_path):
    publisher.files["/set.bin"] = CONTENT
    publisher.statuses["/set.bin"] = [503, 429]
    assert get(publisher, tmp_path / "set.bin") == SUM
    assert len(publisher.ranges) == 3
    publisher.ranges.clear()
    with pytest.raises(DownloadError, match=r"/other\.bin cannot be had: HTTP 404"):
        download(f"{publisher.url}/other.bin", tmp_path / "other.bin")
    assert len(publisher.ranges) == 1


def test_a_web_page_is_no_data(publisher, tmp_path):
    publisher.pages.add("/set.bin")
    with pytest.raises(DownloadError, match=r"gave a web page in place of 'set\.bin'.*--from DIR"):
        get(publisher, tmp_path / "set.bin")
    assert list(tmp_path.iterdir()) == []


def test_only_secure_addresses_are_followed(publisher, tmp_path):
    with pytest.raises(DownloadError, match="is not HTTPS"):
        download("http://data.example/set.bin", tmp_path / "set.bin")
    publisher.redirects["/set.bin"] = "http://data.example/set.bin"
    with pytest.raises(DownloadError, match="is not HTTPS"):
        get(publisher, tmp_path / "set.bin")
    publisher.redirects["/set.bin"] = "/set.bin"
    with pytest.raises(DownloadError, match="cannot be had"):
        get(publisher, tmp_path / "set.bin")


def test_nobody_answers(tmp_path):
    with pytest.raises(DownloadError, match="broke off 5 times"):
        download("http://127.0.0.1:9/set.bin", tmp_path / "set.bin", wait_seconds=0.0)
