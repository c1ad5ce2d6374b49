"""Whether agents were told the words of the very people whom they are compared with; then those words say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from paars_gym.alignment.report import Measure
from paars_gym.alignment.session_log import Mask, SessionLog
from paars_gym.alignment.session_numbers import ToldNeeds

COPIED = "copied from the reference"
"""Begins the note of a number that needs were copied for."""
MOST_COPIED = 0.05
"""Share of sessions whose needs may be a shopper's own words by chance, as where two say "headphones"."""
OF_WORDS = ("queries", "first queries", "titles viewed")
"""What is said of these is no finding where needs are copied: the words of searches, and how varied words are."""


def copied_needs(people: SessionLog, agents: SessionLog) -> Mask:
    """Which scored sessions of agents have a need in the words of the reference, shape (scored sessions,).

    A need that says which session it was taken from (`Intention.source`) is copied if the reference has that session,
    with such a query if it has any: other logs may use the same keys. A need that does not say so is copied if its
    text is a query of the same shopper there.
    """
    needs = agents.frame.filter(pl.Series(agents.keep)).select(
        "name",
        pl.col("intention").str.json_path_match("$.source").fill_null("").alias("key"),
        pl.col("intention").str.json_path_match("$.text").str.to_lowercase().str.strip_chars().alias("text"),
    )
    # Sessions with and without a query; a key says more than its session where logs use the same ones.
    typing = pl.Series(people.activity.searches > 0)
    heard = people.frame["key"].filter(typing).unique()
    silent = people.frame["key"].filter(~typing)
    silent = silent.filter(~silent.is_in(heard.implode()))
    told = pl.col("key") != ""
    rows = needs.with_row_index("row")
    taken = rows.filter(told & pl.col("key").is_in(heard.implode()))
    typed = rows.filter(~told & pl.col("name").is_in(people.frame["name"].unique().implode()))
    masks = people.copied(ToldNeeds(taken.select("key", "text"), typed.select("name", "text")))
    # What was redacted is no longer the query word by word.
    redacted = pl.col("key").is_in(heard.implode()) & pl.col("text").str.contains("[", literal=True)
    copied = (
        needs.select((told & (redacted | pl.col("key").is_in(silent.implode()))).fill_null(value=False))
        .to_series()
        .to_numpy()
        .copy()
    )
    for among, mask in zip((taken, typed), masks, strict=True):
        copied[among["row"].to_numpy()[mask]] = True
    return copied


def copied_shares(people: SessionLog, logs: Mapping[str, SessionLog]) -> dict[str, float]:
    """Share of copied needs by role, of those in which they are more than `MOST_COPIED`."""
    shares = {role: float(copied_needs(people, log).mean()) for role, log in logs.items() if len(log)}
    return {role: share for role, share in shares.items() if share > MOST_COPIED}


def without_verdict(measure: Measure) -> Measure:
    """The number of a population with copied needs: as it is, with a note and without verdict and test."""
    if measure.of not in OF_WORDS:
        return measure
    estimate = replace(measure.estimate, verdict="described", note=COPIED, p_value=None)
    return measure.model_copy(update={"estimate": estimate})
