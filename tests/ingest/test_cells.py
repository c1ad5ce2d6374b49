from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paars_gym.catalog import product
from paars_gym.catalog.feeds import rows
from paars_gym.catalog.feeds.rows import READERS
from paars_gym.catalog.product import Product
from paars_gym.ingest import cells
from paars_gym.ingest.cells import UnreadableError
from paars_gym.ingest.prices import ParsedPrice, parse_currency, parse_price

ANY_TEXT = st.text(st.characters(codec=None)) | st.text("<>&;#x0123[]{}'\",|:lgtampbri/ \n", max_size=60)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("₹1,099", 1099, "INR"),
        ("₹1,09,999.00", 109_999, "INR"),
        ("$3.49", 3.49, "USD"),
        ("$.99", 0.99, "USD"),
        ("$1,234,567.89", 1_234_567.89, "USD"),
        ("US$ 12", 12, "USD"),
        ("CA$ 5.00", 5, "CAD"),
        ("1.299,00 €", 1299, "EUR"),
        ("1.299 €", 1299, "EUR"),
        ("EUR 1.299", 1299, "EUR"),
        ("1 299,00 kr", 1299, "SEK"),
        ("1\u202f299,00\u00a0€", 1299, "EUR"),
        ("1’299.50 CHF", 1299.5, "CHF"),
        ("CHF 12.-", 12, "CHF"),
        ("99:-", 99, None),
        ("R$ 1.299,90", 1299.9, "BRL"),
        ("１，２９９円", 1299, "JPY"),
        ("٣٫٥٠", 3.5, None),
        ("from $14.99", 14.99, "USD"),
        ("Rs. 499", 499, "INR"),
        ("1.299", 1.299, None),
        ("1,299", 1299, None),
        ("0,125", 0.125, None),
        ("12.5", 12.5, None),
        ("1e3", 1000, None),
        (18.5, 18.5, None),
        (7, 7, None),
        ("free", 0, None),
        ("$0.00", 0, "USD"),
    ],
)
def test_prices_as_people_write_them(written: Any, amount: float, currency: str | None) -> None:
    price = parse_price(written)
    assert (price.amount, price.currencies[:1]) == (amount, (currency,) if currency else ())
    assert not price.is_range


@pytest.mark.parametrize("written", ["$10.00 - $20.00", "$10.00–$20.00", "$10.00$20.00", "10 to 20 USD", "$20 - $10"])
def test_of_a_range_the_low_end_is_taken(written: str) -> None:
    price = parse_price(written)
    assert (price.amount, price.currencies[:1], price.is_range) == (10, ("USD",), True)


@pytest.mark.parametrize("written", [None, "", "  ", "N/A", "None", "nan", "-", "—", math.nan])
def test_no_price(written: Any) -> None:
    assert parse_price(written) == ParsedPrice(None)


@pytest.mark.parametrize(
    "written",
    [
        "-5", "($5)", "€ -5", -1, math.inf, "1e999", True, "12 for $10", "call us", "$5 €6", "1.2.3", "1,2,3",
        "1,2.345.6", "2026-11-23", "$5.99 / oz", "9" * 300, 10**400,
    ],
)  # fmt: skip
def test_what_is_no_price_is_said_not_guessed(written: Any) -> None:
    with pytest.raises(UnreadableError):
        parse_price(written)


@given(st.integers(0, 99_999_999), st.sampled_from(["us", "de", "fr", "ch", "in", "plain"]))
def test_a_price_survives_each_countrys_way_of_writing_it(cents: int, country: str) -> None:
    whole, rest = divmod(cents, 100)
    english = f"{whole:,}.{rest:02d}"
    indian = f"{whole % 1000}" if whole < 1000 else f"{whole % 1000:03d}"
    left = whole // 1000
    while left:
        indian = (f"{left % 100:02d}" if left >= 100 else f"{left}") + "," + indian
        left //= 100
    written = {
        "us": f"${english}",
        "de": english.translate(str.maketrans(",.", ".,")) + " €",
        "fr": english.translate(str.maketrans(",.", "\u202f,")) + "\u00a0€",
        "ch": "CHF " + english.replace(",", "’"),
        "in": f"₹{indian}.{rest:02d}",
        "plain": f"{whole}.{rest:02d}",
    }[country]
    assert parse_price(written).amount == pytest.approx(cents / 100, abs=1e-9)


def test_currencies() -> None:
    assert parse_currency("EUR") == ("EUR",)
    assert parse_currency("£") == ("GBP",)
    assert parse_currency("$")[:2] == ("USD", "CAD")
    assert parse_currency(None) == parse_currency("") == ()
    with pytest.raises(UnreadableError):
        parse_currency("shells")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("Ember &amp;amp; Oak", "Ember & Oak"),
        ("<b>Foo</b>bar<br/>baz", "Foobar baz"),
        ("&lt;p&gt;Hi&lt;/p&gt; there", "Hi there"),
        ("<script>alert('x')</script><style>p {}</style>Lamp<!-- note -->", "Lamp"),
        ("USB cable <USB-C> for 5 < 6 & AT&T", "USB cable <USB-C> for 5 < 6 & AT&T"),
        ("caf\u00e9 \u200b\ufeffau\x00lait\u00a0!", "café au lait !"),
        ("broken \ud83d half", "broken \ufffd half"),
        ("&#8364;5 &euro; &nosuch;", "€5 € &nosuch;"),
        (None, ""),
        (math.nan, ""),
        (12.0, "12"),
        ("NaN", ""),
        (["a", None, "b"], "a b"),
    ],
)
def test_text(cell: Any, text: str) -> None:
    assert cells.clean_text(cell) == text


def test_long_text_keeps_its_lines() -> None:
    html = "<p>One&nbsp;line</p>\r\n\r\n<ul><li>two</li><li>three</li></ul>"
    assert cells.clean_text(html, lines=True) == "One line\ntwo\nthree"


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ("['a','b']", ("a", "b")),
        ('["a", "b", ""]', ("a", "b")),
        ("['a' 'b c'\n 'd']", ("a", "b c", "d")),
        ("a|b", ("a", "b")),
        ("a\nb", ("a", "b")),
        ("[not a list", ("[not a list",)),
        ("[NEW] Lamp", ("[NEW] Lamp",)),
        ("it's, one", ("it's, one",)),
        (np.array(["a", "b"]).tolist(), ("a", "b")),
        ("", ()),
        ("[]", ()),
        (None, ()),
    ],
)
def test_lists_in_one_cell(cell: Any, items: tuple[str, ...]) -> None:
    assert cells.clean_list(cell) == items


@pytest.mark.parametrize(
    "cell",
    [
        "A > B & C > D", "A › B & C › D", "A|B & C|D", "A / B &amp; C / D", "A &gt; B &amp; C &gt; D",
        "['A', 'B & C', 'D']", ["A", "B & C", "D"], [["A", "B & C", "D"], ["E"]],
    ],
)  # fmt: skip
def test_category_paths(cell: Any) -> None:
    assert cells.clean_path(cell) == ("A", "B & C", "D")


def test_facts_and_options() -> None:
    expected = {"Color": "red", "Sizes": "S, M"}
    assert cells.clean_mapping({"Color": "red", "Sizes": ["S", "M"], "Empty": None}) == expected
    assert cells.clean_mapping('{"Color": "red", "Sizes": ["S", "M"]}') == expected
    assert cells.clean_mapping("Color: red | Sizes: S | Sizes: M") == expected
    assert cells.clean_mapping([{"name": "Color", "value": "red"}, ("Sizes", ["S", "M"])]) == expected
    assert rows.clean_options({"Size": ["S", "M", "S"], "Color": [{"value": "red"}], "No": None}) == {
        "Size": ("S", "M"),
        "Color": ("red",),
    }
    with pytest.raises(UnreadableError) as refused:
        cells.clean_mapping("Color: red | washable")
    assert refused.value.instead == {"Color": "red"}


def test_numbers_and_availability() -> None:
    assert [rows.clean_rating(cell) for cell in ("4.5 out of 5 stars", "4,5", 4.5, 0, "", None)] == [4.5] * 3 + [
        None
    ] * 3
    assert [cells.clean_count(cell) for cell in ("1,234 ratings", 12.0, "15.0", "", None, "1.234")] == [
        1234,
        12,
        15,
        0,
        0,
        1234,
    ]
    yes = ("In Stock.", "true", "7", 3, True, "", None, "https://schema.org/InStock", "Only 3 left")
    no = ("Out of stock", "false", "0", 0, False, "sold-out", "https://schema.org/OutOfStock", "Currently unavailable.")
    assert all(rows.clean_available(cell) for cell in yes)
    assert not any(rows.clean_available(cell) for cell in no)
    for reader, cell in [
        (rows.clean_rating, "9"), (rows.clean_rating, "good"), (cells.clean_count, -1),
        (cells.clean_count, 1.5), (cells.clean_count, math.inf),
        (cells.clean_amount, math.inf), (rows.clean_available, "perhaps"),
    ]:  # fmt: skip
        with pytest.raises(UnreadableError):
            reader(cell)


def test_reviews_of_either_naming_and_one_that_is_left_out() -> None:
    with pytest.raises(UnreadableError, match="1 of 3 reviews: no stars") as refused:
        rows.clean_reviews([
            {"stars": 5, "summary": "Good", "reviewText": "<b>Yes</b>", "helpful_vote": "1,200"},
            {"rating": "4.0", "text": "ok"},
            {"text": "no stars"},
        ])  # fmt: skip
    assert refused.value.instead == [
        {"rating": 5.0, "title": "Good", "text": "Yes", "helpful_votes": 1200},
        {"rating": 4.0, "title": "", "text": "ok", "helpful_votes": 0},
    ]


@given(ANY_TEXT)
def test_text_is_clean_once_cleaned(text: str) -> None:
    clean = cells.clean_text(text)
    assert cells.clean_text(clean) == clean
    assert clean == clean.strip()
    clean.encode("utf-8")
    assert not any(ord(character) < 32 for character in clean)


@given(ANY_TEXT)
def test_ids_come_back_and_fit_the_action_grammar(text: str) -> None:
    product_id = product.clean_id(text)
    valid = text.strip().encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if product_id:
        assert product.original_id(product_id) == valid
        assert quote("%") not in text or "%25" in product_id
        Product(id=product_id[:128], title="t")
    else:
        assert valid.casefold() in cells.MISSING


@given(st.sampled_from(sorted(READERS)), ANYTHING)
def test_any_value_at_all_is_read_or_refused_and_what_is_read_makes_a_product(field: str, value: Any) -> None:
    try:
        read = READERS[field](value)
    except UnreadableError as error:
        read = error.instead
    if read not in (None, "", ()) and field != "id":
        Product.model_validate({"id": "x", "title": "t", field: read})


@given(ANYTHING)
def test_any_value_is_a_price_or_refused(value: Any) -> None:
    try:
        price = parse_price(value)
    except UnreadableError:
        return
    assert price.amount is None or (price.amount >= 0 and math.isfinite(price.amount))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1), min_size=1))
def test_a_list_of_words_survives_json_in_a_cell(items: list[str]) -> None:
    expected = tuple(filter(None, map(cells.clean_text, items)))
    assert cells.clean_list(json.dumps(items)) == cells.clean_list(repr(items)) == expected


CELL_READERS = {
    "text": cells.clean_text, "list": cells.clean_list, "path": cells.clean_path, "mapping": cells.clean_mapping,
    "count": cells.clean_count, "amount": cells.clean_amount, "price": parse_price, **rows.READERS,
}  # fmt: skip
UNITS = (
    "<!--", "<script>",
    "<style", "<p ", "</", "&amp;", "&#", " ", "\t", "\n", "\u00a0", "> ", " / ", "| ", " · ", "'  ",
    '"', "[", "[]", "{", "(", ")", "1", "1,", "1 ", "9,999", "-", "$1", "a: ", "\\", "\u200b", "-->", "--", "e9",
)  # fmt: skip


def seconds(reader: Callable[[str], object], cell: str) -> float:
    start = time.process_time()
    with contextlib.suppress(UnreadableError):
        reader(cell)
    return time.process_time() - start


def is_linear(reader: Callable[[str], object], short: str, long: str) -> bool:
    # Eight times the length: 8 where time is linear, 64 where it grows by the square.
    return any(seconds(reader, long) < 24 * seconds(reader, short) + 0.02 for _ in range(3))


@pytest.mark.parametrize("name", CELL_READERS)
def test_no_cell_takes_time_by_the_square_of_its_length(name: str) -> None:
    for unit in UNITS:
        for begin, end in (("a", "a"), ("[", "]")):
            short, long = (begin + unit * (length // len(unit)) + end for length in (2_000, 16_000))
            assert is_linear(CELL_READERS[name], short, long), (unit, begin)


@pytest.mark.parametrize("cell", ["[" * 900 + "]" * 900, "[" * 100_000 + "]" * 100_000, "(" * 90 + "1," + ")" * 90])
@pytest.mark.parametrize("name", CELL_READERS)
def test_no_nesting_is_too_deep(name: str, cell: str) -> None:
    with contextlib.suppress(UnreadableError):
        CELL_READERS[name](cell)


def test_what_is_hidden_ends_where_it_is_closed() -> None:
    assert (
        cells.clean_text("a<!-- b <!-- c -->d<script x>e</SCRIPT >f<style>g</style>h<!--i<b>j</b>") == "a d f h<!--ij"
    )
    assert cells.clean_text("a" + "<!--" * 3 + "b") == "a" + "<!--" * 3 + "b"
    assert cells.clean_count("1,234 ratings") == 1234
    with pytest.raises(UnreadableError):
        cells.clean_count("9,999" * 2000)
