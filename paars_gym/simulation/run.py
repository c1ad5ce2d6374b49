"""A run: a population shops into a folder, logged as it goes, stopped at will, and continued after a crash."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig, setting_name
from paars_gym.personas.intentions import MIX, IntentionMix, mine_intentions
from paars_gym.personas.redaction import Redactor, make_redactor
from paars_gym.personas.store import read_personas
from paars_gym.sessions.store import Provenance, Store
from paars_gym.shop.open import env_factory, shop_of
from paars_gym.shoppers.registry import policy_factory
from paars_gym.simulation.account import RunAccount, read_account, write_account
from paars_gym.simulation.concurrency import MakePolicy, StopRequest, play_all
from paars_gym.simulation.default_people import Inhabitants, inhabitants
from paars_gym.simulation.episode import Played, ScheduledVisit
from paars_gym.simulation.log import AppendOnly, encode
from paars_gym.simulation.run_folder import Fingerprints, RunFolder, Settings
from paars_gym.simulation.schedule import Schedule, fingerprint
from paars_gym.simulation.steps import StepWriter
from paars_gym.version import __version__

MOST_FAILED = 0.1
"""Share of a run's sessions in which its policy may raise; beyond it the run has failed."""


@dataclass
class RunResult:
    """Where a run stands, and how it ended.

    Attributes:
        folder: The run folder.
        planned: Sessions of the whole run.
        ends: Sessions in the log by how they ended, those of former runs included.
        played: Sessions of this run.
        usd: What they cost, as far as the policy tells.
        account: What all sessions took of a model, those of former runs included; also in ``OUT/account.json``.
        seconds: Since this run began.
        damaged: Lines of the log that were set aside; their sessions were played again.
        damaged_steps: Parts of the step records that were set aside; their sessions stand in the log, and are not.
        stopped: Why the run ended before all sessions were accounted for; empty when they are.
        causes: What the policy raised in this run's sessions, with its place (file and line), by how often.
    """

    folder: Path
    planned: int
    ends: Counter[str] = field(default_factory=Counter)
    played: int = 0
    usd: float = 0.0
    account: RunAccount = field(default_factory=RunAccount)
    seconds: float = 0.0
    damaged: list[str] = field(default_factory=list)
    damaged_steps: list[str] = field(default_factory=list)
    stopped: str = ""
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """Sessions in the log."""
        return self.ends.total()

    @property
    def failed(self) -> int:
        """Sessions in the log that ended as ``gave_up`` or ``policy_error``."""
        return self.ends["gave_up"] + self.ends["policy_error"]

    @property
    def complaint(self) -> str:
        """What to say of a run whose policy raised in too many of its sessions; empty for any other."""
        raised = self.ends["policy_error"]
        if raised <= MOST_FAILED * self.done:
            return ""
        complaint = f"The policy failed in {raised:,} of {self.done:,} sessions"
        for (cause, place), count in self.causes.most_common(1):
            complaint += f", most often ({count:,} times) by {cause}" + (f" at {place}" if place else "")
        return f"{complaint}. Mend it, and go on by the same command with --resume: failed sessions are played again."

    @property
    def store(self) -> Store:
        """The sessions of the finished run.

        Raises:
            FileNotFoundError: It is not finished.
        """
        return Store(RunFolder(self.folder).store)


def run(
    out: str | Path,
    run: RunConfig = RunConfig(),
    shop: ShopConfig = ShopConfig(),
    *,
    resume: bool = False,
    redactor: Redactor | None = None,
    fsync_seconds: float | None = 1.0,
    progress: Callable[[RunResult], None] | None = None,
) -> RunResult:
    """Lets a population shop, logs each session as it ends, and writes them as a store when all are accounted for.

    With a deterministic policy the sorted lines of ``OUT/sessions.jsonl`` are the same bytes whatever the concurrency,
    the order and the interruptions. Failed sessions (``policy_error``, ``gave_up``) are in it with their end and cause.
    An interrupt (Ctrl-C) finishes what is in flight; a second one does not wait. Read the folder with `Run`.

    Args:
        out: Run folder, made if absent.
        run: Who shops, and how.
        shop: Where.
        resume: Go on with the run in ``out``, if there is one: sessions that are missing, damaged or ended in
            ``policy_error`` are played.
        redactor: For intentions mined from a store; by default one without a list of names.
        fsync_seconds: See `AppendOnly`.
        progress: Called after each session.

    Returns:
        How it ended; its ``stopped`` is empty when all sessions are accounted for.

    Raises:
        FileExistsError: ``out`` holds a run and ``resume`` is False, or holds something else.
        FileNotFoundError: A file that is named is not there.
        ValueError: A number out of range, an unknown name, or ``out`` holds a run with other settings.
        OSError: ``out`` cannot be written, or the disk is full; every finished session is kept.
    """
    opened = shop_of(shop)
    redactor = redactor or make_redactor()
    people = read_people(run, opened.catalog, redactor)
    schedule = make_schedule(run, people)
    make_policy = policy_factory(run)
    make_env = env_factory(opened, shop.env, max_steps=run.max_steps, options=shop.env_options)
    settings = _settings(run, shop, opened.catalog, people, make_policy)
    record = records_steps(run, make_policy)
    folder = RunFolder(out)
    with folder.opened(settings, resume=resume) as kept, _finishing_on_interrupt() as stop:
        result = RunResult(folder.path, run.sessions, ends=kept.count(), damaged=kept.damaged)
        if result.done < run.sessions:
            folder.reopen()
            with _Books(folder, result, record=record, fsync_seconds=fsync_seconds) as books:

                def finished(played: Played) -> None:
                    books.enter(played)
                    if progress is not None:
                        progress(result)

                play_all(
                    visits(run, schedule, kept.ends),
                    make_env=make_env,
                    make_policy=make_policy,
                    finished=finished,
                    max_steps=run.max_steps,
                    concurrency=min(run.concurrency, run.sessions - result.done),
                    stop=stop,
                    record=record,
                )
        result.account = read_account(folder.telemetry, dict(redactor.counts))
        write_account(folder.path, result.account)
        if result.done < run.sessions:
            result.stopped = stop.reason
        elif not folder.is_finished():
            folder.finish(
                Provenance(
                    name=f"{settings.run.policy}, {run.condition}",
                    synthetic=True,
                    format="paars simulate",
                    source=(folder.path.name,),
                    sessionised="as simulated",
                    what_is_known=("searches", "views", "carts", "purchases", "products", "intentions"),
                    records_read=result.done,
                    records_kept=result.done,
                )
            )
    return result


def read_people(run: RunConfig, catalog: Catalog, redactor: Redactor | None = None) -> Inhabitants:
    """Who shops and what for: files that a configuration names are read, what it leaves open is filled in.

    Args:
        run: Its personas, intentions, mix and seed are used.
        catalog: Of the shop.
        redactor: For intentions mined from a store; it counts what it replaces.

    Raises:
        FileNotFoundError: A file that is named is not there.
        ValueError: There are no personas or intentions in it.
    """
    personas, intentions = run.personas, run.intentions
    if isinstance(personas, str | Path):
        path, personas = personas, list(read_personas(Path(personas)))
        if not personas:
            raise ValueError(f"There are no personas in {path}.")
    if isinstance(intentions, str | Path):
        intentions = Store(intentions)
    if isinstance(intentions, Store):
        mix: Any = run.mix or MIX
        intentions = list(
            mine_intentions(intentions, catalog, mix=mix, seed=run.seed, redactor=redactor or make_redactor())
        )
    elif intentions is None and run.mix:
        intentions = IntentionMix(catalog, dict(run.mix))  # type: ignore[arg-type]
    return inhabitants(catalog, personas, intentions)


def make_schedule(run: RunConfig, people: Inhabitants) -> Schedule:
    """Who comes when.

    Raises:
        ValueError: ``draws`` does not divide the sessions.
    """
    return Schedule(
        sessions=run.sessions,
        seed=run.seed,
        personas=people.personas,
        draw=people.draw,
        mined=people.mined,
        first_day=run.first_day,
        days=run.days,
        draws=run.draws,
        noise=run.noise,
    )


def visits(run: RunConfig, schedule: Schedule, done: Collection[str] = ()) -> Iterator[ScheduledVisit]:
    """The visits of a run that are still to be played; under the condition ``base`` nobody has a persona."""
    for visit in schedule.arrivals(done):
        yield visit._replace(persona=None) if run.condition == "base" else visit


class _Books:
    """The files that a session goes into when it has ended, and the account of the run so far."""

    def __init__(self, folder: RunFolder, result: RunResult, *, record: bool, fsync_seconds: float | None) -> None:
        self._result = result
        self._started = time.perf_counter()
        with ExitStack() as files:
            self._steps = files.enter_context(StepWriter(folder.steps)) if record else None
            self._telemetry = files.enter_context(AppendOnly(folder.telemetry, fsync_seconds=None))
            self._log = files.enter_context(AppendOnly(folder.log, fsync_seconds=fsync_seconds))
            self._files = files.pop_all()
        if self._steps is not None:
            result.damaged_steps = self._steps.damaged

    def enter(self, played: Played) -> None:
        """Writes a session down."""
        # Before the session itself, so that no session of the log lacks its steps and its cost.
        if self._steps is not None:
            self._steps.add(played.session.key, played.records)
        self._telemetry.append(_telemetry(played))
        self._log.append(encode(played.session, played.cause))
        result = self._result
        result.ends[played.session.end] += 1
        result.played += 1
        result.usd += played.spent.get("usd") or 0.0
        result.seconds = time.perf_counter() - self._started
        if played.failure is not None:
            result.causes[played.failure.cause, played.failure.place] += 1

    def __enter__(self) -> _Books:
        return self

    def __exit__(self, *error: object) -> None:
        self._files.close()


def _settings(
    run: RunConfig, shop: ShopConfig, catalog: Catalog, people: Inhabitants, make_policy: MakePolicy
) -> Settings:
    named = run if isinstance(run.policy, str) else run.model_copy(update={"policy": make_policy().name})
    return Settings(
        version=__version__,
        run=named,
        shop=shop,
        policy=setting_name(getattr(make_policy, "settings", {})),
        fingerprints=Fingerprints(
            catalog=catalog.fingerprint,
            personas=f"{len(people.personas)}, {fingerprint(people.personas)}",
            intentions=people.intentions,
        ),
    )


def records_steps(run: RunConfig, make_policy: MakePolicy) -> bool:
    """Whether the steps of a run are recorded: by default those of any policy but the package's offline ones."""
    if run.record != "auto":
        return run.record == "steps"
    if isinstance(run.policy, str) and ":" not in run.policy:
        return run.policy.strip().lower() == "llm"
    policy = make_policy()
    return hasattr(policy, "trace") or not type(policy).__module__.startswith("paars_gym.")


def _telemetry(played: Played) -> bytes:
    session = played.session
    content = {
        "session": session.key,
        "end": session.end,
        "cause": played.cause,
        "steps": played.steps,
        "invalid": played.invalid,
        "seconds": round(played.seconds, 6),
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
        **played.spent,
    }
    if played.failure is not None:
        content["place"] = played.failure.place
    return json.dumps(content).encode() + b"\n"


@contextmanager
def _finishing_on_interrupt() -> Iterator[StopRequest]:
    """A request that the first interrupt sets; the second one raises KeyboardInterrupt, as interrupts do."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(*_: object) -> None:
        request.reason = request.reason or "interrupted"
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, before)
