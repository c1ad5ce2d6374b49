"""A bucket on a local S3 server."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from tests.remote.s3_server import SECRET, FaultyProxy


@pytest.fixture(scope="session")
def proxy() -> Iterator[FaultyProxy]:
    """One for all modules: s3fs keeps a connection to the first."""
    if os.environ.get("PAARS_REQUIRE_ALL") != "1":
        pytest.importorskip("s3fs")
        pytest.importorskip("moto.server")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    behind = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    behind.start()
    server = FaultyProxy(behind.get_host_and_port()[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "name")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import s3fs

        s3fs.S3FileSystem().mkdir("bucket")
        yield server
    server.shutdown()
    server.server_close()
    behind.stop()


@pytest.fixture
def bucket(proxy: FaultyProxy) -> Iterator[str]:
    proxy.reset()
    yield "s3://bucket"
    proxy.reset()
