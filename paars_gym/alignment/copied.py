"""Whether agents were told the words of the very people whom they are compared with; then those words say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from paars_gym.alignment.report import Measure
from paars_gym.alignment.session_log import Mask, SessionLog

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
    queries = people.queries()
    silent = people.frame.select("key").join(queries, on="key", how="anti")
    taken = pl.struct("key", "text").is_in(queries.select(pl.struct("key", "text")).to_series().implode())
    # What was redacted is no longer the query word by word.
    redacted = pl.col("key").is_in(queries["key"].implode()) & pl.col("text").str.contains("[", literal=True)
    typed = pl.struct("name", "text").is_in(queries.select(pl.struct("name", "text")).to_series().implode())
    told = pl.col("key") != ""
    copied = (told & (taken | redacted | pl.col("key").is_in(silent["key"].implode()))) | (~told & typed)
    return needs.select(copied.fill_null(value=False)).to_series().to_numpy()


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
