"""Is each session of a run in a store of objects read once, before, while and after its shards become its log?"""

from __future__ import annotations

from pathlib import Path

from paars_gym.sessions.run_shards import SHARDS, with_shards
from paars_gym.sessions.store import LOG_FILE, TELEMETRY_FILE


def test_shards_are_read_in_order_until_the_log_is_there(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / SHARDS).mkdir(parents=True)
    for name in ("3-4", "1-2"):
        (run / SHARDS / f"{name}.sessions.jsonl").write_text(f"{name}\n")
        (run / SHARDS / f"{name}.telemetry.jsonl").write_text(f"{name}\n")
    (run / SHARDS / "5-6.telemetry.jsonl").write_text("its sessions have not come\n")
    read = with_shards(run)
    assert [(read / name).read_text() for name in (LOG_FILE, TELEMETRY_FILE)] == ["1-2\n3-4\n"] * 2
    assert not (run / LOG_FILE).exists()
    (run / LOG_FILE).write_text("1-2\n3-4\n")
    assert with_shards(run) == run
