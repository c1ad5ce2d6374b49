"""Rankings by expression, such as ``bm25+rating:0.3``, and how to register one of your own."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from paars_gym.catalog.filters import NO_FILTERS
from paars_gym.catalog.store import Catalog
from paars_gym.embedding.protocol import Embedder
from paars_gym.files import load_named
from paars_gym.ranking.boosted import BOOSTS, Boosted
from paars_gym.ranking.expression import REFERENCE, parse_expression
from paars_gym.ranking.lexical import Bm25
from paars_gym.ranking.logged import Logged
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.ranking.reranked import Reranked
from paars_gym.ranking.sorted import Resorted, Shuffled
from paars_gym.ranking.sponsored import Sponsored

_ADS = re.compile(r"(?P<ids>.+?)(?:@(?P<slots>[\d\s,]+))?", re.DOTALL)


class RankingRequest(NamedTuple):
    """What a factory of `RANKINGS` is given for ``name:argument(base)``.

    Attributes:
        spec: The whole expression, for messages.
        argument: What stood behind the colon; empty if nothing did.
        base: What stood in parentheses; empty if nothing did.
        catalog: Whose products are ranked.
        embedder: For rankings by meaning; None for the best that is installed.
    """

    spec: str
    argument: str
    base: str
    catalog: Catalog
    embedder: Embedder | None

    def make_base(self) -> RankingPolicy:
        """The ranking in parentheses, ``bm25`` if there is none."""
        return make_ranking(self.base or "bm25", self.catalog, embedder=self.embedder)


Factory = Callable[[RankingRequest], RankingPolicy]
RANKINGS: dict[str, Factory] = {}
"""Every short name that `make_ranking` knows."""
_BY_CALLERS: set[str] = set()
"""Short names whose argument is code to import or a file to open: see `ranking_from_file`."""


def register(name: str, *, in_files: bool = True) -> Callable[[Factory], Factory]:
    """Makes a short name known to `make_ranking`; the decorated function gets a `RankingRequest` and returns a policy.

    Args:
        name: A lower-case word.
        in_files: Whether a data file may name it. Say False if its argument names code or a file.

    Raises:
        ValueError: The name is taken, or is no word.
    """
    if name in RANKINGS or not re.fullmatch(r"[a-z][\w-]*", name):
        raise ValueError(
            f"Ranking name {name!r} is taken or is no lower-case word. Taken: {', '.join(sorted(RANKINGS))}."
        )

    def add(factory: Factory) -> Factory:
        RANKINGS[name] = factory
        (_BY_CALLERS.discard if in_files else _BY_CALLERS.add)(name)
        return factory

    return add


def make_ranking(spec: str | RankingPolicy, catalog: Catalog, *, embedder: Embedder | None = None) -> RankingPolicy:
    """A ranking policy from an expression; an object passes through.

    ==================================  ==================================================================
    ``bm25``                            words (`Bm25`)
    ``dense``, ``hybrid``               meaning (`Dense`); both, fused (`Hybrid`)
    ``popularity``, ``rating``          the best matches by popularity, rating (`Resorted`)
    ``price``                           … from the cheapest
    ``random``, ``random:7``            … in random order, by seed (`Shuffled`)
    ``bm25+rating:0.3+popularity:0.1``  scores plus weighted features (`Boosted`)
    ``sponsored:ID1,ID2@1,4``           advertisements at fixed ranks (`Sponsored`)
    ``logged:lists.parquet``            recorded lists, replayed (`Logged`)
    ``rerank:module:function``          a function of your own orders the best matches (`Reranked`)
    ``module:Class``                    a policy of your own, made by ``Class(catalog)``
    ==================================  ==================================================================

    ``popularity``, ``rating``, ``price``, ``random``, ``sponsored``, ``logged`` and ``rerank`` may name what
    they work on in parentheses, ``bm25`` if they do not: ``rating(hybrid)``, ``sponsored:ID1(bm25+rating:0.3)``. Space
    around names, numbers and ids makes no difference. An id with a comma, or one that ends like ``@1`` or ``(…)``,
    cannot be written in an expression; make `Sponsored` in Python.

    Args:
        spec: The expression, or a policy.
        catalog: Whose products are ranked.
        embedder: For ``dense`` and ``hybrid``; by default the best that is installed.

    Raises:
        FileNotFoundError: A file that the expression names does not exist.
        KeyError: A product that the expression names does not exist.
        ValueError: Not a ranking; says what is available.
    """
    if not isinstance(spec, str):
        return _checked(spec, repr(spec))
    read = parse_expression(spec, frozenset(RANKINGS))
    if read.boosts:
        return Boosted(make_ranking(read.base, catalog, embedder=embedder), catalog, _weights(read.boosts, read.spec))
    if read.name:
        return RANKINGS[read.name](RankingRequest(read.spec, read.argument, read.base, catalog, embedder))
    if read.reference:
        return _made(read.reference, catalog)
    raise ValueError(_unknown(read.spec))


def ranking_from_file(spec: str) -> str:
    """An expression that stood in a data file, if it names rankings of this package only; nothing is made.

    Files hold data: whoever wrote one must not choose what code is imported or which file is opened here.
    ``module:Class``, ``rerank:module:function`` and ``logged:PATH`` come from a command line or a Python caller.

    Raises:
        ValueError: It names code or a file, or no ranking.
    """
    read = parse_expression(spec, frozenset(RANKINGS))
    if read.name in _BY_CALLERS or read.reference:
        raise ValueError(
            f"{spec!r} names code or a file, which nothing in a data file may do. Allowed there: "
            f"{', '.join(sorted(RANKINGS.keys() - _BY_CALLERS))}, with boosts. Give it on the command line."
        )
    if not (read.name or read.boosts):
        raise ValueError(_unknown(read.spec))
    if read.base:
        ranking_from_file(read.base)
    return read.spec


def _made(spec: str, catalog: Catalog) -> RankingPolicy:
    try:
        make = load_named(spec)
    except LookupError as missing:
        raise ValueError(f"Unknown ranking {spec!r}. {missing} Available: {', '.join(sorted(RANKINGS))}.") from None
    try:
        return _checked(make(catalog), spec)
    except TypeError as error:
        raise ValueError(f"{spec} cannot be made from a catalog alone: {error}.") from error


def _weights(boosts: str, spec: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for boost in boosts.split("+")[1:]:
        feature, _, number = (part.strip() for part in boost.partition(":"))
        try:
            weight = float(number)
        except ValueError:
            raise ValueError(
                f"Boost weight {number!r} in {spec!r} is no number. Write for example rating:0.3."
            ) from None
        if feature not in BOOSTS or feature in weights:
            raise ValueError(f"Unknown or repeated boost {feature!r} in {spec!r}.{_close(feature, BOOSTS)}")
        weights[feature] = weight
    return weights


def _checked(policy: Any, spec: str) -> RankingPolicy:
    if not isinstance(policy, RankingPolicy) or isinstance(policy, type):
        raise ValueError(f"{spec} is no ranking policy: it needs a name and rank(text, filters, *, limit, offset).")
    try:
        inspect.signature(policy.rank).bind("words", NO_FILTERS, limit=10, offset=0)
    except TypeError as error:
        raise ValueError(
            f"{spec}: rank{inspect.signature(policy.rank)} cannot be called as rank(text, filters, limit=10, "
            f"offset=0): {error}."
        ) from None
    return policy


def _unknown(spec: str) -> str:
    name = re.split(r"[:+(]", spec)[0].strip()
    hint = " A boost needs a weight: bm25+rating:0.3." if "+" in spec else ""
    return f"Unknown ranking {spec!r}.{hint}{_close(name, RANKINGS)} Or module:Class of your own that can be imported."


def _close(name: str, available: Iterable[str]) -> str:
    close = difflib.get_close_matches(name.lower(), list(available), n=2, cutoff=0.5)
    guess = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"{guess} Available: {', '.join(sorted(available))}."


def _plain(request: RankingRequest) -> RankingRequest:
    if request.argument or request.base:
        raise ValueError(f"{request.spec!r}: this ranking takes nothing behind its name.")
    return request


def _no_argument(request: RankingRequest) -> RankingRequest:
    if request.argument:
        raise ValueError(f"{request.spec!r}: this ranking takes nothing behind a colon.")
    return request


@register("bm25")
def _bm25(request: RankingRequest) -> RankingPolicy:
    return Bm25(_plain(request).catalog)


@register("dense")
def _dense(request: RankingRequest) -> RankingPolicy:
    from paars_gym.ranking.dense import Dense

    return Dense(_plain(request).catalog, request.embedder)


@register("hybrid")
def _hybrid(request: RankingRequest) -> RankingPolicy:
    from paars_gym.ranking.dense import Dense
    from paars_gym.ranking.fused import Hybrid

    return Hybrid(Dense(_plain(request).catalog, request.embedder))


@register("popularity")
def _popularity(request: RankingRequest) -> RankingPolicy:
    return Resorted(_no_argument(request).make_base(), request.catalog, "popularity")


@register("rating")
def _rating(request: RankingRequest) -> RankingPolicy:
    return Resorted(_no_argument(request).make_base(), request.catalog, "rating")


@register("price")
def _price(request: RankingRequest) -> RankingPolicy:
    return Resorted(_no_argument(request).make_base(), request.catalog, "price_low")


@register("random")
def _random(request: RankingRequest) -> RankingPolicy:
    try:
        seed = int(request.argument or 0)
    except ValueError:
        raise ValueError(f"random seed == {request.argument!r}, must be a whole number, as in random:7.") from None
    return Shuffled(request.make_base(), request.catalog, seed)


@register("sponsored")
def _sponsored(request: RankingRequest) -> RankingPolicy:
    parts = _ADS.fullmatch(request.argument)
    if not parts:
        raise ValueError(f"{request.spec!r} names no product. Write sponsored:ID1,ID2 or sponsored:ID1,ID2@1,4.")
    products = [product.strip() for product in parts["ids"].split(",")]
    slots = [int(slot) for slot in parts["slots"].split(",") if slot.strip()] if parts["slots"] else None
    return Sponsored(request.make_base(), request.catalog, products, slots)


@register("logged", in_files=False)
def _logged(request: RankingRequest) -> RankingPolicy:
    if not request.argument:
        raise ValueError(f"{request.spec!r} names no file. Write logged:lists.parquet.")
    return Logged(request.argument, request.catalog, request.make_base())


@register("rerank", in_files=False)
def _rerank(request: RankingRequest) -> RankingPolicy:
    if not REFERENCE.fullmatch(request.argument):
        raise ValueError(f"{request.spec!r} names no function. Write rerank:module:function.")
    return Reranked(request.make_base(), request.catalog, load_named(request.argument), request.argument)
