"""A behavioural shopper fitted to people: estimated on one half of them, judged on the other, kept in a file."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition, RunConfig, setting_name
from paars_gym.estimate import Detail, Estimate, Interval, Tabular
from paars_gym.files import read_model, write_whole
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.reference_prices import ReferencePrices, shared_prices

POLICY: Final = "behavioural"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HalfLikelihood(_Frozen):
    """Log-likelihood of the decisions of one half of the people, in nats a session.

    Attributes:
        sessions: Of this half.
        fitted: By the fitted parameters.
        default: By the defaults.
    """

    sessions: int
    fitted: float
    default: float

    @property
    def gain(self) -> float:
        """Nats a session that the fit gains over the defaults."""
        return self.fitted - self.default


class FittedShopper(Tabular, _Frozen):
    """The behavioural shopper fitted to people.

    Attributes:
        policy: Short name of whom this is: ``behavioural``.
        condition: What of their personas the shoppers are taken to act on.
        parameters: Estimates, all of them.
        standard_errors: Of those that were estimated, from the penalised information.
        prior_errors: Standard deviation of the ridge prior of each: an error as large means that the logs said nothing.
        held: Parameters that no decision in the logs depends on; they are at their defaults.
        reference_prices: What these people remember that things cost, by category path.
        people: Whose sessions.
        catalog: Name of that in which they shopped.
        tests: Names of the past tests that were used.
        test_sessions: Sessions in both arms of these.
        tastes_apart: How far the tastes of the tests' customers are from these people's, in standard deviations of the
            prior; None without tests.
        strength: Standard deviation of the prior, see `FitSettings`.
        strength_chosen: Whether people who were set aside chose it.
        fitting: On the half that it was fitted on.
        judging: On the half that judges.
        unexplained: Events that the model does not make, left out.
    """

    policy: Literal["behavioural"] = POLICY  # a file may not name code, which a task would then run
    condition: Condition
    parameters: dict[str, float]
    standard_errors: dict[str, float]
    prior_errors: dict[str, float]
    held: tuple[str, ...]
    reference_prices: dict[str, float]
    people: str
    catalog: str
    tests: tuple[str, ...]
    test_sessions: int
    tastes_apart: float | None = None
    strength: float
    strength_chosen: bool
    fitting: HalfLikelihood
    judging: HalfLikelihood
    unexplained: int

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a parameter: the estimate with its interval, its prior's spread, and whether the logs say nothing."""
        rows: list[dict[str, Detail]] = []
        for name, value in self.parameters.items():
            error = self.standard_errors.get(name)
            interval = None if error is None else Interval.normal(value, error, "Wald")
            note = "held at its default" if name in self.held else ""
            beside: dict[str, Detail] = {"standard_error": error, "prior_error": self.prior_errors.get(name)}
            rows.append({"parameter": name, **Estimate(value, interval, note=note, details=beside).to_dict()})
        return rows

    def summary(self) -> str:
        """Who was fitted to whom."""
        return f"{self.policy}, {self.condition}, fitted to {self.people} in {self.catalog}"

    def options(self) -> dict[str, Any]:
        """For `RunConfig.options`, or the constructor of `BehaviouralShopper`."""
        return {"parameters": self.parameters, "reference_prices": shared_prices(self.reference_prices)}

    def applied_to(self, run: RunConfig, catalog: Catalog) -> RunConfig:
        """The run with this shopper.

        Args:
            run: Of the same policy and condition as the fit.
            catalog: The same as that of the fit, by name.

        Raises:
            ValueError: It was fitted for something else, or the run has parameters of its own.
        """
        if run.policy != self.policy or run.condition != self.condition:
            raise ValueError(
                f"This shopper was fitted for policy {self.policy!r} in condition {self.condition!r}, not for "
                f"{setting_name(run.policy)!r} in {run.condition!r}. Give the same, or fit one for it: paars fit "
                f"--condition {run.condition}."
            )
        if catalog.name != self.catalog:
            raise ValueError(
                f"This shopper was fitted in catalog {self.catalog!r}, not in {catalog.name!r}. Name that catalog, or "
                "fit one in this: paars fit --catalog …."
            )
        if "parameters" in run.options:
            raise ValueError("A fitted shopper has its own parameters: give one or the other.")
        return run.model_copy(update={"options": {**run.options, **self.options()}})

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Wald intervals of the parameters that were estimated.

        Raises:
            ValueError: The level is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"level == {level}, must be between 0 and 1.")
        z = NormalDist().inv_cdf((1 + level) / 2)
        found = {name: (self.parameters[name], error) for name, error in self.standard_errors.items()}
        return {name: (value - z * error, value + z * error) for name, (value, error) in found.items()}

    def notes(self) -> tuple[str, ...]:
        """What was not estimated and stays at its default, in a line each."""
        why = {
            "sentiment": "no product opened shows reviews, or their stars are all alike",
            "sentiment_taste": "no product opened shows reviews, or their stars are all alike",
        }
        return tuple(
            f"{name} held at {self.parameters[name]:g}: {why.get(name, 'nothing in the log depends on it')}."
            for name in self.held
        )

    def write(self, path: str | Path) -> None:
        """Keeps it in a file, whole or not at all."""
        write_whole(Path(path), self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, path: str | Path) -> FittedShopper:
        """What `write` kept.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: Something else is in it.
        """
        fitted = read_model(cls, path, "fitted shopper", make="paars fit --human … --out FILE")
        try:
            BehaviouralParameters.of(fitted.parameters)
            ReferencePrices(fitted.reference_prices)
        except ValueError as error:
            raise ValueError(f"{str(path)!r} is no fitted shopper: {error}") from None
        return fitted
