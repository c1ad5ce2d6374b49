"""View selection: the result of a page that is opened (PAARS section 4.3, Table 2, Figure 3).

People searched, saw a page of results and opened one. Shoppers are shown the same query and the same page, and asked
which result that person would open: alone, and with the person's persona.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment import mine_rank_cases, score_ranks
from paars_gym.alignment.comparison import histogram_measures
from paars_gym.alignment.rank_selection import RANK_CHOSEN, RankCase, compare_ranks
from paars_gym.alignment.report import Measure
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition, RunConfig
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.llm.dry_run import Forecast
from paars_gym.shoppers.protocol import Answerer
from paars_gym.tasks.answers import left_out, usable_choice
from paars_gym.tasks.asking import ask_shoppers
from paars_gym.tasks.elsewhere import asked_elsewhere
from paars_gym.tasks.people import MiniPeople
from paars_gym.tasks.persona_sources import KnownPersonas
from paars_gym.tasks.query_results import measure_row
from paars_gym.tasks.questions import TaskShoppers
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.run_noise import RunNoise
from paars_gym.tasks.shoppers import TaskPolicy, fitted_shoppers, forecast, policies_of, task_shoppers

PEOPLE_ROW = "people"
VIEW_CONDITIONS: tuple[Condition, ...] = ("base", "persona")


class ViewQuestions:
    """Result pages as questions."""

    def __init__(self, cases: Sequence[RankCase], products: Mapping[str, Product], seed: int) -> None:
        """Args:
        cases: With the pages.
        products: By id, all that are on the pages.
        seed: Of the answers.
        """
        self.cases, self.seed = cases, seed
        self._products = products
        occurrence = Counter[str]()
        self._keys = []
        for case in cases:  # a session has several pages
            self._keys.append(f"{case.key}/{occurrence[case.key]}")
            occurrence[case.key] += 1

    def __len__(self) -> int:
        return len(self.cases)

    def key(self, index: int) -> str:
        """Of the session, with the number of the page in it."""
        return self._keys[index]

    def shopper(self, index: int) -> str:
        """Who saw the page."""
        return self.cases[index].shopper

    def put(self, index: int, shopper: Answerer) -> Awaitable[int] | int:
        """Asks which result is opened."""
        case = self.cases[index]
        return shopper.choose_view(case.query, [self._products[key] for key in case.results])

    def usable(self, index: int, answer: Any) -> int:
        """The index of a result."""
        return usable_choice(answer, len(self.cases[index].results))


class ViewCases(NamedTuple):
    """Pages of which people opened a result.

    Attributes:
        people: Whose choices they are, as reports call them.
        searches: Searches with a logged result list.
        cases: Of these, those followed by a view of a result.
        notes: What these data cannot say.
    """

    people: str
    searches: int
    cases: tuple[RankCase, ...]
    notes: tuple[str, ...]


class ViewResults(Tabular, BaseModel):
    """The task's numbers.

    Attributes:
        people: Whose choices they are.
        searches: Searches with a logged result list.
        cases: Of these, those followed by a view of a result.
        measures: KL, JS and W1 of the ranks, the shopper as ``population``.
        ranks: Cases by rank chosen, from the first on; of ``people`` and of each shopper.
        paired: By shopper, the KL with its persona less that without it; below 0 the persona is closer to people.
        notes: What a reader has to know.
        paid: Calls, tokens and dollars of each language model.
        stopped: Why the run ended before all cases were asked; or "".
        noise: What differs between repeats, where there were several; all else is of the first.
    """

    model_config = ConfigDict(frozen=True)
    SHOWN: ClassVar[tuple[str, ...]] = ("shopper", "metric", "estimate", "unit", "floor", "verdict")

    people: str
    searches: int
    cases: int
    measures: tuple[Measure, ...]
    ranks: dict[str, tuple[int, ...]]
    paired: dict[str, Estimate] = {}
    notes: tuple[str, ...]
    paid: tuple[dict[str, Any], ...] = ()
    stopped: str = ""
    noise: RunNoise | None = None

    def find(self, shopper: str, metric: str) -> Measure:
        """One measure.

        Raises:
            KeyError: It is not there.
        """
        for each in self.measures:
            if (each.population, each.metric) == (shopper, metric):
                return each
        raise KeyError(f"No {metric} of {shopper!r}; there are {', '.join(self.ranks)}.")

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row for each number of each shopper."""
        return [measure_row(each) for each in self.measures]

    def summary(self) -> str:
        """Whose choices, and how many."""
        return f"View selection, {self.cases:,} pages, {self.people}"


def view_cases(people: ReferencePeople, run: RunConfig, rng: np.random.Generator) -> ViewCases:
    """Searches whose first page was logged and whose next event is a view of one of its products.

    Args:
        people: Whose sessions.
        run: Its ``sessions`` cases at most, drawn at random.
        rng: Of that draw.

    Raises:
        ValueError: The log records no searches, result lists or views, or holds no such case.
    """
    people.require("View selection", "searches", "results", "views")
    mined = mine_rank_cases(people.source, most=run.sessions, rng=rng)
    notes, cases = [], mined.cases
    if isinstance(people, MiniPeople):
        notes = ["The people of mini are invented: a fifth of their views fall anywhere on a page, most near its top."]
    if people.personas:
        cases = tuple(case for case in mined.cases if case.shopper in people.personas)
        if lost := len(mined.cases) - len(cases):
            notes.append(f"{lost:,} cases of shoppers without a persona were left out.")
    if not cases:
        raise ValueError(f"No view of a result right after its search in {people.name}: there is nothing to compare.")
    return ViewCases(people.name, mined.searches, cases, (*notes, *mined.notes))


def asked_views(people: ReferencePeople, run: RunConfig, policies: Sequence[TaskPolicy] = ()) -> TaskShoppers:
    """The shoppers: each policy alone, and with the persona of whoever saw the page where people have one."""
    conditions = VIEW_CONDITIONS if people.personas else VIEW_CONDITIONS[:1]
    named, fitted = policies_of(run, policies)
    known = KnownPersonas(people.personas)
    asked = task_shoppers(run, named, conditions, personas=known, language=people.language)
    asked = asked._replace(shoppers=(*asked.shoppers, *fitted_shoppers(run, fitted, people, known)))
    return asked_elsewhere(asked, policies, conditions, known)


def forecast_views(people: ReferencePeople, run: RunConfig, policies: Sequence[TaskPolicy] = ()) -> dict[str, Forecast]:
    """What asking language models would take, by spec; nothing is sent."""
    asked = asked_views(people, run, policies)
    return forecast([view_questions(people, run)], asked)


def view_questions(people: ReferencePeople, run: RunConfig) -> ViewQuestions:
    """The questions that `select_views` puts."""
    cases = view_cases(people, run, np.random.default_rng(run.seed)).cases
    return ViewQuestions(cases, _products(cases, people.catalog), run.seed)


def select_views(
    people: ReferencePeople,
    run: RunConfig,
    *,
    policies: Sequence[TaskPolicy] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> ViewResults:
    """Shows every shopper every page, and compares the ranks opened with people's.

    Args:
        people: Whose choices; where they have personas, each shopper chooses with them as well as without.
        run: Policy, model, budget and seed; ``sessions`` pages at most.
        policies: Several instead of the run's one; and shoppers fitted to other people, asked beside them.
        progress: Told what is going on.

    Raises:
        ValueError: The log holds no result lists or no cases, or a name is unknown.
        NobodyAnswersError: A shopper could not be asked at all.
    """
    rng = np.random.default_rng(run.seed)
    asked = asked_views(people, run, policies)
    progress("finding pages with a result that was opened")
    pages = view_cases(people, run, rng)
    questions = ViewQuestions(pages.cases, _products(pages.cases, people.catalog), run.seed)
    given = ask_shoppers([questions], asked, progress=progress)
    answers = given.answers[0]
    rows = np.flatnonzero(np.logical_and.reduce([each.answered for each in answers.values()]))
    if not len(rows):
        raise ValueError("No page got an answer of every shopper: nothing can be compared.")
    cases = [pages.cases[row] for row in rows]
    measures: list[Measure] = []
    ranks: dict[str, tuple[int, ...]] = {}
    for name, each in answers.items():
        compared = score_ranks(cases, each.choices[rows] + 1, rng=rng).whole
        measures += histogram_measures({RANK_CHOSEN: compared}, name)
        ranks.setdefault(PEOPLE_ROW, _whole(compared.human))
        ranks[name] = _whole(compared.agent)
    paired = {}
    for name, each in answers.items():
        whose, _, condition = name.rpartition(", ")
        if condition == "persona" and (alone := answers.get(f"{whose}, base")) is not None:
            both = (each.choices[rows] + 1, alone.choices[rows] + 1)
            paired[whose] = next(one.estimate for one in compare_ranks(cases, *both, rng=rng) if one.metric == "KL")
    stopped = [f"Stopped early, everything so far is kept: {given.stopped}"] if given.stopped else []
    return ViewResults(
        people=pages.people,
        searches=pages.searches,
        cases=len(cases),
        measures=tuple(measures),
        ranks=ranks,
        paired=paired,
        notes=(*stopped, *given.notes, *pages.notes, *left_out(answers, "pages")),
        paid=tuple(model.report() for model in asked.models.values()),
        stopped=given.stopped,
    )


def _products(cases: Sequence[RankCase], catalog: Catalog) -> dict[str, Product]:
    wanted = dict.fromkeys(key for case in cases for key in case.results)
    try:
        return {key: catalog[key] for key in wanted}
    except KeyError as missing:
        raise ValueError(f"{missing.args[0]} Name the log's own catalog with --catalog.") from None


def _whole(counts: Any) -> tuple[int, ...]:
    # The last bin is for ranks beyond the longest list: there are none.
    return tuple(int(count) for count in counts[:-1])
