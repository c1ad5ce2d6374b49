"""A run: a population shops into a folder, logged as it goes, stopped at will, and continued after a crash."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from paars_gym.catalog.store import Catalog
from paars_gym.cluster.session import Cluster
from paars_gym.config import BudgetConfig, RunConfig, ShopConfig, setting_name
from paars_gym.exit_codes import ExitCode
from paars_gym.llm.ledger import LEDGER_FILE, ledger_of
from paars_gym.outputs import writing
from paars_gym.personas.redaction import Redactor, make_redactor
from paars_gym.remote import is_remote
from paars_gym.shop.open import env_factory, shop_of
from paars_gym.shoppers.registry import policy_factory, remembering
from paars_gym.simulation.account import RunAccount, read_account, write_account
from paars_gym.simulation.concurrency import MakePolicy, StopRequest, play_all
from paars_gym.simulation.episode import Played
from paars_gym.simulation.needs import read_people
from paars_gym.simulation.recording import records_steps
from paars_gym.simulation.remote_run import RemoteRun
from paars_gym.simulation.result import RunFiles, RunResult
from paars_gym.simulation.run_folder import Fingerprints, RunFolder, Settings, provenance_of
from paars_gym.simulation.schedule import Inhabitants, fingerprint, visits
from paars_gym.simulation.sharded import play_sharded
from paars_gym.simulation.shards import PlayedShard, Shard, ShardPlayer
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
    An interrupt (Ctrl-C, or SIGTERM) finishes what is in flight; a second one does not wait. Read the folder with
    `Run`.

    With the backend ``ray``, or where ``out`` is a URL, it is played in shards (`paars_gym.simulation.shards`), and the
    sessions are the same.

    Args:
        out: Run folder, made if absent; or its URL (`paars_gym.remote`).
        run: Who shops, and how.
        shop: Where.
        resume: Go on with the run in ``out``, if there is one: sessions that are missing, damaged or ended in
            ``policy_error`` are played.
        redactor: For intentions mined from a store and all requests; by default one without a list of names.
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
    home = RemoteRun(out) if is_remote(out) else None
    folder = RunFolder(out if home is None else home.folder)
    with _ready(home, run):
        opened = shop_of(shop)
        run = remembering(run.model_copy(update={"budget": _booked(run.budget, folder)}), opened.catalog)
        redactor = redactor or make_redactor()
        if run.model is not None and run.model.redactor is None:
            # What is redacted in intentions is redacted in requests, and counted in one place.
            run = run.model_copy(update={"model": run.model.model_copy(update={"redactor": redactor})})
        people = read_people(run, opened.catalog, redactor)
        make_policy = policy_factory(run)
        make_env = env_factory(opened, shop.env, max_steps=run.max_steps, options=shop.env_options)
        settings = _settings(run, shop, opened.catalog, people, make_policy)
        record = records_steps(run, make_policy)
        asking = redactor if run.model is None else run.model.redactor
        player = ShardPlayer(run, shop, people, asking, record, place="" if home is None else home.shards)
        schedule = player.schedule
        with folder.opened(settings, resume=resume) as kept, _finishing_on_interrupt() as stop:
            result = RunResult(folder.path, run.sessions, ends=kept.count(), damaged=kept.damaged, needs=people.told)
            with _sending(home), _accounting(result, folder, run.budget, redactor):
                if result.done < run.sessions:
                    folder.reopen()
                    with RunFiles(folder, result, record=record, fsync_seconds=fsync_seconds) as files:
                        writer = Writer(files, result, asking, home, progress)
                        if run.backend == "ray" or home is not None:
                            play_sharded(
                                player, kept.ends, make_policy=make_policy, finished=writer.enter_shard, stop=stop
                            )
                        else:
                            play_all(
                                visits(run, schedule, kept.ends),
                                make_env=make_env,
                                make_policy=make_policy,
                                finished=writer.enter,
                                max_steps=run.max_steps,
                                concurrency=min(run.concurrency, run.sessions - result.done),
                                stop=stop,
                                record=record,
                            )
                            result.unanswered = getattr(getattr(make_policy, "model", None), "unanswered", "")
                    if home is not None:
                        home.gather(writer.shards)
            if result.done < run.sessions:
                result.stopped, result.exit_code = stop.reason, stop.exit_code
            elif not folder.is_finished() or (damaged := folder.damage_of_store()):
                if folder.is_finished():
                    result.mended = [f"{name}: {fault}" for name, fault in damaged.items()]
                told = f"Needs: {people.told}."
                folder.finish(provenance_of(settings, folder.path.name, result.done, told))
                if home is not None:
                    home.finish()
    return result


class Writer:
    """Writes down sessions, or shards of them, as they come, and tells of it.

    Attributes:
        shards: Names of those that were entered.
    """

    def __init__(
        self,
        files: RunFiles,
        result: RunResult,
        redactor: Redactor,
        home: RemoteRun | None,
        progress: Callable[[RunResult], None] | None,
    ) -> None:
        self.shards: set[str] = set()
        self._files = files
        self._result = result
        self._redactor = redactor
        self._home = home
        self._progress = progress

    def enter(self, played: Played) -> None:
        """Takes a session."""
        self._files.enter(played)
        self._tell()

    def enter_shard(self, shard: Shard, played: PlayedShard) -> None:
        """Takes a shard."""
        self._files.enter_many(played.result, played.files)
        self._redactor.counts.update(played.redacted)
        unanswered = self._result.unanswered or not self.shards
        self._result.unanswered = played.result.unanswered if unanswered else ""
        self.shards.add(shard.name)
        if self._home is not None:
            self._home.send_ledger()
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._result)


@contextmanager
def _ready(home: RemoteRun | None, run: RunConfig) -> Iterator[None]:
    """What may not be there is looked for first: the cluster to play on, and the place of a run that is a URL."""
    with ExitStack() as held:
        if run.backend == "ray":
            held.enter_context(Cluster(run.address))
        if home is not None:
            held.enter_context(writing(home.folder))
            home.fetch()
        yield


@contextmanager
def _sending(home: RemoteRun | None) -> Iterator[None]:
    """Sends the settings first, and the ledger and the account when the block ends, however it does."""
    if home is None:
        yield
        return
    home.begin()
    try:
        yield
    except BaseException:
        with suppress(OSError):
            home.send_ledger(now=True)
        raise
    home.send_ledger(now=True)


def _booked(budget: BudgetConfig, folder: RunFolder) -> BudgetConfig:
    """The budget with the ledger of the run, or with the run as a part of the ledger of a whole test."""
    if budget.dry_run:
        return budget
    ledger, own = ledger_of(folder.ledger if budget.ledger is None else budget.ledger), folder.path.absolute()
    part = str(own)
    if ledger.path is not None and (own / LEDGER_FILE).is_relative_to(ledger.path.parent):
        part = own.relative_to(ledger.path.parent).as_posix()
    return budget.model_copy(update={"ledger": ledger, "part": "" if part == "." else part})


@contextmanager
def _accounting(result: RunResult, folder: RunFolder, budget: BudgetConfig, redactor: Redactor) -> Iterator[None]:
    """Writes the account when the block ends, and when an error ends it, if it can be written then."""

    def account() -> RunAccount:
        return read_account(
            folder.telemetry, ledger_of(budget.ledger).taken(budget.part), dict(redactor.counts)
        )  # fmt: skip

    try:
        yield
    except BaseException:
        with suppress(OSError):
            write_account(folder.path, account())
        raise
    result.account = account()
    write_account(folder.path, result.account)


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


@contextmanager
def _finishing_on_interrupt() -> Iterator[StopRequest]:
    """A request that the first SIGINT or SIGTERM sets; the second one does what it did before."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def as_before() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(number: int, _: object) -> None:
        if not request.reason:
            ended = ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED
            request.reason, request.exit_code = "interrupted", ended
        as_before()

    for number in before:
        signal.signal(number, stop)
    try:
        yield request
    finally:
        as_before()
