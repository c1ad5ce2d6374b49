"""Catalogs by name, by folder, or as they are."""

from __future__ import annotations

from pathlib import Path

from paars_gym.catalog.store import Catalog
from paars_gym.remote import local_copy

BUILT_IN = ("mini", "journey")


def load_catalog(source: str | Path | Catalog) -> Catalog:
    """A catalog by name, by folder, or as it is.

    Args:
        source: ``"mini"`` (synthetic, 5,000 products), ``"journey"`` (real groceries, needs the extra ``journey``),
            the folder or URL of a catalog that ``paars catalog build`` wrote, or a `Catalog`, which is returned
            unchanged.

    Raises:
        FileNotFoundError: Neither a built-in name nor a folder with a catalog.
        ImportError: ``"journey"`` without its package.
        TypeError: Something else.
        ValueError: The folder's catalog is incomplete or of another version.
    """
    if isinstance(source, Catalog):
        return source
    if not isinstance(source, str | Path):
        raise TypeError(f"catalog == {source!r}, must be a name ({', '.join(BUILT_IN)}), a folder or a Catalog.")
    if source == "mini":
        from paars_gym.catalog.mini import mini_catalog

        return mini_catalog()
    if source == "journey":
        from paars_gym.catalog.journey import journey_catalog

        return journey_catalog()
    if source == "" or not (folder := local_copy(source)).is_dir():
        raise FileNotFoundError(
            f"No catalog {str(source)!r}. Allowed: {', '.join(BUILT_IN)}, or the folder of a built catalog "
            "(paars catalog build FEED --out DIR)."
        )
    return Catalog.open(folder)
