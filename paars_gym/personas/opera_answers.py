"""What people of OPeRA told about themselves in its survey, as personas (Wang et al. 2025)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paars_gym.personas.persona import (
    AgeRange,
    ConsumerProfile,
    Gender,
    IncomeBand,
    Persona,
    ShoppingPreferences,
    Trait,
)

FILE = "personas.jsonl"
"""An object a line: ``shopper``, ``age``, ``gender``, ``income``, ``priorities`` and so on."""
AGES: Mapping[str, AgeRange] = {
    "18-24": "under 25", "25-34": "25-34", "35-44": "35-44", "45-54": "45-54", "55-64": "55-64", "65": "65+",
}  # fmt: skip
GENDERS: Mapping[str, Gender] = {"Female": "female", "Male": "male", "Non-binary": "non-binary"}
INCOMES: Mapping[str, IncomeBand] = {
    "Less than $25,000": "under 25K", "$25,000": "25-49K", "$50,000": "50-74K", "$75,000": "75-99K",
    "$100,000": "100-149K", "$150,000": "150K+",
}  # fmt: skip
ASKED = {
    "employment": "works as: {}",
    "education": "education: {}",
    "shop_frequency": "shops online {}",
    "budget": "spends {}",
    "prime": "a Prime member: {}",
    "priorities": "looks first at {}",
    "avoids": "does not care for {}",
}
MOST = 2_000
"""Characters of the notes, as `ShoppingPreferences` takes them."""


def opera_personas(folder: Path) -> dict[str, Persona]:
    """Personas by shopper, of what people told: no history, so that nothing that is asked for is in them.

    Answers to closed questions become traits; the others, and what the personality test came to, are notes.

    Args:
        folder: Of the data. Without a `FILE` in it nobody has a persona.

    Raises:
        ValueError: A line is not what the file holds.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            told = json.loads(line)
            persona = _persona(told)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path.name}, line {number} is no answers of a person: {type(error).__name__}: {error}. Each line "
                "must be a JSON object with shopper, and texts or lists of texts beside it."
            ) from error
        found[persona.shopper] = persona
    return found


def _persona(told: Mapping[str, Any]) -> Persona:
    profile = ConsumerProfile(
        age_range=Trait[AgeRange](value=_banded(told.get("age"), AGES), confidence=1),
        gender=Trait[Gender](value=_banded(told.get("gender"), GENDERS), confidence=1),
        income_band=Trait[IncomeBand](value=_banded(told.get("income"), INCOMES), confidence=1),
    )
    notes = [form.format(text) for name, form in ASKED.items() if (text := _in_words(told.get(name)))]
    notes += [f"{name.lower()}: {value.lower()}" for name, value in (told.get("personality") or {}).items()]
    preferences = ShoppingPreferences(notes="; ".join(notes)[:MOST])
    return Persona(shopper=told["shopper"], profile=profile, preferences=preferences, source="told")


def _banded(answer: str | None, bands: Mapping[str, Any]) -> Any:
    said = answer or ""
    return next((band for begins, band in bands.items() if said.startswith(begins)), "unknown")


def _in_words(answer: str | list[str] | None) -> str:
    text = ", ".join(answer) if isinstance(answer, list) else (answer or "")
    return "" if text == "Not specified" else text[:1].lower() + text[1:]
