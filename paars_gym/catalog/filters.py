"""The conditions that a search may set, and the orders that a shopper may ask for."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Sort = Literal["relevance", "price_low", "price_high", "rating", "popularity"]
SORTS: tuple[str, ...] = get_args(Sort)
MAX_NAME_CHARS = 1_000


class Filters(BaseModel):
    """Conditions that every result of a search meets. Hashable; the default lets everything through.

    A product without a price meets no price bound, one without a rating no rating bound.

    Attributes:
        min_price: Lowest price, inclusive, in the catalog's currency.
        max_price: Highest price, inclusive.
        brand: Exact brand, case-insensitive.
        min_rating: Least mean rating, inclusive.
        category: Name of any category on the product's path, case-insensitive.
        in_stock: Only available products.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    brand: str | None = Field(default=None, min_length=1, max_length=MAX_NAME_CHARS)
    min_rating: float | None = Field(default=None, ge=1, le=5)
    category: str | None = Field(default=None, min_length=1, max_length=MAX_NAME_CHARS)
    in_stock: bool = False

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Filters:
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError(f"min_price == {self.min_price} is above max_price == {self.max_price}; swap them.")
        return self

    @property
    def empty(self) -> bool:
        """True when nothing is asked for."""
        return self == NO_FILTERS


NO_FILTERS = Filters()
