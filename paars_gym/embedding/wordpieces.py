"""The tokenizer of MiniLM, built from its vocabulary: BERT's uncased word pieces (Devlin et al. 2019).

The vocabulary lies beside this file, byte for byte as in the model's own folder, so that no other package is needed for
it; it is Google's, under the Apache License 2.0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

VOCABULARY = Path(__file__).with_name("wordpiece.txt")
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
MAX_LETTERS = 100
"""Longer words are unknown, as in the model's own settings."""


def word_pieces(vocabulary: bytes) -> Any:
    """A ``tokenizers.Tokenizer`` whose ids are those of the model's own ``tokenizer.json``.

    Args:
        vocabulary: A piece a line, in the order of their ids.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    pieces = vocabulary.decode("utf-8").splitlines()
    ids = {piece: number for number, piece in enumerate(pieces)}
    tokenizer: Any = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=MAX_LETTERS))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, ids[name]) for name in ("[CLS]", "[SEP]")]
    )
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return tokenizer
