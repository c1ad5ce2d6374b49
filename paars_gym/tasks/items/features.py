"""Features of the items to choose from, for counting and learned scorers: of the item, and of what was bought before.

Every feature is one number an option, shape (cases, 4). What is missing (a price, a brand) is the mean of the case's
other options, so that it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.alignment.item_selection import OPTIONS, ItemCases
from paars_gym.catalog.store import Catalog
from paars_gym.personas.counting import Ints, product_facts
from paars_gym.personas.persona import ShoppingPreferences
from paars_gym.tasks.items.knowledge import Household

Floats = npt.NDArray[np.float64]
Known = Literal["base", "profile", "preferences", "history"]
LEVELS = ("department", "category", "leaf category")
MONTH = 30.0
"""Days in which what was bought counts half as recent."""


class Feature(NamedTuple):
    """One number an option.

    Attributes:
        name: As coefficients are printed.
        known: The part of the persona that it needs; ``base`` for none.
        values: Shape (cases, 4).
    """

    name: str
    known: Known
    values: Floats


class ItemCodes:
    """Numbers of what a catalog's products are, by row; two products are of one kind where they are equal.

    Attributes:
        levels: Of the first two levels and of the whole of each category path, shape (products,); without those that
            the catalog does not tell apart. -1 where a product has none.
        brand: Of the brand, shape (products,); -1 where it is unknown.
        phrases: Of the parts of the title, size aside, shape (products, most parts); -1 where there are fewer.
    """

    def __init__(self, catalog: Catalog) -> None:
        paths = catalog.column("category").to_pylist()
        depths = (1, 2, max(map(len, paths), default=1))
        self.levels: dict[str, Ints] = {}
        for name, depth in zip(LEVELS, depths, strict=True):
            codes = _codes([" > ".join(path[:depth]) for path in paths])
            if codes.max(initial=-1) > 0:
                self.levels[name] = codes
        self.brand = _codes(catalog.column("brand").to_pylist())
        phrases = [title_parts(title) for title in catalog.column("title").to_pylist()]
        flat = _codes([phrase for row in phrases for phrase in row])
        self.phrases = np.full((len(phrases), max(map(len, phrases), default=1)), -1, dtype=np.int64)
        lengths = np.array([len(row) for row in phrases], dtype=np.int64)
        self.phrases[np.arange(self.phrases.shape[1]) < lengths[:, None]] = flat


def title_parts(title: str) -> list[str]:
    """Its parts, the package size aside.

    >>> title_parts("Salted butter, private label, 16 oz")
    ['Salted butter', 'private label']
    """
    return [part for part in title.split(", ") if not part[:1].isdigit()] or [title]


def _codes(labels: Sequence[str]) -> Ints:
    """A number for each distinct label; -1 for the empty one."""
    distinct = {label: number for number, label in enumerate(sorted(set(labels) - {""}))}
    return np.array([distinct.get(label, -1) for label in labels], dtype=np.int64)


class Counts(NamedTuple):
    """Purchase lines of the history that are like each option, each shape (cases, 4).

    Attributes:
        levels: Of the same category, by level.
        recent: The same, a line counting half as much for each `MONTH` that it is ago.
        brand: Of the same brand, where that is known.
        phrases: That share a part of the title; the mean over the option's parts.
    """

    levels: dict[str, Floats]
    recent: dict[str, Floats]
    brand: Floats
    phrases: Floats


def count_like(cases: ItemCases, households: Sequence[Household], codes: ItemCodes) -> Counts:
    """What of each case's history is like its options."""
    shape = (len(cases), OPTIONS)
    counts = Counts(
        {name: np.zeros(shape) for name in codes.levels},
        {name: np.zeros(shape) for name in codes.levels},
        np.zeros(shape),
        np.zeros(shape),
    )
    n_phrases = int(codes.phrases.max(initial=-1)) + 1
    said = codes.phrases[cases.options]
    parts = np.maximum((said >= 0).sum(axis=2), 1)
    for index, (household, options) in enumerate(zip(households, cases.options, strict=True)):
        row = household.lines.row
        weight = 0.5 ** (household.days_ago / MONTH)
        for name, level in codes.levels.items():
            same = (level[row] == level[options][:, None]) & (level[options] >= 0)[:, None]
            counts.levels[name][index] = same.sum(axis=1)
            counts.recent[name][index] = same @ weight
        same = (codes.brand[row] == codes.brand[options][:, None]) & (codes.brand[options] >= 0)[:, None]
        counts.brand[index] = same.sum(axis=1)
        bought = np.bincount(codes.phrases[row].ravel() + 1, minlength=n_phrases + 1)
        bought[0] = 0  # the place of parts that a title lacks
        counts.phrases[index] = bought[said[index] + 1].sum(axis=1) / parts[index]
    return counts


def features_of(
    cases: ItemCases,
    households: Sequence[Household],
    counts: Counts,
    likeness: Mapping[str, npt.NDArray[np.floating]],
) -> list[Feature]:
    """All features that the catalog allows; what never differs within a case, or repeats another, is left out.

    Args:
        cases: The cases.
        households: Of each case.
        counts: See `count_like`.
        likeness: Of the options to the parts of the persona, by part.
    """
    options, facts = cases.options, product_facts(cases.log.catalog)
    private, level = facts.private[options].astype(np.float64), _filled(facts.level[options])
    with np.errstate(divide="ignore"):
        price = np.log(facts.usual)
    price = np.where(np.isfinite(price), price, np.nan)
    found = [
        Feature("popularity, log", "base", np.log1p(cases.others_purchases)),
        Feature("private label", "base", private),
        Feature("price, log", "base", _filled(price[options])),
        Feature("price level in its kind", "base", level),
        Feature("similarity to the profile", "profile", likeness["profile"].astype(np.float64)),
        Feature(
            "category in the profile", "profile", _named(cases, households, facts.names, facts.category, "categories")
        ),
        Feature("brand in the profile", "profile", _named(cases, households, facts.brands, facts.brand, "brands")),
        Feature("similarity to the preferences", "preferences", likeness["preferences"].astype(np.float64)),
    ]
    for scale, name, item in (
        ("price_sensitivity", "price level", level),
        ("quality_focus", "price level", level),
        ("brand_reputation", "private label", private),
        ("novelty_seeking", "popularity, log", np.log1p(cases.others_purchases)),
    ):
        felt = np.array([_scale(household.preferences, scale) for household in households])
        found.append(Feature(f"{scale.replace('_', ' ')} × {name}", "preferences", felt[:, None] * item))
    found += [Feature(f"{name} before, log", "history", np.log1p(values)) for name, values in counts.levels.items()]
    found += [
        Feature(f"{name} before, any", "history", np.minimum(values, 1.0)) for name, values in counts.levels.items()
    ]
    found += [Feature(f"{name} lately, log", "history", np.log1p(values)) for name, values in counts.recent.items()]
    shares, levels = (
        np.array([getattr(household.statistics, name) for household in households])
        for name in ("private_share", "price_level")
    )
    logs = price[np.concatenate([household.lines.row for household in households])]
    ends = np.cumsum([len(household.lines.row) for household in households])
    usual = np.array([np.nanmean(part) if np.isfinite(part).any() else np.nan for part in np.split(logs, ends[:-1])])
    found += [
        Feature("brand before, log", "history", np.log1p(counts.brand)),
        Feature("parts of the title before, log", "history", np.log1p(counts.phrases)),
        Feature("similarity to the history", "history", likeness["history"].astype(np.float64)),
        Feature("private label × its share before", "history", _centred(shares)[:, None] * private),
        Feature("price level × that before", "history", _centred(levels)[:, None] * level),
        Feature(
            "distance of the price level to that before",
            "history",
            _filled(np.abs(facts.level[options] - levels[:, None])),
        ),
        Feature("distance of the price to that before", "history", _filled(np.abs(price[options] - usual[:, None]))),
    ]
    return list(_informative(found))


def _scale(preferences: ShoppingPreferences, name: str) -> float:
    """A scale as a number around 0, which is the unknown too."""
    value = getattr(preferences, name).value
    return 0.0 if value is None else float(value) - 3.0


def _named(
    cases: ItemCases, households: Sequence[Household], names: Sequence[str], code: Ints, interests: str
) -> Floats:
    """Whether the profile names what each option is, shape (cases, 4)."""
    numbers = {name: number for number, name in enumerate(names) if name}
    said = np.zeros(cases.options.shape)
    for index, household in enumerate(households):
        values = getattr(household.profile, interests).values
        said[index] = np.isin(code[cases.options[index]], [numbers[value] for value in values if value in numbers])
    return said


def _centred(values: Floats) -> Floats:
    """Less their mean; 0 where unknown."""
    return np.nan_to_num(values - np.nanmean(values)) if np.isfinite(values).any() else np.zeros(len(values))


def _filled(values: Floats) -> Floats:
    """What is missing is the mean of the case's other options; 0 where all are."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
    return np.where(known, values, total / np.maximum(known.sum(axis=1, keepdims=True), 1))


def _informative(features: Sequence[Feature]) -> list[Feature]:
    """Without those that never differ within a case, or say the same as one before."""
    kept: dict[bytes, Feature] = {}
    for feature in features:
        inside = feature.values - feature.values.mean(axis=1, keepdims=True)
        if (spread := inside.std()) > 1e-9:
            kept.setdefault(np.round(inside / spread, 9).tobytes(), feature)
    return list(kept.values())
