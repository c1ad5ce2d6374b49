"""The arms of a test: a ranking or logged result lists, over a catalog that may be patched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from paars_gym.abtest.patch import Change, patched, read_patch
from paars_gym.catalog.load import load_catalog
from paars_gym.config import ShopConfig
from paars_gym.ranking.logged import Logged
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop


@dataclass(frozen=True)
class Arm:
    """One arm of a test: what differs from the test's shop.

    Attributes:
        ranking: Expression or policy, see `paars_gym.ranking.registry.make_ranking`; ``logged:lists.parquet`` replays
            what the customers of a real arm saw. None for the shop's.
        patch: Changes of product content: a file (`read_patch`), or the changes themselves.
        env: Environment of this arm, such as a factory that wraps `RetailEnv`; see `ShopConfig`. None for the shop's.
        env_options: More keyword arguments for the environment, beside the shop's.
        name: How reports call it; the ranking and the patch by default.
    """

    ranking: str | RankingPolicy | None = None
    patch: str | Path | Sequence[Change] | None = None
    env: str | Callable[..., Any] | None = None
    env_options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

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
        config: Where they shop: the test's shop, with what differs in this arm.
        shop: The same, opened.
        patched_products: Products whose content differs from the test's catalog.
    """

    arm: Arm
    config: ShopConfig
    shop: Shop
    patched_products: int

    @property
    def label(self) -> str:
        """How reports call it."""
        config = self.config
        ranking = config.ranking if isinstance(config.ranking, str) else config.ranking.name
        env = "" if self.arm.env is None else self.arm.env if isinstance(self.arm.env, str) else _name(self.arm.env)
        return self.arm.name or ", ".join(part for part in (ranking, self.arm.patch_name, env) if part)


def open_arm(arm: Arm, shop: ShopConfig) -> OpenArm:
    """Builds the shop of an arm.

    Args:
        arm: What differs.
        shop: The test's.

    Raises:
        ValueError: The arm's ranking or patch cannot be used.
        KeyError: The patch names a product that is not there.
        FileNotFoundError: A file that the arm names is missing.
    """
    catalog, number = load_catalog(shop.catalog), 0
    if arm.patch:
        changes = read_patch(arm.patch) if isinstance(arm.patch, str | Path) else arm.patch
        catalog, number = patched(catalog, changes, name=arm.patch_name)
    config = shop.model_copy(
        update={
            "catalog": catalog,
            "ranking": arm.ranking or shop.ranking,
            "env": arm.env or shop.env,
            "env_options": {**shop.env_options, **arm.env_options},
        }
    )
    return OpenArm(arm, config, open_shop(catalog, config.ranking, page_size=config.page_size), number)


def saved(arm: OpenArm, folder: Path) -> OpenArm:
    """The arm, the catalog that its patch has changed in a folder, where other machines can open it."""
    if not arm.arm.patch:
        return arm
    place = folder / arm.shop.catalog.fingerprint
    if not place.exists():
        arm.shop.catalog.save(place)
    config = arm.config.model_copy(update={"catalog": load_catalog(place)})
    return arm._replace(config=config, shop=open_shop(config.catalog, config.ranking, page_size=config.page_size))


def _name(env: Callable[..., Any]) -> str:
    return getattr(env, "__qualname__", type(env).__name__)


def logged_of(ranking: RankingPolicy) -> Logged | None:
    """The recorded lists within a ranking, if there are any."""
    inner: object = ranking
    while inner is not None and not isinstance(inner, Logged):
        inner = getattr(inner, "base", None)
    return inner
