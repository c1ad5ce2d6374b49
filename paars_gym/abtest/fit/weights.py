"""Weights that make a set of personas look like the customers, in what is known of those."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import Floats
from paars_gym.personas.persona import Persona

Marginals = Mapping[str, Mapping[str, float]]
"""Target shares of each value, by trait."""


def rake(
    traits: Mapping[str, Sequence[str]],
    marginals: Marginals,
    *,
    tolerance: float = 1e-8,
    rounds: int = 1_000,
) -> Floats:
    """Weights under which a population has given marginals (iterative proportional fitting, Deming & Stephan 1940).

    Args:
        traits: Values of each trait, one entry a persona.
        marginals: Target shares of each trait's values; scaled to sum to 1.
        tolerance: Largest difference of a share at which to stop.
        rounds: Most rounds.

    Returns:
        One weight a persona, mean 1.

    Raises:
        ValueError: An unknown trait, a target that no persona meets, values without a target, or targets that
            contradict each other.
    """
    sizes = {len(values) for values in traits.values()}
    if len(sizes) != 1 or not marginals:
        raise ValueError("Raking needs marginals, and traits of one length.")
    weights = np.ones(sizes.pop())
    members: list[tuple[npt.NDArray[np.bool_], float]] = []
    for trait, shares in marginals.items():
        if trait not in traits:
            raise ValueError(f"Unknown trait {trait!r}. Available: {', '.join(traits)}.")
        values, total = np.array(traits[trait]), sum(shares.values())
        if total <= 0 or min(shares.values()) < 0:
            raise ValueError(f"Shares of {trait} == {dict(shares)}, must be >= 0 and not all 0.")
        absent = [value for value, share in shares.items() if share > 0 and value not in values]
        if absent:
            raise ValueError(f"No persona has {trait} == {absent[0]!r}, so that no weight can give it its share.")
        unsaid = sorted(set(values.tolist()) - shares.keys())
        if unsaid:
            raise ValueError(
                f"{trait} == {unsaid[0]!r} occurs and has no target share; give it one, 0 to leave it out."
            )
        members += [(values == value, share / total) for value, share in shares.items()]
    worst = np.inf
    for _ in range(rounds):
        for member, share in members:
            present = weights[member].sum()
            weights[member] *= share * len(weights) / present if present else 0.0
        worst = max(abs(weights[member].sum() / weights.sum() - share) for member, share in members)
        if worst < tolerance:
            return np.asarray(weights * len(weights) / weights.sum())
    raise ValueError(f"The marginals contradict each other: after {rounds} rounds a share is still off by {worst:.2g}.")


def persona_traits(personas: Sequence[Persona]) -> dict[str, list[str]]:
    """The closed traits of the profiles, for `rake`: age_range, gender, income_band and so on."""
    names = ("age_range", "gender", "marital_status", "household_size", "children", "income_band", "home")
    return {name: [getattr(persona.profile, name).value for persona in personas] for name in names}


def resample(
    personas: Sequence[Persona], weights: npt.ArrayLike, number: int, rng: np.random.Generator
) -> list[Persona]:
    """A population in which personas come as often as their weights say, by systematic sampling.

    Args:
        personas: Of whom.
        weights: One each, >= 0.
        number: How many; a persona may come several times, and counts as one cluster.
        rng: Of the one draw that this takes.

    Raises:
        ValueError: Weights that are negative or all 0, or of another number.
    """
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(personas),) or not (shares >= 0).all() or not shares.sum() > 0:
        raise ValueError(f"resample needs one weight >= 0 for each of the {len(personas)} personas, not all 0.")
    marks = (rng.random() + np.arange(number)) / number
    chosen = np.searchsorted(np.cumsum(shares) / shares.sum(), marks, side="right")
    return [personas[index] for index in np.minimum(chosen, len(personas) - 1).tolist()]


def read_marginals(path: str | Path) -> dict[str, dict[str, float]]:
    """Target shares from a file: JSON, ``{"age_range": {"25-34": 0.3, …}, …}``, or CSV with ``trait,value,share``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is neither, or a share is no number.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No file of marginals {str(path)!r}.")
    marginals: dict[str, dict[str, float]] = {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        if text.lstrip().startswith("{"):
            rows = [
                (trait, value, share) for trait, shares in json.loads(text).items() for value, share in shares.items()
            ]
        else:
            rows = [(row["trait"], row["value"], row["share"]) for row in csv.DictReader(text.splitlines())]
        for trait, value, share in rows:
            if not math.isfinite(number := float(share)):
                raise ValueError(f"{trait} {value}: share {share}")
            marginals.setdefault(trait.strip(), {})[value.strip()] = number
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(
            f"{str(path)!r} holds no marginals ({error}); it takes JSON of shares by value by trait, or CSV with the "
            "columns trait, value and share."
        ) from None
    if not marginals:
        raise ValueError(f"{str(path)!r} holds no share.")
    return marginals
