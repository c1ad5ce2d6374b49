"""What a run took of a language model, and what it was not sent: sums over its ledger of calls and its telemetry."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from paars_gym.files import write_whole
from paars_gym.llm.chat import Usage
from paars_gym.llm.prices import cost_in_words, money
from paars_gym.llm.spending import OpenCall, Taken

ACCOUNT_FILE = "account.json"


class RunAccount(BaseModel):
    """Sums over every call of every process of the run, and every session, those that were played again included.

    Calls and what they took are those of the ledger (`paars_gym.llm.ledger`), whatever became of their session. A
    policy that asks a model past our door, and tells what it took, is counted by its sessions.

    Attributes:
        played: Sessions.
        calls: Paid for.
        from_cache: Answers out of our own cache, for nothing.
        tokens: By kind, as the provider counts.
        usd: Of the calls with a known price.
        estimated_calls: Calls whose answer did not tell its tokens or could not be read: they stand at the most that
            they may have taken.
        open_calls: Calls without an end: under way when a process was killed, or given up without an answer.
        open_usd: The most that these cost; a limit counts it, ``usd`` does not.
        open: These calls, as the ledger has them.
        unpriced_calls: Calls without a known price.
        unpriced_tokens: Of those, input and output.
        not_sent: Parts of requests that the model, or its server when it was asked, did not take, with the sessions
            that went without; ``reasoning=none`` is an effort that we had to choose.
        shortened: Sessions whose prompt left out the oldest of the persona's history, so that pages had room.
        redacted: Pieces of text of each kind that were replaced in intentions and requests.
    """

    model_config = ConfigDict(frozen=True)

    played: int = 0
    calls: int = 0
    from_cache: int = 0
    tokens: Usage = Usage()
    usd: float = 0.0
    estimated_calls: int = 0
    open_calls: int = 0
    open_usd: float = 0.0
    open: tuple[OpenCall, ...] = ()
    unpriced_calls: int = 0
    unpriced_tokens: int = 0
    not_sent: dict[str, int] = Field(default_factory=dict)
    shortened: int = 0
    redacted: dict[str, int] = Field(default_factory=dict)

    def facts(self) -> list[tuple[str, str]]:
        """Names and values to print, a line each; nothing of a model where none was asked."""
        facts = [(f"redacted: {kind}", f"{count:,}") for kind, count in sorted(self.redacted.items())]
        if not (self.calls or self.from_cache or self.open_calls):
            return facts if not self.usd else [*facts, ("US dollars", money(self.usd))]
        kinds = ((name.replace("_", " "), getattr(self.tokens, name)) for name in Usage.model_fields)
        facts += [
            ("calls", f"{self.calls:,}, and {self.from_cache:,} answers from the cache"),
            ("tokens", ", ".join(f"{kind} {count:,}" for kind, count in kinds if count) or "0"),
            ("input from the provider's cache", f"{self.tokens.cached_share:.0%}"),
            ("US dollars", cost_in_words(self.usd, self.calls, self.unpriced_calls, self.unpriced_tokens)),
        ]
        if self.open_calls:
            calls = "1 call" if self.open_calls == 1 else f"{self.open_calls:,} calls"
            facts.append(("without an answer", f"{calls}, {money(self.open_usd)} US dollars at most"))
        if self.not_sent:
            facts.append(("not sent, or set by us", ", ".join(sorted(self.not_sent))))
        if self.shortened:
            facts.append(("with the oldest of its history left out", f"{self.shortened:,} sessions"))
        return facts


def read_account(telemetry: Path, taken: Taken, redacted: dict[str, int] | None = None) -> RunAccount:
    """Adds up a run; a last line of its telemetry that a killed process left is passed over.

    Args:
        telemetry: File of the sessions.
        taken: Of the ledger, for the run.
        redacted: See `RunAccount`.
    """
    sums: Counter[str] = Counter()
    not_sent: Counter[str] = Counter()
    usd = 0.0
    for row in _rows(telemetry):
        sums["played"] += 1
        usd += row.get("usd") or 0.0
        for name in ("calls", "from_cache", "unpriced", "unpriced_tokens", *Usage.model_fields):
            sums[name] += row.get(name) or 0
        sums["shortened"] += bool(row.get("history_lines_left_out"))
        not_sent.update(row.get("not_sent") or ())
    account = RunAccount(
        played=sums["played"],
        calls=sums["calls"],
        from_cache=sums["from_cache"],
        tokens=Usage(**{name: sums[name] for name in Usage.model_fields}),
        usd=usd,
        unpriced_calls=sums["unpriced"],
        unpriced_tokens=sums["unpriced_tokens"],
        not_sent=dict(not_sent),
        shortened=sums["shortened"],
        redacted=redacted or {},
    )
    return account.model_copy(update=of_ledger(taken)) if taken.calls or taken.open else account


def of_ledger(taken: Taken) -> dict[str, Any]:
    """Those fields of a `RunAccount` that a ledger has."""
    return {
        "calls": taken.calls,
        "tokens": taken.usage,
        "usd": taken.usd,
        "estimated_calls": taken.estimated,
        "open_calls": len(taken.open),
        "open_usd": taken.open_usd,
        "open": tuple(taken.open.values()),
        "unpriced_calls": taken.unpriced,
        "unpriced_tokens": sum(
            taken.unpriced_tokens[kind] for kind in ("input", "cache_read", "cache_write", "output")
        ),
    }


def write_account(folder: Path, account: RunAccount) -> None:
    """Puts it beside the run's settings, which have to stay the same from one try to the next."""
    write_whole(folder / ACCOUNT_FILE, account.model_dump_json(indent=2) + "\n")


def _rows(telemetry: Path) -> Iterator[dict[str, Any]]:
    if not telemetry.exists():
        return
    with telemetry.open(encoding="utf-8") as lines:
        for line in lines:
            # A million sessions of a shopper that asks no model need not be parsed.
            if '"calls"' not in line and '"usd"' not in line:
                yield {}
                continue
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue
