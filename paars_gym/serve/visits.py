"""A shop that visitors come to: each visit is played in the environment, kept step by step, and logged like a run's.

The folder is that of a run (`paars_gym.simulation.run_folder`), so that whatever reads runs reads it:
``settings.json``, ``sessions.jsonl``, ``steps/``, and ``sessions/``, the store, once the shop closes. With a treatment
it holds the folders ``control`` and ``treatment``. A visit that is going on stands in ``open/``
(`paars_gym.sessions.open_visits`): killing the process loses no step that was answered.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import gymnasium

from paars_gym.config import RunConfig, ShopConfig
from paars_gym.serve.tasks import TaskList
from paars_gym.sessions.event import End, Intention, session_rng
from paars_gym.sessions.open_visits import (
    OPEN_FOLDER,
    open_visits,
    read_open_visit,
    session_of,
    step_line,
    visit_line,
)
from paars_gym.sessions.run_log import read_log
from paars_gym.sessions.step import StepRecord
from paars_gym.shop.actions import Mistake, parse_action, to_text
from paars_gym.shop.open import env_factory, shop_of
from paars_gym.shop.shop import Shop
from paars_gym.shop.wrappers.record import step_record
from paars_gym.simulation.episode import Played
from paars_gym.simulation.log import AppendOnly
from paars_gym.simulation.result import RunFiles, RunResult
from paars_gym.simulation.run_folder import Fingerprints, RunFolder, Settings, provenance_of
from paars_gym.version import __version__

Visitors = Literal["people", "outside agents"]
MOST_OPEN = 1_000
"""Visits at once."""
IDLE_SECONDS = 30 * 60
"""Without an action: the visitor has gone, as in a log."""


class ShopFullError(ValueError):
    """So many visits are open that no further one can begin."""


class ServedVisit:
    """One visit that is going on, or has ended.

    Attributes:
        key: Of its session.
        shopper: Whose it is.
        arm: Name of the arm; empty where there is one only.
        shop: That of the arm.
        intention: What the visitor came for.
        env: In which it is played.
        observation: The page as agents are shown it.
        info: Of the environment.
        end: How it has ended; None while it goes on.
    """

    def __init__(self, arm: _Arm, key: str, shopper: str, intention: Intention | None) -> None:
        self.key, self.shopper, self.intention = key, shopper, intention
        self.arm, self.shop = arm.name, arm.shop
        self.end: End | None = None
        self._arm = arm
        self._start = self._last = datetime.now(UTC)
        self._steps: list[StepRecord] = []
        self._touched = time.monotonic()
        self.env = arm.make_env()
        self.observation: str
        self.info: dict[str, Any]
        self.observation, self.info = self.env.reset(seed=0, options={"intention": intention, "session_key": key})
        self._path = arm.folder.path / OPEN_FOLDER / f"{key}.jsonl"
        self._file = AppendOnly(self._path)
        self._file.append(visit_line(key, shopper, self._start, intention))

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.end is not None

    @property
    def steps(self) -> int:
        """Actions so far."""
        return len(self._steps)

    @property
    def idle_seconds(self) -> float:
        """Since the last action."""
        return time.monotonic() - self._touched

    def act(self, action: str | Mapping[str, Any]) -> None:
        """One action, as text or as a tool call; what came of it stands in ``observation`` and ``info``.

        An action that is not possible changes nothing but is a step of the visit, as with every shopper. After the end
        of the visit nothing happens.

        Raises:
            StorageError: The step cannot be kept, as on a full disk.
        """
        if self.over:
            return
        text = action if isinstance(action, str) else _as_text(action)
        shown = self.observation
        self.observation, reward, terminated, truncated, self.info = self.env.step(text)
        # Clocks are set back now and then; the order of events is not.
        before, self._last = self._last, max(datetime.now(UTC), self._last)
        self._touched = time.monotonic()
        record = step_record(self.key, text, self.info, float(reward))
        told = {
            "shown": shown,
            "time": self._last,
            "latency_seconds": round((self._last - before).total_seconds(), 3),
            "events": tuple(event.model_copy(update={"time": self._last}) for event in record.events),
        }
        record = record.model_copy(update=told)
        self._steps.append(record)
        self._file.append(step_line(record))
        if terminated or truncated:
            self._end("stop" if terminated else "max_steps")

    def leave(self) -> None:
        """Ends the visit where it stands, as when the visitor has gone."""
        if not self.over:
            self._end("stop")

    def _end(self, end: End) -> None:
        self.end = end
        session = session_of(
            self._steps, key=self.key, shopper=self.shopper, start=self._start, intention=self.intention, end=end
        )
        seconds = (self._last - self._start).total_seconds()
        invalid = sum(not step.valid for step in self._steps)
        self._arm.enter(Played(session, None, len(self._steps), invalid, seconds=seconds, records=self._steps))
        self._file.close()
        self._path.unlink()
        self.env.close()


class _Arm:
    """One ranking, and the folder of the visits under it."""

    def __init__(self, name: str, folder: RunFolder, config: ShopConfig, shop: Shop) -> None:
        self.name, self.folder, self.config, self.shop = name, folder, config, shop
        self.files: RunFiles
        self.settings: Settings
        self.result = RunResult(folder.path, 0)
        self.make_env: Any = None

    @contextmanager
    def opened(self, run: RunConfig) -> Iterator[None]:
        """Takes the folder, and writes its store when the block ends."""
        self.make_env = env_factory(self.shop, max_steps=run.max_steps)
        people = f"as they come, {run.policy}"
        prints = Fingerprints(catalog=self.shop.catalog.fingerprint, personas=people, intentions=people)
        self.settings = Settings(version=__version__, run=run, shop=self.config, fingerprints=prints)
        with self.folder.opened(self.settings, resume=True) as kept:
            self.result.ends.update(kept.count())
            self.result.damaged = kept.damaged
            self.folder.reopen()
            with RunFiles(self.folder, self.result, record=True, fsync_seconds=1.0) as self.files:
                for visit in list(open_visits(self.folder.path)):  # of a process that was killed
                    self.files.enter(Played(visit.session, None, len(visit.steps), 0, records=visit.steps))
                (self.folder.path / OPEN_FOLDER).mkdir(exist_ok=True)
                for path in (self.folder.path / OPEN_FOLDER).glob("*.jsonl"):
                    left = read_open_visit(path)
                    whole = left is not None and path.read_bytes().count(b"\n") == len(left.steps) + 1
                    # What could not be read stays, for whoever wants to look.
                    path.unlink() if whole or not path.stat().st_size else path.rename(path.with_suffix(".damaged"))
                yield
            if self.result.done:
                self.folder.finish(provenance_of(self.settings, self.folder.path.name, self.result.done))

    def enter(self, played: Played) -> None:
        """Writes a visit down that has ended."""
        self.files.enter(played)


class ServedShop:
    """A shop that any number of visitors come to at once; a context manager that owns its folder meanwhile.

    One process, one thread: steps take a millisecond or so, and those who serve it wait for the network elsewhere.
    """

    def __init__(
        self,
        out: str | Path,
        config: ShopConfig = ShopConfig(),
        *,
        visitors: Visitors,
        treatment: str | None = None,
        tasks: Sequence[Intention] = (),
        max_steps: int = 200,
        seed: int = 0,
    ) -> None:
        """Args:
            out: Folder of the visits; one that is there already goes on.
            config: The shop, its ranking being that of the control where there is a treatment.
            visitors: Who comes; ``people`` make a store that counts as people's.
            treatment: Ranking that half of the shoppers get, by a coin for each.
            tasks: What visitors are asked to shop for, dealt evenly; they come for nothing in particular without.
            max_steps: Actions until a visit is cut off.
            seed: Of the coin, and of the order of tasks.

        Raises:
            ValueError: An unknown catalog or ranking, or a number out of range.
        """
        self.visitors = visitors
        self.seed = seed
        self.run = RunConfig(
            sessions=1, policy=visitors, condition="base", seed=seed, max_steps=max_steps, record="steps"
        )
        configs = {"control": config}
        if treatment is not None:
            configs["treatment"] = config.model_copy(update={"ranking": treatment})
        self._arms = [
            _Arm(
                name if treatment is not None else "",
                RunFolder(Path(out) / name if treatment is not None else Path(out)),
                one,
                shop_of(one),
            )
            for name, one in configs.items()
        ]
        self.catalog = self._arms[0].shop.catalog
        self._tasks = TaskList(tasks, seed=seed)
        self._open: dict[str, ServedVisit] = {}
        self._files = ExitStack()

    @property
    def counts(self) -> dict[str, int]:
        """Visits in the log by arm, those of earlier days included."""
        return {arm.name: arm.result.done for arm in self._arms}

    @property
    def folders(self) -> tuple[Path, ...]:
        """Of the arms."""
        return tuple(arm.folder.path for arm in self._arms)

    def __enter__(self) -> ServedShop:
        with ExitStack() as files:
            for arm in self._arms:
                files.enter_context(arm.opened(self.run))
            self._files = files.pop_all()
        for arm in self._arms:
            for session in read_log(arm.folder.log) if arm.folder.log.is_file() else ():
                self._tasks.count(session.shopper, session.intention)
        return self

    def __exit__(self, *error: object) -> None:
        try:
            for visit in list(self._open.values()):
                visit.leave()
            self._open.clear()
        finally:
            self._files.close()

    def begin(self, shopper: str) -> ServedVisit:
        """A new visit: its arm is the shopper's, its task the one that was dealt least.

        Raises:
            ShopFullError: Too many are open.
            StorageError: It cannot be kept.
        """
        self.end_idle()
        if len(self._open) >= MOST_OPEN:
            raise ShopFullError(f"{MOST_OPEN:,} visits are open, which is the most at once; come back later.")
        key = secrets.token_hex(8)
        intention = self._tasks.deal(shopper)
        # By the shopper and not by the visit: whoever comes again finds the shop as it was.
        side = session_rng(self.seed, f"arm of {shopper}").random() < 0.5
        visit = ServedVisit(self._arms[int(side) if len(self._arms) > 1 else 0], key, shopper, intention)
        self._open[key] = visit
        return visit

    def end_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Ends the visits in which nothing has happened for so long, and forgets those that have ended."""
        for key, visit in list(self._open.items()):
            if not visit.over and visit.idle_seconds > seconds:
                visit.leave()
            if visit.over:
                del self._open[key]


class VisitEnv(gymnasium.Env[str, str]):
    """Visits to a `ServedShop` as episodes of an environment, for whoever plays one."""

    def __init__(self, shop: ServedShop, shopper: str) -> None:
        """Args:
        shop: Open.
        shopper: Whose visits these are.
        """
        self._shop, self._shopper = shop, shopper
        self._visit: ServedVisit

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        self._visit = self._shop.begin(self._shopper)
        return self._visit.observation, self._visit.info

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        visit = self._visit
        visit.act(action)
        return visit.observation, 0.0, visit.end == "stop", visit.end == "max_steps", visit.info


def _as_text(call: Mapping[str, Any]) -> str:
    parsed = parse_action(call)
    return json.dumps(dict(call), default=str) if isinstance(parsed, Mistake) else to_text(parsed)
