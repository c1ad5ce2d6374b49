"""One call of a provider's SDK: the HTTP body as it came, or a `ModelError`; and what of the environment goes along.

The SDKs send, wait and close connections; their readers are not used, which merge what they should keep apart and let
through what they should not.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import os
import warnings
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from paars_gym.llm.chat import Reply
from paars_gym.llm.errors import BrokenReplyError, ModelError
from paars_gym.llm.replies import Asked, read_reply
from paars_gym.llm.specs import parse_spec
from paars_gym.llm.streams import is_over
from paars_gym.llm.wire import as_model_error

T = TypeVar("T")
_DRAIN_SECONDS = 1.0
_OF_PROVIDER = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"),
    "anthropic": ("ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS"),
}


class Connection:
    """What becomes of the calls of one client.

    Args:
        secrets: Key and secret headers, which no message may hold.
        key_name: Name of the key's variable.
    """

    def __init__(self, secrets: Sequence[str], key_name: str) -> None:
        self.secrets = tuple(secrets)
        self.key_name = key_name

    async def guard(self, call: Awaitable[T]) -> T:
        """Awaits a call of the SDK; whatever it raises becomes a :class:`ModelError`."""
        try:
            return await call
        except Exception as error:
            failure = self.error(error)
        # Raised out here: the SDK's error, whose request has the key among its headers, is not even its context.
        raise failure

    async def body(self, opened: AbstractAsyncContextManager[Any]) -> bytes:
        """The whole HTTP body of an answer with status 200, of a stream until it says that it is over.

        Raises:
            ModelError: There was none, or it broke off: then ``answered`` is set.
        """
        began = False
        received = bytearray()
        try:
            async with opened as response:
                began = True
                parts = response.iter_bytes()
                async for part in parts:
                    received += part
                    if is_over(received):
                        # What is left keeps the connection usable; a server may also keep it open for good.
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(_DRAIN_SECONDS):
                                async for _ in parts:
                                    pass
                        break
                return bytes(received)
        except Exception as error:
            failure = self.error(error, began=began)
        raise failure

    def read(self, answer: bytes | Mapping[str, Any], asked: Asked) -> Reply:
        """See `read_reply`: whatever is wrong with an answer, nothing but a :class:`ModelError` leaves here."""
        failure: ModelError
        try:
            return read_reply(answer, asked)
        except ModelError as error:
            failure = self.error(error)
        except Exception as error:
            failure = BrokenReplyError(f"{asked.spec} gave an answer that cannot be read ({type(error).__name__}).")
            failure.answered = True
        raise failure

    def error(self, error: Exception, *, began: bool = False) -> ModelError:
        """Our error for whatever was raised; its text holds no key."""
        ours = as_model_error(error, secrets=self.secrets, key_name=self.key_name, began=began)
        ours.answered = ours.answered or began
        return ours


def environment_of(spec: str) -> dict[str, str]:
    """What of the environment decides where a model's requests go, or on whose account; empty where nothing does.

    It is part of a run's settings and of the cache's key. Headers may be secrets: of their values a digest is told.
    """
    try:
        parsed = parse_spec(spec)
    except ValueError:
        # A model of one's own may call itself as it likes.
        return {}
    if parsed.base_url is not None:
        return {}
    told = {}
    for name in _OF_PROVIDER.get(parsed.provider, ()):
        value = os.environ.get(name)
        if value and name.endswith("_HEADERS"):
            told[name] = ", ".join(f"{header}: sha256 {_digest(said)}" for header, said in _headers(value).items())
        elif value and name.endswith("_URL"):
            told[name] = _public_url(value)
        elif value:
            told[name] = value
    return told


def header_values(provider: str) -> tuple[str, ...]:
    """Values of the headers that the environment adds for a provider: they may be keys."""
    return tuple(_headers(os.environ.get(f"{provider.upper()}_CUSTOM_HEADERS", "")).values())


def foreign_headers(key: str) -> dict[str, Any]:
    """Takes OpenAI's headers of the environment off a client of another server."""
    import openai

    names = _headers(os.environ.get("OPENAI_CUSTOM_HEADERS", ""))
    return {name: f"Bearer {key}" if name.lower() == "authorization" else openai.Omit() for name in names}


def warn_of_plain_http(url: str) -> None:
    """Warns where prompts and key would cross a network unencrypted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http" and not _is_loopback(host):
        warnings.warn(
            f"Prompts and key go to {host} unencrypted: use https://, or a tunnel to this machine.", stacklevel=3
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _headers(text: str) -> dict[str, str]:
    """As the SDKs read them: ``Name: value``, a line each."""
    pairs = [line.partition(":") for line in text.split("\n") if ":" in line]
    return {name.strip(): value.strip() for name, _, value in pairs}


def _public_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    rest = f" sha256 {_digest(url)}" if parts.query or parts.fragment or host != parts.netloc else ""
    return f"{parts.scheme}://{host}{parts.path}{rest}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
