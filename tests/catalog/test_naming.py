from __future__ import annotations

import re

import numpy as np
import pytest

from paars_gym.catalog.naming import CONNECTORS, UNITS, bound_words, category_words, detail_words, plain_name
from paars_gym.catalog.product import Product
from paars_gym.synthetic.people import Luck
from paars_gym.synthetic.queries import Wording

FEED = [
    ("ACME SPST Toggle Switch 125V 6A ON-OFF (2 pcs)", "Acme", ("Industrial", "Toggle Switches"), "toggle switch"),
    ("125V 6A SWITCH 10PCS KCD1-101", "", ("Industrial", "Rocker Switches"), "switch"),
    ("Frigidaire 316075103 Range Bake Element", "Frigidaire", ("Parts", "Oven Parts"), "bake element"),
    ("Genuine OEM Whirlpool WP3387747 Dryer Heating Element", "Whirlpool", ("Parts",), "heating element"),
    ("Replacement Belt for Dryer DV42H5000EW/A3, 6602-001655", "", ("Dryer Parts",), "replacement belt for dryer"),
    (
        "Wireless Bluetooth Headphones Over Ear Noise Cancelling Deep Bass HiFi Stereo Foldable Headset with Mic 40H",
        "",
        ("Electronics", "Over-Ear Headphones"),
        "bluetooth headphones",
    ),
    ("2023 NEW!!! Women&#39;s Summer Dress V Neck Casual Floral Maxi S-XXL", "", ("Dresses",), "summer dress"),
    ("M8 x 40mm Hex Bolt DIN 933 A2", "", ("Fasteners", "Bolts"), "hex bolt"),
    ("12345-A", "", ("Fasteners", "Misc"), "fasteners"),
    ("Kaffeemaschine mit Mahlwerk, 1450 W, schwarz", "DeLuna", ("Kaffeemaschinen",), "kaffeemaschine"),
    ("Chaussures de course rouges pour hommes taille 42", "", ("Mode", "Chaussures"), "chaussures"),
    ("Mr. Coffee 12-Cup Programmable Coffee Maker - Black/Silver", "Mr. Coffee", ("Kitchen",), "coffee maker"),
    ("HP 63XL Black High-yield Ink Cartridge | F6U64AN", "HP", ("Ink & Toner",), "ink cartridge"),
    ("Set of 4 Dining Chairs, Upholstered, Grey", "", ("Dining Chairs",), "dining chairs"),
    ("AC/DC Power Supply 12V 5A 60W w/ 5.5x2.1mm Plug", "", ("Power Supplies",), "power supply"),
    ("Frozen snacks and appetizers, 16 oz", "Private label", ("Frozen",), "snacks and appetizers"),
]


@pytest.mark.parametrize(("title", "brand", "category", "name"), FEED)
def test_the_plain_name_of_a_product_in_a_feed(title: str, brand: str, category: tuple[str, ...], name: str) -> None:
    assert plain_name(title, brand=brand, category=category) == name


def test_what_is_typed_has_no_scraps_of_a_title() -> None:
    wording = Wording(title for title, *_ in FEED)
    for number, (title, brand, category, _) in enumerate(FEED):
        product = Product(id=f"p{number}", title=title, brand=brand, category=category)
        luck = Luck(np.random.default_rng(number))
        for words in (1.0, 2.5, 4.0):
            for _ in range(20):
                typed = wording.query_for(product, words, luck).split()
                assert typed
                assert typed[0] not in CONNECTORS
                assert typed[-1] not in CONNECTORS
                assert not any(re.search(r"\d", word) for word in typed)
                assert not UNITS.intersection(typed)
                assert len(typed) <= 7


def test_a_title_without_words_and_without_a_category_is_typed_as_it_is() -> None:
    assert plain_name("AB-990/2") == "ab-990/2"


def test_a_category_is_called_by_its_name_or_by_that_above_it() -> None:
    assert category_words(("Lamps", "Other")) == ["lamps"]
    assert category_words(("Home", "Rugs (all sizes), 2 x 3")) == ["rugs"]
    assert category_words(("12-34",)) == category_words(()) == []


def test_details_are_words_about_the_thing_and_no_measures_or_packs() -> None:
    assert detail_words("Retro kettle, 1 l, white, pack of 2, Acme, private label", brand="Acme") == [
        "white",
        "private label",
    ]
    assert detail_words("Cookies, private label, 4 oz", brand="Private label") == []


def test_words_that_stand_together_everywhere_are_not_torn_apart() -> None:
    titles = ["Mild aloe vera shampoo", "Pure aloe vera shampoo", "Mild honey shampoo", "Pure honey soap"]
    assert bound_words(titles) == {"vera": "aloe"}
    wording, luck = Wording(titles), Luck(np.random.default_rng(0))
    typed = {wording.query_for(Product(id="a", title=titles[0]), 2.0, luck) for _ in range(50)}
    assert typed == {"aloe vera shampoo", "mild aloe vera shampoo"}
