"""What one session leaves beside its `Session`: the records of its steps, and how its policy failed."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, SupportsFloat

from paars_gym.config import RunConfig
from paars_gym.sessions.step import ModelTurn, StepRecord
from paars_gym.shop.wrappers.record import step_record
from paars_gym.shoppers.protocol import Policy
from paars_gym.simulation.steps import environment_keys, without_keys

PACKAGE = Path(__file__).resolve().parents[1]


class PolicyFailure(NamedTuple):
    """How a policy failed.

    Attributes:
        cause: The error in a line.
        place: Where in the policy: file and line; empty when nobody knows.
        traceback: The whole of it.
    """

    cause: str
    place: str
    traceback: str

    @classmethod
    def of(cls, error: BaseException, policy: Policy) -> PolicyFailure:
        """What is to be said of an exception that a policy raised."""
        policy = getattr(policy, "in_threads", policy)
        cause = f"{type(error).__name__}: {error}"
        frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        own = _file_of(policy)
        outside = [frame for frame in frames if PACKAGE not in Path(frame[0]).parents]
        # The policy's own line says more than that of a library it called, and that more than one of ours.
        places = [frame for frame in frames if frame[0] == own] or outside or _definition(policy) or frames
        place = f"{places[-1][0]}:{places[-1][1]}" if places else ""
        text = "".join(traceback.format_exception(error))
        keys = environment_keys()
        return cls(without_keys(clean(cause), keys), place, without_keys(clean(text), keys))


class StepRecorder:
    """Collects the step records of one session, from what its loop tells it.

    Attributes:
        records: So far.
    """

    def __init__(self, session: str, policy: Policy) -> None:
        self.records: list[StepRecord] = []
        self._session = session
        self._policy = policy

    def acted(
        self,
        shown: object,
        action: str,
        info: Mapping[str, Any],
        *,
        reward: SupportsFloat,
        time: datetime,
        latency_seconds: float,
    ) -> None:
        """Takes in a step of the environment.

        Args:
            shown: The observation that the policy was given.
            action: What it did.
            info: Of the environment after the action.
            reward: Of the step.
            time: When, in simulated time.
            latency_seconds: Wall-clock time that the policy took.
        """
        record = step_record(self._session, clean(action), dict(info), float(reward))
        measured = {"time": time, "latency_seconds": round(latency_seconds, 6)}
        self._add(record.model_copy(update={"shown": clean(str(shown)), **measured}))

    def failed(self, shown: object, info: Mapping[str, Any], failure: str) -> None:
        """Takes in a step that came to nothing, because the policy raised.

        Args:
            shown: The observation that the policy was given.
            info: Of the environment before the step.
            failure: A traceback, or why the policy gave up.
        """
        self._add(
            StepRecord(
                session=self._session,
                step=info["step"] + 1,
                shown=clean(str(shown)),
                action=None,
                valid=False,
                failure=clean(failure),
                page=info["page"],
            )
        )

    def _add(self, record: StepRecord) -> None:
        self.records.append(record.model_copy(update={"model": trace_of(self._policy)}))


def answer_record(session: str, shown: str, answer: object, shopper: object, *, step: int = 1) -> StepRecord:
    """The record of a single question, for a `StepWriter` of a probe or a survey.

    Args:
        session: Key of whoever was asked, unique in the file together with ``step``.
        shown: What the shopper was shown.
        answer: As it gave it.
        shopper: Asked for its ``trace``.
        step: Which of the session's questions, from 1.
    """
    model = trace_of(shopper)
    return StepRecord(
        session=session,
        step=step,
        shown=clean(str(shown)),
        action=clean(str(answer)),
        valid=True,
        page="question",
        model=model,
    )


def records_steps(run: RunConfig, make_policy: Callable[[], Policy]) -> bool:
    """Whether the steps of a run are recorded: by default those of any policy but the package's offline ones."""
    if run.record != "auto":
        return run.record == "steps"
    if isinstance(run.policy, str) and ":" not in run.policy:
        return run.policy.strip().lower() == "llm"
    policy = make_policy()
    return hasattr(policy, "trace") or not type(policy).__module__.startswith("paars_gym.")


def trace_of(shopper: object) -> ModelTurn | None:
    """What a shopper tells of its last request to a model; None when it tells nothing."""
    trace = getattr(shopper, "trace", None)
    turn = trace() if callable(trace) else None
    return turn if isinstance(turn, ModelTurn) else None


def clean(text: str) -> str:
    """Text that a file of UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()


def _file_of(policy: Policy) -> str | None:
    try:
        return inspect.getfile(type(policy))
    except (TypeError, OSError):
        return None


def _definition(policy: Policy) -> list[tuple[str, int | None]]:
    """Where ``act`` stands: all there is to say of one that gave back what is no action."""
    code = getattr(policy.act, "__code__", None)
    return [] if code is None else [(code.co_filename, code.co_firstlineno)]
