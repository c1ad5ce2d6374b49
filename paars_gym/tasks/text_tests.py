"""Past A/B tests of texts with their clicks: pairs, the question which of two is opened, and baselines."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.catalog.product import Product
from paars_gym.config import Condition, RunConfig
from paars_gym.embedding import Embedder
from paars_gym.ingest.documents import open_feed
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import session_rng
from paars_gym.sessions.split import is_held_out
from paars_gym.shoppers.protocol import Answerer
from paars_gym.tasks.answers import usable_choice
from paars_gym.tasks.asking import ask_shoppers
from paars_gym.tasks.questions import TaskShoppers
from paars_gym.tasks.shoppers import task_shoppers

Floats = npt.NDArray[np.float64]
COLUMNS = ("test", "headline", "impressions", "clicks")
QUERY = "something to read"
LEAST_CLICKS = 0.5
"""Added to clicks, so that a text that nobody opened has a logarithm."""
RIDGES = tuple(float(10.0**power) for power in np.arange(0, 5.1, 0.5))


class Variant(NamedTuple):
    """A text of a test: how often it was shown, and how often opened."""

    text: str
    shown: int
    opened: int


class TextTest(NamedTuple):
    """Texts that were shown at random in one place."""

    name: str
    variants: tuple[Variant, ...]


class TextPair(NamedTuple):
    """Two texts of a test.

    Attributes:
        test: Its name.
        texts: First and second.
        effect: Natural logarithm of the first's click rate over the second's.
        standard_error: Of that.
    """

    test: str
    texts: tuple[str, str]
    effect: float
    standard_error: float

    @property
    def fold(self) -> int:
        """0 or 1: on the pairs of one fold is fitted what the other judges; all pairs of a test are in one."""
        return int(is_held_out(self.test, salt="text tests"))


def read_text_tests(path: str | Path) -> tuple[TextTest, ...]:
    """Tests from a table with the columns ``test``, ``headline``, ``impressions``, ``clicks``, and perhaps ``image``.

    Texts of one test are compared where their images agree.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A column is missing, a number is none, or more clicks than impressions.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No table of tests {str(path)!r}.")
    found: dict[str, list[Variant]] = {}
    with open_feed(path) as file:
        for row in file:
            cells = row.values or {}
            if missing := [name for name in COLUMNS if cells.get(name) in (None, "")]:
                why = row.problem or f"{missing[0]} is empty or no column"
                raise ValueError(f"{path}, row {row.number}: {why}; a row needs {', '.join(COLUMNS)}.")
            try:
                shown, opened = (int(float(cells[name])) for name in COLUMNS[2:])
            except (ValueError, OverflowError):
                raise ValueError(f"{path}, row {row.number}: impressions and clicks must be whole numbers.") from None
            if not 0 <= opened <= shown or not shown:
                raise ValueError(f"{path}, row {row.number}: {opened:,} clicks of {shown:,} impressions cannot be.")
            place = f"{cells['test']}/{cells.get('image', '')}"
            found.setdefault(place, []).append(Variant(str(cells["headline"]), shown, opened))
    tests = tuple(TextTest(name.partition("/")[0], tuple(texts)) for name, texts in found.items() if len(texts) > 1)
    if not tests:
        raise ValueError(f"{path} holds no test of two texts.")
    return tests


def pairs_of(test: TextTest) -> list[TextPair]:
    """All pairs of a test's texts."""
    pairs = []
    for at, one in enumerate(test.variants):
        for other in test.variants[at + 1 :]:
            if one.text.strip() == other.text.strip():
                continue
            logs, variances = zip(*(_log_rate(each) for each in (one, other)), strict=True)
            pairs.append(TextPair(test.name, (one.text, other.text), logs[0] - logs[1], math.sqrt(sum(variances))))
    return pairs


def one_pair_each(tests: Sequence[TextTest], *, seed: int) -> list[TextPair]:
    """A pair of each test, drawn at random, as is which of the two is first: pairs of one test are not independent."""
    drawn: dict[str, TextPair] = {}
    for test in tests:
        pairs = pairs_of(test)
        if pairs and test.name not in drawn:
            rng = session_rng(seed, test.name)
            pair = pairs[int(rng.integers(len(pairs)))]
            drawn[test.name] = turned(pair) if rng.random() < 0.5 else pair
    return list(drawn.values())


def turned(pair: TextPair) -> TextPair:
    """The same with the second text first."""
    return pair._replace(texts=(pair.texts[1], pair.texts[0]), effect=-pair.effect)


def _log_rate(one: Variant) -> tuple[float, float]:
    """Logarithm of a click rate, and its variance by the delta method."""
    opened = one.opened + LEAST_CLICKS
    return math.log(opened / (one.shown + 2 * LEAST_CLICKS)), max(1 / opened - 1 / one.shown, 0.0)


class TextQuestions:
    """Pairs as result lists of two: which is opened? Every other draw shows them the other way round.

    Args:
        pairs: Which.
        draws: How often each is asked; even, so that a place gains nothing.
        seed: Of the answers.
    """

    def __init__(self, pairs: Sequence[TextPair], draws: int, seed: int) -> None:
        if draws < 2 or draws % 2:
            raise ValueError(f"draws == {draws}, must be an even number: every other one shows the texts turned round.")
        self.pairs, self.draws, self.seed = pairs, draws, seed

    def __len__(self) -> int:
        return len(self.pairs) * self.draws

    def key(self, index: int) -> str:
        """Of the pair and the draw."""
        return f"{index // self.draws}/{index % self.draws}"

    def put(self, index: int, shopper: Answerer) -> Awaitable[int] | int:
        """Asks which of the two is opened."""
        texts = self.pairs[index // self.draws].texts
        shown = texts[::-1] if index % 2 else texts
        return shopper.choose_view(QUERY, [Product(id=f"t{at}", title=text) for at, text in enumerate(shown, 1)])

    def usable(self, index: int, answer: Any) -> int:
        """0 where the pair's first text is opened, and 1 for its second."""
        return usable_choice(answer, 2) ^ (index % 2)


class _Visitors:
    """A persona a draw, each as often as any other."""

    source = "given"

    def __init__(self, personas: Sequence[Persona]) -> None:
        self._personas = personas

    async def __call__(self, questions: Any, index: int) -> Persona:
        return self._personas[(index // 2) % len(self._personas)]


def asked_readers(run: RunConfig, personas: Sequence[Persona] = ()) -> TaskShoppers:
    """The run's policy: as nobody in particular, and as visitors where there are personas."""
    conditions: tuple[Condition, ...] = ("base", "persona") if personas else ("base",)
    return task_shoppers(run, (str(run.policy),), conditions, personas=_Visitors(personas) if personas else "counted")


def ask_texts(
    pairs: Sequence[TextPair],
    run: RunConfig,
    *,
    draws: int,
    personas: Sequence[Persona] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, Floats], tuple[dict[str, Any], ...], str]:
    """What a shopper says of each pair: log odds that it opens the first, from its draws.

    Args:
        pairs: Which.
        run: Policy, model, budget and seed.
        draws: Answers a pair, see `TextQuestions`.
        personas: Visitors, drawn in turn; asked beside nobody in particular.
        progress: Told how far it is.

    Returns:
        By shopper, shape (pairs,), NaN where it gave no answer; what models were paid; why it ended early, or "".
    """
    questions, asked = TextQuestions(pairs, draws, run.seed), asked_readers(run, personas)
    given = ask_shoppers([questions], asked, progress=progress)
    found = {}
    for name, answers in given.answers[0].items():
        choices = answers.choices.reshape(len(pairs), draws)
        first, second = (choices == 0).sum(1), (choices == 1).sum(1)
        odds = np.log((first + 0.5) / (second + 0.5))
        found[name] = np.where(first + second > 0, odds, np.nan)
    return found, tuple(model.report() for model in asked.models.values()), given.stopped


def by_length(pairs: Sequence[TextPair]) -> Floats:
    """Logarithm of the first text's length over the second's, its sign that of the other fold's pairs."""
    lengths = np.array([[len(text) for text in pair.texts] for pair in pairs], dtype=np.float64)
    ratio = np.log(lengths[:, 0] / lengths[:, 1])
    effects, folds = np.array([pair.effect for pair in pairs]), np.array([pair.fold for pair in pairs])
    scores = np.empty(len(pairs))
    for fold in (0, 1):
        scores[folds == fold] = ratio[folds == fold] * np.sign(ratio[folds != fold] @ effects[folds != fold])
    return scores


def by_embedding(pairs: Sequence[TextPair], tests: Sequence[TextTest], embedder: Embedder) -> Floats:
    """Effects predicted by a ridge on the difference of embeddings, fitted on all pairs of the other fold's tests.

    Pairs are weighted by how well their effect is known. How strong the ridge is, tests set aside within that fold say.
    """
    known = [pair for test in tests for pair in pairs_of(test)]
    texts = list(dict.fromkeys(text for pair in (*known, *pairs) for text in pair.texts))
    vectors = np.asarray(embedder.embed(texts), dtype=np.float64)
    place = {text: at for at, text in enumerate(texts)}

    def features(some: Sequence[TextPair]) -> Floats:
        return np.array([vectors[place[pair.texts[0]]] - vectors[place[pair.texts[1]]] for pair in some])

    scores = np.empty(len(pairs))
    for fold in (0, 1):
        mine = [at for at, pair in enumerate(pairs) if pair.fold == fold]
        fitted = [pair for pair in known if pair.fold != fold]
        inner = np.array([is_held_out(pair.test, salt="ridge") for pair in fitted])
        x, y = features(fitted), np.array([pair.effect for pair in fitted])
        errors = np.array([pair.standard_error for pair in fitted])
        weights = 1 / (max(float(np.mean(y**2 - errors**2)), 1e-4) + errors**2)
        best = min(
            RIDGES,
            key=lambda ridge: (
                weights[inner] * (y[inner] - x[inner] @ _ridge(x[~inner], y[~inner], weights[~inner], ridge)) ** 2
            ).sum(),
        )
        scores[mine] = features([pairs[at] for at in mine]) @ _ridge(x, y, weights, best)
    return scores


def _ridge(x: Floats, y: Floats, weights: Floats, strength: float) -> Floats:
    weighted = x * weights[:, None]
    return np.asarray(np.linalg.solve(weighted.T @ x + strength * np.eye(x.shape[1]), weighted.T @ y))
