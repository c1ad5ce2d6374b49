"""Past A/B tests of people with the sessions of both arms, read from a folder: what ``paars fit --tests`` takes.

One folder a test, its name the test's, with a folder for each arm: a store of sessions (``paars sessions import``), or
a run (so that what ``paars abtest --out`` left is a test, too). Where an arm's prices or texts differed from the
catalog, the arm's folder holds the changes as well, as ``patch.jsonl`` or ``patch.csv`` (`paars_gym.abtest.patch`)::

    tests/
      rating-boost/
        control/            a store or a run
        treatment/
      spring-sale/
        control/
        treatment/
          patch.jsonl       {"all": true, "price_percent": -10}
"""

from __future__ import annotations

from pathlib import Path

from paars_gym.abtest.patch import patched, read_patch
from paars_gym.catalog.store import Catalog
from paars_gym.sessions.opening import open_store, run_settings
from paars_gym.shoppers.fitting import LoggedArm, LoggedTest

ARM_FOLDERS = ("control", "treatment")
PATCH_FILES = ("patch.jsonl", "patch.csv")


def read_logged_tests(folder: str | Path, catalog: Catalog) -> tuple[LoggedTest, ...]:
    """The tests in a folder, in the order of their names.

    Args:
        folder: As above.
        catalog: In which they ran, as it was before them.

    Raises:
        FileNotFoundError: No such folder, no test in it, or an arm is missing.
        ValueError: A store, run or patch is damaged, or a run saw other products than the catalog and the patch say.
        KeyError: A patch names a product that is not there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder of past tests {str(folder)!r}.")
    places = [place for place in sorted(folder.iterdir()) if place.is_dir() and not place.name.startswith(".")]
    if not places:
        raise FileNotFoundError(
            f"{str(folder)!r} holds no test: it takes a folder for each, with the folders {' and '.join(ARM_FOLDERS)}."
        )
    control, treatment = ARM_FOLDERS
    return tuple(
        LoggedTest(place.name, _arm(place / control, catalog), _arm(place / treatment, catalog)) for place in places
    )


def _arm(place: Path, catalog: Catalog) -> LoggedArm:
    if not place.is_dir():
        raise FileNotFoundError(
            f"The test {place.parent.name!r} has no folder {place.name!r}; it takes the sessions of both arms, "
            f"{' and '.join(ARM_FOLDERS)}."
        )
    store, patches = open_store(place), [place / name for name in PATCH_FILES if (place / name).is_file()]
    if len(patches) > 1:
        raise ValueError(f"{str(place)!r} has both {' and '.join(PATCH_FILES)}: leave one.")
    seen = patched(catalog, read_patch(patches[0]), name=str(patches[0]))[0] if patches else catalog
    fingerprints = run_settings(place).get("fingerprints", {})
    said = fingerprints.get("catalog") if isinstance(fingerprints, dict) else None
    if said is not None and said != seen.fingerprint:
        raise ValueError(
            f"The run in {str(place)!r} saw other products than {catalog.name!r}"
            f"{' with its patch' if patches else ''}: put the arm's changes there as {PATCH_FILES[0]}, or name the "
            "catalog of the tests."
        )
    return LoggedArm(store, seen)
