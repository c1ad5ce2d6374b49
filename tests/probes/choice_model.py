"""The chance that the target of a page is viewed, and bought, worked out by hand from the choice model.

For visits without a second look at the page (no reformulation) and without satiation, the cascade of
`paars_gym.shoppers.behavioural` is a Markov chain down the page: the chance of being at a result follows from that of
being at the one above it. No session is played.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paars_gym.personas.persona import Persona
from paars_gym.probes.levels import Level, Probe, ProbePage, listed
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.taste import taste_of, weights
from paars_gym.shoppers.utility import display_of, seen, traits_of

ONE_LOOK = {"reformulate": -99.0, "satiation": 0.0}
"""What the chances below take for granted."""


def chances(
    pages: Sequence[ProbePage], level: Level, personas: Sequence[Persona], parameters: BehaviouralParameters
) -> npt.NDArray[np.float64]:
    """Chances of a view and of a purchase of the target, shape (2, personas, pages)."""
    assert parameters.reformulate == -99.0
    assert parameters.satiation == 0.0
    utilities = np.empty((2, len(personas), len(pages)))
    for column, page in enumerate(pages):
        products = listed(page, level)
        target = next(index for index, one in enumerate(products) if one.id == page.products[page.target].id)
        wanted = page.intention.text
        display = display_of(map(traits_of, products), wanted)
        for row, persona in enumerate(personas):
            taste = taste_of(persona, "persona")
            coefficients = np.array(weights(parameters, taste.leanings))
            outside = parameters.outside - parameters.impulse * taste.impulse
            outside += {"compare": parameters.compare, "browse": parameters.browse}.get(page.intention.goal, 0.0)
            at = 1.0
            for position in range(target + 1):
                attraction = parameters.attraction - parameters.trust * math.log1p(position)
                click = logistic(attraction + coefficients @ seen(display, position, taste))
                take = logistic(coefficients @ seen(display, position, taste, reading=True) - outside)
                if position == target:
                    break
                on = parameters.scroll - parameters.decay * position
                viewed = on + parameters.after_view + parameters.comparing * taste.comparing
                after = take * logistic(on + parameters.after_add) + (1 - take) * logistic(viewed)
                at *= (1 - click) * logistic(on) + click * after
            utilities[:, row, column] = at * click, at * click * take * logistic(parameters.checkout)
    return utilities


def true_effects(
    probe: Probe, pages: Sequence[ProbePage], personas: Sequence[Persona], parameters: BehaviouralParameters
) -> dict[tuple[str, str], float]:
    """What each level changes, by (level, outcome), in a population of these personas and these pages."""
    before = chances(pages, probe.baseline, personas, parameters).mean(axis=(1, 2))
    outcomes = {}
    for level in probe.levels:
        view, purchase = chances(pages, level, personas, parameters).mean(axis=(1, 2)) - before
        outcomes[level.name, "view"], outcomes[level.name, "purchase"] = float(view), float(purchase)
    return outcomes


def logistic(utility: float) -> float:
    return 1 / (1 + math.exp(-utility))
