"""A population drawn to given shares of a trait: by weights where there are people, composed where there are few.

PAARS promises something to groups that logs hold too few people of. Where a group has enough people they are drawn more
often; where it has few or none, its personas are composed: profile, preferences and history of people who are near.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.personas.composing import Likeness, composed, nearness, value_of
from paars_gym.personas.persona import TRAITS, Persona, Trait

Floats = npt.NDArray[np.float64]
LEAST_PEOPLE = 30
"""A group with fewer is composed: drawn again and again they would be a crowd of a few."""
STEPS = 200


class Quota(NamedTuple):
    """Shares of a population that are to have these values; everybody else keeps the proportions that they have."""

    trait: str
    shares: Mapping[str, float]


class GroupDrawn(NamedTuple):
    """What became of one value of a quota.

    Attributes:
        trait: Its name.
        value: Of the trait.
        wanted: Share asked for.
        given: Personas in the file that have it.
        drawn: Personas of the sample that have it.
        composed: Of these, composed ones.
        people: Different people whose histories these have.
    """

    trait: str
    value: str
    wanted: float
    given: int
    drawn: int
    composed: int
    people: int


class PersonaSample(NamedTuple):
    """A population.

    Attributes:
        personas: As many as asked for, each under a name of its own.
        donors: Whose history each has, by name.
        effective: How many equally weighted people the weights are worth (Kish 1965).
        groups: What became of each value of the quotas.
    """

    personas: tuple[Persona, ...]
    donors: tuple[str, ...]
    effective: float
    groups: tuple[GroupDrawn, ...]


def parse_quota(text: str) -> Quota:
    """A quota as it is written on a command line: ``age_range=65+:0.3,under 25:10%``.

    Raises:
        ValueError: An unknown trait or value, a share out of range, or shares of more than 1.
    """
    trait, equals, rest = text.partition("=")
    trait = trait.strip()
    if not equals or trait not in TRAITS:
        raise ValueError(f"quota {text!r}, must be TRAIT=VALUE:SHARE,…; traits: {', '.join(TRAITS)}.")
    shares: dict[str, float] = {}
    for part in rest.split(","):
        value, colon, number = (piece.strip() for piece in part.rpartition(":"))
        if value not in TRAITS[trait].values or not colon:
            raise ValueError(
                f"quota {text!r}: {part.strip()!r} must be VALUE:SHARE; values: {', '.join(TRAITS[trait].values)}."
            )
        try:
            share = float(number[:-1]) / 100 if number.endswith("%") else float(number)
        except ValueError:
            share = math.nan
        if not 0 <= share <= 1:
            raise ValueError(f"quota {text!r}: the share {number!r} must be from 0 to 1, or from 0% to 100%.")
        if value in shares:
            raise ValueError(f"quota {text!r} names {value!r} twice.")
        shares[value] = share
    if sum(shares.values()) > 1 + 1e-9:
        raise ValueError(f"quota {text!r}: the shares are {sum(shares.values()):g} together, must be at most 1.")
    return Quota(trait, shares)


def sample_personas(
    personas: Sequence[Persona],
    quotas: Sequence[Quota],
    number: int,
    *,
    rng: np.random.Generator,
    least: int = LEAST_PEOPLE,
) -> PersonaSample:
    """Draws a population in which the quotas hold.

    People are weighted by raking (Deming and Stephan 1940), which keeps how other traits go together, and drawn
    systematically, so that shares are met to one persona. Whoever is in a group of fewer than ``least`` people, or of
    none, is composed: profile of a member, or of somebody with the nearest value; preferences and history, with what it
    says of interests, of two of the `NEIGHBOURS` people that are most alike.

    Args:
        personas: Whom to draw from.
        quotas: At least one; of each trait one.
        number: How many to draw.
        rng: Source of randomness.
        least: People that a group needs to be drawn as it is.

    Raises:
        ValueError: Nothing to draw from, or quotas that cannot hold together.
    """
    if not personas:
        raise ValueError("No personas: there is nothing to draw from.")
    if number < 1 or not quotas:
        raise ValueError(
            f"{len(personas)} personas, {len(quotas)} quotas, number == {number}: each must be at least 1."
        )
    if len({quota.trait for quota in quotas}) < len(quotas):
        raise ValueError("Two quotas of one trait: write them as one, with commas between.")
    has = {quota.trait: np.array([value_of(one, quota.trait) for one in personas]) for quota in quotas}
    absent = [
        (quota.trait, value, share)
        for quota in quotas
        for value, share in quota.shares.items()
        if share > 0 and not (has[quota.trait] == value).any()
    ]
    weights = _raked(has, quotas)
    bases = _systematic(weights, number, [has[quota.trait] for quota in quotas], rng)
    targets: list[dict[str, str]] = [{} for _ in range(number)]
    for trait, value, share in absent:
        # Of whom nobody is there: people of the nearest value get it.
        free = [at for at in range(number) if trait not in targets[at]]
        near = np.array([nearness(trait, has[trait][bases[at]], value) for at in free])
        near += rng.random(len(free)) * 1e-6
        for at in np.argsort(-near)[: round(share * number)]:
            targets[free[int(at)]][trait] = value
    small = {
        (quota.trait, value) for quota in quotas for value in quota.shares if (has[quota.trait] == value).sum() < least
    }
    likeness = Likeness(personas)
    made: list[Persona] = []
    donors: list[str] = []
    times: dict[str, int] = {}
    for base, target in zip(bases, targets, strict=True):
        person = personas[base]
        if target or any((trait, has[trait][base]) in small for trait in has):
            nearest = rng.choice(likeness.nearest(person, target, rng), 2)
            preferred, remembered = (personas[int(row)] for row in nearest)
            made.append(composed(person, target, preferred, remembered, f"composed {len(made) + 1:05d}"))
            donors.append(remembered.shopper)
        else:
            times[person.shopper] = times.get(person.shopper, 0) + 1
            again = f"~{times[person.shopper]}" if times[person.shopper] > 1 else ""
            made.append(person.model_copy(update={"shopper": f"{person.shopper}{again}"}))
            donors.append(person.shopper)
    order = rng.permutation(number)
    made, donors = [made[at] for at in order], [donors[at] for at in order]
    return PersonaSample(
        tuple(made),
        tuple(donors),
        float(weights.sum() ** 2 / (weights**2).sum()),
        tuple(
            _drawn(quota.trait, value, share, has, made, donors)
            for quota in quotas
            for value, share in quota.shares.items()
        ),
    )


def with_traits(personas: Sequence[Persona], attributes: Mapping[str, Mapping[str, str]]) -> list[Persona]:
    """The personas with what their shoppers told about themselves in place of what was guessed.

    Args:
        personas: Whose.
        attributes: By shopper; names that are no trait of a profile, and values that are none of a trait, are left.

    Raises:
        ValueError: None of the personas is of a shopper in ``attributes``.
    """
    known = [attributes.get(one.shopper) for one in personas]
    if not any(known):
        raise ValueError("No persona is of a shopper in the attributes: are they named alike, as hashes or as ids?")
    return [
        one
        if not told
        else one.model_copy(
            update={
                "profile": one.profile.model_copy(
                    update={
                        trait: Trait(value=value, confidence=1.0, evidence="told by the shopper")
                        for trait, value in told.items()
                        if trait in TRAITS and value in TRAITS[trait].values
                    }
                )
            }
        )
        for one, told in zip(personas, known, strict=True)
    ]


def _raked(has: Mapping[str, npt.NDArray[np.str_]], quotas: Sequence[Quota]) -> Floats:
    """Weights under which each quota holds among the groups that have people, summing to 1."""
    n = len(next(iter(has.values())))
    weights = np.full(n, 1 / n)
    margins = []
    for quota in quotas:
        named = [value for value in quota.shares if (has[quota.trait] == value).any()]
        rest = ~np.isin(has[quota.trait], list(quota.shares))
        wanted = [(has[quota.trait] == value, quota.shares[value]) for value in named]
        left = 1 - sum(quota.shares.values())
        if left > 1e-9 and not rest.any():
            raise ValueError(
                f"{quota.trait}: everybody has one of the values named, and their shares are {1 - left:g} together; "
                "they must be 1."
            )
        if left > 1e-9:
            wanted.append((rest, left))
        total = sum(share for _, share in wanted)
        if total <= 0:
            wanted, total = [(np.ones(n, dtype=bool), 1.0)], 1.0  # only groups without people are asked for
        margins.append([(rows, share / total) for rows, share in wanted])
    for _ in range(STEPS):
        before = weights
        for wanted in margins:
            new = np.zeros(n)
            for rows, share in wanted:
                if share > 0 and weights[rows].sum() <= 0:
                    raise ValueError(
                        "The quotas cannot hold together: nobody with one value has the other; ask for less."
                    )
                new[rows] = share * weights[rows] / max(float(weights[rows].sum()), 1e-300)
            weights = new
        if np.abs(weights - before).max() < 1e-12:
            break
    return weights


def _systematic(
    weights: Floats, number: int, labels: Sequence[npt.NDArray[np.str_]], rng: np.random.Generator
) -> list[int]:
    """Rows drawn in proportion to weights, group after group, so that shares are met to one."""
    shuffled = rng.permutation(len(weights))
    order = shuffled[np.lexsort([each[shuffled] for each in reversed(labels)])]
    steps = (rng.random() + np.arange(number)) / number * weights.sum()
    found = np.searchsorted(np.cumsum(weights[order]), steps, side="right")
    return [int(row) for row in order[np.minimum(found, len(order) - 1)]]


def _drawn(
    trait: str,
    value: str,
    share: float,
    has: Mapping[str, npt.NDArray[np.str_]],
    made: Sequence[Persona],
    donors: Sequence[str],
) -> GroupDrawn:
    rows = [at for at, one in enumerate(made) if value_of(one, trait) == value]
    composed = sum(made[at].source == "composed" for at in rows)
    given = int((has[trait] == value).sum())
    return GroupDrawn(trait, value, share, given, len(rows), composed, len({donors[at] for at in rows}))
