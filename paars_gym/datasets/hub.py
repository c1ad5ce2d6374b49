"""The files of a data set in a repository of the Hugging Face hub, with the checksums that it publishes."""

from __future__ import annotations

import os
from urllib.parse import quote

from paars_gym.datasets.downloading import DownloadError, read_json
from paars_gym.datasets.registry import DataFile, OnHub

HUB = "https://huggingface.co"


def hub_files(origin: OnHub) -> list[DataFile]:
    """The files of a data set, as the repository lists them; ``$HF_ENDPOINT`` names another server of the same kind.

    Large files have a checksum there; small ones, which Git holds itself, have none.

    Raises:
        DownloadError: The server does not answer, or has no such files.
    """
    server = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    found = []
    for folder, prefix in origin.folders.items():
        address = f"{server}/api/datasets/{origin.repo}/tree/{origin.revision}/{quote(folder)}?recursive=true"
        for item in read_json(address):
            if not isinstance(item, dict) or item.get("type") != "file":
                continue
            path = str(item.get("path", ""))
            if not path.startswith(f"{folder}/") or not path.endswith(origin.suffixes):
                continue
            # One folder holds all: formats are known by the names in it. Nothing of the listing becomes a path.
            name = "-".join([prefix, *path.removeprefix(f"{folder}/").split("/")])
            large = item.get("lfs") or {}
            url = f"{server}/datasets/{origin.repo}/resolve/{origin.revision}/{quote(path)}"
            found.append(DataFile(name, url, str(large.get("oid", "")).removeprefix("sha256:")))
    if not found:
        kinds = ", ".join(origin.suffixes)
        raise DownloadError(f"{server}/datasets/{origin.repo} has no {kinds} in {', '.join(origin.folders)}.")
    return found
