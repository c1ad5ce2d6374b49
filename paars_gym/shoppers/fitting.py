"""Fits the behavioural shopper to people: by maximum likelihood on one half of them, judged on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Session
from paars_gym.sessions.split import is_held_out
from paars_gym.shoppers.decisions import read_evidence
from paars_gym.shoppers.evidence import Evidence, Floats
from paars_gym.shoppers.fit import Maximum, Prior, make_prior, maximise, taught
from paars_gym.shoppers.fitted import FittedShopper, HalfLikelihood
from paars_gym.shoppers.likelihood import NAMES, log_likelihood
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.protocol import check_condition
from paars_gym.shoppers.reference_prices import ReferencePrices, reference_prices
from paars_gym.shoppers.utility import REVIEWS_SHOWN

STRENGTHS = (0.1, 0.3, 1.0, 3.0)
"""Prior standard deviations that are tried, in log odds for one standard deviation of a feature."""
DEFAULT_STRENGTH = 1.0
CHOICE_SALT = "choice"
"""Of the split within the fitting half: whoever it holds out chooses between fits."""
LEAST_TO_CHOOSE = 30
"""With fewer sessions of people who choose, the strength is `DEFAULT_STRENGTH`."""


class LoggedArm(NamedTuple):
    """One arm of a past test of people.

    Attributes:
        sessions: What its customers did, with the results they were shown.
        catalog: What they saw: with the arm's prices and texts.
    """

    sessions: Iterable[Session]
    catalog: Catalog


class LoggedTest(NamedTuple):
    """A past A/B test of people, with the sessions of both arms.

    Attributes:
        name: How reports call it.
        control: Its prices are those that its customers remember.
        treatment: The other arm.
        people: Whose test it was; tests of the same people tell of the same tastes.
    """

    name: str
    control: LoggedArm
    treatment: LoggedArm
    people: str = "customers of past tests"


class FitSettings(NamedTuple):
    """How a shopper is fitted.

    Attributes:
        strength: Standard deviation of the prior, in log odds for one standard deviation of a feature; None lets people
            who are set aside within the fitting half choose among `STRENGTHS`.
        centre: Where the prior is centred: the defaults.
        page_size: Results on a full page; by default the most that any page has.
        reviews_shown: Reviews on a detail page.
    """

    strength: float | None = None
    centre: BehaviouralParameters = BehaviouralParameters()
    page_size: int | None = None
    reviews_shown: int = REVIEWS_SHOWN


FITTED_BY = FitSettings()


def fit_shopper(
    sessions: Iterable[Session],
    catalog: Catalog,
    *,
    personas: Mapping[str, Persona] | None = None,
    condition: Condition = "persona",
    tests: Sequence[LoggedTest] = (),
    people: str = "people",
    settings: FitSettings = FITTED_BY,
    progress: Callable[[str], None] = lambda _: None,
) -> FittedShopper:
    """Fits the behavioural shopper to people: penalised maximum likelihood over levels and tastes alike.

    The shoppers are split by name (`paars_gym.sessions.split.is_held_out`): one half is fitted to, in tests too, and
    the other judges. Searches and next pages need their results; intentions and personas where the log has them. A
    session that was cut off (``max_steps`` and failures) counts up to its last decision that is certain. A full page
    that happens to be the last one counts as one with a next page: a log does not tell.

    Of past tests the tastes are learnt, as far as their customers are seen to be like these people, and not how much
    they look and buy; see `paars_gym.shoppers.fit.taught`.

    Args:
        sessions: Of people, no test under way, with stop events or without.
        catalog: Whose products they saw; its prices are those they remember.
        personas: By shopper, of the tests' customers too.
        condition: What of the personas the shoppers are taken to act on.
        tests: Past tests of these or of other people.
        people: How reports call them.
        settings: See there.
        progress: Given the name of what is going on.

    Raises:
        ValueError: A half of the people is empty or shows no decision, or a number is out of range.
    """
    check_condition(condition)
    if settings.strength is not None and not settings.strength > 0:
        raise ValueError(f"strength == {settings.strength}, must be > 0.")
    read = read_test = _Reading(personas or {}, condition, settings)
    progress("reading sessions")
    remembered = reference_prices(catalog)
    halves: dict[bool, list[Session]] = {False: [], True: []}
    for session in sessions:
        halves[is_held_out(session.shopper)].append(session)
    for judges, half in halves.items():
        if not half:
            raise ValueError(
                f"{len(halves[not judges])} sessions are all of shoppers of one half: one half is to be fitted, the "
                "other judges. It takes more shoppers."
            )
    if settings.page_size is None:
        pages = (len(event.results or ()) for half in halves.values() for one in half for event in one.events)
        read = read._replace(settings=settings._replace(page_size=max(pages, default=0)))
    fitting, judging = (read.evidence(halves[side], catalog, remembered) for side in (False, True))
    if not len(fitting.pages.length) and not len(fitting.offers.taken):
        raise ValueError(
            f"None of {fitting.n_sessions} sessions shows results or a product opened; "
            "a fit needs searches with the ids that were shown, and views."
        )
    if not any(product in catalog for product in _products(halves[False])):
        raise ValueError(
            f"None of the products in these sessions is in the catalog {catalog.name!r}: name the log's own catalog."
        )
    elsewhere: dict[str, list[Evidence]] = {}
    for test in tests:
        progress(f"reading the test {test.name}")
        elsewhere.setdefault(test.people, []).extend(read_test.arms(test))
    centre = _values(settings.centre)
    default = _values(BehaviouralParameters())

    def fit(evidence: Evidence, strength: float, start: Floats | None = None) -> _Fit:
        ridge = make_prior(centre, strength, fitting)
        own = maximise([evidence], ridge, start=start)
        if not elsewhere:
            return _Fit(own, ridge, None)
        prior, apart = taught(ridge, own, [maximise(theirs, ridge) for theirs in elsewhere.values()])
        return _Fit(maximise([evidence], prior, start=own.values), ridge, apart)

    strength, start = settings.strength, None
    if strength is None:
        strength, start = _choose(halves[False], lambda part: read.evidence(part, catalog, remembered), fit, progress)
    progress("fitting")
    best, ridge, apart = fit(fitting, DEFAULT_STRENGTH if strength is None else strength, start)
    estimated = [name for name, held in zip(NAMES, best.held, strict=True) if not held]
    by_name = {name: at for at, name in enumerate(NAMES)}

    def told(evidence: Evidence) -> HalfLikelihood:
        n = evidence.n_sessions
        fitted, before = (log_likelihood(values, evidence)[0] / n for values in (best.values, default))
        return HalfLikelihood(sessions=n, fitted=fitted, default=before)

    return FittedShopper(
        condition=condition,
        parameters=dict(zip(NAMES, best.values.tolist(), strict=True)),
        standard_errors={name: float(best.errors[by_name[name]]) for name in estimated},
        prior_errors={name: float(ridge.scale[by_name[name]]) for name in estimated},
        held=tuple(name for name in NAMES if name not in estimated),
        reference_prices=remembered.prices,
        people=people,
        catalog=catalog.name,
        tests=tuple(test.name for test in tests),
        test_sessions=sum(one.n_sessions for theirs in elsewhere.values() for one in theirs),
        tastes_apart=apart,
        strength=DEFAULT_STRENGTH if strength is None else strength,
        strength_chosen=settings.strength is None and strength is not None,
        fitting=told(fitting),
        judging=told(judging),
        unexplained=fitting.unexplained,
    )


class _Fit(NamedTuple):
    best: Maximum
    ridge: Prior
    apart: float | None


def _products(sessions: Iterable[Session]) -> Iterator[str]:
    """Of whatever was shown or opened."""
    for session in sessions:
        for event in session.events:
            yield from event.results or (() if event.product is None else (event.product,))


class _Reading(NamedTuple):
    """How logs are read."""

    personas: Mapping[str, Persona]
    condition: Condition
    settings: FitSettings

    def evidence(self, sessions: Iterable[Session], catalog: Catalog, remembered: ReferencePrices) -> Evidence:
        def find(product_id: str) -> Product | None:
            try:
                return catalog[product_id]
            except KeyError:
                return None

        return read_evidence(
            sessions,
            find,
            personas=self.personas,
            condition=self.condition,
            page_size=self.settings.page_size,
            reviews_shown=self.settings.reviews_shown,
            remembered=remembered,
            language=catalog.language,
        )

    def arms(self, test: LoggedTest) -> Iterable[Evidence]:
        """Decisions of both arms, of shoppers of the fitting half."""
        remembered = reference_prices(test.control.catalog)
        for arm in (test.control, test.treatment):
            own = [session for session in arm.sessions if not is_held_out(session.shopper)]
            if not own:
                raise ValueError(f"An arm of the test {test.name!r} has no session of a shopper of the fitting half.")
            yield self.evidence(own, arm.catalog, remembered)


def _choose(
    sessions: Sequence[Session],
    read: Callable[[Iterable[Session]], Evidence],
    fit: Callable[[Evidence, float, Floats | None], _Fit],
    progress: Callable[[str], None],
) -> tuple[float | None, Floats | None]:
    """The strength by which people who were set aside are told best, and where its fit ended; None with too few."""
    sides: tuple[list[Session], list[Session]] = [], []
    for session in sessions:
        sides[is_held_out(session.shopper, salt=CHOICE_SALT)].append(session)
    if min(map(len, sides)) < LEAST_TO_CHOOSE:
        return None, None
    learn, choose = map(read, sides)
    found: list[tuple[float, float, Floats]] = []
    start: Floats | None = None
    for number, strength in enumerate(STRENGTHS, start=1):
        progress(f"choosing the strength of the prior, {number} of {len(STRENGTHS)}")
        start = fit(learn, strength, start).best.values
        found.append((log_likelihood(start, choose)[0], strength, start))
    _, strength, start = max(found, key=lambda one: one[0])
    return strength, start


def _values(parameters: BehaviouralParameters) -> Floats:
    return np.array([getattr(parameters, name) for name in NAMES])
