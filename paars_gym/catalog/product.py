"""One product, as a shop page shows it. (PAARS section 4.3: the view tool's detail page.)"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field

from paars_gym.ingest.cells import MISSING

_ID_FORBIDDEN = re.compile(r"[\s\[\]|%\x00-\x20\x7f-\xa0]")


class Review(BaseModel):
    """A customer's review of a product.

    Attributes:
        rating: Stars, 1 to 5.
        title: Headline, may be empty.
        text: Body, plain text.
        helpful_votes: How many readers marked it helpful.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rating: float = Field(ge=1, le=5)
    title: str = ""
    text: str = ""
    helpful_votes: int = Field(default=0, ge=0)


class Product(BaseModel):
    """One product of a catalog.

    Attributes:
        id: Unique within its catalog, no white space, and none of ``[ ] |`` (they belong to the action grammar).
        title: What a result list shows.
        category: Path from the root, for example ``("Electronics", "Headphones")``.
        brand: Maker or label; empty when the feed names none.
        price: In the catalog's currency; None when the feed gives none.
        rating: Mean stars, 1 to 5; None when nobody rated it.
        rating_count: Number of ratings.
        popularity: Any non-negative measure of demand, comparable within one catalog only
            (Journey: purchase lines). Feeds without one use the rating count.
        bullets: Short selling points.
        description: Long text.
        attributes: Facts by name, for example ``{"colour": "red"}``.
        options: What a buyer may choose, for example ``{"size": ("S", "M")}``.
        reviews: In the order in which the page shows them.
        available: False when it cannot be added to a cart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=128, pattern=r"^[^\s\[\]|]+$")
    title: str = Field(min_length=1)
    category: tuple[str, ...] = ()
    brand: str = ""
    price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    rating: float | None = Field(default=None, ge=1, le=5)
    rating_count: int = Field(default=0, ge=0)
    popularity: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    bullets: tuple[str, ...] = ()
    description: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    options: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    reviews: tuple[Review, ...] = ()
    available: bool = True


def clean_id(value: Any) -> str:
    """A product id fit for the action grammar: what it forbids (white space, ``[ ] |``) is percent-encoded.

    So is ``%`` itself, so that `original_id` gets every id back.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a table with a gap among its numbers gives 123.0
    text = "" if value is None else str(value).strip()
    text = "" if text.casefold() in MISSING else text
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _ID_FORBIDDEN.sub(lambda match: quote(match[0], safe=""), text)


def original_id(product_id: str) -> str:
    """The id that the feed gave a product."""
    return unquote(product_id)
