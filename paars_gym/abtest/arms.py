"""What do the customers of one arm see? A ranking or logged result lists, over a catalog that may be patched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from paars_gym.abtest.patch import Change, patched, read_patch
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.logged import Logged
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop


@dataclass(frozen=True)
class Arm:
    """One arm of a test.

    Attributes:
        ranking: Expression or policy, see `paars_gym.ranking.registry.make_ranking`; ``logged:lists.parquet`` replays
            what the customers of a real arm saw.
        patch: Changes of product content: a file (`read_patch`), or the changes themselves.
        catalog: Before the patch; None for the test's. Both arms must have the same.
        name: How reports call it; the ranking and the patch by default.
    """

    ranking: str | RankingPolicy = "bm25"
    patch: str | Path | Sequence[Change] | None = None
    catalog: Catalog | None = None
    name: str = ""

    @property
    def label(self) -> str:
        """How reports call it."""
        ranking = self.ranking if isinstance(self.ranking, str) else self.ranking.name
        return self.name or (f"{ranking}, {self.patch_name}" if self.patch else ranking)

    @property
    def patch_name(self) -> str:
        """The patch's file, or how many changes it has; empty without one."""
        if not self.patch:
            return ""
        return Path(self.patch).name if isinstance(self.patch, str | Path) else f"{len(self.patch)} content changes"


class OpenArm(NamedTuple):
    """An arm ready for customers.

    Attributes:
        arm: As described.
        shop: Where they shop.
        patched_products: Products whose content differs from the test's catalog.
    """

    arm: Arm
    shop: Shop
    patched_products: int


def open_arm(arm: Arm, catalog: Catalog, *, page_size: int = 10) -> OpenArm:
    """Builds the shop of an arm.

    Raises:
        ValueError: The arm brings another catalog than the test's, or its ranking or patch cannot be used.
        KeyError: The patch names a product that is not there.
        FileNotFoundError: A file that the arm names is missing.
    """
    if arm.catalog is not None and arm.catalog.fingerprint != catalog.fingerprint:
        raise ValueError(
            f"Arm {arm.label!r} sells catalog {arm.catalog.name!r} ({arm.catalog.fingerprint}), the test is about "
            f"{catalog.name!r} ({catalog.fingerprint}). Arms must have the same products; change content by a patch."
        )
    number = 0
    if arm.patch:
        changes = read_patch(arm.patch) if isinstance(arm.patch, str | Path) else arm.patch
        catalog, number = patched(catalog, changes, name=arm.patch_name)
    return OpenArm(arm, open_shop(catalog, arm.ranking, page_size=page_size), number)


def logged_of(ranking: RankingPolicy) -> Logged | None:
    """The recorded lists within a ranking, if there are any."""
    found: object = ranking
    while found is not None and not isinstance(found, Logged):
        found = getattr(found, "base", None)
    return found
