"""The persona that a shopper plays: profile, preferences, history and reasoning (PAARS section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Generic, Literal, NamedTuple, TypeVar, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from paars_gym.config import CONDITIONS, Condition
from paars_gym.llm.chat import untagged

AgeRange = Literal["under 25", "25-34", "35-44", "45-54", "55-64", "65+", "unknown"]
Gender = Literal["female", "male", "non-binary", "unknown"]
MaritalStatus = Literal["married", "unmarried", "unknown"]
HouseholdSize = Literal["1", "2", "3", "4", "5+", "unknown"]
Children = Literal["0", "1", "2", "3+", "unknown"]
IncomeBand = Literal["under 25K", "25-49K", "50-74K", "75-99K", "100-149K", "150K+", "unknown"]
Home = Literal["owner", "renter", "unknown"]
DecisionStyle = Literal["routine", "deliberate", "impulsive", "bargain hunting", "exploring", "unknown"]
Source = Literal["mined", "statistics", "synthetic", "composed", "told"]

NOTHING_KNOWN = "(nothing is known)"
NEUTRAL = 3.0
"""The middle of every preference scale: what an unknown preference counts as."""

Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="0 = a guess, 1 = certain")]
Evidence = Annotated[str, Field(max_length=500, description="What in the history shows it, in a few words")]
V = TypeVar("V", bound=str)


class Trait(BaseModel, Generic[V]):
    """One fact of a profile: a value out of a closed list (``unknown`` is one), how sure, and from what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: V
    confidence: Confidence = 0.0
    evidence: Evidence = ""


class Interests(BaseModel):
    """Several values at once, most important first; an empty list means unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: tuple[str, ...] = ()
    confidence: Confidence = 0.0
    evidence: Evidence = ""


class Score(BaseModel):
    """A preference on a scale of 1 to 5; None means unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None = Field(ge=1, le=5, allow_inf_nan=False)
    confidence: Confidence = 0.0
    evidence: Evidence = ""


class ConsumerProfile(BaseModel):
    """Step 1 of mining: who the shopper seems to be. The ordered values are ordered from low to high.

    Attributes:
        age_range: Age in years of the person who does the shopping.
        gender: Of the same person.
        marital_status: Of the same person.
        household_size: People who live together, the shopper included.
        children: How many of them are children.
        income_band: Household income a year, before tax, in thousands of the shop's currency.
        home: Whether the household owns its home.
        categories: What it buys.
        brands: Whose it buys; a shop's own label counts as a brand.
        times: When it shops, for example ``weekday evenings``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    age_range: Trait[AgeRange] = Trait[AgeRange](value="unknown")
    gender: Trait[Gender] = Trait[Gender](value="unknown")
    marital_status: Trait[MaritalStatus] = Trait[MaritalStatus](value="unknown")
    household_size: Trait[HouseholdSize] = Trait[HouseholdSize](value="unknown")
    children: Trait[Children] = Trait[Children](value="unknown")
    income_band: Trait[IncomeBand] = Trait[IncomeBand](value="unknown")
    home: Trait[Home] = Trait[Home](value="unknown")
    categories: Interests = Interests()
    brands: Interests = Interests()
    times: Interests = Interests()

    def is_empty(self) -> bool:
        """True when nothing at all is known."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        return not any(field.values if isinstance(field, Interests) else field.value != "unknown" for field in fields)


class TraitValues(NamedTuple):
    """What a trait of a profile can be, but for ``unknown``.

    Attributes:
        values: In their order.
        ordered: Whether they have one.
    """

    values: tuple[str, ...]
    ordered: bool


def _values(kind: object, *, ordered: bool = False) -> TraitValues:
    return TraitValues(tuple(value for value in get_args(kind) if value != "unknown"), ordered)


TRAITS: Mapping[str, TraitValues] = {
    "age_range": _values(AgeRange, ordered=True),
    "gender": _values(Gender),
    "marital_status": _values(MaritalStatus),
    "household_size": _values(HouseholdSize, ordered=True),
    "children": _values(Children, ordered=True),
    "income_band": _values(IncomeBand, ordered=True),
    "home": _values(Home),
}
"""Of a profile, those that are one value out of a closed list."""
SCALES: dict[str, tuple[str, str]] = {
    "price_sensitivity": ("price hardly matters", "takes the cheapest that will do"),
    "value_perception": ("looks at the price alone", "weighs quality and quantity against the price"),
    "quality_focus": ("good enough is enough", "pays more for the better one"),
    "review_reliance": ("never looks at ratings or reviews", "buys only what others rate highly"),
    "brand_reputation": ("any brand will do, the shop's own included", "wants well-known names"),
    "brand_loyalty": ("changes brands freely", "stays with the same brands"),
    "novelty_seeking": ("buys the same again", "keeps trying new things"),
    "deal_seeking": ("ignores discounts", "buys when there is a discount"),
    "comparison": ("takes the first that fits", "compares many before choosing"),
    "impulsiveness": ("buys what was planned", "adds what catches the eye"),
}
"""What 1 and what 5 mean, for each numeric preference; 3 is neither, and an average shopper of the same shop."""


class ShoppingPreferences(BaseModel):
    """Step 2 of mining: how the shopper chooses. Numbers run from 1 to 5 with the anchors in :data:`SCALES`.

    Attributes:
        price_sensitivity: 1 price hardly matters, 5 takes the cheapest that will do.
        value_perception: 1 looks at the price alone, 5 weighs quality and quantity against it.
        quality_focus: 1 good enough is enough, 5 pays more for the better one.
        review_reliance: 1 never looks at ratings or reviews, 5 buys only what others rate highly.
        brand_reputation: 1 any brand will do, 5 wants well-known names.
        brand_loyalty: 1 changes brands freely, 5 stays with the same.
        novelty_seeking: 1 buys the same again, 5 keeps trying new things.
        deal_seeking: 1 ignores discounts, 5 buys when there is one.
        comparison: 1 takes the first that fits, 5 compares many.
        impulsiveness: 1 buys what was planned, 5 adds what catches the eye.
        decision_style: The word that fits best.
        notes: Anything else that would help to predict the next purchase.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    price_sensitivity: Score = Score(value=None)
    value_perception: Score = Score(value=None)
    quality_focus: Score = Score(value=None)
    review_reliance: Score = Score(value=None)
    brand_reputation: Score = Score(value=None)
    brand_loyalty: Score = Score(value=None)
    novelty_seeking: Score = Score(value=None)
    deal_seeking: Score = Score(value=None)
    comparison: Score = Score(value=None)
    impulsiveness: Score = Score(value=None)
    decision_style: Trait[DecisionStyle] = Trait[DecisionStyle](value="unknown")
    notes: str = Field(default="", max_length=2000)

    def is_empty(self) -> bool:
        """True when no scale has a value and no decision style is known."""
        scores: list[Score] = [getattr(self, name) for name in SCALES]
        return self.decision_style.value == "unknown" and all(score.value is None for score in scores)

    def coefficients(self) -> dict[str, float]:
        """Each scale of :data:`SCALES` as a number in [-1, 1]: (value - 3) / 2, and 0 for unknown."""
        scores: dict[str, Score] = {name: getattr(self, name) for name in SCALES}
        return {name: 0.0 if score.value is None else (score.value - NEUTRAL) / 2 for name, score in scores.items()}


class Reasoning(BaseModel):
    """What the model wrote before it answered, for each step; part of the persona (section 3)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str = ""
    preferences: str = ""


class LeftOut(BaseModel):
    """What of a history did not fit into the token budget; the oldest goes first.

    Attributes:
        sessions: Visits of which nothing is shown.
        events: Events that are not shown, those of the visits above included.
        before: Everything up to this time is left out; None when nothing is, or the log has no times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: int = Field(default=0, ge=0)
    events: int = Field(default=0, ge=0)
    before: AwareDatetime | None = None


class Persona(BaseModel):
    """A shopper that an agent can play.

    Attributes:
        shopper: Keyed hash of the shopper's id, never the id itself; any unique name for an invented shopper.
        profile: Who.
        preferences: How.
        history: What was bought and looked at, as text; empty for an invented shopper.
        purchases_before: Product lines bought before ``as_of``, counted from the events, those left out of the text
            included; 0 for an invented shopper.
        reasoning: Why the profile and the preferences are as they are.
        as_of: Nothing at or after this time was known when the persona was made.
        left_out: Which part of the history is not in the text.
        source: ``mined`` by a model, computed from ``statistics`` of a real history, wholly ``synthetic``,
            ``composed`` of the parts of several people (`paars_gym.personas.composing`), or what somebody ``told`` of
            themselves in a survey.
        model: Spec of the model that mined it; empty otherwise.
        redacted: How many pieces of text of each kind were replaced before the model saw them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shopper: str = Field(min_length=1)
    profile: ConsumerProfile
    preferences: ShoppingPreferences
    history: str = ""
    purchases_before: int = Field(default=0, ge=0)
    reasoning: Reasoning = Reasoning()
    as_of: AwareDatetime | None = None
    left_out: LeftOut = LeftOut()
    source: Source
    model: str = ""
    redacted: dict[str, int] = Field(default_factory=dict)


UNSURE = 0.5
"""A confidence below it is told; a value that is more likely right than not stands as it is."""


def render(persona: Persona | None, condition: Condition) -> str:
    """The persona as text for a system prompt, under one of the conditions of Table 3.

    ``base`` is empty; ``profile``, ``preferences`` and ``history`` are that component alone; ``persona`` is all of them
    with the reasoning of both mining steps. What is unknown is left out. Nothing in a persona can open or close a tag.

    Raises:
        ValueError: The condition is unknown, or it needs a persona and there is none.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"Unknown condition {condition!r}. Available: {', '.join(CONDITIONS)}.")
    if condition == "base":
        return ""
    if persona is None:
        raise ValueError(f"condition == {condition!r} needs a persona; mine one, or use condition 'base'.")
    whole = condition == "persona"
    # What was counted was not reasoned about: a word on how it was made would only break the role.
    reasoning = persona.reasoning if whole and persona.source != "statistics" else Reasoning()
    parts = []
    if whole or condition == "profile":
        parts.append(_section("Consumer profile", _profile_lines(persona.profile), reasoning.profile))
    if whole or condition == "preferences":
        parts.append(_section("Shopping preferences", _preference_lines(persona.preferences), reasoning.preferences))
    if whole or condition == "history":
        history = untagged(persona.history) or NOTHING_KNOWN
        parts.append("\n".join(["## Shopping history", "<history>", history, "</history>"]))
    return "\n\n".join(parts)


def _section(title: str, lines: list[str], reasoning: str) -> str:
    told = [untagged(line) for line in lines or [NOTHING_KNOWN]]
    return "\n".join([f"## {title}", *told, *([f"Reasoning: {untagged(reasoning)}"] if reasoning else [])])


def _because(confidence: float, evidence: str) -> str:
    said = "; ".join(filter(None, ("unsure" if confidence < UNSURE else "", evidence)))
    return f" ({said})" if said else ""


def _profile_lines(profile: ConsumerProfile) -> list[str]:
    lines = []
    for name in ConsumerProfile.model_fields:
        field: Trait[str] | Interests = getattr(profile, name)
        text = ", ".join(field.values) if isinstance(field, Interests) else field.value
        if text and text != "unknown":
            lines.append(f"- {name.replace('_', ' ')}: {text}{_because(field.confidence, field.evidence)}")
    return lines


def _preference_lines(preferences: ShoppingPreferences) -> list[str]:
    lines = []
    for name, (low, high) in SCALES.items():
        score: Score = getattr(preferences, name)
        if score.value is not None:
            why = _because(score.confidence, score.evidence)
            lines.append(f"- {name.replace('_', ' ')}: {score.value:g} of 5 (1 {low}, 5 {high}){why}")
    style = preferences.decision_style
    lines += [f"- decision style: {style.value}"] if style.value != "unknown" else []
    lines += [f"- notes: {preferences.notes}"] if preferences.notes else []
    return lines
