"""The registry says of each set what a user has to know, and nothing that the rest of the package contradicts."""

from __future__ import annotations

import re

import pytest

from paars_gym.datasets.logs import LOGS
from paars_gym.datasets.public import DATASETS, find_dataset
from paars_gym.datasets.registry import InPackage, OnHub, OnRequest, OnWeb
from paars_gym.files import load_named
from paars_gym.sessions.logs.formats import FORMATS
from paars_gym.tasks.people import reference_people

EVERY = pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)


@EVERY
def test_an_entry_is_whole(dataset):
    assert dataset.about
    assert dataset.holds
    assert dataset.size
    assert dataset.licence
    assert dataset.citation
    assert dataset.home.startswith("https://")
    assert dataset.log_format in (*FORMATS, "")
    assert not (dataset.log_format and dataset.reader)
    if dataset.reader.startswith("paars_gym."):
        module, _, name = dataset.reader.rpartition(".")
        load_named(f"{module}:{name}")


@EVERY
def test_files_have_sound_addresses_and_checksums(dataset):
    assert len({file.name for file in dataset.files}) == len(dataset.files)
    for file in dataset.files:
        assert "/" not in file.name
        assert re.fullmatch(r"[0-9a-f]{64}|", file.sha256)
        if isinstance(dataset.origin, OnWeb):
            assert file.url.startswith("https://")
            assert file.sha256  # each of them is known
        else:
            assert not file.url
    if isinstance(dataset.origin, OnHub):
        assert re.fullmatch(r"[0-9a-f]{40}", dataset.origin.revision)
    if isinstance(dataset.origin, OnRequest):
        assert "https://" in dataset.origin.ask
    assert dataset.downloadable == (not isinstance(dataset.origin, InPackage | OnRequest))


def test_unknown_names_are_told():
    with pytest.raises(KeyError, match=r"Unknown data set 'operas'\. Available: complete-journey, ta-feng, opera"):
        find_dataset("operas")


@pytest.mark.usefixtures("own_cache")
def test_people_by_name_of_a_set():
    with pytest.raises(FileNotFoundError, match=r"opera is not here\. Download it: paars data get opera"):
        reference_people("opera")
    with pytest.raises(ValueError, match=r"asos is no log of people \(it holds outcomes\)"):
        reference_people("asos")
    with pytest.raises(FileNotFoundError, match="neither one of mini, journey, complete-journey, ta-feng, opera"):
        reference_people("operas")
    assert "complete-journey" in LOGS
    assert "wands" not in LOGS
