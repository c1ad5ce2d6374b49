"""Wrappers that log episodes: each as one `Session`, or step by step as JSON lines of `StepRecord`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, SupportsFloat, TextIO

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from paars_gym.sessions.event import End, Event, Session
from paars_gym.sessions.step import StepRecord
from paars_gym.shop.wrappers.discrete import retail_env


class RecordSession(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Keeps the events of an episode; `session` gives them as one `Session`, without times."""

    def __init__(self, env: gymnasium.Env[Any, Any], shopper: str = "agent") -> None:
        """Args:
        env: A `RetailEnv`, wrapped or not.
        shopper: Whose sessions these are.
        """
        RecordConstructorArgs.__init__(self, shopper=shopper)
        gymnasium.Wrapper.__init__(self, env)
        self._retail = retail_env(env)
        self._shopper = shopper
        self._episode = 0
        self._events: list[Event] = []
        self._end: End | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._episode += 1
        self._events, self._end = [], None
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        result = self.env.step(action)
        _, _, terminated, truncated, info = result
        self._events.extend(info["events"])
        if terminated or truncated:
            self._end = "stop" if terminated else "max_steps"
        return result

    def snapshot(self) -> tuple[Any, tuple[Event, ...], End | None, int]:
        """This moment, with what was recorded; see `RetailEnv.snapshot`."""
        return self.env.get_wrapper_attr("snapshot")(), tuple(self._events), self._end, self._episode

    def restore(self, snapshot: tuple[Any, tuple[Event, ...], End | None, int]) -> tuple[Any, dict[str, Any]]:
        """Returns to a moment that `snapshot` gave; events of the branch that is left are forgotten."""
        inner, events, self._end, self._episode = snapshot
        self._events = list(events)
        restored: tuple[Any, dict[str, Any]] = self.env.get_wrapper_attr("restore")(inner)
        return restored

    @property
    def session(self) -> Session:
        """The finished episode.

        Raises:
            ValueError: It has not ended yet.
        """
        if self._end is None:
            raise ValueError("The episode has not ended; its session is known after stop[] or max_steps.")
        return Session(
            shopper=self._shopper,
            key=self._retail.session_key or f"{self._shopper}-{self._episode}",
            events=tuple(self._events),
            intention=self._retail.intention,
            end=self._end,
        )


class RecordSteps(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Appends each step as one `StepRecord` line to a file; a line is written whole when its step is done.

    The page that was shown stands in each line, where observations are text.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], path: str | Path) -> None:
        """Args:
        env: A `RetailEnv`, wrapped or not; directly around it the actions recorded are its texts.
        path: JSONL file, appended to.
        """
        RecordConstructorArgs.__init__(self, path=path)
        gymnasium.Wrapper.__init__(self, env)
        self._retail = retail_env(env)
        self._episode = 0
        self._shown: Any = None
        self._path = Path(path)
        self._file = self._open()

    def _open(self) -> TextIO:
        return self._path.open("a", encoding="utf-8")  # open as long as the environment

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._episode += 1
        self._shown, info = self.env.reset(seed=seed, options=options)
        return self._shown, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        result = self.env.step(action)
        key = self._retail.session_key or f"episode-{self._episode}"
        record = step_record(key, action, result[4], float(result[1]))
        if isinstance(self._shown, str):
            record = record.model_copy(update={"shown": self._shown})
        self._file.write(record.model_dump_json(exclude_defaults=True) + "\n")
        self._file.flush()
        self._shown = result[0]
        return result

    def snapshot(self) -> tuple[Any, int, Any]:
        """This moment; see `RetailEnv.snapshot`. Lines that are written stay."""
        return self.env.get_wrapper_attr("snapshot")(), self._episode, self._shown

    def restore(self, snapshot: tuple[Any, int, Any]) -> tuple[Any, dict[str, Any]]:
        """Returns to a moment that `snapshot` gave; the steps taken from there are further lines of the file."""
        inner, self._episode, self._shown = snapshot
        restored: tuple[Any, dict[str, Any]] = self.env.get_wrapper_attr("restore")(inner)
        return restored

    def __getstate__(self) -> dict[str, Any]:
        """A copy opens the file for itself; lines are appended whole."""
        return {name: value for name, value in vars(self).items() if name != "_file"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._file = self._open()

    def close(self) -> None:
        self._file.close()
        super().close()


def step_record(session: str, action: object, info: dict[str, Any], reward: float) -> StepRecord:
    """A step as it is logged, without the page that was shown; half a surrogate pair in the action becomes ``?``."""
    return StepRecord(
        session=session,
        step=info["step"],
        action=str(action).encode("utf-8", "replace").decode(),
        valid=info["action_valid"],
        error=info["error"],
        page=info["page"],
        query=info["query"],
        results=info["results"],
        first_rank=info["first_rank"] or None,
        product=info["product"],
        cart=tuple((line.product, line.units) for line in info["cart"]),
        events=info["events"],
        reward=reward,
    )
