"""Choices of item selection without asking anybody: by chance, by demand, by vectors of meaning (PAARS Table 3).

A text's vector is the mean of the vectors of its phrases: some three thousand phrases are embedded, once, whatever the
number of cases, and nothing is cut off at the model's 256 tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from paars_gym.alignment.item_selection import OPTIONS, ItemCases
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition
from paars_gym.embedding.protocol import Embedder, normalised
from paars_gym.personas.persona import SCALES, ConsumerProfile, ShoppingPreferences
from paars_gym.sessions.event import session_rng
from paars_gym.tasks.answers import Choices
from paars_gym.tasks.items.features import title_parts
from paars_gym.tasks.items.knowledge import Household

Floats = npt.NDArray[np.floating]

PLAIN_STEP = 0.75
"""A scale is mentioned from this distance of the middle on."""


def choose_uniformly(cases: ItemCases) -> Choices:
    """Any of the four."""
    return session_rng(cases.seed, "uniform choices").integers(OPTIONS, size=len(cases))


def choose_popular(cases: ItemCases) -> Choices:
    """The one that the other households bought most often; of several, any, lest the first place be preferred."""
    ties = session_rng(cases.seed, "ties of popularity").random(cases.options.shape)
    return np.asarray((cases.others_purchases + ties).argmax(axis=1))


class EmbeddingChoice:
    """How near the vector of an item is to the persona's, under one of the paper's conditions.

    An item is the mean of the parts of its title, package size aside, and of its category. The profile is the mean of
    its categories, brands and times; the preferences that of the scales away from the middle and of the products bought
    again and again; the history that of the items bought, one for each purchase. The similarity of an item to the
    average household is subtracted: without that the item most like groceries in general wins. The persona adds the
    three similarities, each scaled to a standard deviation of 1.
    """

    def __init__(self, catalog: Catalog, embedder: Embedder) -> None:
        self.embedder = embedder
        titles, paths = (catalog.column(name).to_pylist() for name in ("title", "category"))
        self.items = self._mean_phrases([item_phrases(*item) for item in zip(titles, paths, strict=True)])

    def likeness(self, cases: ItemCases, households: Sequence[Household]) -> dict[str, Floats]:
        """Of each option to a component of its case's persona, less that to the average one, shape (cases, 4)."""
        history = np.zeros((len(cases), self.embedder.dim), dtype=np.float32)
        for index, household in enumerate(households):
            history[index] = self.items[household.lines.row].mean(axis=0)
        components = {
            "profile": self._mean_phrases([profile_phrases(household.profile) for household in households]),
            "preferences": self._mean_phrases([preference_phrases(household.preferences) for household in households]),
            "history": normalised(history),
        }
        options = self.items[cases.options]
        return {
            name: np.einsum("cd,cod->co", vectors - vectors.mean(axis=0), options)
            for name, vectors in components.items()
        }

    def _mean_phrases(self, phrases: list[list[str]]) -> Floats:
        """Mean of the vectors of each list's phrases, scaled to length 1."""
        distinct = sorted({phrase for row in phrases for phrase in row})
        place = {phrase: index for index, phrase in enumerate(distinct)}
        vectors = self.embedder.embed(distinct)
        result = np.zeros((len(phrases), self.embedder.dim), dtype=np.float32)
        for index, row in enumerate(phrases):
            if row:
                result[index] = vectors[[place[phrase] for phrase in row]].mean(axis=0)
        return normalised(result)


def choose_alike(likeness: Mapping[str, Floats], condition: Condition) -> Choices:
    """Columns chosen under a condition from `EmbeddingChoice.likeness`, shape (cases,)."""
    wholes = ("profile", "preferences", "history") if condition == "persona" else (condition,)
    scores = np.sum([likeness[name] / (likeness[name].std() or 1.0) for name in wholes], axis=0)
    return np.asarray(scores.argmax(axis=1))


def item_phrases(title: str, category: Sequence[str]) -> list[str]:
    """What an item is: "Salted butter, private label, 16 oz" of Dairy, Butter is three phrases."""
    return [*title_parts(title), ", ".join(category[:2])]


def profile_phrases(profile: ConsumerProfile) -> list[str]:
    """What a profile says, a phrase each; traits that are unknown say nothing."""
    return [*profile.categories.values, *profile.brands.values, *profile.times.values]


def preference_phrases(preferences: ShoppingPreferences) -> list[str]:
    """What preferences say: the anchor of each scale well off the middle, decision style, products in the notes."""
    phrases = []
    for name, (low, high) in SCALES.items():
        value = getattr(preferences, name).value
        if value is not None and abs(value - 3) >= PLAIN_STEP:
            phrases.append(high if value > 3 else low)
    if preferences.decision_style.value != "unknown":
        phrases.append(preferences.decision_style.value)
    _, _, often = preferences.notes.partition("again and again: ")
    return phrases + [title for title in often.removesuffix(".").split("; ") if title]
