"""The result of a simulated A/B test: named estimates of every outcome, as tables and as it lies on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from paars_gym.abtest.estimate import RELATIVE, ArmContrast
from paars_gym.abtest.outcomes import Outcome
from paars_gym.abtest.surrogacy import VarianceComponents
from paars_gym.estimate import Detail, Estimate, Estimates, Tabular, in_words
from paars_gym.files import read_model, write_whole

RESULT_FILE = "result.json"
NOT_SHRUNKEN = Estimate(None, unit=RELATIVE, note="not shrunken yet, see paars_gym.abtest.shrinkage.shrunken")
NO_PAST_TESTS = Estimate(None, unit=RELATIVE, note="unknown without past tests of people, see paars backtest")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OutcomeResult(Tabular, _Frozen):
    """One outcome: the primary, paired estimates, and what stands beside them. All are treatment minus control.

    Attributes:
        unit: Of the outcome.
        control: Control arm's mean a session, or ratio; None when unknown.
        treatment: Treatment arm's.
        difference: The primary estimate. Details: ``standard_error``, ``degrees`` of freedom, and ``p_adjusted``, the
            p-value after Benjamini and Hochberg (1995) over all outcomes of the test. Its verdict is ``higher`` or
            ``lower`` only where the interval leaves out 0 and ``p_adjusted`` is at most 1 - level; else ``unclear``,
            and so are all others of this outcome. The interval itself is of this outcome alone. Its note is
            ``identical_arms`` when no pair of sessions differs in anything. Then, and where none differs in this
            outcome alone, there is no interval, and ``may_differ`` is the share of personas who may differ unseen.
        relative: Treatment / control - 1; not estimable where the control is 0. Details: ``standard_error``.
        shrunken: What that says about people, given how large real effects are and how well simulated effects carry
            over; never read ``relative`` without it. See `paars_gym.abtest.shrinkage.shrink`.
        welch: As a classic test with each persona in one arm would have found it (half the sessions).
        welch_relative: The same as a relative change.
        cuped: As ``welch``, adjusted for the shopper's history.
        cuped_relative: The same as a relative change.
        per_shopper: The same a shopper: of the sums over a shopper's visits, draws averaged; of ratios, the mean
            difference between each shopper's own.
        per_shopper_relative: The same as a relative change.
        sequential: Always-valid interval around the primary estimate, which holds however often one looked on the way;
            none for ratios. Detail ``stop_after``: personas after which the test could have been stopped.
        unpaired_sessions: Sessions that a test with different shoppers in its arms, as many sessions a shopper, would
            have needed for an interval as wide.
        components: How the variance of the paired differences is parted between visits and their draws; None with one
            draw a visit, for ratios, and where sessions failed.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("name", "estimate", "unit", "p_value", "verdict", "note")

    unit: str
    control: float | None
    treatment: float | None
    difference: Estimate
    relative: Estimate
    shrunken: Estimate = NOT_SHRUNKEN
    welch: Estimate
    welch_relative: Estimate
    cuped: Estimate
    cuped_relative: Estimate
    per_shopper: Estimate
    per_shopper_relative: Estimate
    sequential: Estimate
    unpaired_sessions: int | None = None
    components: VarianceComponents | None = None

    @classmethod
    def of(
        cls,
        outcome: Outcome,
        contrasts: Mapping[str, ArmContrast],
        *,
        sequential: Estimate | None = None,
        unpaired_sessions: int | None = None,
        components: VarianceComponents | None = None,
    ) -> Self:
        """From the contrasts ``primary``, ``welch``, ``cuped`` and ``per_shopper``."""
        primary = contrasts["primary"]
        beside = {}
        for name in ("welch", "cuped", "per_shopper"):
            beside[name] = _in(outcome.unit, contrasts[name].difference)
            beside[f"{name}_relative"] = contrasts[name].relative
        return cls(
            unit=outcome.unit,
            control=primary.control,
            treatment=primary.treatment,
            difference=_in(outcome.unit, primary.difference),
            relative=primary.relative,
            sequential=_in(outcome.unit, sequential or Estimate(None, note="not for ratios, nor for one persona")),
            unpaired_sessions=unpaired_sessions,
            components=components,
            **beside,
        )

    @property
    def estimates(self) -> Estimates:
        """All estimates by name."""
        by_name = {name: one for name in type(self).model_fields if isinstance(one := getattr(self, name), Estimate)}
        return Estimates(by_name)

    @property
    def sessions(self) -> int:
        """Both arms' sessions that the primary estimate rests on."""
        return 2 * self.difference.sizes.get("pairs", 0)

    @property
    def saves(self) -> float | None:
        """How many times these sessions an unpaired test would have needed."""
        return self.unpaired_sessions / self.sessions if self.unpaired_sessions else None

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row an estimate."""
        return self.estimates.to_dicts()

    def summary(self) -> str:
        """Both arms' means."""
        arms = (f"{name} {'unknown' if mean is None else f'{mean:.3g}'}" for name, mean in self._means())
        return f"{', '.join(arms)}, in {self.unit}"

    def _means(self) -> tuple[tuple[str, float | None], tuple[str, float | None]]:
        return ("control", self.control), ("treatment", self.treatment)


def _in(unit: str, estimate: Estimate) -> Estimate:
    return replace(estimate, unit=unit)


class ArmResult(_Frozen):
    """What became of one arm.

    Attributes:
        name: As in reports.
        ranking: Expression or name.
        patch: Patch file, or how many changes; empty without.
        patched_products: Products whose content differed.
        sessions: Played.
        failed: Of these ended in ``policy_error`` or ``gave_up``.
        queries_fell_back: Share of searches that a logged arm had no list for; None in other arms.
        unknown_products: Recorded results that the catalog does not have, over all lists of a logged arm; left out.
        usd: Cost of all calls of a language model with a known price, those of interrupted tries included.
        tokens: Tokens, input and output.
        calls: Of the model.
        unpriced_calls: Calls without a known price.
        unpriced_tokens: Of those, input and output.
        complaint: Of a policy that raised in more than a tenth of the sessions, with the commonest cause; else empty.
    """

    name: str
    ranking: str
    patch: str = ""
    patched_products: int = 0
    sessions: int
    failed: int
    queries_fell_back: float | None = None
    unknown_products: int = 0
    usd: float = 0.0
    tokens: int = 0
    calls: int = 0
    unpriced_calls: int = 0
    unpriced_tokens: int = 0
    complaint: str = ""


class SampleRatio(_Frozen):
    """Did as many sessions come through in both arms? A small ``p_value`` says that the arms are not comparable.

    Attributes:
        control: Pairs of which only the control session is usable.
        treatment: Pairs of which only the treatment session is usable.
        p_value: Exact binomial test of equal chances (McNemar 1947).
    """

    control: int
    treatment: int
    p_value: float


class PopulationFit(_Frozen):
    """How a population was calibrated on people's sessions.

    Attributes:
        mix: Shares of the goals.
        choices_fitted: Whether parameters of the shopper were fitted.
        weighted: Whether personas come by weight.
        train_sessions: Of people, fitted to.
    """

    mix: dict[str, float]
    choices_fitted: bool
    weighted: bool
    train_sessions: int


class ABTestResult(Tabular, _Frozen):
    """A finished test.

    Attributes:
        catalog: Name.
        catalog_fingerprint: Of its products before any patch.
        synthetic: Whether products or personas were invented.
        policy: Who shopped.
        condition: What of the persona they were given.
        personas: Personas in the comparison.
        pairs: Persona × intention pairs that were planned in each arm; an estimate's sizes are those compared.
        draws: Sessions of each pair and arm.
        seed: Of everything random.
        independent_noise: True when the arms' sessions did not share seeds.
        excluded: Pairs of sessions left out because one or both had failed.
        level: Of all intervals.
        control: That arm.
        treatment: That arm.
        sample_ratio: See `SampleRatio`.
        outcomes: By name.
        identical_arms: No number of any session differs between the arms, those included that give no estimate.
        uncalibrated: Whether the shopper is the behavioural one, fitted to no people.
        population: How it was calibrated on people's sessions; None when it was not.
        human_effect: What is known of the effect on people, which is another question: a simulated test alone says
            nothing about it. See `paars_gym.abtest.prediction.with_human_effect`.
        needs: Where needs came from, in words.
        paars_gym: Version.
    """

    catalog: str
    catalog_fingerprint: str
    synthetic: bool
    policy: str
    condition: str
    personas: int
    pairs: int
    draws: int
    seed: int
    independent_noise: bool
    excluded: int
    level: float
    control: ArmResult
    treatment: ArmResult
    sample_ratio: SampleRatio
    outcomes: dict[str, OutcomeResult]
    identical_arms: bool
    uncalibrated: bool = False
    population: PopulationFit | None = None
    human_effect: Estimate = NO_PAST_TESTS
    needs: str = ""
    paars_gym: str

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row an outcome and estimate."""
        return [
            {"outcome": name, "control": outcome.control, "treatment": outcome.treatment, **row}
            for name, outcome in self.outcomes.items()
            for row in outcome.to_dicts()
        ]

    def summary(self) -> str:
        """What was tested."""
        synthetic = " (synthetic)" if self.synthetic else ""
        uncalibrated = " (uncalibrated)" if self.uncalibrated else ""
        return (
            f"{self.treatment.name} against {self.control.name}, {self.catalog}{synthetic}, {self.policy}{uncalibrated}"
        )

    def _shown(self) -> list[dict[str, str]]:
        return [
            {
                "outcome": name,
                "control": _three(outcome.control),
                "treatment": _three(outcome.treatment),
                f"difference, {self.level:.0%}": in_words(replace(outcome.difference, unit="")),
                "relative": in_words(replace(outcome.relative, unit="")),
                "shrunken": in_words(replace(outcome.shrunken, unit="")),
                "p (FDR)": _three(outcome.difference.number("p_adjusted")),
                "verdict": outcome.difference.verdict or outcome.difference.note,
                "saves": "" if outcome.saves is None else f"{outcome.saves:.1f}×",
            }
            for name, outcome in self.outcomes.items()
        ]

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """A result from a file, or from the folder of a test.

        Raises:
            FileNotFoundError: There is none.
            ValueError: Something else is in the file.
        """
        path = Path(path)
        path = path / RESULT_FILE if path.is_dir() else path
        return read_model(cls, path, "result of paars abtest", make="paars abtest … --out DIR")

    def write(self, folder: str | Path) -> None:
        """Keeps it in the folder of a test, whole or not at all.

        Raises:
            OSError: It cannot be written.
        """
        write_whole(Path(folder) / RESULT_FILE, self.model_dump_json(indent=2) + "\n")


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
