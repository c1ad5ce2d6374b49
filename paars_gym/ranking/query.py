"""A shopper's text as a query of the index: words of the catalog's language, joined by OR; no query language."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from tantivy import FieldType, Filter, Occur, Query, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from paars_gym.catalog.filters import Filters
from paars_gym.catalog.language import DEFAULT
from paars_gym.words import folded, searchable

TEXT_FIELDS = {"title": 4.0, "brand": 2.0, "category": 2.0, "attributes": 1.0, "bullets": 1.0, "description": 0.5}
"""Weight of each field's BM25 in the sum."""
MAX_TERMS = 64
"""Distinct words of a query that count, the first ones; a pasted page would otherwise cost seconds."""
ANALYZER = "shop"
LONGEST_WORD = 255
"""Bytes of UTF-8; what is longer is no word, and not searched."""
STEMMERS = {
    "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Snowball's, by language; `_arabic` has its own, since Snowball's cuts the same Arabic word differently
with and without its article. Words of other languages, and of catalogs in several, are not stemmed."""
_ARABIC_WORD = re.compile("[\u0621-\u064a]+")
_ARABIC_PREFIXES = ("ال", "وال", "بال", "كال", "فال", "لل", "و")
_ARABIC_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")
_UMLAUTS = str.maketrans("äöü", "aou")
_DIGRAPH = re.compile("([ao])e|(?<![aeiouq])(u)e")


def _schema() -> Schema:
    builder = SchemaBuilder()
    for name in TEXT_FIELDS:
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="freq")
    for name in ("brand_key", "category_key"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("price", "rating", "popularity"):
        builder.add_float_field(name, fast=True)
    builder.add_boolean_field("available", indexed=True)
    builder.add_integer_field("row", indexed=True)
    return builder.build()


SCHEMA = _schema()


@cache
def analyzer(language: str = DEFAULT) -> TextAnalyzer:
    """Words as the index holds them: runs of letters and digits, lower case, without accents, stemmed.

    Accents go before the stemming: shoppers leave them out, and the same word must have the same stem.
    """
    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (Filter.remove_long(LONGEST_WORD + 1), Filter.lowercase(), Filter.ascii_fold()):
        builder = builder.filter(step)
    if language in STEMMERS:
        builder = builder.filter(Filter.stemmer(STEMMERS[language]))
    return builder.build()


def index_text(text: str, language: str = DEFAULT) -> str:
    """A product's text in the form in which the analyzer cuts it into all words that a query may ask for."""
    return searchable(_spelled(text, language), whole=True)


def _arabic(found: re.Match[str]) -> str:
    """A word without article and endings: the stemmer light10 (Larkey, Ballesteros & Connell 2007; Lucene's)."""
    word = found[0]
    for prefix in _ARABIC_PREFIXES:
        if word.startswith(prefix) and len(word) >= max(len(prefix) + 2, 4):
            word = word[len(prefix) :]
            break
    for suffix in _ARABIC_SUFFIXES:
        if word.endswith(suffix) and len(word) >= len(suffix) + 2:
            word = word[: -len(suffix)]
    return word


def _spelled(text: str, language: str) -> str:
    if language == "de":  # Küche, Kueche and Kuche are one word (Lucene's GermanNormalizationFilter)
        return _DIGRAPH.sub(lambda found: found[1] or found[2], folded(text).casefold().translate(_UMLAUTS))
    if language == "ar":
        return _ARABIC_WORD.sub(_arabic, folded(text))
    return folded(text)


def terms(text: str, language: str = DEFAULT) -> list[str]:
    """The distinct words that a query of a text asks for, in the index's form, at most `MAX_TERMS`."""
    words = analyzer(language).analyze(searchable(_spelled(text, language), whole=False))
    return list(dict.fromkeys(words))[:MAX_TERMS]


def product_terms(text: str, language: str = DEFAULT) -> list[str]:
    """The distinct words by which an index finds a text: those of `terms`, and the shorter pieces of unspaced runs."""
    asked = terms(text, language)
    if text.isascii():
        return asked
    whole = dict.fromkeys(analyzer(language).analyze(index_text(text, language)))
    return asked if len(whole) == len(asked) else list(whole)


def exact_key(name: str) -> str:
    """A brand or category in the form in which two spellings of it are compared."""
    return folded(name).strip().casefold()


def normal_text(text: str) -> str:
    """A query in the form in which two spellings of it are the same: case and white space make no difference."""
    return " ".join(text.casefold().split())


def text_query(text: str, filters: Filters, language: str = DEFAULT) -> tuple[Query | None, bool]:
    """The query for a search, and whether any word takes part in it; None when nothing is asked for."""
    words = [
        (Occur.Should, Query.boost_query(Query.term_query(SCHEMA, field, term, "freq"), weight))
        for term in terms(text, language)
        for field, weight in TEXT_FIELDS.items()
    ]
    conditions = _conditions(filters)
    if not words:
        return (conditions, False) if conditions is not None else (None, False)
    query = Query.boolean_query(words)
    if conditions is not None:
        query = Query.boolean_query([(Occur.Must, query), (Occur.Must, conditions)])
    return query, True


@lru_cache(maxsize=256)
def _conditions(filters: Filters) -> Query | None:
    """What every result must meet, adding nothing to its score."""
    needed = []
    if filters.min_price is not None or filters.max_price is not None:
        needed.append(Query.range_query(SCHEMA, "price", FieldType.Float, filters.min_price, filters.max_price))
    if filters.min_rating is not None:
        needed.append(Query.range_query(SCHEMA, "rating", FieldType.Float, filters.min_rating, None))
    if filters.brand is not None:
        needed.append(Query.term_query(SCHEMA, "brand_key", exact_key(filters.brand), "basic"))
    if filters.category is not None:
        needed.append(Query.term_query(SCHEMA, "category_key", exact_key(filters.category), "basic"))
    if filters.in_stock:
        needed.append(Query.term_query(SCHEMA, "available", True, "basic"))
    if not needed:
        return None
    return Query.const_score_query(Query.boolean_query([(Occur.Must, query) for query in needed]), 0.0)
