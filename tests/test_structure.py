"""What holds of the whole source: one meaning a class name, few parameters, no circles, plain first lines."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("paars_gym", "policies", "benchmarks")
MOST_PARAMETERS = 8
CONSTRUCTORS = ("__init__", "__new__")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name, that of a package being its ``__init__``."""
    files = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def test_no_class_name_has_two_meanings() -> None:
    homes = defaultdict(list)
    for module in modules():
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def functions() -> Iterator[tuple[str, Function]]:
    """All that is no constructor and no verb of the command line."""
    for module in modules():
        if not module.startswith("paars_gym.cli"):
            for node in ast.walk(tree(module)):
                if isinstance(node, Function) and node.name not in CONSTRUCTORS:
                    yield f"{module}.{node.name}", node


def test_no_function_takes_more_parameters_than_one_can_remember() -> None:
    counts = {}
    for name, node in functions():
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        counts[name] = len(names) - (names[:1] in (["self"], ["cls"]))
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


def test_no_function_takes_whatever_it_is_given() -> None:
    assert [name for name, node in functions() if node.args.kwarg is not None] == []


def imports(module: str) -> Iterator[str]:
    """What a module imports, in functions and below ``TYPE_CHECKING`` too.

    Names that a package loads lazily are no imports of the package: whoever uses one is counted as importing its home.
    """
    nodes = list(ast.walk(tree(module)))
    if modules()[module].name == "__init__.py":
        guards = [node for node in nodes if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
        lazy = {id(below) for guard in guards for below in ast.walk(guard)}
        nodes = [node for node in nodes if id(node) not in lazy]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for one in node.names:
                yield home(node.module, one.name)


def home(module: str, name: str) -> str:
    """The module that ``from module import name`` loads: a submodule, or the one that defines a name it passes on."""
    if f"{module}.{name}" in modules():
        return f"{module}.{name}"
    if module in modules() and modules()[module].name == "__init__.py":
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ImportFrom) and node.module and any(one.name == name for one in node.names):
                return node.module
    return module


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Modules that import each other, directly or not: strongly connected components of more than one (Tarjan)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in graph[node]:
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    for node in graph:
        if node not in order:
            visit(node)
    return found


def test_circles_are_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"d"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_modules_import_each_other() -> None:
    graph = {module: {name for name in imports(module) if name in modules()} - {module} for module in modules()}
    assert graph["paars_gym.shop.env"] >= {"paars_gym.shop.visit", "paars_gym.catalog.store"}
    assert circles(graph) == []


def test_no_module_reads_source() -> None:
    """Keys of caches hold a version that somebody raises, so that moving a comment throws nothing away."""
    of_source = re.compile(r"(?<!\()__file__|Path\(__file__\)(?!\.)|[\w}]\.py[\"']|getsource|co_code")
    assert of_source.search("Path(other.__file__)")
    assert of_source.search("SOURCES = (Path(__file__),)")
    assert not of_source.search('Path(__file__).with_name("mini.toml")')
    ours = {name: path for name, path in modules().items() if name.startswith("paars_gym")}
    assert [name for name, path in ours.items() if of_source.search(path.read_text(encoding="utf-8"))] == []


PRINTING = ("paars_gym.report.printing", "paars_gym.report.wide_tables")
"""Where rich's own console may be named."""


def ways_out(module: str) -> Iterator[str]:
    """Ways to a terminal beside the one printer."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("print", "typer.echo", "typer.secho", "click.echo", "Console", "rich.print", "typer.run"):
                yield called
            if called.endswith((".status", ".from_markup", "stdout.write", "stderr.write", "print_exc")):
                yield called
        elif isinstance(node, ast.ImportFrom) and node.module == "rich.markup":
            yield "rich.markup"
        elif isinstance(node, ast.ImportFrom) and node.module == "rich.progress":
            yield "rich.progress"


def test_other_ways_out_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from rich.markup import escape\nprint(1)\nself.print(1)\nerrors.status('x')\nsys.stdout.write('x')"
    monkeypatch.setitem(globals(), "tree", lambda _: ast.parse(code))
    assert sorted(ways_out("any")) == ["errors.status", "print", "rich.markup", "sys.stdout.write"]


def test_everything_is_printed_in_one_way() -> None:
    """By `Printer`, `Progress` and their kind, which clean what comes from data."""
    found = {module: sorted(set(ways_out(module))) for module in modules() if module not in PRINTING}
    allowed = {
        "paars_gym.cli.examples": ["rich.markup"],  # of our own examples: typer reads its help as markup
        "paars_gym.shop.env": ["sys.stdout.write"],  # rendered for people: cleaned there, for rich is loaded late
    }
    assert {module: ways for module, ways in found.items() if ways} == allowed


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_in_its_first_line_what_is_in_it(package: str) -> None:
    first = {
        module: (ast.get_docstring(tree(module)) or "").partition("\n")[0]
        for module in modules()
        if module.split(".")[0] == package
    }
    assert {module: line for module, line in first.items() if not line or "?" in line} == {}


def test_a_simulated_run_is_played_in_the_environment(tmp_path: Path) -> None:
    code = (
        "import sys; from paars_gym.cli import app; "
        f"app(['simulate', '--sessions', '2', '--out', {str(tmp_path / 'run')!r}], standalone_mode=False); "
        "print('paars_gym.shop.env' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "True"
