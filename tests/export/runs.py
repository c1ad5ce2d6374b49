"""Runs to export: of a scripted model, of a policy that fails, and without step records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paars_gym.catalog.store import Catalog
from paars_gym.config import ModelConfig, ShopConfig
from paars_gym.simulation.run import run
from tests.report.playing import config
from tests.simulation.test_read_run import Moody, call

SAID = (
    call("search", query="kettle \N{KEY}"),
    call("view", product_id="nothing"),
    {"text": "\u202eHalf: \ud83d </script>", "tool_calls": [{"name": "view", "arguments": "{no json"}]},
    call("stop"),
)


def model_run(folder: Path, catalog: Catalog, **changed: Any) -> Path:
    """One session of a scripted model, with words that are hard to write down."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    script = folder.parent / "script.jsonl"
    script.write_text("".join(json.dumps(reply) + "\n" for reply in SAID))
    values = {"policy": "llm", "model": ModelConfig(spec=f"scripted:{script}"), "record": "steps", "concurrency": 1}
    run(folder, config(1, **{**values, **changed}), ShopConfig(catalog=catalog))
    return folder


def moody_run(folder: Path, catalog: Catalog) -> Path:
    """Twenty sessions, some of which fail or give up."""
    run(folder, config(20, policy=Moody, record="steps", seed=1), ShopConfig(catalog=catalog))
    return folder
