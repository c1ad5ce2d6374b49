"""Pages rebuilt from a log: are they those that the shopper saw, and is nothing imported because a file says so?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.shop.open import open_shop
from paars_gym.simulation.read_run import Run
from paars_gym.simulation.rebuild import Rebuilder
from tests.conftest import twelve_products
from tests.report.playing import play


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Run:
    return Run(play(tmp_path_factory.mktemp("rebuild") / "run", catalog, 40, record="steps"))


def test_the_pages_are_those_that_were_shown(played: Run, catalog: Catalog) -> None:
    rebuilder = Rebuilder(played.settings, catalog=catalog)
    assert rebuilder.why_not == ""
    for key in played:
        session = played.session(key)
        rebuilt = rebuilder.steps(session.session)
        assert rebuilt.same
        if all(step.valid for step in session.steps):  # a refused action is in no log, and shows on the next page
            assert {step.shown for step in rebuilt.steps} <= {step.shown for step in session.steps}
        told = [event.kind for step in rebuilt.steps for event in step.events]
        assert told == [event.kind for event in session.session.events]


def test_another_shop_is_noticed(played: Run, catalog: Catalog) -> None:
    rebuilder = Rebuilder(played.settings, shop=open_shop(catalog, "price"))
    assert not all(rebuilder.steps(played.session(key).session).same for key in played)


def test_another_catalog_is_refused(played: Run) -> None:
    other = Catalog.from_products(twelve_products()[:5], name="five")
    rebuilder = Rebuilder(played.settings, catalog=other)
    assert "fingerprint" in rebuilder.why_not
    with pytest.raises(ValueError, match="fingerprint"):
        rebuilder.steps(played.session("0000000").session)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"env": "antigravity:fly"}, "environment of its own"),
        ({"ranking": "antigravity:Fly"}, "names code or a file"),
        ({"ranking": "logged:lists.parquet"}, "names code or a file"),
        ({"catalog": "nowhere"}, "No catalog 'nowhere'"),
    ],
)
def test_nothing_that_a_file_names_is_imported(played: Run, changed: dict[str, str], says: str) -> None:
    shop = ShopConfig(**{**played.settings.shop.model_dump(), **changed})
    rebuilder = Rebuilder(played.settings.model_copy(update={"shop": shop}))
    assert says in rebuilder.why_not
    assert "antigravity" not in sys.modules


def test_a_session_that_was_cut_off_does_not_leave_the_shop(tmp_path: Path, catalog: Catalog) -> None:
    cut = Run(play(tmp_path / "run", catalog, 20, max_steps=2))
    rebuilder = Rebuilder(cut.settings, catalog=catalog)
    sessions = [cut.session(key).session for key in cut]
    steps = [rebuilder.steps(session) for session in sessions if session.end == "max_steps"]
    assert steps
    assert all(one.same and not any(step.action == "stop[]" for step in one.steps) for one in steps)
