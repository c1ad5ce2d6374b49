"""Persona validity: profiles of personas against what their shoppers told about themselves; the paper does not ask.

Each field of a profile stands beside the commonest value and, where purchases are given, beside what counting them
predicts. Both baselines are cross-fitted: no shopper is predicted from its own answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.individual import wilson_interval
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.personas.counting import ProductFacts, PurchaseLines, statistics_of
from paars_gym.personas.persona import TRAITS, Persona, TraitValues
from paars_gym.personas.redaction import pseudonym
from paars_gym.sessions.event import session_rng
from paars_gym.sessions.purchases import ProductLog

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
UNKNOWN = -1
FOLDS = 10
TOP_CATEGORIES = 40
RIDGE = 30.0
"""Penalty on standardised features."""


TOLD = ("age_range", "income_band", "household_size", "children", "marital_status", "home")
FIELDS: Mapping[str, TraitValues] = {name: TRAITS[name] for name in TOLD}
"""Traits that people tell of themselves."""


class FieldValidity(BaseModel):
    """How true one way of filling in a field is.

    Attributes:
        field: Of the profile.
        way: ``profile``, ``commonest`` or ``counted``.
        accuracy: Share of shoppers of whom it is right (``unknown`` is wrong), with Wilson's interval; its details are
            ``answered``, the share that is not ``unknown``, and ``steps_off``, the mean distance from the truth in
            steps over the answered; None where there is no order or answer.
    """

    model_config = ConfigDict(frozen=True)

    field: str
    way: str
    accuracy: Estimate


class PersonaValidity(Tabular, BaseModel):
    """How true profiles are, a row for each field and way of filling it in."""

    model_config = ConfigDict(frozen=True)
    SHOWN: ClassVar[tuple[str, ...]] = ("field", "way", "estimate", "answered", "steps_off", "n_shoppers")

    rows: tuple[FieldValidity, ...]

    def find(self, field: str, way: str) -> Estimate:
        """One accuracy.

        Raises:
            KeyError: It is not there.
        """
        for row in self.rows:
            if (row.field, row.way) == (field, way):
                return row.accuracy
        raise KeyError(f"No {way} of {field!r}.")

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row for each field and way."""
        return [{"field": row.field, "way": row.way, **row.accuracy.to_dict()} for row in self.rows]

    def summary(self) -> str:
        """What is compared."""
        return "Profiles against what shoppers told about themselves: share right"


def validate_personas(
    personas: Iterable[Persona],
    answers: Mapping[str, Mapping[str, str]],
    features: Mapping[str, Floats] | None = None,
    *,
    seed: int = 0,
) -> PersonaValidity:
    """Compares each field of the profiles with what the shoppers told.

    Args:
        personas: Those of nobody who answered are passed over. None at all: the baselines, over all who answered.
        answers: By shopper, then by field of the profile, in the profile's own values; what was not told is absent.
        features: What the purchases of each shopper show, see `purchase_features`; None leaves out ``counted``.
        seed: Of the folds.

    Raises:
        ValueError: Fewer than two of the personas are of shoppers who told anything, or an answer is no value of its
            field.
    """
    by_shopper = {persona.shopper: persona for persona in personas}
    known = {name: by_shopper.get(name) or by_shopper.get(pseudonym(name)) for name in sorted(answers)}
    rows: list[FieldValidity] = []
    for name, field in FIELDS.items():
        shoppers = [
            shopper
            for shopper, persona in known.items()
            if name in answers[shopper]
            and (persona is not None or not by_shopper)
            and (not features or shopper in features)
        ]
        if len(shoppers) < 2:
            continue
        number = {value: index for index, value in enumerate(field.values)}
        if strange := {answers[shopper][name] for shopper in shoppers} - number.keys():
            raise ValueError(f"{name} {min(strange)!r}, must be one of {', '.join(field.values)}.")
        truth = np.array([number[answers[shopper][name]] for shopper in shoppers])
        folds = session_rng(seed, f"persona validity, {name}").permutation(np.arange(len(shoppers)) % FOLDS)
        ways: dict[str, Estimate] = {}
        if by_shopper:
            values = np.array([number.get(_value_of(known[shopper], name), UNKNOWN) for shopper in shoppers])
            ways["profile"] = share_right(values, truth, ordered=field.ordered)
        ways["commonest"] = commonest(truth, folds, field)
        if features:
            ways["counted"] = counted(np.stack([features[shopper] for shopper in shoppers]), truth, folds, field)
        rows += [FieldValidity(field=name, way=way, accuracy=accuracy) for way, accuracy in ways.items()]
    if not rows:
        raise ValueError(
            f"Fewer than two of {len(by_shopper):,} personas are of shoppers who told anything. Mined personas carry "
            "keyed hashes of their shoppers: the key must be that of the mining (PAARS_HASH_KEY)."
        )
    return PersonaValidity(rows=tuple(rows))


def share_right(values: Ints, truth: Ints, *, ordered: bool, ranks: Ints | None = None) -> Estimate:
    """Compares numbers of values with the true ones, `UNKNOWN` for no answer.

    Args:
        values: Shape (shoppers,).
        truth: Shape (shoppers,), all known.
        ordered: Whether distances mean something.
        ranks: Compared instead of the values where distances are, shape (shoppers,).

    Raises:
        ValueError: There are no shoppers.
    """
    if not len(truth):
        raise ValueError("There are no shoppers whose answers are known.")
    right, answered = int((values == truth).sum()), values != UNKNOWN
    steps = np.abs((values if ranks is None else ranks) - truth)[answered]
    return Estimate(
        right / len(truth),
        wilson_interval(right, len(truth)),
        unit="share",
        sizes={"shoppers": len(truth)},
        details={
            "answered": float(answered.mean()),
            "steps_off": float(steps.mean()) if ordered and len(steps) else None,
        },
    )


def commonest(truth: Ints, folds: Ints, field: TraitValues) -> Estimate:
    """The commonest value of the other shoppers; for the distance their median."""
    mode, median = np.zeros_like(truth), np.zeros_like(truth)
    for fold in np.unique(folds):
        others = truth[folds != fold]
        mode[folds == fold] = np.bincount(others, minlength=len(field.values)).argmax()
        median[folds == fold] = np.sort(others)[len(others) // 2]
    return share_right(mode, truth, ordered=field.ordered, ranks=median)


def counted(features: Floats, truth: Ints, folds: Ints, field: TraitValues) -> Estimate:
    """Ridge regression on what purchases show: on indicators of the values, and for the distance on their rank.

    Args:
        features: Shape (shoppers, features).
        truth: Shape (shoppers,).
        folds: Number of each shopper's fold; each is predicted from the others.
        field: Its values, and whether distances mean something.
    """
    spread, count = features.std(axis=0), len(field.values)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    target = np.column_stack([np.eye(count)[truth], truth])
    fitted = np.zeros_like(target)
    for fold in np.unique(folds):
        inside, mean = folds != fold, target[folds != fold].mean(axis=0)
        x = scaled[inside]
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (target[inside] - mean))
        fitted[~inside] = scaled[~inside] @ weights + mean
    ranks = np.clip(np.rint(fitted[:, count]), 0, count - 1).astype(np.int64)
    return share_right(fitted[:, :count].argmax(axis=1), truth, ordered=field.ordered, ranks=ranks)


def purchase_features(log: ProductLog, shoppers: Iterable[str]) -> dict[str, Floats]:
    """What the purchases of shoppers show by counting: sizes, prices, and the shares of the largest categories."""
    products = ProductFacts(log.catalog)
    largest = np.argsort(-np.bincount(products.category[log.row], minlength=len(products.names)))[:TOP_CATEGORIES]
    place = {shopper: index for index, shopper in enumerate(log.shoppers)}
    features = {}
    for shopper in shoppers:
        if shopper not in place:
            continue
        mine = slice(int(log.bounds[place[shopper]]), int(log.bounds[place[shopper] + 1]))
        row = log.row[mine]
        counts = statistics_of(PurchaseLines(row, log.session[mine], log.local_hours[mine], log.paid[mine]), products)
        shares = np.bincount(products.category[row], minlength=len(products.names))[largest] / len(row)
        numbers = [*counts[:6], np.log(counts.lines), np.log(counts.baskets), counts.lines / counts.baskets]
        features[shopper] = np.nan_to_num(np.array([*numbers, *np.sqrt(shares)], dtype=np.float64))
    return features


def _value_of(persona: Persona | None, name: str) -> str:
    return "unknown" if persona is None else str(getattr(persona.profile, name).value)
