"""Over repeats with other people, other pages and other luck, 95% intervals hold the true effect 95% of the time."""

from __future__ import annotations

import numpy as np
import pytest

from paars_gym.abtest.estimate import paired_difference
from paars_gym.catalog.load import load_catalog
from paars_gym.personas.persona import Persona
from paars_gym.probes.levels import Level, Probe, draw_pages, probes
from paars_gym.probes.probe import PROBE_RUN, effects_of
from paars_gym.probes.segments import EVERYONE
from paars_gym.probes.trials import OUTCOMES, play_trials
from paars_gym.probes.two_way import crossed_difference
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.parameters import BehaviouralParameters
from tests.probes.choice_model import ONE_LOOK, chances
from tests.probes.people import varied_people
from tests.shoppers.shopping import FREQUENT_BUYER

PEOPLE, PAGES, TRIALS = 60, 24, 240
PLANTED = {**FREQUENT_BUYER, **ONE_LOOK, "rating": 2.0}
RATING = probes()["rating"]
STAR: Level = RATING.levels[1]
PROBE: Probe = RATING._replace(levels=(STAR,))


def test_intervals_cover_over_other_people_pages_and_luck() -> None:
    """400 probes whose outcomes are drawn with the chances of the choice model; an error by persona alone fails."""
    rng = np.random.default_rng(0)
    population, catalog = varied_people(50, seed=1), load_catalog("mini")
    pages = draw_pages(catalog, PROBE, number=80, rng=rng)
    parameters = BehaviouralParameters.of(PLANTED)
    before, after = (chances(pages, level, population, parameters)[0] for level in (PROBE.baseline, STAR))
    truth = float((after - before).mean())
    trial = np.arange(TRIALS)
    crossed = one_way = 0
    for _ in range(400):
        who, where = rng.integers(len(population), size=PEOPLE), rng.integers(len(pages), size=PAGES)
        person, page = trial % PEOPLE, (trial + trial // PEOPLE) % PAGES
        luck = rng.random(TRIALS)  # the same at both levels
        low, high = (luck < table[who[person], where[page]] for table in (before, after))
        interval = crossed_difference(low, high, person.tolist(), page.tolist()).interval
        alone = paired_difference(low, high, person.tolist()).difference.interval
        crossed += truth in interval
        one_way += truth in alone
    assert 0.93 <= crossed / 400 <= 0.975
    assert one_way / 400 < 0.92


def played_coverage(repeats: int) -> dict[str, float]:
    """Share of probes, played in mini with people, pages and seeds of their own, whose intervals hold the truth.

    Both are draws from a finite population, so that its true effect has no error of its own.
    """
    catalog, parameters = load_catalog("mini"), BehaviouralParameters.of(PLANTED)
    everyone = varied_people(60, seed=1)
    everywhere = draw_pages(catalog, PROBE, number=200, rng=np.random.default_rng(2))
    before, after = (
        chances(everywhere, level, everyone, parameters).mean(axis=(1, 2)) for level in (PROBE.baseline, STAR)
    )
    truth = dict(zip(OUTCOMES, (after - before).tolist(), strict=True))
    covered = dict.fromkeys(OUTCOMES, 0)

    def planted() -> BehaviouralShopper:
        return BehaviouralShopper(parameters=parameters)

    for repeat in range(repeats):
        rng = session_rng(repeat, "a repeat")
        drawn: list[Persona] = [
            everyone[index].model_copy(update={"shopper": f"{number}"})
            for number, index in enumerate(rng.integers(len(everyone), size=PEOPLE).tolist())
        ]
        pages = [everywhere[index] for index in rng.integers(len(everywhere), size=PAGES).tolist()]
        update = {"personas": drawn, "policy": planted, "sessions": TRIALS, "seed": repeat}
        trials = play_trials(PROBE, pages, catalog, PROBE_RUN.model_copy(update=update))
        for effect in effects_of(PROBE, trials, PROBE.segment)[0]:
            if effect.segment == EVERYONE and effect.change.interval is not None:
                covered[effect.outcome] += truth[effect.outcome] in effect.change.interval
    return {outcome: count / repeats for outcome, count in covered.items()}


@pytest.mark.slow
def test_intervals_of_probes_that_are_played_cover_93_to_97_and_a_half_percent() -> None:
    covered = played_coverage(200)
    assert all(0.93 <= share <= 0.975 for share in covered.values()), covered
