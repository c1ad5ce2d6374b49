"""What does a test say? Every estimate with its interval, as it is printed and as it lies on the disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from paars_gym.abtest.estimate import Difference
from paars_gym.abtest.outcomes import PRIMARY
from paars_gym.abtest.unpaired import Unpaired

RESULT_FILE = "result.json"
Interval = tuple[float, float] | None
UNKNOWN = (
    "unknown: the intervals are about this simulated population. What people would do needs past tests of people, see "
    "paars backtest."
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Frozen):
    """A difference, treatment minus control; None stands for "not estimable", ``note`` says why.

    Attributes:
        estimate: In the outcome's unit.
        interval: Confidence interval.
        relative: Treatment / control - 1.
        relative_interval: Confidence interval of that.
        p_value: Two-sided, of no difference.
        note: Why something is missing; else empty.
    """

    estimate: float | None
    interval: Interval
    relative: float | None
    relative_interval: Interval
    p_value: float | None
    note: str = ""

    @classmethod
    def of(cls, found: Difference | Unpaired) -> Estimate:
        """From an estimator's result."""
        return Estimate(
            estimate=known(found.estimate),
            interval=bounds(found.interval),
            relative=known(found.relative),
            relative_interval=bounds(found.relative_interval),
            p_value=known(found.p_value),
            note=found.note,
        )


class SequentialEstimate(_Frozen):
    """The always-valid interval.

    Attributes:
        interval: After all personas; holds however often one looked on the way. None when nothing can be said.
        stop_after: Number of personas after which the test could have been stopped; None if not before its end.
    """

    interval: Interval
    stop_after: int | None


class OutcomeResult(Estimate):
    """One outcome: the primary, paired estimate, and what stands beside it.

    Attributes:
        unit: Of the estimate.
        control: Control arm's mean a session, or ratio.
        treatment: Treatment arm's.
        error: Standard error of the estimate.
        relative_error: Standard error of the relative change.
        p_adjusted: ``p_value`` after Benjamini and Hochberg (1995), over all outcomes of the test.
        identical_arms: No pair of sessions differs in anything. Where none differs in this outcome alone, the interval
            is None and the note says so.
        degrees: Degrees of freedom of the interval.
        per_shopper: The same a shopper: of the sums over a shopper's visits, draws averaged; of ratios, the mean
            difference between each shopper's own. None where the outcome is unknown.
        welch: As a classic test with each persona in one arm would have found it (half the sessions).
        cuped: The same, adjusted for the shopper's history.
        sequential: Always-valid interval around the same estimate; None for ratios.
        sessions: Both arms' sessions that this rests on.
        unpaired_sessions: Sessions that a test with different shoppers in its arms, as many sessions a shopper, would
            have needed for an interval as wide.
    """

    unit: str
    control: float | None
    treatment: float | None
    error: float | None
    relative_error: float | None = None
    p_adjusted: float | None = None
    identical_arms: bool = False
    degrees: float | None = None
    per_shopper: Estimate | None = None
    welch: Estimate
    cuped: Estimate
    sequential: SequentialEstimate | None = None
    sessions: int
    unpaired_sessions: int | None = None


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
        usd: Cost.
        tokens: Tokens, input and output.
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


class HumanEffect(_Frozen):
    """What is known of the effect on people, which is another question than the effect on the simulated population.

    Attributes:
        outcome: Of which.
        estimate: Relative change; None when past tests say nothing.
        interval: Prediction interval for this one test, that of the simulation's own noise included.
        level: Of the interval.
        tests: Past tests of people that the prediction rests on.
        note: In words.
    """

    outcome: str = PRIMARY
    estimate: float | None = None
    interval: Interval = None
    level: float | None = None
    tests: int = 0
    note: str = UNKNOWN


class ABTestResult(_Frozen):
    """A finished test.

    Attributes:
        catalog: Name.
        catalog_fingerprint: Of its products before any patch.
        synthetic: Whether products or personas were invented.
        policy: Who shopped.
        condition: What of the persona they were given.
        personas: Personas in the comparison.
        pairs: Persona × intention pairs that were planned in each arm; an outcome's ``sessions`` are those compared.
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
        population: How it was calibrated on people's sessions; empty when it was not.
        human_effect: See `HumanEffect`; a simulated test alone says nothing about people.
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
    population: str = ""
    human_effect: HumanEffect = HumanEffect()
    paars_gym: str

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """A result from a file, or from the folder of a test.

        Raises:
            FileNotFoundError: There is none.
            ValueError: Something else is in the file.
        """
        path = Path(path)
        path = path / RESULT_FILE if path.is_dir() else path
        if not path.is_file():
            raise FileNotFoundError(f"No result of a test at {str(path)!r}; run paars abtest … --out DIR first.")
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{str(path)!r} is no result of paars abtest: {error.errors()[0]['msg']}.") from None

    def write(self, folder: str | Path) -> None:
        """Keeps it in the folder of a test, whole or not at all.

        Raises:
            OSError: It cannot be written.
        """
        path = Path(folder) / RESULT_FILE
        draft = path.with_name(f"{RESULT_FILE}.new")
        draft.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        draft.replace(path)


def known(value: float) -> float | None:
    """A number, or None for what is not one."""
    return value if math.isfinite(value) else None


def bounds(interval: Sequence[float]) -> Interval:
    """Both ends, or None if one of them is no number."""
    low, high = interval
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def as_json(result: BaseModel) -> dict[str, Any]:
    """For ``--json``."""
    return result.model_dump(mode="json")
