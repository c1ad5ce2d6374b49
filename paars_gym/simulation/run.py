"""A run: a population shops into a folder, logged as it goes, stopped at will, and continued after a crash."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig, setting_name
from paars_gym.personas.redaction import Redactor, make_redactor
from paars_gym.sessions.opening import SIMULATED
from paars_gym.sessions.store import Provenance
from paars_gym.shop.open import env_factory, shop_of
from paars_gym.shoppers.registry import policy_factory
from paars_gym.simulation.account import read_account, write_account
from paars_gym.simulation.concurrency import MakePolicy, StopRequest, play_all
from paars_gym.simulation.default_people import read_people
from paars_gym.simulation.episode import Played
from paars_gym.simulation.recording import records_steps
from paars_gym.simulation.result import RunFiles, RunResult
from paars_gym.simulation.run_folder import Fingerprints, RunFolder, Settings
from paars_gym.simulation.schedule import Inhabitants, fingerprint, make_schedule, visits
from paars_gym.version import __version__


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
            with RunFiles(folder, result, record=record, fsync_seconds=fsync_seconds) as files:

                def finished(played: Played) -> None:
                    files.enter(played)
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
            folder.finish(_provenance(settings, result))
    return result


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


def _provenance(settings: Settings, result: RunResult) -> Provenance:
    return Provenance(
        name=f"{settings.run.policy}, {settings.run.condition}",
        synthetic=True,
        format="paars simulate",
        source=(result.folder.name,),
        sessionised="as simulated",
        what_is_known=SIMULATED,
        records_read=result.done,
        records_kept=result.done,
    )


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
