from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paars_gym.ingest.shaping import (
    CellPath,
    condition_of,
    exploded,
    filled,
    grouped,
    reader_of,
    split_cells,
)

ROW = {
    "properties": {"products": [{"id": 1, "price": 2.5}, {"id": 2}]},
    "as text": '{"items": [{"id": "x"}]}',
    "event_params": [{"key": "page", "value": {"int_value": 3}}, {"key": "term", "value": {"string_value": "fan"}}],
    "a.b": "a column with a dot",
    "Body (HTML)": "long",
    "empty": "",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("properties.products[*].id", [1, 2]),
        ("properties.products[0].price", 2.5),
        ("properties.products[7].price", None),
        ("properties.products.id", None),
        ("as text.items[*].id", ["x"]),
        ("event_params[key=term].value.string_value", "fan"),
        ("event_params[key=other].value.string_value", None),
        ("a.b", "a column with a dot"),
        ("Body (HTML)", "long"),
        ("nothing.at.all", None),
    ],
)
def test_paths_lead_into_cells(path: str, found: object) -> None:
    assert CellPath.parse(path).find(ROW) == found


def test_an_array_becomes_rows_and_later_paths_lead_into_the_item() -> None:
    rows = exploded(ROW, CellPath.parse("properties.products[*]"))
    assert [CellPath.parse("properties.products[*].id").find(row) for row in rows] == [1, 2]
    assert rows[0]["a.b"] == "a column with a dot"
    assert ROW["properties"] == {"products": [{"id": 1, "price": 2.5}, {"id": 2}]}  # the row itself stays
    hits = {"user": "u", "hits": [{"t": 1, "product": [{"s": "A"}, {"s": "B"}]}, {"t": 2}]}
    flat = [
        (CellPath.parse("hits[*].t").find(one), CellPath.parse("hits[*].product[*].s").find(one))
        for hit in exploded(hits, CellPath.parse("hits"))
        for one in exploded(hit, CellPath.parse("hits[*].product[*]"))
    ]
    assert flat == [(1, "A"), (1, "B"), (2, None)]
    text = {"cart": json.dumps([{"sku": "a"}, {"sku": "b"}])}
    assert [CellPath.parse("cart[*].sku").find(row) for row in exploded(text, CellPath.parse("cart"))] == ["a", "b"]


def test_a_text_is_split_into_lists_of_lists() -> None:
    row = split_cells(
        {"events": "1,20", "products": "c;p1;1;2.5,;p2;3;9", "none": None}, {"products": ",;", "none": ","}
    )
    assert CellPath.parse("products[*][1]").find(row) == ["p1", "p2"]
    rows = exploded(row, CellPath.parse("products[*]"))
    assert [CellPath.parse("products[*][3]").find(one) for one in rows] == ["2.5", "9"]


def test_the_first_that_is_filled() -> None:
    read = reader_of(["empty", "missing", "properties.products[1].price", "Body (HTML)"])
    assert read(ROW) == "long"
    assert reader_of(["sale", "price"])({"sale": "NULL", "price": 3}) == 3
    assert reader_of(["sale", "price"])({"sale": 0, "price": 3}) == 0


@pytest.mark.parametrize("value", [None, "", "  ", "null", "N/A", "(not set)", float("nan"), [], {}])
def test_what_says_nothing(value: object) -> None:
    assert not filled(value)


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({"Body (HTML)": "long"}, True),
        ({"Body (HTML)": ("short", "long")}, True),
        ({"Body (HTML)": "*", "empty": ""}, True),
        ({"empty": "*"}, False),
        ({"Body (HTML)": ""}, False),
        ({"properties.products[*].id": "2"}, True),
        ({"properties.products[*].id": "12"}, False),
        ({}, True),
    ],
)
def test_conditions(conditions: dict[str, str], holds: bool) -> None:
    assert condition_of(conditions)(ROW) is holds


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", ""]), st.integers())), st.integers(1, 5))
def test_groups_hold_every_row_once_in_order_spilled_or_not(rows: list[tuple[str, int]], held: int) -> None:
    whole = list(grouped(rows, lambda row: row[0]))
    spilled = list(grouped(rows, lambda row: row[0], held_rows=held))
    assert sorted(whole) == sorted(spilled)
    assert sorted(row for group in whole for row in group) == sorted(rows)
    named = [group for group in whole if group[0][0]]
    assert len({group[0][0] for group in named}) == len(named)
    for group in named:
        assert group == [row for row in rows if row[0] == group[0][0]]
