"""The options ``--backend`` and ``--address`` of verbs that read or ask on many machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paars_gym.sessions.parts import Spread


@contextmanager
def working_on(backend: str, address: str | None) -> Iterator[Spread]:
    """What does pieces of work as long as the block runs: this process, or the machines of a Ray cluster.

    Raises:
        ValueError: There is no such backend, or it has no address.
        ImportError: Ray is not installed.
        ConnectionError: Nobody answers at the address.
    """
    from paars_gym.config import check_backend
    from paars_gym.sessions.parts import in_this_process

    if check_backend(backend, address) == "local":
        yield in_this_process
        return
    from paars_gym.cluster.ordered import in_order
    from paars_gym.cluster.session import Cluster

    with Cluster(address) as cluster:
        yield in_order(cluster)
