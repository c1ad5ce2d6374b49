"""Every task and whole sessions with a GGUF file of one's own, behind llama.cpp's server and by likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.reference import judges
from benchmarks.settings import QUERY_RUN, VIEW_RUN
from benchmarks.small_model import Bounded
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig, ShopConfig
from paars_gym.llm.stack import open_model
from paars_gym.shoppers.registry import LIKELIHOOD
from paars_gym.simulation.result import RunResult
from paars_gym.simulation.run import run as run_sessions
from paars_gym.tasks.query_generation import generate_queries
from paars_gym.tasks.query_results import QueryResults
from paars_gym.tasks.view_selection import ViewResults, select_views

SESSIONS, MOST_STEPS = 50, 15
"""A processor reads a page in ten seconds or so: longer sessions than that take a night."""
ANSWER_TOKENS = 60
"""Of a query or an action, held to a schema."""
CONTEXT = 4_096
BUDGET = BudgetConfig(timeout_seconds=600, attempts=2, concurrency=1)
Progress = Callable[[str], None]


class LocalModelFile:
    """A file, and the server that has loaded it: one request at a time.

    Attributes:
        by_likelihood: Name of the shopper that scores texts by the same file.
    """

    def __init__(self, file: Path, url: str) -> None:
        self.by_likelihood = f"{LIKELIHOOD}{file}"
        self._url = url

    def asked(self, of: RunConfig, options: Mapping[str, object] = {}) -> RunConfig:
        """A run in which the model is asked through its server.

        Args:
            of: The run.
            options: Of the shopper.
        """
        # Bounded: nothing makes a small model end a text that its schema does not end.
        model = Bounded(open_model(f"openai:local@{self._url}", BUDGET))
        config = ModelConfig(spec=model, context_tokens=CONTEXT, options={"max_tokens": ANSWER_TOKENS, **options})
        return of.model_copy(update={"policy": "llm", "model": config, "budget": BUDGET, "concurrency": 1})


def write_queries(model: LocalModelFile, cases: int, progress: Progress = lambda _: None) -> QueryResults:
    """Query generation: by asking, and by choosing among offline queries."""
    run = model.asked(QUERY_RUN.model_copy(update={"sessions": cases}))
    return generate_queries(judges(), run, policies=("llm", model.by_likelihood), progress=progress)


def choose_views(model: LocalModelFile, cases: int, progress: Progress = lambda _: None) -> ViewResults:
    """View selection: by asking, and by likelihood."""
    run = model.asked(VIEW_RUN.model_copy(update={"sessions": cases}))
    return select_views(judges(), run, policies=("llm", model.by_likelihood), progress=progress)


def play_sessions(
    model: LocalModelFile, out: Path, sessions: int = SESSIONS, progress: Progress = lambda _: None
) -> RunResult:
    """Whole sessions with personas in `mini`, every step recorded; a run in the folder is resumed.

    Args:
        model: Who shops, by JSON actions: a small model knows no tools.
        out: The run folder.
        sessions: How many.
        progress: Told how far it is.
    """
    people = [*judges().personas.values()]
    run = model.asked(
        RunConfig(sessions=sessions, personas=people, max_steps=MOST_STEPS, record="steps"), {"form": "json"}
    )
    return run_sessions(
        out, run, ShopConfig(), resume=True, progress=lambda result: progress(f"{result.done} of {sessions} sessions")
    )
