"""What `import paars_gym` costs, which names it gives, and what type checkers and `help` make of them."""

from __future__ import annotations

import ast
import importlib
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import paars_gym

ROOT = Path(paars_gym.__file__).parent
NAMES = [name for name in dir(paars_gym) if not name.startswith("_")]


def imported_by(code: str) -> set[str]:
    command = [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_importing_costs_little_more_than_gymnasium() -> None:
    more = imported_by("import paars_gym") - imported_by("import gymnasium")
    assert more == {"paars_gym", "paars_gym.lazy", "paars_gym.version"}


def test_some_twenty_names_all_of_them_in_the_documentation() -> None:
    assert 20 <= len(NAMES) <= 26
    assert paars_gym.__doc__ is not None
    for name in NAMES:
        assert getattr(paars_gym, name).__name__ == name
        assert f"``{name}``" in paars_gym.__doc__


def lazy_packages() -> list[str]:
    files = ROOT.rglob("__init__.py")
    lazy = [file.parent for file in files if "import lazy" in file.read_text(encoding="utf-8")]
    return sorted(".".join(folder.relative_to(ROOT.parent).parts) for folder in lazy)


@pytest.mark.parametrize("package", lazy_packages())
def test_type_checkers_read_the_names_that_load(package: str) -> None:
    module = importlib.import_module(package)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    lines = [node for node in guard.body if isinstance(node, ast.ImportFrom)]
    read = {one.name: line.module for line in lines for one in line.names}
    assert set(read) == {name for name in dir(module) if not name.startswith("_")}
    for name, home in read.items():
        assert getattr(module, name) is getattr(importlib.import_module(str(home)), name)


def test_help_is_short_and_begins_with_guidance() -> None:
    text = pydoc.plain(pydoc.render_doc(paars_gym))
    assert len(text) < 6_000
    assert text.index("gymnasium.make(") < text.index("PACKAGE CONTENTS")


def test_an_unknown_name_is_told_what_was_meant() -> None:
    with pytest.raises(AttributeError, match="module 'paars_gym' has no attribute 'RetailEvn'") as caught:
        paars_gym.RetailEvn  # type: ignore[attr-defined]  # noqa: B018
    assert caught.value.name == "RetailEvn"


def test_a_type_checker_refuses_a_name_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text("import paars_gym\nreveal_type(paars_gym.RetailEnv())\npaars_gym.RetailEvn\n")
    # Only these files, and not what they import: it takes a second instead of a minute.
    command = [sys.executable, "-m", "mypy", "--config-file=", "--follow-imports=skip", "--ignore-missing-imports"]
    command += [f"--cache-dir={tmp_path}", str(script), "paars_gym/__init__.py", "paars_gym/shop/env.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT.parent)
    assert 'script.py:2: note: Revealed type is "paars_gym.shop.env.RetailEnv"' in done.stdout
    assert 'script.py:3: error: Module has no attribute "RetailEvn"' in done.stdout
    assert done.stdout.count("script.py:2: ") == done.stdout.count("script.py:3: ") == 1


def test_type_checkers_see_which_settings_have_defaults() -> None:
    # Only pydantic's own plugin reads a default that stands first in Field: to others such a setting is required.
    for path in ROOT.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
        fields = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Field"]
        assert not [f"{path}:{call.lineno}" for call in fields if call.args]
