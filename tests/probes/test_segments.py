from __future__ import annotations

import pytest

from paars_gym.probes.segments import group, segment_name, segment_of
from tests.probes.people import people


def test_segments_of_a_persona() -> None:
    low, high = people(2)
    assert segment_of(low, "price_sensitivity") == "price_sensitivity low"
    assert segment_of(high, "price_sensitivity") == "price_sensitivity high"
    assert segment_of(low, "review_reliance") == "review_reliance unknown"
    assert segment_of(low, "age_range") == "age_range unknown"


def test_the_beginning_of_a_name_will_do_where_it_is_the_only_one() -> None:
    assert segment_name("income") == "income_band"
    assert segment_name("home") == "home"
    with pytest.raises(ValueError, match="may be brand_reputation or brand_loyalty"):
        segment_name("brand")
    for unknown in ("mood", "", "shopper", "categories"):
        with pytest.raises(ValueError, match="Unknown segment"):
            segment_name(unknown)


def test_small_segments_are_pooled_when_together_they_are_enough() -> None:
    asked = people(100, ("25-49K", "25-49K", "25-49K", "150K+", "under 25K"))
    segments = group(asked, "income", smallest=30)
    assert segments.names == ("income_band 25-49K", "others")
    assert (segments.of.count("others"), segments.of.count("income_band 25-49K")) == (40, 60)
    assert segments.small == {"income_band under 25K": 20, "income_band 150K+": 20}
    assert group(asked, "income", smallest=20).names == (
        "income_band under 25K", "income_band 25-49K", "income_band 150K+",
    )  # fmt: skip


def test_what_is_too_small_even_so_is_left_out() -> None:
    segments = group(people(24, ("25-49K",) * 5 + ("150K+",)), "income")
    assert segments.names == ("income_band 25-49K",)
    assert segments.of.count("") == 4
    assert segments.small == {"income_band 150K+": 4}


def test_nothing_known_of_anybody() -> None:
    segments = group(people(40), "income")
    assert segments.names == ()
    assert segments.small == {}
