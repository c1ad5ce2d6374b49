"""What does one attribute of a product cause? Shoppers on pages that are equal but for it, as in conjoint analysis.

Each trial is one shopper, one page and one seed, played at every level of the attribute: the differences are causal,
because nothing else differs, and they are paired, because everything else is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from paars_gym.abtest.result import Interval, bounds, known
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition, RunConfig
from paars_gym.personas.persona import Persona
from paars_gym.probes.levels import ALIASES, Probe, probes
from paars_gym.probes.pages import draw_pages
from paars_gym.probes.segments import EVERYONE, group, segment_name
from paars_gym.probes.trials import OUTCOMES, Trials, play_trials
from paars_gym.probes.two_way import crossed_difference
from paars_gym.sessions.event import session_rng
from paars_gym.shoppers.registry import policy_factory
from paars_gym.simulation.concurrency import MakePolicy


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Effect(_Frozen):
    """What a level does, compared with the baseline.

    Attributes:
        level: Of the attribute.
        segment: Of the personas; ``everyone`` for all.
        outcome: ``view`` or ``purchase`` of the target.
        baseline: Share of trials with that outcome at the baseline.
        estimate: Change of that share, in [-1, 1]; None when not estimable.
        interval: Clustered by persona and by page; see `paars_gym.probes.two_way`.
        personas: In the segment.
        pages: That they saw.
        trials: Of them.
        note: ``no trial differs``, or why it is not estimable.
    """

    level: str
    segment: str
    outcome: str
    baseline: float | None
    estimate: float | None
    interval: Interval
    personas: int
    pages: int
    trials: int
    note: str = ""


class ProbeResult(_Frozen):
    """A finished probe.

    Attributes:
        probe: Which attribute.
        question: What it answers.
        baseline: Level that others are compared with.
        catalog: Name.
        synthetic: Whether products or personas were invented.
        policy: Who shopped.
        pages: Different pages.
        failed: Trials left out because a session of theirs failed.
        segment: What the segments are segments of.
        effects: By level, segment and outcome.
        notes: Segments that were pooled or left out, and why.
    """

    probe: str
    question: str
    baseline: str
    catalog: str
    synthetic: bool
    policy: str
    pages: int
    failed: int
    segment: str
    effects: tuple[Effect, ...]
    notes: tuple[str, ...] = ()


def run_probe(
    name: str,
    *,
    personas: Sequence[Persona],
    catalog: str | Catalog = "mini",
    policy: str | MakePolicy = "behavioural",
    policy_options: Mapping[str, Any] | None = None,
    condition: Condition = "persona",
    trials: int = 400,
    pages: int = 40,
    segment: str | None = None,
    brand: str | None = None,
    seed: int = 0,
    max_steps: int = 30,
    concurrency: int = 8,
    level: float = 0.95,
) -> ProbeResult:
    """Probes for one bias.

    The effects are about populations of which the personas and the pages are independent draws.

    Args:
        name: brand, rating, price, position or review (also called sentiment).
        personas: Take turns; each meets pages in turn.
        catalog: Whose products are shown.
        policy: A short name, ``module:Class``, or a function that makes a policy.
        policy_options: For a policy given by name.
        condition: What of their persona shoppers are given.
        trials: Shopper × page pairs; each is played at every level.
        pages: Different pages.
        segment: A preference (by thirds of its scale) or a trait of the profile, or the beginning of its name; None for
            that of the probe.
        brand: What the brand probe swaps in, by default a name that nobody has heard of; for no other probe.
        seed: Of everything random.
        max_steps: Actions until a session is cut off.
        concurrency: Sessions at once, for policies that wait.
        level: Of the intervals.

    Raises:
        ValueError: An unknown probe or segment, a number out of range, no usable page, or no trial that came through.
    """
    name = ALIASES.get(name, name)
    known_probes = probes() if brand is None else probes(brand)
    if name not in known_probes:
        raise ValueError(f"Unknown probe {name!r}. Available: {', '.join(known_probes)}.")
    if brand is not None and name != "brand":
        raise ValueError(f"brand == {brand!r} is for the probe brand, and this is the probe {name}.")
    if not personas or trials < 1:
        raise ValueError(f"{len(personas)} personas and trials == {trials}: a probe needs both.")
    # Before anything is played: shoppers may cost money.
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    if max_steps < 1:
        raise ValueError(f"max_steps == {max_steps}, must be >= 1.")
    if concurrency < 1:
        raise ValueError(f"concurrency == {concurrency}, must be >= 1.")
    probe, shop_catalog = known_probes[name], load_catalog(catalog)
    segment = segment_name(probe.segment if segment is None else segment)
    drawn = draw_pages(shop_catalog, probe, number=min(pages, trials), rng=session_rng(seed, "pages of a probe"))

    make_policy = policy_factory(RunConfig(policy=policy, condition=condition, options=policy_options or {}))
    found = play_trials(
        probe,
        drawn,
        personas,
        shop_catalog,
        make_policy,
        trials=trials,
        seed=seed,
        max_steps=max_steps,
        concurrency=concurrency,
    )
    if not found.personas:
        raise ValueError(f"In each of the {trials} trials a session failed, so that nothing can be said.")
    effects, notes = effects_of(probe, found, segment, level)
    return ProbeResult(
        probe=name,
        question=probe.question,
        baseline=probe.baseline.name,
        catalog=shop_catalog.name,
        synthetic=shop_catalog.synthetic or any(persona.source == "synthetic" for persona in personas),
        policy=policy if isinstance(policy, str) else make_policy().name,
        pages=len(drawn),
        failed=found.failed,
        segment=segment,
        effects=tuple(effects),
        notes=notes,
    )


def effects_of(probe: Probe, trials: Trials, segment: str, level: float = 0.95) -> tuple[list[Effect], tuple[str, ...]]:
    """Paired differences to the baseline, for everyone and for each segment of 20 trials or more.

    Returns:
        The effects, and what is to be said of segments that are too small.

    Raises:
        ValueError: An unknown segment.
    """
    segments = group(trials.personas, segment)
    found = []
    for name in (EVERYONE, *segments.names):
        chosen = [index for index, own in enumerate(segments.of) if name in (EVERYONE, own)]
        people = [trials.personas[index].shopper for index in chosen]
        pages = [trials.pages[index] for index in chosen]
        for changed in probe.levels:
            for outcome in OUTCOMES:
                before, after = (trials.outcomes[one.name, outcome][chosen] for one in (probe.baseline, changed))
                difference = crossed_difference(before, after, people, pages, level=level)
                found.append(
                    Effect(
                        level=changed.name,
                        segment=name,
                        outcome=outcome,
                        baseline=known(difference.baseline),
                        estimate=known(difference.estimate),
                        interval=bounds(difference.interval),
                        personas=difference.n_personas,
                        pages=difference.n_pages,
                        trials=difference.n_trials,
                        note=difference.note,
                    )
                )
    return found, segments.notes
