"""Decisions of a log as arrays: the input of the behavioural shopper's likelihood."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
SKIPPED, VIEWED, TAKEN = 0, 1, 2
NEXT, AGAIN, LEAVE = 0, 1, 2
OUTSIDE = ("outside", "compare", "browse", "impulse", "satiation")
"""Coefficients of the outside option: of 1, of who came to compare, to browse, of less impulsiveness, of cart lines."""


class Pages(NamedTuple):
    """Pages of results, padded to the longest of n.

    Attributes:
        features: Shape (pages, n, features).
        leanings: Shape (pages, features).
        comparing: Leaning to comparison, shape (pages,).
        length: Results on each, shape (pages,).
        fresh: Not opened earlier in the session, shape (pages, n).
        outcome: `SKIPPED`, `VIEWED` or `TAKEN` (into the cart), shape (pages, n).
        last: Number of the last result opened, 1-based, 0 for none, shape (pages,).
        finished: The shopper is known to have been done with it, shape (pages,).
    """

    features: Floats
    leanings: Floats
    comparing: Floats
    length: npt.NDArray[np.int64]
    fresh: Bools
    outcome: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    finished: Bools


class Offers(NamedTuple):
    """Products opened that could be bought; shapes as in `Pages`, the first axis runs over the offers.

    Attributes:
        features: What the detail page shows.
        leanings: Of the shopper.
        outside: What the outside option depends on: see `OUTSIDE`, shape (offers, 5).
        taken: Whether it went into the cart.
    """

    features: Floats
    leanings: Floats
    outside: Floats
    taken: Bools


class Moves(NamedTuple):
    """What shoppers did when done with a page, one an entry.

    Attributes:
        before: Pages seen before this one.
        filled: 1 when something was in the cart.
        lacking: See `Display.lacking`.
        full: Whether a next page was to be expected.
        wordy: Whether another query was possible.
        choice: `NEXT`, `AGAIN` or `LEAVE`.
    """

    before: Floats
    filled: Floats
    lacking: Floats
    full: Bools
    wordy: Bools
    choice: npt.NDArray[np.int64]


class Queries(NamedTuple):
    """Queries made of the intention's words.

    Attributes:
        words: Number of words to choose from.
        kept: Number chosen.
        last: Number in the query before; 0 when there was none.
    """

    words: Floats
    kept: Floats
    last: Floats


class Evidence(NamedTuple):
    """All decisions of a log.

    Attributes:
        pages, offers, moves, queries: See there.
        checkouts: Whether each filled cart was bought on leaving.
        n_sessions: Sessions read.
        unexplained: Events that no decision of the model makes, such as a product opened twice; left out.
    """

    pages: Pages
    offers: Offers
    moves: Moves
    queries: Queries
    checkouts: Bools
    n_sessions: int
    unexplained: int
