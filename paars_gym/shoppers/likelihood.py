"""Exact log-likelihood of a log under the behavioural shopper's model, with its analytic gradient.

Every decision leaves a trace but one: where on a page the shopper stopped looking after the last result that was
opened. The sum over all positions is a recursion up the page. With q the chance that a result is opened and s that the
next one is looked at, D(i), the chance of nothing more from position i on, is (1 - q(i)) (1 - s(i) + s(i) D(i + 1)).
"""

from __future__ import annotations

import numpy as np

from paars_gym.shoppers.evidence import (
    AGAIN,
    NEXT,
    OUTSIDE,
    SKIPPED,
    TAKEN,
    VIEWED,
    Bools,
    Evidence,
    Floats,
    Moves,
    Offers,
    Pages,
    Queries,
)
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.taste import FEATURES, TASTES

NAMES = BehaviouralParameters.names()
_AT = {name: index for index, name in enumerate(NAMES)}
_FEATURES_AT = [_AT[name] for name in FEATURES]
_TASTES_AT = [_AT[f"{name}_taste"] for name in TASTES]
_OUTSIDE_AT = [_AT[name] for name in OUTSIDE]
_TASTED = [FEATURES.index(name) for name in TASTES]


def log_likelihood(values: Floats, evidence: Evidence) -> tuple[float, Floats]:
    """Log-likelihood of the evidence, in nats, and its gradient.

    Args:
        values: The parameters in the order of `NAMES`, shape (len(NAMES),).
        evidence: The decisions of a log.
    """
    gradient = np.zeros(len(NAMES))
    total = _pages(values, evidence.pages, gradient)
    total += _offers(values, evidence.offers, gradient)
    total += _moves(values, evidence.moves, gradient)
    total += _queries(values, evidence.queries, gradient)
    total += _binary(
        np.full(len(evidence.checkouts), values[_AT["checkout"]]), evidence.checkouts, gradient, "checkout"
    )
    return total, gradient


def _pages(values: Floats, pages: Pages, gradient: Floats) -> float:
    n_pages, longest = pages.fresh.shape
    columns = np.arange(longest)
    weights = _weights(values, pages.leanings)
    utility = values[_AT["attraction"]] + np.einsum("pif,pf->pi", pages.features, weights)
    utility -= values[_AT["trust"]] * np.log1p(columns)
    viewed, taken = pages.outcome == VIEWED, pages.outcome == TAKEN
    after_view = values[_AT["after_view"]] + values[_AT["comparing"]] * pages.comparing
    going_on = values[_AT["scroll"]] - values[_AT["decay"]] * columns
    going_on = going_on + viewed * after_view[:, None] + taken * values[_AT["after_add"]]
    click = _logistic(utility) * pages.fresh
    on = _logistic(going_on)
    on[columns >= pages.length[:, None] - 1] = 0.0  # below the last result there is nothing

    examined = columns < pages.last[:, None]
    passed = columns < pages.last[:, None] - 1
    opened = pages.outcome != SKIPPED
    sure = examined & pages.fresh
    total = float(_log_logistic(np.where(opened, utility, -utility)[sure].ravel()).sum())
    total += float(_log_logistic(going_on[passed]).sum())
    d_utility = np.where(sure, opened - click, 0.0)
    d_on = np.where(passed, 1.0 - on, 0.0)

    nothing = np.ones((n_pages, longest + 1))  # D, by position
    for index in range(longest - 1, -1, -1):
        below = 1.0 - on[:, index] + on[:, index] * nothing[:, index + 1]
        nothing[:, index] = np.where(index < pages.length, (1.0 - click[:, index]) * below, 1.0)
    rows, last = np.arange(n_pages), np.maximum(pages.last - 1, 0)
    none = pages.last == 0
    on_last, nothing_after = on[rows, last], nothing[rows, last + 1]
    end = np.where(none, nothing[:, 0], 1.0 - on_last + on_last * nothing_after)
    end = np.where(pages.finished, end, 1.0)
    total += float(np.log(end).sum())

    # Backwards through the recursion: d ln(end) / d D(i), from the top of what was not opened.
    share = np.where(pages.finished & none, 1.0 / end, 0.0)
    d_on[rows, last] += np.where(pages.finished & ~none, on_last * (1.0 - on_last) * (nothing_after - 1.0) / end, 0.0)
    start_share = np.where(pages.finished & ~none, on_last / end, 0.0)
    for index in range(longest):
        share = share + np.where(~none & (pages.last == index), start_share, 0.0)
        inside = np.where(index < pages.length, share, 0.0)
        d_utility[:, index] -= inside * click[:, index] * nothing[:, index]
        slope = (1.0 - click[:, index]) * on[:, index]
        d_on[:, index] += inside * slope * (1.0 - on[:, index]) * (nothing[:, index + 1] - 1.0)
        share = inside * slope

    gradient[_AT["attraction"]] += d_utility.sum()
    gradient[_AT["trust"]] -= (d_utility * np.log1p(columns)).sum()
    _add_weights(gradient, np.einsum("pi,pif->pf", d_utility, pages.features), pages.leanings)
    gradient[_AT["scroll"]] += d_on.sum()
    gradient[_AT["decay"]] -= (d_on * columns).sum()
    d_view = (d_on * viewed).sum(axis=1)
    gradient[_AT["after_view"]] += d_view.sum()
    gradient[_AT["comparing"]] += (d_view * pages.comparing).sum()
    gradient[_AT["after_add"]] += (d_on * taken).sum()
    return total


def _offers(values: Floats, offers: Offers, gradient: Floats) -> float:
    utility = np.einsum("of,of->o", offers.features, _weights(values, offers.leanings))
    utility -= np.einsum("ok,k->o", offers.outside, values[_OUTSIDE_AT])
    rest = offers.taken - _logistic(utility)
    _add_weights(gradient, rest[:, None] * offers.features, offers.leanings)
    gradient[_OUTSIDE_AT] -= np.einsum("o,ok->k", rest, offers.outside)
    return float(_log_logistic(np.where(offers.taken, utility, -utility)).sum())


def _moves(values: Floats, moves: Moves, gradient: Floats) -> float:
    effort = values[_AT["impatience"]] * moves.before + values[_AT["sated"]] * moves.filled
    more = values[_AT["next_page"]] - effort
    again = values[_AT["reformulate"]] + values[_AT["refinement"]] * moves.lacking - effort
    utility = np.stack(
        [np.where(moves.full, more, -np.inf), np.where(moves.wordy, again, -np.inf), np.zeros(len(effort))]
    )
    everything = np.logaddexp.reduce(utility, axis=0)
    chance = np.exp(utility - everything)
    d_more = (moves.choice == NEXT) - chance[NEXT]
    d_again = (moves.choice == AGAIN) - chance[AGAIN]
    gradient[_AT["next_page"]] += d_more.sum()
    gradient[_AT["reformulate"]] += d_again.sum()
    gradient[_AT["refinement"]] += (d_again * moves.lacking).sum()
    gradient[_AT["impatience"]] -= ((d_more + d_again) * moves.before).sum()
    gradient[_AT["sated"]] -= ((d_more + d_again) * moves.filled).sum()
    return float((np.take_along_axis(utility, moves.choice[None], axis=0)[0] - everything).sum())


def _queries(values: Floats, queries: Queries, gradient: Floats) -> float:
    """Each word by itself, given that the query is not empty and not the one before."""
    utility = float(values[_AT["words"]])
    keep = float(_logistic(np.array(utility)))
    words, kept, last = queries
    log_drop = float(_log_logistic(np.array(-utility)))
    empty = np.exp(words * log_drop)
    same = np.where(last > 0, np.exp(last * utility + words * log_drop), 0.0)
    possible = np.maximum(1.0 - empty - same, 1e-300)
    d_possible = (words * keep) * empty - (last - words * keep) * same
    gradient[_AT["words"]] += float((kept - words * keep - d_possible / possible).sum())
    return float((kept * utility + words * log_drop - np.log(possible)).sum())


def _binary(utility: Floats, happened: Bools, gradient: Floats, name: str) -> float:
    gradient[_AT[name]] += float((happened - _logistic(utility)).sum())
    return float(_log_logistic(np.where(happened, utility, -utility)).sum())


def _weights(values: Floats, leanings: Floats) -> Floats:
    weights = np.tile(values[_FEATURES_AT], (len(leanings), 1))
    weights[:, _TASTED] += leanings[:, _TASTED] * values[_TASTES_AT]
    return weights


def _add_weights(gradient: Floats, by_row: Floats, leanings: Floats) -> None:
    gradient[_FEATURES_AT] += by_row.sum(axis=0)
    gradient[_TASTES_AT] += (by_row * leanings).sum(axis=0)[_TASTED]


def _logistic(utility: Floats) -> Floats:
    chance: Floats = np.exp(_log_logistic(utility))
    return chance


def _log_logistic(utility: Floats) -> Floats:
    result: Floats = -np.logaddexp(0.0, -utility)
    return result
