"""Spec strings, which name a model and where it is: ``openai:gpt-4.1-mini``, ``vllm:NAME@http://127.0.0.1:8000/v1``."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

Provider = Literal["anthropic", "openai", "ollama", "vllm", "scripted"]
FORMS = (
    "anthropic:NAME, openai:NAME, openai:NAME@BASE_URL (any server with /v1/chat/completions), ollama:NAME, "
    "ollama:NAME@URL, vllm:NAME@URL, scripted:FILE"
)
OLLAMA_URL = "http://127.0.0.1:11434/v1"
_PROVIDERS: tuple[Provider, ...] = ("anthropic", "openai", "ollama", "vllm", "scripted")
_SCHEME = re.compile(r"^(?:[a-z][a-z+.-]*:/+|https?(?::|//)/*|/+)", re.IGNORECASE)
_HOST = re.compile(
    r"^(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\]|[\w-]+(\.[\w-]+)+)(:\d+)?(/.*)?$|^[\w.-]+:\d+(/.*)?$", re.I
)
_LOCAL = re.compile(r"^(localhost|127\.|0\.0\.0\.0|\[|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)|^[^./]+(:|/|$)", re.I)


class Spec(NamedTuple):
    """A spec string, taken apart: ``model`` is a file for ``scripted``; ``base_url`` is of a server of one's own."""

    provider: Provider
    model: str
    base_url: str | None


def parse_spec(spec: str) -> Spec:
    """Takes a spec string apart.

    What looks as if it named a server but does not is refused: its prompts would go to another one.

    Raises:
        ValueError: It is none of the forms, with the right spelling where it can be guessed; or its URL holds a
            password, a query or a fragment.
    """
    word, colon, rest = spec.partition(":")
    provider = next((one for one in _PROVIDERS if one == word), None)
    if not colon or provider is None or not rest.strip():
        near = word.strip().lower() if rest.strip() and "@" not in rest else ""
        meant = f" Did you mean {near}:{rest.strip()}?" if near in _PROVIDERS else ""
        shown = repr(spec) if "@" not in spec else f"that begins {word[:40]!r}"
        raise ValueError(f"Unknown model {shown}.{meant} Write one of: {FORMS}.")
    if provider == "scripted":
        return Spec("scripted", rest, None)
    if rest != rest.strip() or re.search(r"\s@|@\s", rest):
        raise ValueError(f"A model's name holds a blank at its end or beside its @: write {_spelling(provider, rest)}.")
    # Model names may hold an @ themselves (@cf/...), so only one that begins a URL separates.
    places = list(re.finditer(r"@(?=https?://)", rest))
    model, base_url = (rest[: places[-1].start()], rest[places[-1].end() :]) if places else (rest, None)
    if base_url is not None:
        base_url = _checked_url(base_url)
        if provider == "anthropic":
            raise ValueError(
                "anthropic: takes no URL. For a server with /v1/chat/completions write "
                f"openai:{model or 'NAME'}@{base_url}; "
                "for a gateway to Anthropic set ANTHROPIC_BASE_URL."
            )
        if not model or not urlsplit(base_url).hostname:
            raise ValueError(f"{spec!r} needs a model name before the @ and a host in its URL.")
    elif _looks_like_a_server(model):
        raise ValueError(
            f"{provider}: with what looks like a server, but no @http:// or @https:// before it, so that it would go "
            f"to {'Ollama on this machine' if provider == 'ollama' else 'the provider itself'}. "
            f"Write {_spelling(provider, model)}."
        )
    if provider == "vllm" and base_url is None:
        raise ValueError(f"vllm: needs its server's URL: write vllm:{model}@http://127.0.0.1:8000/v1, for example.")
    if provider in ("ollama", "vllm"):
        base_url = base_url or OLLAMA_URL
        # Both have their chat completions there.
        base_url = base_url if urlsplit(base_url).path.strip("/") else f"{base_url.rstrip('/')}/v1"
    return Spec(provider, model, base_url)


def spec_text(spec: Spec) -> str:
    """The spec string that `parse_spec` takes apart into this."""
    if spec.base_url is None or (spec.provider == "ollama" and spec.base_url == OLLAMA_URL):
        return f"{spec.provider}:{spec.model}"
    return f"{spec.provider}:{spec.model}@{spec.base_url}"


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("A model's URL has a host or a port that is none: write NAME@http://HOST:PORT/v1.") from None
    if parts.username or parts.password:
        raise ValueError("A model's URL must not hold a user or a password; put the key into the environment.")
    if parts.query or parts.fragment:
        raise ValueError(
            f"A model's URL must end before its {'query' if parts.query else 'fragment'}: it is stored with every "
            "run, and keys stand there. Put the key into the environment, as OPENAI_COMPATIBLE_API_KEY."
        )
    return url


def _looks_like_a_server(model: str) -> bool:
    """Whether a name that has no URL holds an @ or something of an address; no provider's own model does."""
    return (
        "@" in model
        or "://" in model
        or bool(_SCHEME.match(model) or re.search(r"^(localhost|\d{1,3}(\.\d{1,3}){3})(:|/|$)|:\d{2,5}/", model, re.I))
    )


def _spelling(provider: Provider, rest: str) -> str:
    """How what was probably meant is written; only with placeholders where it may hold a password or a key."""
    server = "openai" if provider == "anthropic" else provider
    name, at, address = (part.strip() for part in rest.rpartition("@"))
    name = name if at and name else "NAME"
    if re.search(r".@|[?#\s]", name) or re.search(r"[?#\s]", address):
        return f"{server}:NAME@http://HOST:PORT/v1"
    bare = _SCHEME.sub("", address)
    if not _HOST.match(bare):
        # The @ is one of the name.
        return f"{server}:{rest}@https://HOST/v1"
    said = address.lower()
    plain = not said.startswith("https") and (said.startswith("http") or _LOCAL.match(bare))
    scheme = "http" if plain else "https"
    return f"{server}:{name}@{scheme}://{bare if '/' in bare else bare + '/v1'}"
