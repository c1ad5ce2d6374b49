"""URLs of places: told from paths, kept free of keys, opened by fsspec, and where the cache has what belongs to one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from paars_gym.cache import cache_dir, cache_root
from paars_gym.remote.errors import in_words

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

LOCAL = ("file", "local")
"""Schemes of this machine's own files."""
END = "="
"""Ends the folders of the cache that spell a URL; `quote` leaves no such name."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)  # of one letter it is a drive of Windows
_KEYED = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]+:/+(?:[^/\s@]*:(?!\d+(?:/|$))\S*@|.*[?&](?:X-Amz-Signature|X-Goog-Signature|Signature|sig|token)=)",
    re.IGNORECASE,
)


def url_of(place: str | Path) -> str:
    """The URL that a place is; empty for a path.

    A `Path` has lost a slash of its URL: ``s3:/bucket/run`` is read as what was meant, which no file is called.

    Raises:
        ValueError: A key is part of it, or it holds others ("::").
    """
    found = _URL.fullmatch(str(place))
    if found is None:
        return ""
    scheme, rest = found[1].lower(), found[2].rstrip("/")
    refuse_keys(str(place))
    if "::" in rest:
        raise ValueError(f"{str(place)!r} joins several URLs by '::', must be one.")
    return f"{scheme}://{'/' * (scheme in LOCAL)}{rest}"


def refuse_keys(text: str) -> None:
    """Refuses a text in which a URL has a password, or is signed.

    Raises:
        ValueError: It has; does not repeat it.
    """
    if _KEYED.search(text):
        raise ValueError(
            "A URL holds a key. Keys come from the environment only, for URLs are printed and written down: leave it "
            "out, and set for example AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )


def is_remote(place: str | Path) -> bool:
    """Whether a place is a URL, of anything but this machine's files.

    Raises:
        ValueError: A key is part of it.
    """
    url = url_of(place)
    return bool(url) and url.partition(":")[0] not in LOCAL


def local_path(place: str | Path) -> Path:
    """The path of a place that is not remote."""
    return Path(url_of(place).partition("://")[2] or place)


def on_this_machine(place: str | Path) -> Path:
    """The path of what is written here.

    Raises:
        ValueError: It is a URL; says how to write there.
    """
    if is_remote(place):
        raise ValueError(
            f"{url_of(place)!r} is not on this machine. Write it so: with paars_gym.outputs.writing(URL) as path: …, "
            "which sends what was made at that path."
        )
    return local_path(place)


def child(place: str | Path, name: str) -> str:
    """The place of a file in a folder."""
    return f"{url_of(place) or place}/{name}"


def opened(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a URL, and what it calls that place.

    Raises:
        ImportError: A package for it is missing; says which to install.
        ValueError: No such scheme.
    """
    with in_words(url):
        from fsspec.core import url_to_fs

        options: dict[str, Any] = {}
        if url.startswith(("s3:", "s3a:")):  # what is down is told within seconds; s3fs itself tries again too
            options = {"config_kwargs": {"retries": {"max_attempts": 2}, "connect_timeout": 10, "read_timeout": 60}}
        files, path = url_to_fs(url, **options)
    return files, str(path).rstrip("/")


def room_of(kind: str, url: str) -> Path:
    """The folder of the cache for one URL, which spells it: ``remote/copies/s3/bucket/run/=``; made if needed.

    Args:
        kind: ``copies`` of what is read, or ``work`` that is to be sent.
        url: As `url_of` gives it.
    """
    scheme, _, rest = url.partition("://")
    parts = [quote(part, safe=" ").replace(".", "%2E") if part in (".", "..") else quote(part, safe=" ,@+")
             for part in rest.split("/") if part]  # fmt: skip
    return cache_dir("remote", kind, scheme, *parts, END)


def name_of(url: str) -> str:
    """What a file or folder of a URL is called on this machine."""
    name = url.partition("?")[0].rpartition("/")[2]
    return re.sub(r"[\0\\:*?\"<>|]", "_", name).lstrip(".") or "root"


def named(text: str) -> str:
    """A text in which places of the cache are called by the URLs that they stand for.

    Only what follows "kept in" stays a path: that is where somebody is sent to look.
    """
    base = re.escape(str(cache_root() / "remote"))
    spelt = rf"(?<!kept in ['\"]){base}[/\\](?:copies|work)[/\\](\w[\w+.-]*)[/\\](.*?)[/\\]{END}[/\\]"
    told, end = [], 0
    for found in re.finditer(spelt, text):
        url = f"{found[1]}://{unquote(found[2])}"
        if text.startswith(name_of(url), found.end()):  # what lies beside a work in progress stays on this machine
            told += [text[end : found.start()], url]
            end = found.end() + len(name_of(url))
    return "".join([*told, text[end:]])
