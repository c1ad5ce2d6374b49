"""A server of this machine's own: on 127.0.0.1 and nowhere else, until Ctrl-C."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uvicorn

LOCAL = "127.0.0.1"
LOCAL_HOSTS = (LOCAL, "localhost")
"""What a request may name as its host."""
NEEDS = "This needs packages that are not installed: pip install 'paars_gym[{extra}]'."


def require(extra: str, *modules: str) -> None:
    """Finds out whether the packages of an extra are installed.

    Raises:
        ImportError: One is not; says what to install.
    """
    from importlib.util import find_spec

    if any(find_spec(module) is None for module in modules):
        raise ImportError(NEEDS.format(extra=extra))


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1.

    Args:
        port: 0 for any that is free.

    Raises:
        ValueError: Another process has the port, or nobody may have it.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((LOCAL, port))
    except OSError as error:
        taken.close()
        why = "another process uses it" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise ValueError(f"--port {port} cannot be had: {why}. Choose another, or 0 for any that is free.") from None
    return taken


def local_server(application: Any) -> uvicorn.Server:
    """A server of an ASGI application, that logs warnings only."""
    import uvicorn

    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config)


def serve(application: Any, taken: socket.socket, ready: Callable[[str], None]) -> None:
    """Serves until Ctrl-C or SIGTERM, which end it in order.

    Args:
        application: ASGI.
        taken: As of `listen`.
        ready: Called with the address before the first request.
    """
    server = local_server(application)
    ready(f"http://{LOCAL}:{taken.getsockname()[1]}")
    try:
        server.run(sockets=[taken])
    except KeyboardInterrupt:  # how uvicorn hands on the signal that has ended it
        return
