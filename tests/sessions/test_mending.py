"""A damaged store is named with what to do, and what is sound in it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from paars_gym.cli.app import app
from paars_gym.ingest.account import ReadingAccount
from paars_gym.sessions.event import Event, Session
from paars_gym.sessions.rows import to_frames
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import StoreWriter


def check(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["sessions", "check", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three parts of two sessions each, of which one is without events, an account and a rejected record."""
    with StoreWriter(tmp_path / "store", part_events=4) as writer:
        for part in range(3):
            pair = [
                Session(shopper="ann", key=f"{part}a", events=tuple(Event(kind="view", product="p") for _ in range(4))),
                Session(shopper="bob", key=f"{part}b"),
            ]
            writer.add(*to_frames(pair))
        writer.reject('{"row": 1}')
        return writer.close(Provenance(), ReadingAccount(source=("log.csv",), format="generic"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(content)


def test_sessions_of_sound_parts_are_kept(store: Store) -> None:
    before = list(store)
    assert check(store.folder) == (0, "Every file is as it was written.")
    flip(store.folder / store.card.parts[1])
    (store.folder / store.card.parts[2]).unlink()
    code, said = check(store.folder)
    assert code == 1
    assert "part-00001.parquet: its checksum is" in said
    assert "part-00002.parquet: it is missing" in said
    assert f"paars sessions check {store.folder} --mend" in said
    code, said = check(store.folder, "--mend")
    assert code == 0
    assert "2 sessions were in it and are lost" in said
    mended = Store(store.folder)
    assert list(mended) == [session for session in before if session.key not in ("1a", "2a")]
    assert "2 of 6 sessions are lost" in mended.provenance.notes[-1]
    assert ReadingAccount.read(store.folder).source == ("log.csv",)
    assert (store.folder / "rejected.jsonl").read_text() == '{"row": 1}\n'
    assert check(store.folder)[0] == 0


def test_a_damaged_account_leaves_the_sessions_readable(store: Store) -> None:
    before = list(store)
    flip(store.folder / "account.json")
    assert list(Store(store.folder)) == before
    assert "account.json: its checksum is" in check(store.folder)[1]
    assert check(store.folder, "--mend")[0] == 0
    assert list(Store(store.folder)) == before
    assert not (store.folder / "account.json").exists()


def test_without_the_table_of_sessions_nothing_can_be_kept(store: Store) -> None:
    flip(store.folder / "sessions.parquet")
    code, said = check(store.folder)
    assert code == 1
    assert "--mend" not in said.replace("paars sessions check RUN --mend", "")
    with pytest.raises(ValueError, match="paars sessions import LOG"):
        check(store.folder, "--mend")
