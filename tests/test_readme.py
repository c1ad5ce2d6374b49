"""The examples of every README: doctests run by themselves; the class, the commands and the links here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from paars_gym.catalog.store import Catalog
from paars_gym.cli import app
from paars_gym.sessions.event import Intention
from paars_gym.shop.env import RetailEnv

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *ROOT.glob("*/README.md"), *(ROOT / "paars_gym").glob("*/README.md")]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
WORDS = 900


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """The ``paars`` commands of a page, as words."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    words = [re.findall(r'"[^"]*"|\S+', line.partition(" #")[0]) for line in lines]
    return [[word.strip('"') for word in line[1:]] for line in words if line and line[0] == "paars"]


def policy_source() -> str:
    (source,) = [block for block in blocks(README, "python") if ">>>" not in block]
    return source


def test_the_readme_is_one_page() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= WORDS


def test_the_policy_of_twelve_lines_shops(catalog: Catalog) -> None:
    source = policy_source()
    assert len([line for line in source.splitlines() if line]) <= 12
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


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_and_option_exists(page: Path) -> None:
    root = get_command(app)
    for words in commands(page):
        command: Any = root
        rest = list(words)
        while hasattr(command, "commands") and rest and rest[0] in command.commands:
            command = command.commands[rest.pop(0)]
        assert not hasattr(command, "commands"), f"no such verb: paars {' '.join(words)}"
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_benchmark_and_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for module in set(re.findall(r"python -m (benchmarks[\w.]*)", text)) - {"benchmarks.NAME"}:
        path = ROOT.joinpath(*module.rstrip(".").split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert "://" in target or (page.parent / target).exists(), target
    for path in re.findall(r"`((?:paars_gym|benchmarks|policies|tests)/[\w/]+\.\w+)`", text):
        assert (ROOT / path).exists(), path


def test_a_catalog_and_a_log_of_ones_own_in_the_readmes_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    rows = [f"p{i},Steel kettle number {i},{9.5 + i},Kitchen > Kettles" for i in range(30)]
    Path("products.csv").write_text("id,title,price,category\n" + "\n".join(rows) + "\n")
    clicks = ["user,time,event,query,item"]
    for shopper in range(12):
        for minute, (kind, query, item) in enumerate(
            [("search", "steel kettle", ""), ("view", "", f"p{shopper}"), ("purchase", "", f"p{shopper}")]
        ):
            clicks.append(f"u{shopper},2025-03-{shopper + 1:02}T10:{minute:02}:00Z,{kind},{query},{item}")
    Path("clicks.csv").write_text("\n".join(clicks) + "\n")
    Path("mine.py").write_text(policy_source())
    ours = [words for words in commands(README) if "products.csv" in words or "clicks.csv" in words or "shop" in words]
    ours += [words for words in commands(README) if words[0] == "score" or "mine:FirstFit" in words]
    assert sorted(words[0] for words in ours) == ["catalog", "score", "sessions", "simulate", "simulate"]
    smaller = {"2400": "20", "200": "5"}
    for words in sorted(ours, key=lambda words: words[0] == "score"):
        typed = [smaller.get(word, word) for word in words]
        if words[0] == "score":
            typed += ["--embedder", "none"]
        done = CliRunner().invoke(app, typed, input="\n" * 40)
        assert done.exit_code == 0, (typed, done.output, done.exception)
