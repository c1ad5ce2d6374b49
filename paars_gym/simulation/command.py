"""What does ``paars simulate`` do? It reads the files that a run names, and lets `run_population` do the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paars_gym.catalog.load import load_catalog
from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.personas.intentions import MIX, IntentionMix, MinedIntention, mine_intentions
from paars_gym.personas.persona import Persona
from paars_gym.personas.recognisers import REGIONS
from paars_gym.personas.redaction import make_redactor
from paars_gym.personas.store import read_personas
from paars_gym.sessions.store import Store
from paars_gym.simulation.run import Tally, run_population


@dataclass(frozen=True)
class Simulation:
    """The options of ``paars simulate``.

    Attributes:
        personas: File of personas.
        intentions: Store of held-out sessions.
        mix: Shares of goals; empty for the default.
        out, sessions, catalog, ranking, policy, condition: As in `run_population`.
        seed, max_steps, concurrency, resume: As in `run_population`.
        options: Of the policy.
        model: Of a policy that asks one.
        budget: What it may take.
        names: File of names to redact in mined intentions.
        recognisers: More of what has to go there, see `load_recogniser`.
        regions: Whose telephone numbers have to go there.
    """

    out: Path
    sessions: int
    catalog: str
    ranking: str
    policy: str
    condition: Any
    personas: Path | None
    intentions: Path | None
    mix: Mapping[Any, float]
    seed: int
    max_steps: int
    concurrency: int
    resume: bool
    options: Mapping[str, Any] = field(default_factory=dict)
    model: ModelConfig | None = None
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    names: Path | None = None
    recognisers: Sequence[str] = ()
    regions: Sequence[str] = REGIONS


def simulate_population(simulation: Simulation, *, progress: Callable[[Tally], None] | None = None) -> Tally:
    """Runs a population.

    Raises:
        FileNotFoundError: A file that is named is not there.
        ValueError, OSError: See `run_population`.
    """
    return run_population(**_arguments(simulation), progress=progress)


def expect(simulation: Simulation) -> list[tuple[str, str]]:
    """What the run would take of a language model, to be told, a line each; asks nobody.

    Raises:
        ValueError: The policy asks none, or names no model.
    """
    from paars_gym.simulation.forecast import forecast_run

    return forecast_run(**_arguments(simulation)).facts()


def _arguments(simulation: Simulation) -> dict[str, Any]:
    """What `run_population` is called with."""
    catalog = load_catalog(simulation.catalog)
    mix = simulation.mix or MIX
    wants: IntentionMix | list[MinedIntention] | None = None
    redactor = make_redactor(
        names_file=simulation.names, recognisers=simulation.recognisers, regions=simulation.regions
    )
    if simulation.intentions is not None:
        people = Store(simulation.intentions)
        wants = list(mine_intentions(people, catalog, mix=mix, seed=simulation.seed, redactor=redactor))
    elif simulation.mix:
        wants = IntentionMix(catalog, mix)
    personas: list[Persona] | None = None
    if simulation.personas is not None and not (personas := list(read_personas(simulation.personas))):
        raise ValueError(f"There are no personas in {simulation.personas}.")
    options: dict[str, Any] = {**simulation.options, "budget": simulation.budget}
    if simulation.model is not None:
        options["model"] = simulation.model
    return {
        "out": simulation.out,
        "sessions": simulation.sessions,
        "catalog": catalog,
        "ranking": simulation.ranking,
        "policy": simulation.policy,
        "policy_options": options,
        "condition": simulation.condition,
        "personas": personas,
        "intentions": wants,
        "seed": simulation.seed,
        "max_steps": simulation.max_steps,
        "concurrency": simulation.concurrency,
        "resume": simulation.resume,
        "redacted": dict(redactor.counts),
    }
