"""The true effects of arms on invented people, beside which simulated effects can be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from paars_gym.abtest.arms import Arm, OpenArm, open_arm
from paars_gym.abtest.compare import pair_up
from paars_gym.abtest.estimate import ArmContrast, paired_ratio
from paars_gym.abtest.outcomes import OUTCOMES, PRIMARY, Columns, Floats, Outcome, columns_of, measure
from paars_gym.abtest.play import ArmRun
from paars_gym.config import ShopConfig
from paars_gym.shop.open import env_factory
from paars_gym.simulation.synthetic_visits import play_people
from paars_gym.synthetic.kinds import SyntheticPeople
from paars_gym.synthetic.visit import MOST_STEPS


def play_arm(people: SyntheticPeople, arm: OpenArm, n_sessions: int, *, seed: int = 0) -> ArmRun:
    """People's visits to one arm, in numbers.

    Args:
        people: Who come.
        arm: Where; of the world's catalog.
        n_sessions: How many.
        seed: Of the visits.
    """
    run = ArmRun({}, {}, Counter())
    make_env = env_factory(arm.shop, arm.config.env, max_steps=MOST_STEPS, options=arm.config.env_options)
    for session in play_people(people, n_sessions, make_env=make_env, seed=seed):
        run.rows[session.key] = measure(session)
        run.shoppers[session.key] = session.shopper
    return run


def true_effects(
    people: SyntheticPeople,
    control: Arm,
    treatments: Sequence[Arm],
    *,
    n_sessions: int,
    outcome: str = PRIMARY,
    seed: int = 0,
) -> list[ArmContrast]:
    """What each treatment does to people: paired by visit, with an interval clustered by person.

    Args:
        people: Who come to all arms, for the same needs.
        control: What they see now.
        treatments: What they would see.
        n_sessions: Visits to each arm.
        outcome: Of `OUTCOMES`, by name.
        seed: Of the visits.

    Raises:
        ValueError: No such outcome, or an arm that cannot be opened.
    """
    chosen = _outcome(outcome)
    before = play_arm(people, _opened(people, control), n_sessions, seed=seed)
    effects = []
    for treatment in treatments:
        after = play_arm(people, _opened(people, treatment), n_sessions, seed=seed)
        pairs = pair_up(before.shoppers, before.rows, after.rows)
        effects.append(paired_ratio(_ratio(pairs.control, chosen), _ratio(pairs.treatment, chosen), pairs.shoppers))
    return effects


def against_themselves(
    people: SyntheticPeople, arm: Arm, *, n_sessions: int, outcome: str = PRIMARY, seeds: tuple[int, int] = (0, 1)
) -> ArmContrast:
    """People against themselves: the same arm, the same persons, visits of two seeds. The true effect is 0.

    Args:
        people: Who come.
        arm: Where to.
        n_sessions: Visits of each seed.
        outcome: Of `OUTCOMES`, by name.
        seeds: Of the visits.

    Raises:
        ValueError: No such outcome, or an arm that cannot be opened.
    """
    chosen = _outcome(outcome)
    opened = _opened(people, arm)
    runs = [play_arm(people, opened, n_sessions, seed=seed) for seed in seeds]
    (first, visits), (second, other_visits) = (
        _ratio(columns_of(row for row in run.rows.values() if row is not None), chosen) for run in runs
    )
    # Visits of one seed are no partners of those of the other: each counts in its own arm, and nothing in the other.
    nothing = np.zeros(n_sessions)
    return paired_ratio(
        (np.concatenate([first, nothing]), np.concatenate([visits, nothing])),
        (np.concatenate([nothing, second]), np.concatenate([nothing, other_visits])),
        [shopper for run in runs for shopper in run.shoppers.values()],
    )


def _opened(people: SyntheticPeople, arm: Arm) -> OpenArm:
    shop = people.world.shop
    return open_arm(arm, ShopConfig(catalog=shop.catalog, page_size=shop.page_size))


def _outcome(name: str) -> Outcome:
    for outcome in OUTCOMES:
        if outcome.name == name:
            return outcome
    raise ValueError(f"Unknown outcome {name!r}. Available: {', '.join(outcome.name for outcome in OUTCOMES)}.")


def _ratio(columns: Columns, outcome: Outcome) -> tuple[Floats, Floats]:
    return columns[outcome.numerator], columns[outcome.denominator or "sessions"]
