"""What would an A/B test say? The same shoppers in two arms, and how the arms differ (PAARS section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paars_gym.abtest.arms import Arm, OpenArm, logged_of, open_arm
from paars_gym.abtest.compare import compare, pair_up
from paars_gym.abtest.fit.fitted_population import FittedPopulation
from paars_gym.abtest.play import ArmRun, Progress, Visitors, play_in_memory, play_into
from paars_gym.abtest.result import ABTestResult, ArmResult
from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.config import CONDITIONS, Condition
from paars_gym.personas.intentions import IntentionMix, MinedIntention
from paars_gym.personas.persona import Persona
from paars_gym.simulation.concurrency import MakePolicy
from paars_gym.simulation.default_people import default_people
from paars_gym.simulation.schedule import Draw

ARMS = ("control", "treatment")


@dataclass(frozen=True)
class ABTest:
    """Two arms to compare.

    >>> from paars_gym.abtest import ABTest, Arm
    >>> from paars_gym.synthetic.world import mini_world
    >>> test = ABTest(control=Arm("bm25"), treatment=Arm("bm25+rating:0.3"))
    >>> result = test.run(catalog="mini", personas=mini_world(n_shoppers=20).personas, sessions=60, draws=2)
    >>> low, high = result.outcomes["views"].interval
    >>> low < result.outcomes["views"].estimate < high
    True

    Attributes:
        control: What customers see now.
        treatment: What they would see.
    """

    control: Arm
    treatment: Arm

    def run(
        self,
        *,
        sessions: int,
        catalog: str | Path | Catalog | None = None,
        personas: Sequence[Persona] | None = None,
        intentions: Draw | Sequence[MinedIntention] | None = None,
        policy: str | MakePolicy = "behavioural",
        policy_options: Mapping[str, Any] | None = None,
        condition: Condition = "persona",
        population: FittedPopulation | None = None,
        draws: int = 1,
        seed: int = 0,
        independent_noise: bool = False,
        level: float = 0.95,
        covariate: Mapping[str, float] | None = None,
        max_steps: int = 50,
        page_size: int = 10,
        concurrency: int = 8,
        out: str | Path | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> ABTestResult:
        """Plays both arms with the same visitors and compares them.

        The primary estimate is the mean difference within persona × intention pairs with a persona-clustered interval
        (`paars_gym.abtest.estimate`). It assumes that personas are independent draws from the population that is meant,
        and that what one shopper does changes nothing for another. It is about this simulated population, not people.

        Args:
            sessions: Persona × intention pairs in each arm.
            catalog: Before any patch: a name, folder or object; None for the one that an arm brings, else ``mini``.
            personas: Who shops; None for the catalog's own people (`paars_gym.simulation.default_people`).
            intentions: What for: those mined from held-out sessions, or a function that draws one for a persona;
                None for those of the catalog's own people, or where personas are given for `IntentionMix`.
            policy: A short name, ``module:Class``, or a function that makes a policy.
            policy_options: For a policy given by name.
            condition: What of their persona shoppers are given.
            population: Calibrated on people's sessions (`paars_gym.abtest.fit.population.fit_population`): gives the
                intentions, the behavioural shopper's parameters, and how often each persona comes.
            draws: Sessions of each pair in each arm, with seeds that differ.
            seed: Of everything random.
            independent_noise: Draw each arm's seeds apart, to check the estimators; real tests share them.
            level: Of all intervals.
            covariate: What was known of each shopper before the test, for CUPED; by default the number of products
                bought in the persona's history.
            max_steps: Actions until a session is cut off.
            page_size: Results a page.
            concurrency: Sessions at once, for policies that wait.
            out: Keeps every session in ``out/control`` and ``out/treatment``, and the result in ``out/result.json``.
            resume: Go on with the test in ``out``.
            progress: Called with arm, sessions played, sessions planned.

        Raises:
            ValueError: A number out of range, an unknown name, arms with different catalogs, a population fitted for
                something else, an arm without a usable session, or the run ended early.
            KeyError: A patch names a product that is not there.
            OSError: Files that are missing, or cannot be written.
        """
        if sessions < 1 or draws < 1:
            raise ValueError(f"{sessions=} and {draws=} must be >= 1.")
        if not 0 < level < 1:
            raise ValueError(f"level == {level}, must be in (0, 1).")
        if condition not in CONDITIONS:
            raise ValueError(f"Unknown condition {condition!r}. Available: {', '.join(CONDITIONS)}.")
        if personas is not None and not personas:
            raise ValueError("There are no personas; give some, or None for the catalog's own people.")
        base = self._catalog(catalog)
        arms = {name: open_arm(getattr(self, name), base, page_size=page_size) for name in ARMS}
        people, wants = default_people(base) if personas is None else (personas, IntentionMix(base))
        options = dict(policy_options or {})
        if population is not None:
            if intentions is not None:
                raise ValueError("A calibrated population has its own intentions: give one or the other.")
            options = population.options(policy, condition) | options
            people, wants = population.people(people, sessions), population.intentions(base)
        visitors = Visitors(
            policy=policy,
            policy_options=options,
            condition=condition,
            personas=people,
            intentions=wants if intentions is None else intentions,
            pairs=sessions,
            draws=draws,
            seed=seed,
            independent_noise=independent_noise,
            max_steps=max_steps,
            page_size=page_size,
            concurrency=concurrency,
        )
        runs = {
            name: play_in_memory(arm, name, visitors, progress)
            if out is None
            else play_into(Path(out), arm, name, visitors, resume=resume, progress=progress)
            for name, arm in arms.items()
        }
        known_before = bought_before(people) if covariate is None else covariate
        result = _result(arms, runs, visitors, base, level, known_before)
        if population is not None:
            result = result.model_copy(update={"population": population.told()})
        if out is not None:
            result.write(out)
        return result

    def _catalog(self, catalog: str | Path | Catalog | None) -> Catalog:
        if catalog is not None:
            return load_catalog(catalog)
        brought = [arm.catalog for arm in (self.control, self.treatment) if arm.catalog is not None]
        return brought[0] if brought else load_catalog("mini")


def _result(
    arms: Mapping[str, OpenArm],
    runs: Mapping[str, ArmRun],
    visitors: Visitors,
    catalog: Catalog,
    level: float,
    covariate: Mapping[str, float],
) -> ABTestResult:
    from paars_gym.version import __version__

    control, treatment = (runs[name] for name in ARMS)
    shoppers = control.shoppers | treatment.shoppers
    pairs = pair_up(shoppers, control.rows, treatment.rows, draws=visitors.draws)
    outcomes = compare(pairs, level=level, covariate=covariate, seed=visitors.seed)
    return ABTestResult(
        catalog=catalog.name,
        catalog_fingerprint=catalog.fingerprint,
        synthetic=catalog.synthetic or any(persona.source == "synthetic" for persona in visitors.personas),
        policy=visitors.policy if isinstance(visitors.policy, str) else visitors.policy().name,
        condition=visitors.condition,
        personas=len(set(pairs.shoppers)),
        pairs=visitors.pairs,
        draws=visitors.draws,
        seed=visitors.seed,
        independent_noise=visitors.independent_noise,
        excluded=pairs.excluded,
        level=level,
        control=_arm_result(arms["control"], control),
        treatment=_arm_result(arms["treatment"], treatment),
        sample_ratio=pairs.sample_ratio,
        outcomes=outcomes,
        identical_arms=pairs.identical,
        paars_gym=__version__,
    )


def _arm_result(opened: OpenArm, run: ArmRun) -> ArmResult:
    logged = logged_of(opened.shop.ranking)
    return ArmResult(
        name=opened.arm.label,
        ranking=opened.shop.ranking.name,
        patch=opened.arm.patch_name,
        patched_products=opened.patched_products,
        sessions=len(run.rows),
        failed=run.failed,
        queries_fell_back=run.share_fell_back,
        unknown_products=0 if logged is None else logged.unknown_products,
        usd=run.usd,
        tokens=run.tokens,
    )


def bought_before(personas: Sequence[Persona]) -> dict[str, float]:
    """Products bought in each persona's history, by shopper: what CUPED adjusts for."""
    return {
        persona.shopper: float(sum(1 + line.count(";") for line in persona.history.splitlines() if " bought " in line))
        for persona in personas
    }
