"""Segments of personas by a preference or a trait, with those that are too small pooled or left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from paars_gym.personas.persona import SCALES, TRAITS, Persona

EVERYONE = "everyone"
OTHERS = "others"
SMALLEST = 20
"""Trials below which a segment gets no interval of its own."""
VALUES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SCALES, ("low", "middle", "high", "unknown")),
    **{name: (*trait.values, "unknown") for name, trait in TRAITS.items()},
}
"""What segments can be of, and what they can be, from low to high: preferences, then traits of the profile."""


class PersonaSegments(NamedTuple):
    """Where each trial belongs.

    Attributes:
        names: Segments that are reported, in order.
        of: Segment of each trial; empty text where it is in none that is reported.
        small: Entries of each segment that is too small to be reported alone: pooled where ``others`` is among the
            names, else left out.
    """

    names: tuple[str, ...]
    of: tuple[str, ...]
    small: dict[str, int]


def segment_name(name: str) -> str:
    """The preference or trait that a name, or the beginning of one, means: ``income`` is ``income_band``.

    Raises:
        ValueError: None, or several.
    """
    if name in VALUES:
        return name
    meant = [one for one in VALUES if name and one.startswith(name)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise ValueError(f"Segment {name!r} may be {' or '.join(meant)}: write it out.")
    raise ValueError(f"Unknown segment {name!r}. Available: {', '.join(VALUES)}.")


def segment_of(persona: Persona, segment: str) -> str:
    """Where a persona belongs: low, middle or high on a preference's scale, or its value of a trait.

    Args:
        persona: Whose.
        segment: As for `segment_name`.

    Raises:
        ValueError: Neither a preference nor a trait.
    """
    segment = segment_name(segment)
    if segment in SCALES:
        value = getattr(persona.preferences, segment).value
        if value is None:
            return f"{segment} unknown"
        return f"{segment} {'low' if value < 2.5 else 'high' if value > 3.5 else 'middle'}"
    return f"{segment} {getattr(persona.profile, segment).value}"


def group(personas: Sequence[Persona], segment: str, *, smallest: int = SMALLEST) -> PersonaSegments:
    """Segments with enough entries each.

    Those with fewer than ``smallest`` are pooled as ``others``; when even these are too few they are left out. Where
    nothing is known of anybody there are no segments.

    Args:
        personas: One entry a trial.
        segment: A preference or a trait.
        smallest: Entries that a segment needs.

    Raises:
        ValueError: An unknown segment.
    """
    segment = segment_name(segment)
    of = [segment_of(persona, segment) for persona in personas]
    sizes = Counter(of)
    if set(sizes) == {f"{segment} unknown"}:
        return PersonaSegments((), ("",) * len(of), {})
    ordered = [name for value in VALUES[segment] if (name := f"{segment} {value}") in sizes]
    small = {name: sizes[name] for name in ordered if sizes[name] < smallest}
    names = tuple(name for name in ordered if name not in small)
    pooled = len(small) > 1 and sum(small.values()) >= smallest
    rest = OTHERS if pooled else ""
    return PersonaSegments(
        (*names, OTHERS) if pooled else names, tuple(rest if name in small else name for name in of), small
    )
