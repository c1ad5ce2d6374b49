"""What visitors are asked to shop for: read from a file, dealt evenly, never the same twice to one visitor."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from paars_gym.sessions.event import Intention, session_rng

MOST_CHARS = 2_000
"""Of a task: what the entrance of the shop shows."""
HOW = (
    'a line each, either plain words such as "a kettle below 40" or a JSON object such as '
    '{"text": "a quiet kettle", "goal": "buy", "budget": 40}'
)


class TaskList:
    """The tasks of a shop, and how often each was dealt."""

    def __init__(self, tasks: Sequence[Intention], *, seed: int = 0) -> None:
        """Args:
        tasks: May be empty.
        seed: Of the order among tasks dealt equally often.
        """
        self._tasks = list(tasks)
        self._seed = seed
        self._dealt: Counter[str] = Counter()
        self._had: defaultdict[str, set[str]] = defaultdict(set)

    def deal(self, shopper: str) -> Intention | None:
        """The task that was dealt least, of those that the shopper has not had; None when there is no such task.

        A shopper who has had all gets the one dealt least.
        """
        if not self._tasks:
            return None
        fresh = [task for task in self._tasks if task.text not in self._had[shopper]] or self._tasks
        least = min(self._dealt[task.text] for task in fresh)
        candidates = [task for task in fresh if self._dealt[task.text] == least]
        rng = session_rng(self._seed, f"task {self._dealt.total()} of {shopper}")
        task = candidates[int(rng.integers(len(candidates)))]
        self.count(shopper, task)
        return task

    def count(self, shopper: str, intention: Intention | None) -> None:
        """Counts a task that was dealt, or had been on an earlier day."""
        if intention is not None:
            self._dealt[intention.text] += 1
            self._had[shopper].add(intention.text)


def read_tasks(path: str | Path) -> tuple[Intention, ...]:
    """The tasks in a file, a line each: plain words, or a JSON object with the fields of `Intention`.

    An object may hold it under ``intention``, as files of mined intentions do. Empty lines are passed over.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A line is no task, or there is none; the message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of tasks {str(path)!r}; it holds {HOW}.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{str(path)!r} is no UTF-8 text; a file of tasks holds {HOW}.") from None
    tasks = tuple(_task(path, number, line) for number, line in enumerate(lines, start=1) if line.strip())
    if not tasks:
        raise ValueError(f"{str(path)!r} holds no task; it holds {HOW}.")
    return tasks


def _task(path: Path, number: int, line: str) -> Intention:
    where = f"{str(path)!r}, line {number}"
    content: object = {"text": line.strip()}
    if line.lstrip().startswith("{"):
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(f"{where}: {line.strip()[:60]!r} is no JSON object; write {HOW}.") from None
        if isinstance(content, dict) and isinstance(content.get("intention"), dict):
            content = content["intention"]
    try:
        task = Intention.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        named = ".".join(map(str, fault["loc"]))
        raise ValueError(f"{where}: {named + ': ' if named else ''}{fault['msg'].lower()}; write {HOW}.") from None
    if not task.text.strip() or len(task.text) > MOST_CHARS:
        raise ValueError(f"{where}: a task has 1 to {MOST_CHARS:,} characters, this one {len(task.text):,}.")
    return task
