"""What one attribute of a product causes: shoppers on pages that are equal but for it, as in conjoint analysis.

Each trial is one shopper, one page and one seed, played at every level of the attribute: the differences are causal,
because nothing else differs, and they are paired, because everything else is the same.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from paars_gym.catalog.load import load_catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.files import write_whole
from paars_gym.llm.ledger import LEDGER_FILE, ledger_of, sharing
from paars_gym.outputs import writing
from paars_gym.probes.levels import ALIASES, Probe, draw_pages, probes
from paars_gym.probes.reactions import cannot_react
from paars_gym.probes.segments import EVERYONE, group, segment_name
from paars_gym.probes.trials import OUTCOMES, Trials, play_trials
from paars_gym.probes.two_way import crossed_difference
from paars_gym.sessions.event import session_rng
from paars_gym.sessions.store import STEPS_FILE
from paars_gym.shoppers.registry import is_uncalibrated, policy_factory, remembering
from paars_gym.simulation.account import RunAccount, of_ledger
from paars_gym.simulation.needs import read_people
from paars_gym.simulation.recording import records_steps
from paars_gym.simulation.result import PolicyFailedError
from paars_gym.simulation.steps import StepWriter

RESULT_FILE = "result.json"
PROBE_RUN = RunConfig(sessions=400, max_steps=30)
"""Trials, and actions in each, unless a run says otherwise."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Effect(_Frozen):
    """What a level does, compared with the baseline.

    Attributes:
        level: Of the attribute.
        segment: Of the personas; ``everyone`` for all.
        outcome: ``view`` or ``purchase`` of the target.
        change: Of the share of trials with that outcome, in [-1, 1]; clustered by persona and by page, see
            `paars_gym.probes.two_way`. Its details are ``baseline``, the share there, and ``standard_error``.
    """

    level: str
    segment: str
    outcome: str
    change: Estimate


class ProbeResult(Tabular, _Frozen):
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
        small: Trials of each segment too small to be shown alone: pooled where ``others`` is among the segments, else
            left out.
        uncalibrated: Whether the shopper is the behavioural one, fitted to no people.
        cannot_react: Why no trial can differ, see `paars_gym.probes.reactions`; else empty.
        complaint: Of a policy that raised in more than a tenth of the sessions, with the commonest cause; else empty.
        account: What it took of a language model.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("segment", "changed_to", "outcome", "estimate", "baseline", "verdict", "note")

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
    small: dict[str, int] = {}
    uncalibrated: bool = False
    cannot_react: str = ""
    complaint: str = ""
    account: RunAccount = RunAccount()

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row an effect."""
        return [
            {"segment": one.segment, "changed_to": one.level, "outcome": one.outcome, **one.change.to_dict()}
            for one in self.effects
        ]

    def summary(self) -> str:
        """What was asked of whom."""
        synthetic = " (synthetic)" if self.synthetic else ""
        policy = f"{self.policy}, uncalibrated," if self.uncalibrated else self.policy
        return f"{self.question} {policy} in {self.catalog}{synthetic}, against {self.baseline!r}"


def run_probe(
    name: str,
    run: RunConfig = PROBE_RUN,
    shop: ShopConfig = ShopConfig(),
    *,
    pages: int = 40,
    segment: str | None = None,
    brand: str | None = None,
    level: float = 0.95,
    out: str | Path | None = None,
) -> ProbeResult:
    """Probes for one bias.

    The effects are about populations of which the personas and the pages are independent draws.

    Args:
        name: brand, rating, price, position or review (also called sentiment).
        run: Who shops: the personas take turns, and each meets pages in turn. Its sessions are the trials, shopper ×
            page pairs, each played at every level.
        shop: Whose products are shown, and in what environment.
        pages: Different pages.
        segment: A preference (by thirds of its scale) or a trait of the profile, or the beginning of its name; None for
            that of the probe.
        brand: What the brand probe swaps in, by default a name that nobody has heard of; for no other probe.
        level: Of the intervals.
        out: Folder that gets ``result.json``, and the records of steps of those policies whose steps a run records.

    Raises:
        FileExistsError: ``out`` holds a probe already.
        ValueError: An unknown probe or segment, a number out of range, no usable page, or no trial that came through.
    """
    name = ALIASES.get(name, name)
    known_probes = probes() if brand is None else probes(brand)
    if name not in known_probes:
        raise ValueError(f"Unknown probe {name!r}. Available: {', '.join(known_probes)}.")
    if brand is not None and name != "brand":
        raise ValueError(f"brand == {brand!r} is for the probe brand, and this is the probe {name}.")
    # Before anything is played: shoppers may cost money.
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    if run.intentions is not None or run.mix:
        raise ValueError("A probe's pages say what shoppers come for: give no intentions.")
    probe, catalog = known_probes[name], load_catalog(shop.catalog)
    segment = segment_name(probe.segment if segment is None else segment)
    personas = read_people(run, catalog).personas
    if not personas:
        raise ValueError("There are no personas; give some, or None for the catalog's own people.")
    rng = session_rng(run.seed, "pages of a probe")
    drawn = draw_pages(catalog, probe, number=min(pages, run.sessions), rng=rng)
    budget = sharing(run.budget, None if out is None else Path(out) / LEDGER_FILE)
    run = remembering(run.model_copy(update={"personas": personas, "budget": budget}), catalog)
    with ExitStack() as files:
        steps = None
        if out is not None:
            files.enter_context(writing(out, kind="folder"))
            if (Path(out) / RESULT_FILE).exists():
                raise FileExistsError(f"{Path(out) / RESULT_FILE} is there already; give another folder.")
            if records_steps(run, policy_factory(run)):
                steps = files.enter_context(StepWriter(Path(out) / STEPS_FILE))
        played = play_trials(probe, drawn, catalog, run, shop, steps=steps)
        if played.complaint and not played.personas:
            raise PolicyFailedError(f"{played.complaint}: nothing can be said.")
        if not played.personas:
            raise ValueError(f"In each of the {run.sessions} trials a session failed, so that nothing can be said.")
        effects, small = effects_of(probe, played, segment, level)
        why = cannot_react(probe, drawn, run)
        if why:
            effects = [one.model_copy(update={"change": replace(one.change, note=why)}) for one in effects]
        result = ProbeResult(
            probe=name,
            question=probe.question,
            baseline=probe.baseline.name,
            catalog=catalog.name,
            synthetic=catalog.synthetic or any(persona.source == "synthetic" for persona in personas),
            policy=run.policy if isinstance(run.policy, str) else run.policy().name,
            pages=len(drawn),
            failed=played.failed,
            segment=segment,
            effects=tuple(effects),
            small=small,
            uncalibrated=is_uncalibrated(run),
            cannot_react=why,
            complaint=played.complaint,
            account=RunAccount(**of_ledger(ledger_of(run.budget.ledger).taken())),
        )
        if out is not None:
            write_whole(Path(out) / RESULT_FILE, result.model_dump_json(indent=2) + "\n")
        return result


def effects_of(probe: Probe, trials: Trials, segment: str, level: float = 0.95) -> tuple[list[Effect], dict[str, int]]:
    """Paired differences to the baseline, for everyone and for each segment of 20 trials or more.

    Returns:
        The effects, and the trials of each segment that is too small to be shown alone.

    Raises:
        ValueError: An unknown segment.
    """
    segments = group(trials.personas, segment)
    effects = []
    for name in (EVERYONE, *segments.names):
        chosen = [index for index, own in enumerate(segments.of) if name in (EVERYONE, own)]
        people = [trials.personas[index].shopper for index in chosen]
        pages = [trials.pages[index] for index in chosen]
        for changed in probe.levels:
            for outcome in OUTCOMES:
                before, after = (trials.outcomes[one.name, outcome][chosen] for one in (probe.baseline, changed))
                change = crossed_difference(before, after, people, pages, level=level)
                change = replace(change, unit="share of trials")
                effects.append(Effect(level=changed.name, segment=name, outcome=outcome, change=change))
    return effects, segments.small
