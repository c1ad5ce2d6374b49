"""What a run with a language model would take: some of its sessions are rehearsed, with real prompts, asking nobody."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from paars_gym.config import RunConfig, ShopConfig, setting_name
from paars_gym.llm.dry_run import Forecast, Margins
from paars_gym.llm.ledger import LEDGER_FILE
from paars_gym.llm.stack import REPLIES_FILE, open_model
from paars_gym.sessions.store import STEPS_FILE, TELEMETRY_FILE
from paars_gym.shoppers.llm_shared import ModelShoppers
from paars_gym.shoppers.registry import policy_factory
from paars_gym.simulation.run import run as play_run

SAMPLE, MANY, SAMPLE_OF_MANY = 96, 100_000, 240
"""Sessions that are rehearsed, at most; from how many sessions on it is more, and how many then."""
KINDS = {
    LEDGER_FILE: "ledger of calls",
    REPLIES_FILE: "replies",
    "sessions.jsonl": "log",
    TELEMETRY_FILE: "telemetry",
    STEPS_FILE.split("/")[0]: "steps",
    "sessions": "store",
}
"""What the files of a run are, by the first part of their paths."""


class Rehearsed(NamedTuple):
    """Some sessions of a run, played without a model.

    Attributes:
        forecast: Of the whole run.
        sessions: How many were played.
        disk_bytes: What a session takes on the disk, by the kind of file.
        cpu_seconds: What a call took of this process: prompts, the shop, the log and the ledger, no connection.
    """

    forecast: Forecast
    sessions: int
    disk_bytes: Mapping[str, float]
    cpu_seconds: float


def forecast_run(run: RunConfig, shop: ShopConfig = ShopConfig()) -> Forecast:
    """Calls, tokens and dollars that a run would take of a language model, about; asks nobody.

    Args:
        run: As it would be run; its policy asks a model.
        shop: Where.

    Raises:
        ValueError: As `paars_gym.simulation.run.run`, or the policy asks no model.
    """
    return rehearse(run, shop).forecast


def rehearse(run: RunConfig, shop: ShopConfig = ShopConfig()) -> Rehearsed:
    """Plays some of the sessions of a run into a folder that is thrown away, asking nobody; see `forecast_run`."""
    budget = run.budget.model_copy(update={"dry_run": True})
    rehearsed = min(run.sessions, SAMPLE if run.sessions < MANY else SAMPLE_OF_MANY)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dry = run.model_copy(update={"budget": budget})
        if run.model is not None:
            opened = open_model(run.model, budget, kept=folder)
            dry = dry.model_copy(update={"model": run.model.model_copy(update={"spec": opened})})
        make = policy_factory(dry)
        if not isinstance(make, ModelShoppers):
            raise ValueError(
                f"A dry run tells what a language model would take, and {setting_name(run.policy)} asks none."
            )
        changed = {"policy": make, "sessions": rehearsed, "draws": 1, "backend": "local", "address": None}
        ended: list[float] = []  # the first session pays for what is imported and opened once
        play_run(
            folder / "run",
            dry.model_copy(update=changed),
            shop,
            progress=lambda _: ended.append(time.process_time()),
        )
        rows = [json.loads(row) for row in (folder / "run" / TELEMETRY_FILE).read_text(encoding="utf-8").splitlines()]
        disk = _bytes(folder, folder / "run")
    basis = f"{rehearsed} sessions with the behavioural shopper's actions"
    forecast = make.model.forecast(basis, times=run.sessions / rehearsed)
    if run.sessions > rehearsed > 1:
        forecast = forecast._replace(margins=_margins(rows))
    each = {kind: size / rehearsed for kind, size in disk.items()}
    calls = sum(row["calls"] for row in rows[1:])
    return Rehearsed(forecast, rehearsed, each, (ended[-1] - ended[0]) / max(calls, 1))


def _bytes(*folders: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for folder in folders:
        for file in folder.rglob("*"):
            kind = KINDS.get(file.relative_to(folder).parts[0])
            if kind is not None and file.is_file():
                sizes[kind] = sizes.get(kind, 0) + file.stat().st_size
    return sizes


def _margins(rows: Sequence[Mapping[str, Any]]) -> Margins:
    """Half of the 95% interval of the mean session, by the normal distribution, as a share of the mean."""

    def margin(name: str) -> float:
        values = np.array([row.get(name) or 0.0 for row in rows], dtype=float)
        mean = values.mean()
        return float(1.96 * values.std(ddof=1) / math.sqrt(len(values)) / mean) if mean else 0.0

    return Margins(*map(margin, Margins._fields))
