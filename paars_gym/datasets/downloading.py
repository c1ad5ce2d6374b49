"""Downloads a file over HTTPS: resumed where it broke off, compared with its checksum, there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

TRIES = 5
"""Of one file without a new byte; every byte that arrives starts the count anew."""
WAIT_SECONDS = 1.0
"""Before the second try, twice that before the third, and so on."""
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 60.0
PART, TAG, WRONG = ".part", ".part-tag", ".wrong"
"""Ends of the names of what has arrived, of the server's mark of it, and of a file that was refused."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
AGAIN = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which a server may answer in a moment."""
Progress = Callable[[str, int, int | None], None]
"""Told the file's name, the bytes that are there, and those that there will be where the server says so."""


class DownloadError(OSError):
    """A file could not be had; what arrived is kept, and the next try goes on from there."""


class ChecksumError(ValueError):
    """A file is not the one that it should be; it was set aside."""


class _BrokenOffError(Exception):
    """The connection ended before the file did."""


def sha256_of(path: Path) -> str:
    """The checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    url: str,
    target: Path,
    *,
    sha256: str = "",
    progress: Progress = lambda _name, _done, _total: None,
    wait_seconds: float = WAIT_SECONDS,
) -> str:
    """Downloads a file; what had arrived of it before is not asked for again.

    Args:
        url: HTTPS, or HTTP of this machine; so are all addresses that it leads to.
        target: Where the file shall lie; beside it stand ``<target>.part`` until it is whole, and
            ``<target>.wrong`` where its checksum is wrong.
        sha256: What its checksum must be; empty for whatever it is.
        progress: Told how far it is.
        wait_seconds: Before the second try after a fault; doubled each time, up to a minute.

    Returns:
        Its SHA-256, in hexadecimal digits.

    Raises:
        DownloadError: The server refuses, gives a web page in place of data, or does not answer; says what and where.
        ChecksumError: The checksum is another than ``sha256``.
    """
    import httpx2

    part = target.with_name(target.name + PART)
    target.parent.mkdir(parents=True, exist_ok=True)
    with httpx2.Client(
        timeout=TIMEOUT_SECONDS, follow_redirects=True, event_hooks={"request": [_check_secure]}
    ) as client:
        tries = 0
        while True:
            before = _size(part)
            try:
                _receive(client, url, part, target.name, progress)
                break
            except (httpx2.TransportError, _BrokenOffError) as error:
                tries = 1 if _size(part) > before else tries + 1
                if tries >= TRIES:
                    raise DownloadError(
                        f"{url} broke off {TRIES} times ({_words(error)}). {_size(part):,} bytes are kept; the same "
                        "command goes on from there."
                    ) from error
                time.sleep(min(wait_seconds * 2 ** (tries - 1), LONGEST_WAIT_SECONDS))
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:  # such as redirects without an end
                raise DownloadError(f"{url} cannot be had ({_words(error)}).") from error
    seen = sha256_of(part)
    part.with_name(target.name + TAG).unlink(missing_ok=True)
    if sha256 and seen != sha256:
        aside = target.with_name(target.name + WRONG)
        part.replace(aside)
        raise ChecksumError(
            f"{url} has the checksum {seen} and should have {sha256}: it is not the file that was published, or it is "
            f"damaged. It was set aside as {str(aside)!r} and nothing reads it; delete it and try again."
        )
    part.replace(target)
    return seen


def _receive(client: httpx2.Client, url: str, part: Path, name: str, progress: Progress) -> None:
    """One try: from the bytes that are there to the end.

    Raises:
        _BrokenOffError: Fewer bytes came than the server said, or it is busy.
        DownloadError: It makes no sense to try again.
    """
    tag = part.with_name(name + TAG)
    have = _size(part)
    headers = {"Accept-Encoding": "identity"}  # as published: a checksum is of these bytes
    if have and tag.is_file():
        # Without the server's mark nobody knows whether it is still the same file.
        headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text(encoding="utf-8")}
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 416:  # all is there already, or the file is another now
            whole = answer.headers.get("content-range", "").rpartition("/")[2]
            if whole == str(have):
                return
            part.unlink(missing_ok=True)
            raise _BrokenOffError("the file at the server is shorter than what had arrived")
        if answer.status_code in AGAIN:
            raise _BrokenOffError(f"HTTP {answer.status_code}")
        if not answer.is_success:
            raise DownloadError(f"{url} cannot be had: HTTP {answer.status_code} {answer.reason_phrase}.")
        if "html" in answer.headers.get("content-type", "") and not name.endswith((".html", ".htm")):
            raise DownloadError(
                f"{url} gave a web page in place of {name!r}: it may want a login, or its terms accepted. Open it in a "
                "browser, and give what you downloaded there with --from DIR."
            )
        resumed = answer.status_code == 206
        start = have if resumed else 0
        mark = answer.headers.get("etag", "")
        if not mark or mark.startswith("W/"):  # a weak one does not promise the same bytes
            mark = answer.headers.get("last-modified", "")
        if mark:
            tag.write_text(mark, encoding="utf-8")
        else:
            tag.unlink(missing_ok=True)
        length = answer.headers.get("content-length")
        total = start + int(length) if length else None
        done = start
        with part.open("ab" if resumed else "wb") as file:
            for chunk in answer.iter_raw():  # as they come: none is lost when the connection ends
                file.write(chunk)
                done += len(chunk)
                progress(name, done, total)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and done < total:
        raise _BrokenOffError(f"{done:,} of {total:,} bytes")


def read_json(url: str) -> Iterator[object]:
    """The items of a JSON list that a server gives in pages, each with a link to the next.

    Raises:
        DownloadError: The server refuses, or gives something else.
    """
    import httpx2

    following: str | None = url
    with (
        _in_words(url),
        httpx2.Client(
            timeout=TIMEOUT_SECONDS, follow_redirects=True, event_hooks={"request": [_check_secure]}
        ) as client,
    ):
        while following:
            answer = client.get(following)
            if not answer.is_success:
                raise DownloadError(f"{following} cannot be had: HTTP {answer.status_code} {answer.reason_phrase}.")
            try:
                page = answer.json()
            except ValueError:
                page = None
            if not isinstance(page, list):
                raise DownloadError(f"{following} gave no list of files.")
            yield from page
            following = answer.links.get("next", {}).get("url")


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    import httpx2

    try:
        yield
    except httpx2.TransportError as error:
        raise DownloadError(f"{url} does not answer ({_words(error)}).") from error


def _check_secure(request: httpx2.Request) -> None:
    parts = urlsplit(str(request.url))
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise DownloadError(f"{request.url} is not HTTPS: anybody on the way could change what arrives.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
