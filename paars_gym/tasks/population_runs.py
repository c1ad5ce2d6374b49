"""Runs of several populations of one policy, under one budget, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition, RunConfig, ShopConfig
from paars_gym.llm.ledger import LEDGER_FILE, ledger_of, left_of, sharing
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.simulation.account import RunAccount, of_ledger
from paars_gym.simulation.result import PolicyFailedError, RunStoppedError
from paars_gym.simulation.run import run as simulate


class PopulationRuns:
    """Plays one population after the other; what one takes of the budget, the next has not.

    Attributes:
        usd: What a language model took so far.
    """

    def __init__(
        self, people: str, run: RunConfig, out: Path, catalog: Catalog, progress: Callable[[str], None]
    ) -> None:
        """Args:
        people: How progress calls those whom they are compared with.
        run: Policy, model, budget, seed.
        out: Folder of the runs.
        catalog: Of the shop.
        progress: Told what is going on.
        """
        self.usd = 0.0
        self._people, self._run, self._out, self._catalog, self._progress = people, run, out, catalog, progress
        self._budget = sharing(run.budget, out / LEDGER_FILE)

    def play(
        self, name: str, changes: Mapping[str, Any], fitted: Mapping[Condition, FittedShopper] | None = None
    ) -> Path:
        """Plays a population, or goes on with it, and returns its run folder.

        Args:
            name: Of the folder.
            changes: To the configuration: condition, personas, intentions, sessions and the like.
            fitted: The shopper of either condition; None for the policy as it is.

        Raises:
            ValueError: The folder holds a run with other settings.
            RunStoppedError: The budget is spent, or the run was interrupted.
            PolicyFailedError: The policy raised in more than a tenth of the sessions.
        """
        config = self._run.model_copy(update={**changes, "budget": left_of(self._budget, self.usd)})
        self._progress(f"{self._people}: {config.sessions:,} {config.policy} shoppers, {name}")
        if fitted is not None:
            config = fitted[config.condition].applied_to(config, self._catalog)
        result = simulate(self._out / name, config, ShopConfig(catalog=self._catalog), resume=True)
        self.usd += result.account.usd
        if result.stopped:
            kept = f"{result.done:,} of {result.planned:,} sessions are kept in {result.folder}"
            raise RunStoppedError(f"{result.stopped.rstrip('.')}. {kept}.", result.exit_code)
        if result.complaint:
            raise PolicyFailedError(f"{result.complaint}: nothing is scored.")
        return result.folder

    def account(self) -> RunAccount:
        """Calls of all of them, those of former tries included."""
        return RunAccount(**of_ledger(ledger_of(self._budget.ledger).taken()))
