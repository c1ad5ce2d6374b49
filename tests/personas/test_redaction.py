"""Does nothing that tells who somebody is leave, and does the rest stay?"""

from __future__ import annotations

import importlib.util
import stat
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paars_gym.personas import redaction
from paars_gym.personas.redaction import Redactor, Span, pseudonym
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


@given(st.lists(st.integers(0, 9), min_size=12, max_size=18), st.sampled_from(["", " ", "-"]))
def test_every_card_number_goes_and_its_neighbours_stay(digits: list[int], gap: str) -> None:
    number = luhn_complete(digits)
    spaced = gap.join(number[at : at + 4] for at in range(0, len(number), 4))
    assert list(redaction.cards(f"pay {spaced} now")) == [Span(4, 4 + len(spaced), "card")]
    wrong = spaced[:-1] + str((int(spaced[-1]) + 1) % 10)
    assert list(redaction.cards(f"pay {wrong} now")) == []


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
        redaction.presidio()
