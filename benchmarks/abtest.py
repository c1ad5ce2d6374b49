"""One A/B test of two rankings beside its truth: what people do, what is simulated, and what is predicted from that.

Run it by ``python -m benchmarks.abtest``; no language model, no network. People are those of mini, invented, who play
both arms themselves: the half that judges. The shopper is fitted on sessions of the other half, and the prediction
rests on a handful of that half's past tests, of other rankings (PAARS section 5, "A/B testing simulation").
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Group
from rich.table import Table

from benchmarks.reference import fitted
from benchmarks.settings import ABTEST_ARMS, ABTEST_PAST, ABTEST_SEED, ABTEST_SIZE
from benchmarks.validity.shoppers import Fitting, fitted_options, options_of
from benchmarks.validity.visits import Crowd, play
from paars_gym.abtest.backtest import BacktestResult, backtest
from paars_gym.abtest.past_tests import PastTest, error_of
from paars_gym.abtest.shrinkage import shrink
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.report.forest import ForestPlot
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress

KIND = "habitual"


class TestBesideTruth(Tabular, BaseModel):
    """An A/B test of two rankings on people, on shoppers, and as predicted; all are relative changes of units sold.

    Attributes:
        control: Ranking of today.
        treatment: Ranking to try.
        true: On people of the half that judges.
        simulated: On shoppers fitted to the other half.
        predicted: What the line through past tests makes of the simulated effect, with its interval.
        shrunken: What their sizes, and how they came out in simulation, leave of it.
        past: The past tests.
    """

    __test__ = False  # no test of pytest's
    model_config = ConfigDict(frozen=True, extra="forbid")

    control: str
    treatment: str
    true: Estimate
    simulated: Estimate
    predicted: Estimate
    shrunken: Estimate
    past: BacktestResult

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row an effect."""
        return [{"effect": name, **getattr(self, name).to_dict()} for name in ROWS]

    def summary(self) -> str:
        """What was tested."""
        return f"{self.treatment} against {self.control}, units sold, mini (synthetic)"


ROWS = ("true", "simulated", "predicted", "shrunken")


def run(
    control: str = ABTEST_ARMS[0],
    treatment: str = ABTEST_ARMS[1],
    *,
    shoppers: tuple[Path, ...] = (),
    seed: int = ABTEST_SEED,
) -> TestBesideTruth:
    """One test of two rankings, beside its truth.

    Args:
        control: Ranking expression of the control arm.
        treatment: Ranking expression of the treatment arm.
        shoppers: Files of fitted shoppers, one for either condition, of which the one with personas shops; none: fitted
            here.
        seed: Of everything random.
    """
    size, before = ABTEST_SIZE, tuple(arm for arm in ABTEST_PAST if arm not in (control, treatment))
    judges = play(Crowd(KIND, size["people"], True, seed, "", (control, treatment)), size["visits"])
    others = play(Crowd(KIND, size["people"], False, seed, "", (control, *before)), size["past_visits"])
    fitting = Fitting(KIND, (), (), size["fit_people"], size["fit_sessions"], 0, seed)
    options = options_of(fitted(shoppers)["persona"]) if shoppers else fitted_options(fitting)
    arms = (control, treatment, *before)
    shown = play(Crowd("shopper", size["fit_people"], False, seed, options, arms), size["shopper_visits"])
    simulated = shown.effect(1).relative
    tests = [
        PastTest(name=arm, human=others.effect(number).relative, simulated=shown.effect(number + 1).relative)
        for number, arm in enumerate(before, start=1)
    ]
    past = backtest(tests)
    assert past.calibration is not None, "there are enough past tests"
    assert past.carry_over is not None, "there are enough past tests"
    return TestBesideTruth(
        control=control,
        treatment=treatment,
        true=judges.effect(1).relative,
        simulated=simulated,
        predicted=past.calibration.predict(simulated.value or 0.0, error=error_of(simulated)),
        shrunken=shrink(simulated, past.prior, past.carry_over),
        past=past,
    )


def table(results: TestBesideTruth) -> Group:
    """The three effects, one under the other, and what they rest on."""
    whose = {
        "true": "people who play both arms, half that judges",
        "simulated": "shoppers fitted to the other half",
        "predicted": f"from the simulated effect, by {len(results.past.tests)} past tests of the other half",
    }
    shown = Table(title=f"A/B test beside its truth: {results.summary()}", title_justify="left")
    for head in ("effect", "change", "interval", "standard error", "of whom"):
        shown.add_column(head, justify="left" if head in ("effect", "of whom") else "right")
    for name, who in whose.items():
        one: Estimate = getattr(results, name)
        error = one.number("standard_error")
        shown.add_row(
            name,
            "–" if one.value is None else f"{one.value:+.1%}",
            "–" if one.interval is None else f"[{one.interval.low:+.1%}, {one.interval.high:+.1%}]",
            "–" if error is None else f"{error:.1%}",
            who,
        )
    left = results.shrunken.value or 0.0
    lines = [
        f"- Shrunken by the sizes of the past effects and by how they came out in simulation: {left:+.1%}.",
        "- A prediction's interval is for people's effect in this one test; the others are for their own populations.",
        f"- Past tests: {', '.join(test.name for test in results.past.tests)}; signs and order of simulated and true "
        f"effects: {results.past.falsification.verdict or 'cannot be tested'}.",
    ]
    return Group(shown, ForestPlot((name, getattr(results, name)) for name in whose), *lines)


@with_page
def main(
    control: Annotated[str, typer.Option(help="Ranking of the control arm.")] = ABTEST_ARMS[0],
    treatment: Annotated[str, typer.Option(help="Ranking of the treatment arm.")] = ABTEST_ARMS[1],
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = ABTEST_SEED,
    as_json: Annotated[bool, typer.Option("--json", help="Print the effects as JSON.")] = False,
) -> None:
    """One A/B test of two rankings: on people who play both arms, on shoppers fitted to others, and as predicted."""
    console = Printer()
    with Progress(Printer(stderr=True), "playing both arms"):
        results = run(control, treatment, seed=seed)
    if as_json:
        console.write_json(json.dumps(results.to_dicts(), indent=2))
        return
    console.print("Invented people in a generated catalog, and shoppers who follow a choice model: no language model.")
    console.print(table(results))


if __name__ == "__main__":
    run_command(main)
