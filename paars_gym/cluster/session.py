"""A connection to Ray: to a cluster that is there, or to one of this machine alone that ends with the block."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

OBJECT_STORE_BYTES = 200_000_000
"""Of a cluster of this machine: what is large travels as files, and the store keeps the settings of the work."""
REACHED_SECONDS = 10.0
"""In which a cluster answers a connection."""
LACKING = 'The backend ray needs the package ray: pip install "paars_gym[ray]".'


def require_ray() -> Any:
    """The module ``ray``.

    Raises:
        ImportError: It is not installed; says how it is.
    """
    # It would ask, and report, on every start.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return import_module("ray")  # not by name: the type checker would read all of it
    except ImportError:
        raise ImportError(LACKING) from None


class Cluster:
    """Ray as long as the block runs. Within another block, or where the program has called ``ray.init``, that one.

    Attributes:
        address: As given.
    """

    def __init__(self, address: str | None = None, *, cpus: int | None = None) -> None:
        """Args:
        address: ``HOST:PORT`` of the cluster of which this machine is a node, or ``auto`` for any. None: that of
            ``RAY_ADDRESS``, where it is set, else a cluster of this machine alone.
        cpus: Of a cluster of this machine alone: how many pieces to work on at once; None for all its processors.
        """
        self.address = address
        self._cpus = cpus
        self._ours = ExitStack()

    def __enter__(self) -> Self:
        """Raises:
        ImportError: Ray is not installed.
        ConnectionError: Nobody answers at the address, or Ray does not start.
        ValueError: It is that of a Ray client, whose program is on no node.
        """
        named = self.address or os.environ.get("RAY_ADDRESS") or "local"
        if named.startswith("ray://"):
            raise ValueError(
                f"--address {named!r} is for programs outside the cluster, and the ledger of calls is kept on a node: "
                "run the command on one, with --address auto, as by ray job submit."
            )
        ray = require_ray()
        if ray.is_initialized():
            return self
        settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if alone := self.address is None and not os.environ.get("RAY_ADDRESS"):
            folder = self._ours.enter_context(_short_folder())
            # Its workers would give way to all other processes, and starve on a busy machine.
            os.environ.setdefault("RAY_worker_niceness", "0")
            settings |= {"address": "local", "include_dashboard": False, "num_cpus": self._cpus}
            settings |= {"object_store_memory": OBJECT_STORE_BYTES, "_temp_dir": str(folder)}
        elif self.address is not None:
            settings["address"] = self.address
        before = signal.getsignal(signal.SIGTERM)
        try:
            _reach(named)
            ray.init(**settings)
        except (OSError, RuntimeError, ValueError) as error:
            self._ours.close()
            why = str(error).strip().splitlines()[0].rstrip(".")
            raise ConnectionError(
                f"Ray did not start on this machine: {why}. It is given half a minute: try again when less else runs."
                if alone
                else f"No Ray cluster at --address {named!r}: {why}. Start one (ray start --head), name another, or "
                "leave the address out for a cluster of this machine alone."
            ) from None
        except BaseException:
            self._ours.close()
            raise
        self._ours.callback(ray.shutdown)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # whose place Ray has taken
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.close()

    @property
    def nodes(self) -> int:
        """How many machines there are."""
        return max(sum(bool(node["Alive"]) for node in require_ray().nodes()), 1)

    @property
    def cpus(self) -> int:
        """How many pieces of work that compute can run at once."""
        return max(int(require_ray().cluster_resources().get("CPU", 1)), 1)


def _reach(address: str) -> None:
    """Raises OSError where nobody listens at ``HOST:PORT``: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=REACHED_SECONDS).close()


def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the sockets of Ray, whose paths may have 107 characters, which those of some users exceed."""
    short = Path("/tmp")  # noqa: S108 (the folder in it is ours alone)
    return tempfile.TemporaryDirectory(
        prefix="paars-ray-", dir=short if short.is_dir() else None, ignore_cleanup_errors=True
    )
