"""``python -m benchmarks.persona_validity [PERSONAS.jsonl]``: mined profiles against what households told themselves.

The paper does not ask. 801 households of Complete Journey told their age, income, home, marital status, size and
children. Each field of a mined profile is compared with that, beside the commonest value and beside what counting
purchases predicts. Both are cross-fitted: no household is predicted from its own answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from paars_gym.alignment.individual import wilson_interval
from paars_gym.catalog.journey import journey_file
from paars_gym.cli.running import run_command
from paars_gym.personas.persona import (
    AgeRange,
    Children,
    Home,
    HouseholdSize,
    IncomeBand,
    MaritalStatus,
    Persona,
)
from paars_gym.personas.redaction import pseudonym
from paars_gym.personas.store import read_personas
from paars_gym.sessions.event import session_rng

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
UNKNOWN = -1
FOLDS = 10
TOP_CATEGORIES = 40


class TrueField(NamedTuple):
    """A field of the profile for which the truth is known.

    Attributes:
        column: Of the households' answers.
        values: Of the profile, in their order; ``unknown`` is none.
        told: How the answers' bands become values; an answer that is absent here is no truth.
        ordered: Whether the values have an order.
    """

    column: str
    values: tuple[str, ...]
    told: dict[str, str]
    ordered: bool


def _values(kind: object) -> tuple[str, ...]:
    return tuple(value for value in get_args(kind) if value != "unknown")


def _same(kind: object) -> dict[str, str]:
    return {value: value for value in _values(kind)}


INCOMES = {
    "Under 15K": "under 25K", "15-24K": "under 25K", "25-34K": "25-49K", "35-49K": "25-49K", "50-74K": "50-74K",
    "75-99K": "75-99K", "100-124K": "100-149K", "125-149K": "100-149K", "150-174K": "150K+", "175-199K": "150K+",
    "200-249K": "150K+", "250K+": "150K+",
}  # fmt: skip
HOMES = {"Homeowner": "owner", "Probable Homeowner": "owner", "Renter": "renter", "Probable Renter": "renter"}
FIELDS = {
    "age_range": TrueField("age", _values(AgeRange), _same(AgeRange) | {"19-24": "under 25"}, ordered=True),
    "income_band": TrueField("income", _values(IncomeBand), INCOMES, ordered=True),
    "household_size": TrueField("household_size", _values(HouseholdSize), _same(HouseholdSize), ordered=True),
    "children": TrueField("kids_count", _values(Children), _same(Children), ordered=True),
    "marital_status": TrueField(
        "marital_status", _values(MaritalStatus), {"Married": "married", "Unmarried": "unmarried"}, ordered=False
    ),
    "home": TrueField("home_ownership", _values(Home), HOMES, ordered=False),
}
"""Gender was not asked. Home is unknown of 233 households, marital status of 137."""


NOTES = (
    "commonest: the value that most of the other households gave. counted: ridge regression on sizes, prices and "
    "categories of the purchases. Neither predicts a household from its own answer (10 folds).",
    "A mined profile says something about a household where it beats both.",
)


class Validity(NamedTuple):
    """How true one way of filling in a field is.

    Attributes:
        households: With a known truth and a persona.
        answered: Share that is not ``unknown``.
        accuracy: Share that is right; ``unknown`` is wrong.
        interval: Wilson 95% interval of that.
        ordinal_error: Mean distance from the truth in steps, over the answered; NaN where there is no order or answer.
    """

    households: int
    answered: float
    accuracy: float
    interval: tuple[float, float]
    ordinal_error: float


def household_answers() -> dict[str, dict[str, str]]:
    """What each household told: by household id, then by field of the profile; a field not told is absent.

    Raises:
        ImportError: The package with the data is missing.
    """
    rows = pl.read_parquet(journey_file("demographics")).with_columns(pl.col("household_id").cast(pl.String))
    return {
        str(row["household_id"]): {
            name: field.told[row[field.column]] for name, field in FIELDS.items() if row[field.column] in field.told
        }
        for row in rows.iter_rows(named=True)
    }


def score(predicted: Ints, truth: Ints, *, ordered: bool) -> Validity:
    """Compares numbers of values with the true ones, `UNKNOWN` for no answer.

    Args:
        predicted: Shape (households,).
        truth: Shape (households,), all known.
        ordered: Whether distances mean something.

    Raises:
        ValueError: There are no households.
    """
    if not len(truth):
        raise ValueError("There are no households whose answers are known.")
    right = int((predicted == truth).sum())
    given = predicted != UNKNOWN
    error = float(np.abs(predicted - truth)[given].mean()) if ordered and given.any() else float("nan")
    bounds = wilson_interval(right, len(truth))
    return Validity(len(truth), float(given.mean()), right / len(truth), (bounds.low, bounds.high), error)


def commonest(truth: Ints, folds: Ints, count: int, *, ordered: bool) -> Validity:
    """The commonest value of the other households; for the ordinal error their median."""
    mode, median = np.zeros_like(truth), np.zeros_like(truth)
    for fold in np.unique(folds):
        others = truth[folds != fold]
        mode[folds == fold] = np.bincount(others, minlength=count).argmax()
        median[folds == fold] = np.sort(others)[len(others) // 2]
    return _two(mode, median, truth, ordered=ordered)


def counted(features: Floats, truth: Ints, folds: Ints, count: int, *, ordered: bool, ridge: float = 30.0) -> Validity:
    """Least squares on what purchases show: on indicators of the values, and for the ordinal error on their rank.

    Args:
        features: Shape (households, features).
        truth: Shape (households,).
        folds: Number of each household's fold; each is predicted from the others.
        count: Number of values.
        ordered: Whether distances mean something.
        ridge: Penalty on standardised features.
    """
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    target = np.column_stack([np.eye(count)[truth], truth])
    fitted = np.zeros_like(target)
    for fold in np.unique(folds):
        inside, mean = folds != fold, target[folds != fold].mean(axis=0)
        x = scaled[inside]
        weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ (target[inside] - mean))
        fitted[~inside] = scaled[~inside] @ weights + mean
    ranks = np.clip(np.rint(fitted[:, count]), 0, count - 1).astype(np.int64)
    return _two(fitted[:, :count].argmax(axis=1), ranks, truth, ordered=ordered)


def validity(
    personas: Iterable[Persona],
    answers: Mapping[str, Mapping[str, str]],
    features: Mapping[str, Floats] | None = None,
    *,
    seed: int = 0,
) -> dict[str, dict[str, Validity]]:
    """Each field's validity by way of filling it in: ``mined``, ``commonest`` and, with features, ``counted``.

    Args:
        personas: Mined; those of nobody who answered are passed over. None at all: the baselines, over all households.
        answers: As `household_answers` gives them.
        features: What the purchases of each household show, for the baseline.
        seed: Of the folds.
    """
    by_shopper = {persona.shopper: persona for persona in personas}
    known = {house: by_shopper.get(house) or by_shopper.get(pseudonym(house)) for house in sorted(answers)}
    found: dict[str, dict[str, Validity]] = {}
    for name, field in FIELDS.items():
        houses = [
            house
            for house, persona in known.items()
            if name in answers[house]
            and (persona is not None or not by_shopper)
            and (not features or house in features)
        ]
        if len(houses) < 2:
            continue
        number = {value: index for index, value in enumerate(field.values)}
        truth = np.array([number[answers[house][name]] for house in houses])
        folds = session_rng(seed, f"persona validity, {name}").permutation(np.arange(len(houses)) % FOLDS)
        ways: dict[str, Validity] = {}
        if by_shopper:
            said = [_said(known[house], name) for house in houses]
            ways["mined"] = score(
                np.array([number.get(value, UNKNOWN) for value in said]), truth, ordered=field.ordered
            )
        ways["commonest"] = commonest(truth, folds, len(number), ordered=field.ordered)
        if features:
            table = np.stack([features[house] for house in houses])
            ways["counted"] = counted(table, truth, folds, len(number), ordered=field.ordered)
        found[name] = ways
    return found


def purchase_features(houses: Sequence[str]) -> dict[str, Floats]:
    """What the purchases of households show by counting: sizes, prices, and the shares of the largest categories."""
    from paars_gym.catalog.load import load_catalog
    from paars_gym.personas.counting import ProductFacts, PurchaseLines, statistics_of
    from paars_gym.sessions.importing import household_baskets
    from paars_gym.sessions.purchases import read_products

    catalog = load_catalog("journey")
    log, shelves = read_products(household_baskets(), catalog), ProductFacts(catalog)
    largest = np.argsort(-np.bincount(shelves.category[log.row], minlength=len(shelves.names)))[:TOP_CATEGORIES]
    place = {shopper: index for index, shopper in enumerate(log.shoppers)}
    features = {}
    for house in houses:
        if house not in place:
            continue
        mine = slice(int(log.bounds[place[house]]), int(log.bounds[place[house] + 1]))
        row = log.row[mine]
        found = statistics_of(PurchaseLines(row, log.session[mine], log.local_hours[mine], log.paid[mine]), shelves)
        shares = np.bincount(shelves.category[row], minlength=len(shelves.names))[largest] / len(row)
        numbers = [*found[:6], np.log(found.lines), np.log(found.baskets), found.lines / found.baskets]
        features[house] = np.nan_to_num(np.array([*numbers, *np.sqrt(shares)], dtype=np.float64))
    return features


def table(found: Mapping[str, Mapping[str, Validity]]) -> Table:
    """The results, a row for each field and way."""
    rows = Table()
    for name in ("field", "filled in by", "house-\nholds", "answered", "right, %\n(Wilson 95%)", "steps\noff"):
        rows.add_column(name, justify="left" if name in ("field", "filled in by") else "right", no_wrap=True)
    for name, ways in found.items():
        for way, row in ways.items():
            low, high = (100 * bound for bound in row.interval)
            steps = "" if np.isnan(row.ordinal_error) else f"{row.ordinal_error:.2f}"
            right = f"{100 * row.accuracy:.1f} ({low:.0f}–{high:.0f})"
            rows.add_row(name, way, f"{row.households:,}", f"{row.answered:.0%}", right, steps)
        rows.add_section()
    return rows


def main(
    personas: Annotated[
        Path | None, typer.Argument(help="File of mined personas; without one, baselines only.")
    ] = None,
    write_shoppers: Annotated[
        Path | None,
        typer.Option(help="Only write the households' ids here, a line each, for paars personas mine --shoppers."),
    ] = None,
) -> None:
    """Compares mined profiles with what 801 real households told about themselves."""
    answers = household_answers()
    console = Console()
    if write_shoppers is not None:
        houses = sorted(answers, key=int)
        write_shoppers.write_text("".join(f"{house}\n" for house in houses), encoding="utf-8")
        console.print(f"{len(houses):,} ids in {write_shoppers}.")
        return
    mined = [] if personas is None else list(read_personas(personas))
    found = validity(mined, answers, purchase_features(sorted(answers)))
    if not found:
        raise ValueError(
            f"{personas}: fewer than two of its {len(mined):,} personas are of households that told anything. They "
            "carry keyed hashes: the key must be that of the mining (PAARS_HASH_KEY)."
        )
    console.print(
        f"{len(mined):,} personas; {len(answers):,} households told about themselves (Complete Journey, 2017)."
    )
    console.print(table(found))
    for line in NOTES:
        console.print(line)


def _said(persona: Persona | None, name: str) -> str:
    return "unknown" if persona is None else str(getattr(persona.profile, name).value)


def _two(values: Ints, ranks: Ints, truth: Ints, *, ordered: bool) -> Validity:
    return score(values, truth, ordered=ordered)._replace(
        ordinal_error=score(ranks, truth, ordered=ordered).ordinal_error
    )


if __name__ == "__main__":
    run_command(main)
