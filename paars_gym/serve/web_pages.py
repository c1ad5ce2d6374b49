"""The pages of the shop as HTML: what `paars_gym.shop.observation.JsonRenderer` shows agents, in templates.

Products, reviews and tasks are data of others: the templates escape all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from paars_gym.catalog.filters import SORTS
from paars_gym.prompts import GOALS
from paars_gym.serve.visits import ServedVisit
from paars_gym.shop.observation import PageRenderer
from paars_gym.shop.rewards import NoReward
from paars_gym.shop.shop import Shop
from paars_gym.shop.state import MAX_UNITS
from paars_gym.shop.visit import Visit

if TYPE_CHECKING:
    from jinja2 import Environment

CONSENT = (
    "This is a shop for research. Nothing is sold, and nothing is paid.",
    "What you do in it is recorded: what you search for, which products you open, put into the cart and buy, and when.",
    "Nobody asks for your name, address or any other personal data. Please do not type any.",
    "Taking part is voluntary. You can leave at any time.",
)
"""What visitors agree to, unless a file says something else."""
_twins: WeakKeyDictionary[Shop, Shop] = WeakKeyDictionary()


def page_content(visit: ServedVisit) -> dict[str, Any]:
    """What the page of a visit shows, as `JsonRenderer` has it, and what came of the last action."""
    twin = _twins.get(visit.shop)
    if twin is None:
        twin = Shop(
            visit.shop.catalog,
            visit.shop.ranking,
            page_size=visit.shop.page_size,
            reviews_per_page=visit.shop.reviews_per_page,
            observation="json",
        )
        _twins[visit.shop] = twin
    shown, _ = Visit(twin, max_steps=1, reward=NoReward()).restore(visit.env.unwrapped.snapshot().visit)
    content: dict[str, Any] = json.loads(shown)
    bought = [event for event in visit.info["events"] if event.kind == "purchase"]
    return content | {
        "error": visit.info["error"],
        "ordered": sum(event.units or 1 for event in bought),
        "more": visit.info["more"],
        "can_back": visit.info["can_back"],
        "first_rank": visit.info["first_rank"],
        "bought": sum(line.units for line in visit.info["purchases"]),
    }


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("paars_gym.serve"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def render(template: str, values: Mapping[str, Any]) -> str:
    """A page from a template, with values that it escapes.

    Raises:
        ImportError: Jinja2 is not installed.
    """
    return _templates().get_template(template).render(values)


def shop_page(visit: ServedVisit) -> dict[str, Any]:
    """The values of ``shop.html``."""
    currency = visit.shop.catalog.currency
    renderer = PageRenderer(visit.shop.catalog.name, currency)
    need = visit.intention
    return {
        "page": page_content(visit),
        "price": renderer.price,
        "goal": None if need is None else GOALS[need.goal],
        "need": need,
        "sorts": SORTS,
        "most_units": MAX_UNITS,
        "synthetic": visit.shop.catalog.synthetic,
    }
