"""How does a population shop into a folder: logged as it goes, stopped at will, and going on after a crash?"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from paars_gym.catalog.store import Catalog
from paars_gym.config import CONDITIONS, BudgetConfig, Condition, ModelConfig, RunConfig
from paars_gym.personas.intentions import MinedIntention
from paars_gym.personas.persona import Persona
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.sessions.store import Provenance, Store
from paars_gym.shop.open import REMEMBERED, env_factory, open_shop
from paars_gym.simulation.account import RunAccount, read_account, write_account
from paars_gym.simulation.concurrency import MakePolicy, StopRequest, play_all
from paars_gym.simulation.default_people import inhabitants
from paars_gym.simulation.episode import Played
from paars_gym.simulation.log import AppendOnly, encode
from paars_gym.simulation.run_folder import RunFolder
from paars_gym.simulation.schedule import DAYS, FIRST_DAY, Draw, Schedule, fingerprint
from paars_gym.version import __version__


@dataclass
class Tally:
    """Where a run stands, and how it ended.

    Attributes:
        folder: The run folder.
        planned: Sessions of the whole run.
        ends: Sessions in the log by how they ended, those of former runs included.
        played: Sessions of this run.
        usd: What they cost, as far as the policy tells.
        account: What all sessions took of a model, those of former runs included; also in ``OUT/account.json``.
        seconds: Since this run began.
        damaged: Lines of the log that were set aside and played again.
        stopped: Why the run ended before all sessions were accounted for; empty when they are.
    """

    folder: Path
    planned: int
    ends: Counter[str] = field(default_factory=Counter)
    played: int = 0
    usd: float = 0.0
    account: RunAccount = field(default_factory=RunAccount)
    seconds: float = 0.0
    damaged: list[str] = field(default_factory=list)
    stopped: str = ""

    @property
    def done(self) -> int:
        """Sessions in the log."""
        return self.ends.total()

    @property
    def failed(self) -> int:
        """Sessions in the log that ended as ``gave_up`` or ``policy_error``."""
        return self.ends["gave_up"] + self.ends["policy_error"]

    @property
    def store(self) -> Store:
        """The sessions of the finished run.

        Raises:
            FileNotFoundError: It is not finished.
        """
        return Store(RunFolder(self.folder).store)


def run_population(
    *,
    out: str | Path,
    sessions: int,
    catalog: str | Path | Catalog = "mini",
    ranking: str | RankingPolicy = "bm25",
    policy: str | MakePolicy = "behavioural",
    policy_options: Mapping[str, Any] | None = None,
    condition: Condition = "persona",
    personas: Sequence[Persona] | None = None,
    intentions: Draw | Sequence[MinedIntention] | None = None,
    seed: int = 0,
    max_steps: int = 50,
    page_size: int = 10,
    env: str | Callable[..., Any] = "PAARS-Retail-v0",
    first_day: datetime = FIRST_DAY,
    days: int = DAYS,
    draws: int = 1,
    noise: str = "",
    concurrency: int = 8,
    resume: bool = False,
    fsync_seconds: float | None = 1.0,
    redacted: Mapping[str, int] | None = None,
    progress: Callable[[Tally], None] | None = None,
) -> Tally:
    """Lets a population shop, logs each session as it ends, and writes them as a store when all are accounted for.

    With a deterministic policy the sorted lines of ``OUT/sessions.jsonl`` are the same bytes whatever the concurrency,
    the order and the interruptions. Failed sessions (``policy_error``, ``gave_up``) are in it with their end and cause.
    An interrupt (Ctrl-C) finishes what is in flight; a second one does not wait.

    Args:
        out: Run folder, made if absent.
        sessions: How many.
        catalog: Name, folder or object.
        ranking: Name or object.
        policy: A name of `paars_gym.shoppers.registry`, ``module:Class``, or a function that makes a policy.
        policy_options: For a policy given by name.
        condition: What of its persona a shopper is given; ``base`` gives none.
        personas: Who shops, in turn; none at all for nobody in particular; None for the catalog's own people.
        intentions: What for: mined errands, or a function that draws an intention for a persona; None for what the
            catalog's own people need.
        seed: Of everything random.
        max_steps: Actions until a session is cut off.
        page_size: Results a page.
        env: What is played through, see `paars_gym.shop.open.env_factory`.
        first_day: Sessions without a date of their own are spread over ``days`` days from here.
        days: See ``first_day``.
        draws: How often each visitor comes for the same thing, see `Schedule`; counted in ``sessions``.
        noise: See `Schedule`.
        concurrency: Sessions at once, for policies that wait; no setting of the run.
        resume: Go on with the run in ``out``, if there is one: sessions that are missing, damaged or ended in
            ``policy_error`` are played.
        fsync_seconds: See `AppendOnly`.
        redacted: Pieces of text of each kind replaced in the intentions, for the account.
        progress: Called after each session.

    Returns:
        How it ended; its ``stopped`` is empty when all sessions are accounted for.

    Raises:
        FileExistsError: ``out`` holds a run and ``resume`` is False, or holds something else.
        ValueError: A number out of range, an unknown name, or ``out`` holds a run with other settings.
        OSError: ``out`` cannot be written, or the disk is full; every finished session is kept.
    """

    if condition not in CONDITIONS:
        raise ValueError(f"Unknown condition {condition!r}. Available: {', '.join(CONDITIONS)}.")
    if concurrency < 1 or max_steps < 1:
        raise ValueError(f"{concurrency=} and {max_steps=} must be >= 1.")
    shop = open_shop(catalog, ranking, page_size=page_size, max_remembered=REMEMBERED)
    people, draw, errands, wants = inhabitants(shop.catalog, personas, intentions)
    plan = Schedule(
        sessions=sessions,
        seed=seed,
        personas=people,
        draw=draw,
        errands=errands,
        first_day=first_day,
        days=days,
        draws=draws,
        noise=noise,
    )
    make_policy, name, shaping = _policy(policy, policy_options or {}, condition)
    settings = {
        "paars_gym": __version__,
        "catalog": shop.catalog.name,
        "catalog_fingerprint": shop.catalog.fingerprint,
        "ranking": ranking if isinstance(ranking, str) else ranking.name,
        "policy": name,
        "policy_options": shaping,
        "condition": condition,
        "personas": len(people),
        "personas_fingerprint": fingerprint(people),
        "intentions": wants,
        "sessions": sessions,
        "seed": seed,
        "max_steps": max_steps,
        "page_size": page_size,
        "env": env if isinstance(env, str) else env.__qualname__,
        "first_day": first_day.isoformat(),
        "days": days,
        "draws": draws,
        "noise": noise,
    }
    folder = RunFolder(out)
    with folder.opened(settings, resume=resume) as kept, _finishing_on_interrupt() as stop:
        tally = Tally(folder.path, sessions, ends=kept.count(), damaged=kept.damaged)
        if tally.done < sessions:
            folder.reopen()
            arrivals = plan.arrivals(kept.ends)
            if condition == "base":
                arrivals = (arrival._replace(persona=None) for arrival in arrivals)
            with (
                AppendOnly(folder.telemetry, fsync_seconds=None) as telemetry,
                AppendOnly(folder.log, fsync_seconds=fsync_seconds) as log,
            ):
                started = time.perf_counter()

                def finished(played: Played) -> None:
                    # Before the session itself, so that no session of the log lacks its cost.
                    telemetry.append(_telemetry(played))
                    log.append(encode(played))
                    tally.ends[played.session.end] += 1
                    tally.played += 1
                    tally.usd += played.spent.get("usd") or 0.0
                    tally.seconds = time.perf_counter() - started
                    if progress is not None:
                        progress(tally)

                play_all(
                    arrivals,
                    make_env=env_factory(shop, env, max_steps=max_steps),
                    make_policy=make_policy,
                    finished=finished,
                    max_steps=max_steps,
                    concurrency=min(concurrency, sessions - tally.done),
                    stop=stop,
                )
        tally.account = read_account(folder.telemetry, dict(redacted or {}))
        write_account(folder.path, tally.account)
        if tally.done < sessions:
            tally.stopped = stop.reason
        elif not folder.is_finished():
            folder.finish(
                Provenance(
                    name=f"{name}, {condition}",
                    synthetic=True,
                    format="paars simulate",
                    source=(folder.path.name,),
                    sessionised="as simulated",
                    what_is_known=("searches", "views", "carts", "purchases", "products", "intentions"),
                    records_read=tally.done,
                    records_kept=tally.done,
                )
            )
    return tally


def _policy(
    policy: str | MakePolicy, options: Mapping[str, Any], condition: Condition
) -> tuple[MakePolicy, str, dict[str, Any]]:
    """The policy's factory, its name, and what of its options shapes the sessions: not budgets and caches."""
    if not isinstance(policy, str):
        return policy, policy().name, {}
    from paars_gym.shoppers.registry import policy_factory

    own = {name: value for name, value in options.items() if name not in ("model", "budget")}
    model = None if options.get("model") is None else ModelConfig.of(options["model"])
    budget = options.get("budget") or BudgetConfig()
    factory = policy_factory(RunConfig(policy=policy, condition=condition, options=own, model=model, budget=budget))
    shaping = getattr(factory, "settings", own)
    return factory, policy, {name: _plain(value) for name, value in shaping.items()}


def _plain(value: Any) -> Any:
    """A setting as JSON can hold it: what is no data goes by its name."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return str(getattr(value, "spec", None) or getattr(value, "name", None) or type(value).__name__)


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
