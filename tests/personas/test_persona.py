"""A persona says what it knows, under each condition of Table 3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from paars_gym.config import CONDITIONS, Condition
from paars_gym.personas.persona import (
    SCALES,
    ConsumerProfile,
    Persona,
    Reasoning,
    Score,
    ShoppingPreferences,
    Trait,
    render,
)


def persona() -> Persona:
    return Persona(
        shopper="ab12",
        profile=ConsumerProfile(age_range=Trait(value="45-54", confidence=0.4, evidence="garden")),
        preferences=ShoppingPreferences(price_sensitivity=Score(value=4.5), deal_seeking=Score(value=1)),
        history="2017-11-03 (Friday)\n- 18:04 bought Dark coffee",
        reasoning=Reasoning(profile="Because of the garden.", preferences="Because of the store brand."),
        source="mined",
    )


SIGNS = {"profile": "45-54", "preferences": "4.5 of 5", "history": "Dark coffee", "reasoning": "Because of the garden."}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_shows_its_part_only(condition: Condition) -> None:
    text = render(persona(), condition)
    shown = {name for name, sign in SIGNS.items() if sign in text}
    assert shown == {"base": set(), "persona": set(SIGNS)}.get(condition, {condition})


def test_base_needs_no_persona_and_the_others_do() -> None:
    assert render(None, "base") == ""
    with pytest.raises(ValueError, match="needs a persona"):
        render(None, "history")
    with pytest.raises(ValueError, match="Unknown condition 'all'"):
        render(persona(), "all")  # type: ignore[arg-type]


def test_every_scale_is_a_field_and_the_other_way_round() -> None:
    assert set(SCALES) == set(ShoppingPreferences.model_fields) - {"decision_style", "notes"}


@given(st.none() | st.floats(1, 5))
def test_coefficients_are_within_one_and_unknown_is_nought(value: float | None) -> None:
    coefficients = ShoppingPreferences(comparison=Score(value=value)).coefficients()
    assert set(coefficients) == set(SCALES)
    assert coefficients["comparison"] == (0 if value is None else pytest.approx((value - 3) / 2))
    assert all(coefficients[name] == 0 for name in SCALES if name != "comparison")


def test_round_trip_through_json() -> None:
    assert Persona.model_validate_json(persona().model_dump_json()) == persona()


@pytest.mark.parametrize("value", [0.9, 5.1, float("nan")])
def test_scores_outside_the_scale(value: float) -> None:
    with pytest.raises(ValidationError):
        Score(value=value)


def test_emptiness() -> None:
    assert ConsumerProfile().is_empty()
    assert not persona().profile.is_empty()
    assert ShoppingPreferences(notes="likes tea").is_empty()
    assert not persona().preferences.is_empty()
