"""What is sound in a damaged store of sessions, written as a store again."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from paars_gym.ingest.account import ACCOUNT_FILE, ReadingAccount
from paars_gym.sessions.rows import EVENTS
from paars_gym.sessions.store import (
    REJECTED_FILE,
    SESSIONS_FILE,
    Provenance,
    StoreCard,
    damage_in_words,
    find_damage,
    read_card,
)
from paars_gym.sessions.writer import StoreWriter


def mend(folder: Path) -> tuple[dict[str, str], int]:
    """Writes a store again without the sessions whose events are in damaged files, and without damaged accounts.

    Returns:
        What was wrong, in words, by name, and how many sessions are lost; a note in the store says so.

    Raises:
        FileNotFoundError: No store there.
        ValueError: The table of sessions or the checksums are damaged: nothing says which sessions are sound.
    """
    found = find_damage(folder, again=True)
    if not found:
        return {}, 0
    if SESSIONS_FILE in found or not all(name in (REJECTED_FILE, ACCOUNT_FILE) or "/part-" in name for name in found):
        raise ValueError(damage_in_words(folder, found))
    card = read_card(folder)
    parts = [part for part in card.parts if part not in found]
    with StoreWriter(folder, overwrite=True) as writer:
        lost = card.sessions - _copied(folder, parts, writer)
        if REJECTED_FILE not in found and (folder / REJECTED_FILE).is_file():
            with (folder / REJECTED_FILE).open(encoding="utf-8") as file:
                for line in file:
                    writer.reject(line.rstrip("\n"))
        account = None
        if ACCOUNT_FILE not in found and (folder / ACCOUNT_FILE).is_file():
            account = ReadingAccount.read(folder)
        writer.close(_noted(card, lost, found), account)
    return found, lost


def _copied(folder: Path, parts: list[str], writer: StoreWriter) -> int:
    """Copies the sessions of some parts, and those without events; how many there are."""
    table = pl.read_parquet(folder / SESSIONS_FILE)
    there = [pl.read_parquet(folder / part, columns=["session"])["session"].unique() for part in parts]
    whole = pl.concat(there) if there else pl.Series(dtype=pl.UInt32)
    table = table.filter((pl.col("events") == 0) | pl.col("session").is_in(whole.implode()))
    done = 0
    for index, part in enumerate(parts):
        last = there[index].max() if index + 1 < len(parts) else None
        rows = table[done:] if last is None else table[done:].filter(pl.col("session") <= last)
        done += len(rows)
        number = rows.select("session", pl.int_range(pl.len(), dtype=pl.UInt32).alias("new"))
        events = pl.read_parquet(folder / part).join(number, on="session", maintain_order="left")
        sessions = rows.with_columns(number["new"].alias("session"))
        writer.add(events.drop("session").rename({"new": "session"}), sessions)
    if not parts and len(table):
        writer.add(
            pl.DataFrame(schema=EVENTS), table.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("session"))
        )
    return len(table)


def _noted(card: StoreCard, lost: int, found: dict[str, str]) -> Provenance:
    names = ", ".join(Path(name).name for name in found)
    note = f"Damaged and left out: {names}. {lost:,} of {card.sessions:,} sessions are lost."
    return card.provenance.model_copy(update={"notes": (*card.provenance.notes, note)})
