"""A shopper's text as a query of the index: its words, joined by OR; never a query language."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

from tantivy import FieldType, Filter, Occur, Query, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from paars_gym.catalog.filters import Filters

TEXT_FIELDS = {"title": 4.0, "brand": 2.0, "category": 2.0, "attributes": 1.0, "bullets": 1.0, "description": 0.5}
"""Weight of each field's BM25 in the sum."""
MAX_TERMS = 64
"""Distinct words of a query that count, the first ones; a pasted page would otherwise cost seconds."""
ANALYZER = "shop_en"


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
def analyzer() -> TextAnalyzer:
    """Words as the index holds them: runs of letters and digits, lower case, without accents, English stems."""
    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (Filter.remove_long(40), Filter.lowercase(), Filter.ascii_fold(), Filter.stemmer("english")):
        builder = builder.filter(step)
    return builder.build()


def composed(text: str) -> str:
    """Text with each accented letter as one character, which is how the analyzer knows to fold it."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def terms(text: str) -> list[str]:
    """The distinct words of a text in the index's form, at most `MAX_TERMS`."""
    if not text.isascii():
        text = composed(text.encode("utf-8", "replace").decode("utf-8"))  # half a surrogate pair is no character
    return list(dict.fromkeys(analyzer().analyze(text)))[:MAX_TERMS]


def exact_key(name: str) -> str:
    """A brand or category in the form in which two spellings of it are compared."""
    return composed(name.encode("utf-8", "replace").decode("utf-8")).strip().casefold()


def normal_text(text: str) -> str:
    """A query in the form in which two spellings of it are the same: case and white space make no difference."""
    return " ".join(text.casefold().split())


def text_query(text: str, filters: Filters) -> tuple[Query | None, bool]:
    """The query for a search, and whether any word takes part in it; None when nothing is asked for."""
    words = [
        (Occur.Should, Query.boost_query(Query.term_query(SCHEMA, field, term, "freq"), weight))
        for term in terms(text)
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
