"""Nothing that tells who somebody is leaves, and the rest stays."""

from __future__ import annotations

import importlib.util
import json
import stat
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paars_gym.personas import redaction
from paars_gym.personas.redaction import Redactor, make_redactor, pseudonym
from paars_gym.redaction import recognisers
from paars_gym.redaction.recognisers import Span
from paars_gym.sessions.event import Event, History, Intention, Session


def redact(text: str, **more: object) -> str:
    return Redactor(key=b"k", **more).redact(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("gift for jane.o'neil+x@mail.example.co.uk please", "gift for [email] please"),
        ("call (415) 555-2671 now", "call [phone] now"),
        ("call +44 20 7946 0958", "call [phone]"),
        ("pay 4111 1111 1111 1111 today", "pay [card] today"),
        ("amex 378282246310005", "amex [card]"),
        ("to 742 Evergreen Terrace, Springfield", "to [address]"),
        ("ship to 12 main st apt 4b", "ship to [address]"),
        ("1600 Pennsylvania Avenue, Washington, DC 20500", "[address]"),
        ("9 Holly Drive, Austin TX 78701", "[address]"),
        ("po box 99", "[address]"),
        ("Hauptstraße 12, 10115 Berlin", "[address]"),
        ("flowers SW1A 2AA", "flowers [address]"),
        ("pay 4111.1111.1111.1111 now", "pay [card] now"),
        ("4111 1111 1111 1111 12/27 737", "[card] 12/27 737"),
        ("12 Elm Dr", "[address]"),
        ("to 12 elm dr, please", "to [address]"),
        ("1 Infinite Loop, Cupertino, CA 95014", "[address]"),
        ("1 infinite loop cupertino ca 95014", "[address]"),
        ("10 Rue de Rivoli", "[address]"),
        ("7, rue de la Paix, 75002 Paris", "[address]"),
        ("chez 12 bis avenue Victor Hugo 69002 Lyon", "chez [address]"),
        ("221B Baker Street London", "[address]"),
        ("221B Baker Street, London NW1 6XE", "[address]"),
        ("1600 Pennsylvania Avenue NW, Washington, DC 20500", "[address]"),
        ("123 W 42nd St, New York", "[address]"),
        ("PO Box 12, Austin, TX 78701", "[address]"),
        ("24 Sussex Drive, Ottawa, ON K1M 1M4", "[address]"),
        ("ruf 030 901820 an", "ruf [phone] an"),
        ("tel 01 42 68 53 00", "tel [phone]"),
        ("bel 020 624 1111", "bel [phone]"),
    ],
)
def test_what_goes(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "PAPER PLATES 100 WHITE CT",
        "2 Milky Way bars 12 oz",
        "lotion 6 oz St. Ives",
        "BEERALEMALT LIQUORS 12 OZ LN BT",
        "SOFT DRINKS 12/18&15PK CAN CAR 12 OZ",
        "kettle 1.7 l 2200 w",
        "usb-c cable 3 m @ best price",
        "isbn 9780306406157",
        "order 1234 5678 9012 3456",
        "5 lb dog food large breed",
        "size 10 width 4e",
        "2017-11-03 18:04",
        "12 oz Dr Pepper",
        "6 Dr Pepper cans",
        "3 flash drive usb",
        "Seagate 1 TB Hard Drive, Black",
        "5 place setting",
        "2 route planner",
        "refurbished pc i5 8gb ram",
        "1.99 2.99 3.99 4.99 5.99",
        "ean 4006381333931",
        "gtin 00012345678905",
        "sku 8801234567 part 9301-4567",
    ],
)
def test_what_stays(text: str) -> None:
    assert redact(text) == text


def luhn_complete(digits: list[int]) -> str:
    """The digits with the one that makes them a card number, computed the other way: by trying."""
    for last in range(10):
        number = [*digits, last]
        total = 0
        for place, digit in enumerate(reversed(number)):
            twice = digit * 2 if place % 2 else digit
            total += twice // 10 + twice % 10
        if total % 10 == 0:
            return "".join(map(str, number))
    raise AssertionError


@given(st.lists(st.integers(0, 9), min_size=14, max_size=18), st.integers(1, 9), st.sampled_from(["", " ", "-"]))
def test_every_card_number_goes_and_its_neighbours_stay(digits: list[int], first: int, gap: str) -> None:
    number = luhn_complete([first, *digits])
    if len(number) > 19:
        number = luhn_complete([first, *digits[:-1]])
    spaced = gap.join(number[at : at + 4] for at in range(0, len(number), 4))
    assert list(recognisers.cards(f"pay {spaced} now")) == [Span(4, 4 + len(spaced), "card")]
    wrong = spaced[:-1] + str((int(spaced[-1]) + 1) % 10)
    assert Span(4, 4 + len(wrong), "card") not in list(recognisers.cards(f"pay {wrong} now"))


QUANTITIES = ("12 oz", "2 x", "100 ct", "6 pack", "1.5 l", "32 GB", "4 piece", "18 inch", "10-in-1", "size 8", "3 in 1")
THINGS = (
    "Milky Way bars", "Dr Pepper", "hard drive", "place mats", "Square dinner plates", "court shoes",
    "St. Ives lotion", "circle lamp", "route 66 sign", "tennis court net", "Broadway tickets", "Rue 21 jeans",
    "avenue tote", "kettle", "Street Fighter 6", "laundry drum", "allee cat food",
)  # fmt: skip
CODES = ("sku 8801234567", "isbn 9780306406157", "model XJ-4501", "B08N5WRWNW", "1080p", "2200 w", "2017-11-03 18:04")


@given(
    st.sampled_from(THINGS),
    st.lists(st.sampled_from(QUANTITIES), max_size=2),
    st.sampled_from(CODES),
    st.integers(1, 99_999),
    st.sampled_from([" ", ", ", " - ", " | "]),
    st.sampled_from([str, str.lower, str.upper]),
)
def test_typical_lines_of_shopping_stay(
    thing: str, quantities: list[str], code: str, cents: int, gap: str, case: Callable[[str], str]
) -> None:
    line = case(gap.join([*quantities, thing, code, f"at {cents / 100:.2f}"]))
    assert redact(line) == line


def test_hardly_anything_of_real_queries_and_titles_goes(shared_data: Path) -> None:
    goals = json.loads((shared_data / "webshop_human" / "goal_query_map.json").read_text())
    texts = {text for goal, queries in goals.items() for text in (goal, *queries)}
    assert len(texts) > 2_000
    changed = [text for text in texts if redact(text) != text]
    assert len(changed) <= len(texts) / 1_000, changed


@given(st.text(max_size=200))
def test_any_text_is_survived_and_redacting_twice_changes_nothing(text: str) -> None:
    redactor = Redactor(key=b"k", listed_names=("Ann",))
    once = redactor.redact(text)
    assert redactor.redact(once) == once


def test_listed_names_and_own_recognisers() -> None:
    def loyalty_cards(text: str) -> Iterable[Span]:
        at = text.find("LC-")
        if at >= 0:
            yield Span(at, at + 7, "loyalty card")

    redactor = Redactor(key=b"k", listed_names=["Ann", "Ann Lee", ""], recognisers=[loyalty_cards])
    assert redactor.redact("ann lee's annual gift, LC-1234") == "[name]'s annual gift, [loyalty card]"
    assert redactor.redact("for ANN") == "for [name]"
    assert redactor.counts == {"name": 2, "loyalty card": 1}


def test_plain_tuples_will_do_and_anything_else_is_an_error() -> None:
    assert redact("my cat Tom", recognisers=[lambda text: [(7, 10, "pet")]]) == "my cat [pet]"
    for wrong in ((7, 10), (7, 99, "pet"), (5, 3, "pet"), ("7", "10", "pet"), None):
        with pytest.raises(ValueError, match=r"must give \(start, end, kind\)"):
            redact("my cat Tom", recognisers=[lambda text, wrong=wrong: [wrong]])


def test_a_command_line_names_files_functions_and_regions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ModuleType("own_recognisers")
    own.pets = lambda text: [(at, at + 3, "pet")] if (at := text.find("Tom")) >= 0 else []  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_recognisers", own)
    (tmp_path / "names.txt").write_text("Ann\n\nLee\n")
    redactor = make_redactor(names_file=tmp_path / "names.txt", recognisers=["own_recognisers:pets"], regions=["ES"])
    assert redactor.redact("Ann and Tom, 912 345 678") == "[name] and [pet], [phone]"
    with pytest.raises(ValueError, match=r"Unknown recogniser 'cats'\. Available: presidio, or module:function"):
        make_redactor(recognisers=["cats"])
    with pytest.raises(ValueError, match="Unknown region 'de'"):
        make_redactor(regions=["de"])


def test_overlapping_finds_are_one() -> None:
    def whole(text: str) -> Iterable[Span]:
        yield Span(0, len(text), "all")

    assert redact("mail a@b.example", recognisers=[whole]) == "[all]"


def test_a_whole_history() -> None:
    secret = "call 415-555-2671 or a@b.example"
    session = Session(
        shopper="Ann Lee",
        key="Ann Lee/1",
        intention=Intention(text=secret),
        events=(
            Event(kind="search", query=secret),
            Event(kind="purchase", product="p1", title=secret, options=((secret, secret),)),
            Event(kind="view", product="a@b.example"),
        ),
    )
    clean, counts = Redactor(key=b"k").redact_history(History(shopper="Ann Lee", sessions=(session, session)))
    text = clean.model_dump_json()
    assert not any(part in text for part in ("415", "a@b", "Ann Lee"))
    assert counts == {"phone": 10, "email": 12}
    assert clean.sessions[0].events[1].product == "p1"


def test_pseudonyms_need_the_key() -> None:
    assert pseudonym("7", b"a") == pseudonym("7", b"a")
    assert len({pseudonym(shopper, key) for shopper in ("7", "8") for key in (b"a", b"b")}) == 4
    assert "7" * 5 not in pseudonym("7" * 5, b"a")


def test_a_key_is_drawn_once_and_kept_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAARS_HASH_KEY")
    monkeypatch.setattr(redaction.platformdirs, "user_data_path", lambda name: tmp_path / name)
    first = redaction.hash_key()
    assert redaction.hash_key() == first
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "paars_gym" / "hash.key").stat().st_mode) == 0o600


def test_presidio_is_optional() -> None:
    if importlib.util.find_spec("presidio_analyzer") is not None:
        pytest.skip("presidio is installed")
    with pytest.raises(ImportError, match="pip install presidio-analyzer"):
        recognisers.presidio()
