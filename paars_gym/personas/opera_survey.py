"""Who OPeRA's people are: what they said in its survey, as attributes and as personas.

Either of two files is read: the user table of the hub (column ``survey``, JSON), or the ``personas.jsonl`` of a part of
the set, which holds the same answers, agreement and disagreement each without their strength. The hub's table was not
at hand: its columns are those that public code reads, and the tests have an invented one. Interviews, descriptions
of oneself and places are not read: they say more of a person than the comparison of shoppers needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from paars_gym.personas.persona import NEUTRAL, ConsumerProfile, Persona, Score, ShoppingPreferences

SAID = "said in a survey"
STATEMENTS = {
    "I usually do a lot research (e.g. reading online reviews) before making purchase.": "reviews",
    "I prioritize delivery speed and delivery fee of the product.": "delivery speed",
    "Getting high-quality online products is very important for me.": "quality",
    "The more expensive online product brands are usually my choice.": "premium brands",
    "I look carefully to find the best value for money when shopping online.": "best value",
    "I shop quickly for online products, buying the first product or brand I find that seems good enough.": (
        "speed / good-enough"
    ),
    "Once I find a brand I like, I stick with it.": "brand loyalty",
    "Online Ads attract my attention and are a good source of information.": "ads / sponsored",
}
"""The survey's statements, by the short names that ``personas.jsonl`` gives them."""
SCALES = {
    "reviews": "review_reliance",
    "quality": "quality_focus",
    "premium brands": "brand_reputation",
    "best value": "value_perception",
    "brand loyalty": "brand_loyalty",
}
"""Which preference a statement speaks of; the others have none, or the reverse of one."""
REVERSED = {"speed / good-enough": "comparison"}
ANSWERS = {"strongly agree": 5.0, "somewhat agree": 4.0, "neither agree nor disagree": 3.0, "somewhat disagree": 2.0,
           "strongly disagree": 1.0}  # fmt: skip
AGREES, DISAGREES = 4.0, 2.0
"""Where only the direction is known."""
FILLED_IN = {"value", "unclear listings"}
"""What ``personas.jsonl`` says of who answered nothing: these words stand for no statement."""
AGES = {"18-24": "under 25", "25-34": "25-34", "35-44": "35-44", "45-54": "45-54", "55-64": "55-64"}
INCOMES = {
    "less than $25,000": "under 25K", "$25,000-$49,999": "25-49K", "$50,000-$74,999": "50-74K",
    "$75,000-$99,999": "75-99K", "$100,000-$149,999": "100-149K", "$150,000 or more": "150K+",
}  # fmt: skip
GENDERS = {"female": "female", "male": "male", "non-binary": "non-binary"}
TOLD = {
    "age": "Age", "gender": "Gender", "income": "Yearly household income or stipend", "education": "Education level",
    "employment": "Employment status",
}  # fmt: skip
"""Columns of ``personas.jsonl``, and what the survey calls them."""
HABITS = {"prime": "Amazon Prime membership", "shop_frequency": "Online shopping frequency"}


UNTRIED = (
    "Who these people are was read from the hub's table of users, by columns that public code names: that was tested "
    "on an invented table only. Compare some personas with the table."
)
"""Note of people from `user_tables`."""


class SurveyAnswers(NamedTuple):
    """What one person said in the survey.

    Attributes:
        shopper: As in the log.
        facts: By the names of ``personas.jsonl``; what is unknown is absent.
        opinions: From 1, disagrees strongly, to 5, by statement.
    """

    shopper: str
    facts: Mapping[str, str]
    opinions: Mapping[str, float]


def read_opera_people(folder: Path) -> list[SurveyAnswers]:
    """What OPeRA's people said of themselves; empty where the folder says nothing of them.

    Args:
        folder: With ``user*.parquet`` or ``personas.jsonl``.

    Raises:
        ValueError: The file is damaged, or has other columns.
    """
    return list(_read(folder))


def user_tables(folder: Path) -> list[Path]:
    """The hub's tables of users in a folder; where there is one, `personas.jsonl` is not read."""
    return sorted(folder.glob("user*.parquet"))


def attributes_of(person: SurveyAnswers) -> dict[str, str]:
    """A person's answers by name, such as ``age`` or ``quality``; what is unknown is absent."""
    said = {name: _in_words(opinion) for name, opinion in person.opinions.items()}
    return {**person.facts, **said}


def persona_of(person: SurveyAnswers) -> Persona:
    """A person's answers as a persona: bands of the profile, and preferences from 1 to 5."""
    facts, opinions = person.facts, person.opinions
    traits = {
        "age_range": AGES.get(facts.get("age", "").split(" ")[0]),
        "gender": GENDERS.get(facts.get("gender", "").casefold()),
        "income_band": INCOMES.get(facts.get("income", "").casefold()),
    }
    profile = {name: {"value": value, "confidence": 1.0, "evidence": SAID} for name, value in traits.items() if value}
    scores = {scale: opinions[name] for name, scale in SCALES.items() if name in opinions}
    scores |= {scale: 2 * NEUTRAL - opinions[name] for name, scale in REVERSED.items() if name in opinions}
    notes = [
        f"{name}: {_in_words(opinions[name])}"
        for name in STATEMENTS.values()
        if name in opinions and name not in SCALES and name not in REVERSED
    ]
    return Persona(
        shopper=person.shopper,
        profile=ConsumerProfile.model_validate(profile),
        preferences=ShoppingPreferences.model_validate(
            {name: Score(value=value, confidence=1.0, evidence=SAID) for name, value in scores.items()}
            | {"notes": "; ".join(notes)}
        ),
        source="survey",
    )


def _in_words(opinion: float) -> str:
    return "neither" if opinion == NEUTRAL else "agrees" if opinion > NEUTRAL else "disagrees"


def _read(folder: Path) -> Iterator[SurveyAnswers]:
    tables = user_tables(folder)
    for table in tables:
        yield from _of_table(table)
    part = folder / "personas.jsonl"
    if not tables and part.is_file():
        yield from _of_part(part)


def _of_table(table: Path) -> Iterator[SurveyAnswers]:
    try:
        rows = pl.read_parquet(table, columns=["user_id", "survey"])
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{str(table)!r} is no user table of OPeRA (columns user_id, survey): {error}") from None
    for shopper, text in rows.iter_rows():
        survey = _object(text)
        who, habits = _object(survey.get("Demographic Information")), _object(survey.get("Shopping Preference"))
        said = _object(habits.get("To what extent do you agree with the following statements"))
        facts = {name: who.get(asked) for name, asked in TOLD.items()}
        facts |= {name: habits.get(asked) for name, asked in HABITS.items()}
        opinions = {
            name: ANSWERS[answer]
            for statement, name in STATEMENTS.items()
            if (answer := str(said.get(statement) or "").strip().casefold()) in ANSWERS
        }
        yield SurveyAnswers(str(shopper), _known(facts), opinions)


def _of_part(part: Path) -> Iterator[SurveyAnswers]:
    for number, line in enumerate(part.read_text(encoding="utf-8").splitlines(), start=1):
        row = _object(line)
        if not isinstance(row.get("shopper"), str):
            raise ValueError(f"{str(part)!r}, line {number}: no JSON object with a shopper.")
        opinions: dict[str, float] = {}
        for column, value in (("priorities", AGREES), ("avoids", DISAGREES)):
            listed = row.get(column)
            named = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
            if not named & FILLED_IN:
                opinions |= {name: value for name in STATEMENTS.values() if name in named}
        facts = {name: row.get(name) for name in (*TOLD, *HABITS)}
        # Filled in, for who did not say.
        facts["employment"] = None if facts["employment"] == "Shopper" else facts["employment"]
        yield SurveyAnswers(row["shopper"], _known(facts), opinions)


def _known(facts: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, value in facts.items() if value and (text := str(value).strip())}


def _object(content: Any) -> dict[str, Any]:
    """A JSON object, as one or as text; empty where it is none."""
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            return {}
    return content if isinstance(content, dict) else {}
