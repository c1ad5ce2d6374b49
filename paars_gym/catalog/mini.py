"""The catalog ``mini``: 5,000 invented products, the same for the same seed."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from paars_gym.cache import cached_folder
from paars_gym.catalog.mini_reviews import write_review
from paars_gym.catalog.product import Product, Review
from paars_gym.catalog.store import Catalog

VERSION = 2
"""Raise it with every change of what `generate_mini` gives: the catalog in the cache is then made anew."""
N_PRODUCTS = 5_000
SEED = 20_260_101
GOODS = Path(__file__).with_name("mini.toml")
TOP_POPULARITY, RATED_SHARE = 400_000, 0.05
SOLD_OUT_SHARE, COLOUR_CHOICE_SHARE = 0.04, 0.25
STAR_SPREAD, MAX_REVIEWS = 1.0, 8
T = TypeVar("T")


class Tier(BaseModel):
    """A price tier: factor on prices, shift of the mean rating in stars, and how its products are advertised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price: float
    quality: float
    words: tuple[str, ...]


class Kind(BaseModel):
    """A kind of product within a category; `extra` marks accessories and neighbours, `plain` what has no colour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    noun: str
    weight: int
    price: float
    features: tuple[str, ...]
    materials: tuple[str, ...] = ()
    variants: dict[str, float] = {}
    options: dict[str, tuple[str, ...]] = {}
    facts: dict[str, tuple[str, ...]] = {}
    extra: bool = False
    plain: bool = False


class Extra(BaseModel):
    """What is said of accessories in any category."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    praise: tuple[str, ...]
    gripes: tuple[str, ...]
    bullets: tuple[str, ...]


class MiniCategory(BaseModel):
    """A category: its kinds, its middle price, and what people say of its products."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    department: str
    price: float
    colours: tuple[str, ...]
    facts: dict[str, tuple[str, ...]]
    kinds: tuple[Kind, ...]
    bullets: tuple[str, ...]
    about: tuple[str, ...]
    praise: tuple[str, ...]
    gripes: tuple[str, ...]
    material_name: str = "material"


class Goods(BaseModel):
    """The whole of mini.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tiers: dict[str, Tier]
    brands: dict[str, dict[str, str]]
    extra: Extra
    category: tuple[MiniCategory, ...]


class Draft(NamedTuple):
    """A product before the market has judged it."""

    category: MiniCategory
    kind: Kind
    brand: str
    tier: Tier
    title: str
    feature: str
    material: str
    variant: str
    colour: str


class Dice:
    """Cheap draws from one generator: a scalar draw from numpy costs ten times as much."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._uniform = self._draws(rng)

    def _draws(self, rng: np.random.Generator) -> Iterator[float]:
        while True:
            yield from rng.random(65_536).tolist()

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each equally likely."""
        return choices[int(next(self._uniform) * len(choices))]

    def sample(self, choices: Sequence[T], size: int) -> tuple[T, ...]:
        """Several different choices, in the order given."""
        ranks = sorted(range(len(choices)), key=lambda _: next(self._uniform))[:size]
        return tuple(choices[rank] for rank in sorted(ranks))

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The same items in another order."""
        return [item for _, item in sorted(zip(self._uniform, items, strict=False), key=lambda pair: pair[0])]

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return next(self._uniform) < probability


class Market(NamedTuple):
    """What the market made of each product; arrays of shape (n_products,)."""

    price: npt.NDArray[np.float64]
    popularity: npt.NDArray[np.int64]
    rating_count: npt.NDArray[np.int64]
    stars: npt.NDArray[np.float64]
    reviews: npt.NDArray[np.int64]


def mini_catalog(seed: int = SEED) -> Catalog:
    """The synthetic catalog, from the cache when it was generated before."""
    return Catalog.open(
        cached_folder(
            "catalogs",
            f"mini-{seed}-v{VERSION}",
            lambda folder: generate_mini(seed).save(folder),
            check=Catalog.open,
        )
    )


def generate_mini(seed: int = SEED) -> Catalog:
    """5,000 products in 24 categories, in memory.

    Popularity follows Zipf's law (rank r sells in proportion to 1/r); better and cheaper products tend to rank higher.
    Mean stars rise with the brand's price tier; the number of ratings is a binomial share of popularity; reviews are
    drawn around the mean stars and worded to match.
    """
    goods = Goods.model_validate(tomllib.loads(GOODS.read_text(encoding="utf-8")))
    rng = np.random.default_rng(seed)
    dice = Dice(rng)
    drafts = draft_products(goods, dice)
    market = draw_market(drafts, rng)
    products = (finish(f"M{i + 1:05d}", draft, goods.extra, market, i, dice, rng) for i, draft in enumerate(drafts))
    catalog = Catalog.from_products(products, name="mini", synthetic=True, language="en")
    source = f"Generated by paars_gym from seed {seed}; brands, products, ratings and reviews are invented."
    catalog.card = catalog.card.model_copy(update={"source": source})
    return catalog


def draft_products(goods: Goods, dice: Dice) -> list[Draft]:
    """Distinct titles, in equal numbers a category, in an order that says nothing about the products."""
    categories = goods.category
    drafts: list[Draft] = []
    for index, category in enumerate(categories):
        wanted = N_PRODUCTS // len(categories) + (index < N_PRODUCTS % len(categories))
        drafts_by_title: dict[str, Draft] = {}
        kinds = [kind for kind in category.kinds for _ in range(kind.weight)]
        brands = [(brand, goods.tiers[letter]) for brand, letter in goods.brands[category.department].items()]
        while len(drafts_by_title) < wanted:
            draft = draw_draft(category, dice.pick(kinds), *dice.pick(brands), dice)
            drafts_by_title.setdefault(draft.title, draft)
        drafts += drafts_by_title.values()
    return dice.shuffled(drafts)


def draw_draft(category: MiniCategory, kind: Kind, brand: str, tier: Tier, dice: Dice) -> Draft:
    """One product such as ``Norvik 2-slot stainless steel toaster, black``."""
    feature = dice.pick(kind.features)
    material = dice.pick(kind.materials) if kind.materials else ""
    variant = dice.pick(tuple(kind.variants)) if kind.variants else ""
    coloured = category.colours and not kind.plain
    colour = dice.pick(category.colours) if coloured and not dice.chance(COLOUR_CHOICE_SHARE) else ""
    words = [brand, feature, material, kind.noun]
    title = ", ".join(filter(None, [" ".join(filter(None, words)), variant, colour]))
    return Draft(category, kind, brand, tier, title, feature, material, variant, colour)


def draw_market(drafts: Sequence[Draft], rng: np.random.Generator) -> Market:
    """Prices, demand and ratings of all products."""
    n = len(drafts)
    usual = np.array([d.category.price * d.kind.price * d.kind.variants.get(d.variant, 1.0) for d in drafts])
    relative = np.array([d.tier.price for d in drafts]) * rng.lognormal(0.0, 0.18, n)
    quality = np.array([d.tier.quality for d in drafts]) + 0.3 * rng.standard_normal(n)
    demand = rng.standard_normal(n) + 1.2 * quality - 0.6 * np.log(relative)
    demand -= np.array([0.6 * d.kind.extra for d in drafts])
    rank = np.empty(n)
    rank[np.argsort(-demand)] = np.arange(1, n + 1)
    popularity = np.rint(TOP_POPULARITY / rank).astype(np.int64)
    rating_count = rng.binomial(popularity, np.clip(rng.normal(RATED_SHARE, RATED_SHARE / 4, n), 0.005, 0.2))
    stars = np.clip(4.05 + quality + 0.25 * rng.standard_normal(n), 1.6, 4.85)
    reviews = np.minimum(rating_count, np.minimum(1 + rng.poisson(2.5, n), MAX_REVIEWS))
    return Market(shop_price(usual * relative, rng), popularity, rating_count, stars, reviews)


def shop_price(amount: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Amounts as a shop would print them: 3.49, 24.99, 149.00."""
    cents = rng.choice([0.99, 0.95, 0.49, 0.0], p=[0.55, 0.15, 0.2, 0.1], size=amount.shape)
    whole = np.floor(amount)
    dear = amount >= 100
    return np.where(dear, np.rint(amount / 5) * 5 - 1, np.maximum(whole + cents, 0.99)).round(2)


def finish(
    key: str, draft: Draft, extra: Extra, market: Market, row: int, dice: Dice, rng: np.random.Generator
) -> Product:
    """The product that a shopper sees."""
    category, kind = draft.category, draft.kind
    said = extra if kind.extra else category
    facts = kind.facts if kind.extra else category.facts | kind.facts
    chosen = {name: dice.pick(values) for name, values in facts.items()}
    variant = {"size" if any(map(str.isdigit, draft.variant)) else "version": draft.variant}
    attributes = {"colour": draft.colour, category.material_name: draft.material, **variant, **chosen}
    options = dict(kind.options)
    if category.colours and not kind.plain and not draft.colour:
        options["colour"] = dice.sample(category.colours, 3 + dice.chance(0.5))
    reviews, rating = draw_reviews(kind.noun, said, market, row, dice, rng)
    return Product(
        id=key,
        title=draft.title,
        category=(category.department, category.name),
        brand=draft.brand,
        price=float(market.price[row]),
        rating=rating,
        rating_count=int(market.rating_count[row]),
        popularity=float(market.popularity[row]),
        bullets=dice.sample(said.bullets, 3),
        description=describe(draft, dice),
        attributes={name: value for name, value in attributes.items() if value and value != "none"},
        options=options,
        reviews=reviews,
        available=not dice.chance(SOLD_OUT_SHARE),
    )


def describe(draft: Draft, dice: Dice) -> str:
    """Two or three sentences of advertising."""
    about = "" if draft.kind.extra else dice.pick(draft.category.about)
    thing = " ".join(filter(None, [draft.feature, draft.material, draft.kind.noun]))
    return " ".join(
        filter(None, [f"{thing[0].upper()}{thing[1:]} by {draft.brand}.", about, dice.pick(draft.tier.words)])
    )


def draw_reviews(
    noun: str, said: Extra | MiniCategory, market: Market, row: int, dice: Dice, rng: np.random.Generator
) -> tuple[tuple[Review, ...], float | None]:
    """Reviews, most helpful first, and the mean of all ratings, of which the reviews are a part."""
    n_ratings, n_reviews, mean = int(market.rating_count[row]), int(market.reviews[row]), float(market.stars[row])
    if not n_ratings:
        return (), None
    stars = np.clip(np.rint(rng.normal(mean, STAR_SPREAD, n_reviews)), 1, 5).astype(int).tolist()
    used: set[str] = set()

    def fresh(choices: Sequence[str]) -> str:
        # Two customers of one product do not use the same words while others are left.
        phrase = dice.pick([choice for choice in choices if choice not in used] or choices)
        used.add(phrase)
        return phrase

    votes = sorted((rng.geometric(0.3, n_reviews) - 1).tolist(), reverse=True)
    reviews = tuple(
        write_review(star, noun, said.praise, said.gripes, fresh, vote) for star, vote in zip(stars, votes, strict=True)
    )
    silent = n_ratings - n_reviews
    unwritten = silent * float(np.clip(rng.normal(mean, STAR_SPREAD / math.sqrt(silent)), 1, 5)) if silent else 0.0
    return reviews, round((sum(stars) + unwritten) / n_ratings, 1)
