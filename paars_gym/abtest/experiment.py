"""Simulated A/B tests: the same shoppers in two arms, and how the arms differ (PAARS section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from paars_gym.abtest.arms import Arm, OpenArm, logged_of, open_arm, saved
from paars_gym.abtest.compare import compare, pair_up
from paars_gym.abtest.fit.fitted_population import FittedPopulation
from paars_gym.abtest.play import ArmRun, Progress, play_in_memory, play_into
from paars_gym.abtest.result import ABTestResult, ArmResult, PopulationFit
from paars_gym.abtest.shrinkage import shrunken
from paars_gym.catalog.load import load_catalog
from paars_gym.cluster.session import Cluster
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.llm.ledger import LEDGER_FILE, left_of, sharing
from paars_gym.outputs import writing
from paars_gym.personas.persona import Persona
from paars_gym.shoppers.registry import is_uncalibrated, remembering
from paars_gym.simulation.needs import Needs, read_people
from paars_gym.simulation.result import PolicyFailedError
from paars_gym.simulation.run_folder import check_free

ARMS = ("control", "treatment")
CATALOGS = "catalogs"
"""Folder of a test that is played on other machines, for the catalogs that patches have changed."""


@dataclass(frozen=True)
class ABTest:
    """Two arms to compare.

    >>> from paars_gym.abtest import ABTest, Arm
    >>> from paars_gym.config import RunConfig
    >>> from paars_gym.synthetic.world import mini_world
    >>> test = ABTest(control=Arm("bm25"), treatment=Arm("bm25+rating:0.3"))
    >>> result = test.run(RunConfig(personas=mini_world(n_shoppers=20).personas, sessions=60, draws=2))
    >>> views = result.outcomes["views"].difference
    >>> views.low < views.value < views.high
    True

    Attributes:
        control: What customers see now.
        treatment: What they would see.
        independent_noise: Draw each arm's seeds apart, to check the estimators; real tests share them.
    """

    control: Arm
    treatment: Arm
    independent_noise: bool = False

    def run(
        self,
        run: RunConfig = RunConfig(),
        shop: ShopConfig = ShopConfig(),
        *,
        out: str | Path | None = None,
        resume: bool = False,
        level: float = 0.95,
        covariate: Mapping[str, float] | None = None,
        population: FittedPopulation | None = None,
        progress: Progress | None = None,
    ) -> ABTestResult:
        """Plays both arms with the same visitors and compares them.

        The primary estimate is the mean difference within persona × intention pairs with a persona-clustered interval
        (`paars_gym.abtest.estimate`). It assumes that personas are independent draws from the population that is meant,
        and that what one shopper does changes nothing for another. It is about this simulated population, not people.

        Args:
            run: Who comes, and for what: ``sessions`` are the persona × intention pairs in each arm, each played
                ``draws`` times. Its budget is that of both arms together, and its backend where they are played.
            shop: Where: the catalog before any patch, and what an arm does not say.
            out: Keeps every session in ``out/control`` and ``out/treatment``, and the result in ``out/result.json``.
            resume: Go on with the test in ``out``.
            level: Of all intervals.
            covariate: What was known of each shopper before the test, for CUPED; by default the product lines that the
                persona bought before (``Persona.purchases_before``).
            population: Calibrated on people's sessions (`paars_gym.abtest.fit.population.fit_population`): gives the
                intentions, the behavioural shopper's parameters, and how often each persona comes.
            progress: Called with arm, sessions played, sessions planned.

        Raises:
            ValueError: A number out of range, an unknown name, a population fitted for something else, an arm without a
                usable session, or the run ended early.
            PolicyFailedError: The policy raised in all sessions of an arm.
            KeyError: A patch names a product that is not there.
            OSError: Files that are missing, or cannot be written.
        """
        if not 0 < level < 1:
            raise ValueError(f"level == {level}, must be in (0, 1).")
        if run.backend == "ray" and out is None:
            with TemporaryDirectory(prefix="paars-abtest-") as folder:  # workers send back what they played
                return self.run(
                    run, shop, out=folder, level=level, covariate=covariate, population=population, progress=progress
                )
        catalog = load_catalog(shop.catalog)
        shop = shop.model_copy(update={"catalog": catalog})
        arms = {name: open_arm(getattr(self, name), shop) for name in ARMS}
        people = read_people(run, catalog)
        if not people.personas:
            raise ValueError("There are no personas; give some, or None for the catalog's own people.")
        if population is not None:
            run = population.applied_to(run, catalog, people.personas)
            people = read_people(run, catalog)
        # Read once, before any patch: both arms have the same visitors, who want the same and remember the same prices.
        run = remembering(run, arms["control"].shop.catalog)
        needs = Needs(people.draw or people.mined, "marginal" if people.independent else "persona")
        run = run.model_copy(update={"personas": people.personas, "intentions": needs})
        with ExitStack() as held:
            if out is not None:
                out = held.enter_context(writing(out, kind="folder"))
            if run.backend == "ray":
                held.enter_context(Cluster(run.address))  # for both arms
            if out is not None:
                for name in ARMS:  # the second one too, before the first is paid for
                    check_free(Path(out) / name, resume=resume)
                if run.backend == "ray":
                    arms = {name: saved(arm, Path(out) / CATALOGS) for name, arm in arms.items()}
            runs: dict[str, ArmRun] = {}
            budget = sharing(run.budget, None if out is None else Path(out) / LEDGER_FILE)
            for name, arm in arms.items():
                update = {"sessions": run.sessions * run.draws, "budget": budget, "noise": self._noise(run, name)}
                visitors = run.model_copy(update=update)
                if out is None:
                    runs[name] = play_in_memory(arm, name, visitors, progress)
                else:
                    runs[name] = play_into(Path(out), arm, name, visitors, resume=resume, progress=progress)
                budget = left_of(budget, runs[name].account.usd)
                if runs[name].complaint and runs[name].failed == len(runs[name].rows):
                    failed = f"All {len(runs[name].rows)} sessions of the {name} arm failed"
                    raise PolicyFailedError(f"{failed}, so that nothing can be compared. {runs[name].complaint}.")
            known_before = bought_before(people.personas) if covariate is None else covariate
            pairs = pair_up(
                runs["control"].shoppers | runs["treatment"].shoppers,
                runs["control"].rows,
                runs["treatment"].rows,
                draws=run.draws,
            )
            control, treatment = (_arm_result(arms[name], runs[name]) for name in ARMS)
            from paars_gym.version import __version__

            result = ABTestResult(
                catalog=catalog.name,
                catalog_fingerprint=catalog.fingerprint,
                synthetic=catalog.synthetic or any(persona.source == "synthetic" for persona in people.personas),
                policy=run.policy if isinstance(run.policy, str) else run.policy().name,
                condition=run.condition,
                needs=people.told,
                personas=len(set(pairs.shoppers)),
                pairs=run.sessions,
                draws=run.draws,
                seed=run.seed,
                independent_noise=self.independent_noise,
                excluded=pairs.excluded,
                level=level,
                control=control,
                treatment=treatment,
                sample_ratio=pairs.sample_ratio,
                outcomes=shrunken(compare(pairs, level=level, covariate=known_before, seed=run.seed)),
                identical_arms=pairs.identical,
                uncalibrated=is_uncalibrated(run),
                population=None if population is None else _fit_of(population),
                paars_gym=__version__,
            )
            if out is not None:
                result.write(out)
            return result

    def _noise(self, run: RunConfig, arm: str) -> str:
        """What tells the arms' sessions apart; nothing when they share their seeds."""
        return f"{run.noise}{arm}" if self.independent_noise else run.noise


def _arm_result(opened: OpenArm, run: ArmRun) -> ArmResult:
    logged = logged_of(opened.shop.ranking)
    return ArmResult(
        name=opened.label,
        ranking=opened.shop.ranking.name,
        patch=opened.arm.patch_name,
        patched_products=opened.patched_products,
        sessions=len(run.rows),
        failed=run.failed,
        queries_fell_back=run.share_fell_back,
        unknown_products=0 if logged is None else logged.unknown_products,
        usd=run.account.usd,
        tokens=run.account.tokens.all_input + run.account.tokens.output,
        calls=run.account.calls,
        unpriced_calls=run.account.unpriced_calls,
        unpriced_tokens=run.account.unpriced_tokens,
        complaint=run.complaint,
    )


def bought_before(personas: Sequence[Persona]) -> dict[str, float]:
    """Product lines that each persona bought before, by shopper: what CUPED adjusts for."""
    return {persona.shopper: float(persona.purchases_before) for persona in personas}


def _fit_of(population: FittedPopulation) -> PopulationFit:
    return PopulationFit(
        mix=dict(population.mix),
        choices_fitted=bool(population.parameters),
        weighted=bool(population.weights),
        train_sessions=population.train_sessions,
    )
