"""Words of a text in any script: Unicode folding, and pieces where a script writes no spaces between words.

Scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are cut into overlapping character n-grams to be
searched, as Korean is, whose words grow by suffixes: a dictionary cuts one word differently in different company, and
what is cut differently is not found; n-grams are always the same (McNamee & Mayfield 2004; Lucene's CJKAnalyzer).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_HAN = "\u3005\u3007\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_HIRAGANA, _KATAKANA = "\u3041-\u309f", "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_HANGUL = "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3"
_SOUTHEAST = "\u0e01-\u0e3a\u0e40-\u0e4d\u0e81-\u0ecd\u0edc-\u0edf\u1000-\u104a\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17d3"
_EAST_RUN = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}\u3105-\u312f{_HANGUL}]+")
_SOUTHEAST_RUN = re.compile(f"[{_SOUTHEAST}]+")
_UNSPACED = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}{_SOUTHEAST}]")
_PIECE = re.compile(f"[{_HAN}]+|[{_HIRAGANA}]+|[{_KATAKANA}]+|[^{_HAN}{_HIRAGANA}{_KATAKANA}]+")
_HAN_ONLY = re.compile(f"[{_HAN}]+")
_COMPATIBLE = re.compile("[\u3200-\u33ff\ufb50-\ufdff\ufe30-\ufe4f\ufe70-\ufeff\uff00-\uffef\U0001d400-\U0001d7ff]+")
"""Full and half width, squared, Arabic presentation forms, mathematical letters. Not ™ and ½, which NFKC would glue to
what stands before them."""
_VOWELS = frozenset({0, 103, 118, 129, 130, 132})
"""Combining classes of vowel signs, which are letters; other marks are accents, points, tones and killers of vowels."""
_SILENT = frozenset("\u0e47\u0e4c\u0e4e\u0e3a\u0ecc\u17c9\u17ca\u17cb\u17cc\u17cd\u17ce\u17cf\u17d0\u17d1\u17d3")
_SAME = {
    "\u0130": "i", "\u0131": "i",  # Turkish I, whichever way a keyboard writes it
    "\u0622": "\u0627", "\u0623": "\u0627", "\u0625": "\u0627", "\u0671": "\u0627",  # alefs
    "\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643", "\u0629": "\u0647", "\u0640": "",  # and tatweel
    "\u0901": "\u0902",  # candrabindu, as the anusvara that is typed for it
    "\u0451": "\u0435", "\u0401": "\u0415", "\u03c2": "\u03c3",  # Cyrillic io, final sigma
}  # fmt: skip


class _Folding(dict[int, str]):
    """What each character that is not ASCII becomes, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = folded = _SAME.get(character, _without_marks(character))
        return folded


def _without_marks(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Cf":  # joiners, soft hyphens
        return ""
    if category[0] == "M" and (unicodedata.combining(character) not in _VOWELS or character in _SILENT):
        return ""
    if "GREEK" in unicodedata.name(character, ""):
        return unicodedata.normalize("NFD", character)[0]
    return character


_folding = _Folding()


def folded(text: str) -> str:
    """A text in which spellings of the same letters are the same; ASCII stays as it is, and so do case and ä or é.

    >>> folded("ＵＳＢ ﾍｯﾄﾞﾎﾝ हेडफ़ोन İstanbul ٤٢")
    'USB ヘッドホン हेडफोन istanbul 42'
    """
    if text.isascii():
        return text
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no character
    text = _COMPATIBLE.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    return unicodedata.normalize("NFC", text).translate(_folding)


def searchable(text: str, *, whole: bool) -> str:
    """A folded text with the n-grams of its unspaced runs in place of these: characters and pairs of East Asian
    scripts, pairs and triples of South East Asian ones, whose letters are fewer.

    Args:
        text: From `folded`.
        whole: All sizes, as an index holds them; else the largest that each run has, as a query asks for them.

    >>> searchable("wifi無線機", whole=False), searchable("茶", whole=False)
    ('wifi 無線 線機 ', ' 茶 ')
    """
    if text.isascii():
        return text
    text = _EAST_RUN.sub(lambda run: f" {' '.join(_grams(run[0], 2, whole=whole))} ", text)
    return _SOUTHEAST_RUN.sub(lambda run: f" {' '.join(_grams(run[0], 3, whole=whole))} ", text)


def _grams(run: str, largest: int, *, whole: bool) -> Iterator[str]:
    sizes = range(largest - 1, largest + 1) if whole else (largest,)
    for size in sizes if len(run) >= largest else (len(run),):
        yield from (run[start : start + size] for start in range(len(run) - size + 1))


def is_unspaced(text: str) -> bool:
    """Whether any of it is in a script that writes no spaces between words."""
    return not text.isascii() and _UNSPACED.search(text) is not None


def split_words(text: str) -> list[str]:
    """The words of a text as one would type them: letters, digits and the marks on them.

    Where no spaces are written they are guessed: Japanese is cut where the script changes, runs of Han characters into
    pairs, of which most Chinese words are; Thai, Lao, Khmer and Burmese are cut at spaces alone.

    >>> split_words("Café-Tisch, 無線イヤホン 蓝牙音箱 कुर्सी")
    ['Café', 'Tisch', '無線', 'イヤホン', '蓝牙', '音箱', 'कुर्सी']
    """
    if text.isascii():
        return re.findall(r"[^\W_]+", text)
    words = "".join(one if one.isalnum() or unicodedata.category(one)[0] == "M" else " " for one in text).split()
    return [piece for word in words for piece in (_pieces(word) if is_unspaced(word) else (word,))]


def _pieces(word: str) -> Iterator[str]:
    for piece in _PIECE.findall(word):
        if _HAN_ONLY.fullmatch(piece) and len(piece) > 3:
            last = len(piece) - len(piece) % 2
            yield from (piece[start : start + 2] for start in range(0, last - 2, 2))
            yield piece[last - 2 :]
        else:
            yield piece
