"""The README's examples: the doctests run by themselves, the class and the commands here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from typer.main import get_command

from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from paars_gym.sessions.event import Intention
from paars_gym.shop.env import RetailEnv

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_policy_of_twenty_lines_shops(catalog: Catalog) -> None:
    (source,) = [block for block in blocks("python") if ">>>" not in block]
    assert len(source.splitlines()) <= 20
    names: dict[str, Any] = {}
    exec(source, names)
    policy = names["FirstFit"]()
    env = RetailEnv(catalog)
    policy.reset(None, Intention(text="steel kettle"), None)
    page, info = env.reset()
    ended = False
    while not ended:
        page, _, ended, cut, info = env.step(policy.act(page, info))
        assert not cut
    assert [line.product for line in info["purchases"]] == ["k1"]


def test_every_command_and_option_exists() -> None:
    root = get_command(app)
    used = 0
    for line in "\n".join(blocks("sh")).replace("\\\n", " ").splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] != "paars":
            continue
        command: Any = root
        words = words[1:]
        while hasattr(command, "commands") and words:
            command = command.commands[words.pop(0)]
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
        used += 1
    assert used >= 6


def test_every_benchmark_named_can_be_run() -> None:
    for module in set(re.findall(r"python -m (benchmarks[\w.]*)", README)):
        path = Path(__file__).parents[1].joinpath(*module.rstrip(".").split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
