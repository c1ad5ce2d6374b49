"""One A/B test of two rankings: the behavioural shopper in both arms, on the invented world of mini.

Run it by ``python -m benchmarks.abtest``; no language model, no network. The sales change comes with its interval for
this simulated population (PAARS section 5, "A/B testing simulation").
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group

from benchmarks.settings import ABTEST_ARMS, ABTEST_DRAWS, ABTEST_SESSIONS
from paars_gym.abtest import ABTest, ABTestResult, Arm
from paars_gym.cli.running import run_command, wide_console
from paars_gym.config import RunConfig
from paars_gym.report.abtest import notes, outcome_table, result_forest


def run(
    control: str = ABTEST_ARMS[0],
    treatment: str = ABTEST_ARMS[1],
    *,
    sessions: int = ABTEST_SESSIONS,
    draws: int = ABTEST_DRAWS,
    seed: int = 0,
) -> ABTestResult:
    """One test of two rankings.

    Args:
        control: Ranking expression of the control arm.
        treatment: Ranking expression of the treatment arm.
        sessions: Persona × intention pairs in each arm.
        draws: Sessions of each pair.
        seed: Of everything random.
    """
    return ABTest(Arm(control), Arm(treatment)).run(RunConfig(sessions=sessions, draws=draws, seed=seed))


def table(results: ABTestResult) -> Group:
    """The outcomes, the forest plot and what to know beside them."""
    return Group(outcome_table(results), result_forest(results), *notes(results))


def main(
    control: Annotated[str, typer.Option(help="Ranking of the control arm.")] = ABTEST_ARMS[0],
    treatment: Annotated[str, typer.Option(help="Ranking of the treatment arm.")] = ABTEST_ARMS[1],
    sessions: Annotated[int, typer.Option(min=1, help="Persona × intention pairs in each arm.")] = ABTEST_SESSIONS,
    draws: Annotated[int, typer.Option(min=1, help="Sessions of each pair in each arm.")] = ABTEST_DRAWS,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """One simulated A/B test of two rankings: the same invented shoppers in both arms of the shop of mini."""
    console = wide_console()
    console.print("Invented shoppers who follow a choice model, in a generated catalog: no people, no language model.")
    console.print(table(run(control, treatment, sessions=sessions, draws=draws, seed=seed)))


if __name__ == "__main__":
    run_command(main)
