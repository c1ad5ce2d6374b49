"""A run whose catalog, persona, need, queries and model words try everything that a page could fall for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paars_gym.catalog.product import Product, Review
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.personas.store import write_personas
from paars_gym.sessions.event import Intention
from paars_gym.sessions.step import ModelTurn
from paars_gym.simulation.run import run

LONG = "W" * 10_000
ATTACKS = (
    "<script>window.ran='tag'</script>",
    '"><img src=x onerror="window.ran=\'attribute\'">',
    "'-window.ran='quote'-'",
    "</pre></details></style><script>window.ran='closed'</script>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eevil.exe \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "javascript:window.ran='link'",
    "\x1b[31mred\x07",
    LONG,
)
NEED = f"kettle {' '.join(ATTACKS)}"
PERSONA = Persona(
    shopper="<b>bob</b>",
    profile=ConsumerProfile(),
    preferences=ShoppingPreferences(notes=" ".join(ATTACKS[:7])),
    history="\n".join(ATTACKS),
    source="synthetic",
)


class HostileShopper:
    """Searches, opens, fills the cart, and says the worst."""

    name = "<script>window.ran='policy'</script>"

    def __init__(self, *_: Any) -> None:
        self._step = 0

    def reset(self, persona: Any, intention: Any, rng: Any) -> None:
        self._step = 0

    def act(self, observation: str, info: dict[str, Any]) -> str:
        self._step += 1
        first = info["results"][0] if info["results"] else "none"
        does = (f"search[kettle {' '.join(ATTACKS[:4])}]", f"view[{first}]", f"view[{LONG}]", "add_to_cart[p0]")
        return (*does, "purchase[]", "stop[]")[self._step - 1]

    def trace(self) -> ModelTurn:
        return ModelTurn(
            prompt=({"role": "system", "text": " ".join(ATTACKS)},),
            said={"role": "assistant", "text": " ".join(ATTACKS)},
            tokens={"input": 12, "<script>window.ran='kind'</script>": 3},
        )


def hostile_catalog() -> Catalog:
    products = [
        Product(
            id=f"p{number}",
            title=f"kettle {attack}",
            category=("Shop", attack[:80]),
            brand=attack[:60],
            price=10.0 + number,
            description=attack,
            reviews=(Review(rating=1, title=attack[:100], text=attack, helpful_votes=1),),
        )
        for number, attack in enumerate(ATTACKS)
    ]
    return Catalog.from_products(products, name="<script>window.ran='catalog'</script>", synthetic=True)


def hostile_run(folder: Path, *, sessions: int = 3, record: Any = "steps") -> Path:
    """Plays it into ``folder/run``, with the personas beside."""
    write_personas(folder / "personas.jsonl", [PERSONA])
    config = RunConfig(
        sessions=sessions,
        policy=HostileShopper,
        personas=folder / "personas.jsonl",
        intentions=lambda persona, rng: Intention(text=NEED),
        record=record,
    )
    run(folder / "run", config, ShopConfig(catalog=hostile_catalog()))
    return folder / "run"
