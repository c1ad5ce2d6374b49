from __future__ import annotations

import pytest

from paars_gym.config import RunConfig
from paars_gym.probes.probe import ProbeResult, run_probe
from paars_gym.report.probe import probe_notes

SILENT = {"parameters": {"sentiment": 0.0, "sentiment_taste": 0.0}}


def probed(name: str, **options: object) -> ProbeResult:
    run = RunConfig(**{"sessions": 60, "max_steps": 30, **options})  # type: ignore[arg-type]
    return run_probe(name, run, pages=10)


def test_a_coefficient_of_nought_is_said() -> None:
    result = probed("review", options=SILENT)
    assert result.cannot_react == "this shopper cannot react: its coefficient of sentiment is 0"
    assert {effect.change.note for effect in result.effects} == {result.cannot_react}
    assert {effect.change.value for effect in result.effects} == {0.0}
    assert "This shopper cannot react: its coefficient of sentiment is 0." in list(probe_notes(result))
    assert not result.uncalibrated


def test_what_a_shopper_does_not_look_at_is_said() -> None:
    """Without a persona there is no brand of interest."""
    result = probed("brand", condition="base")
    assert result.cannot_react == "this shopper cannot react: nothing that it looks at changes"


@pytest.mark.parametrize("name", ["review", "price", "rating", "position", "brand"])
def test_a_shopper_with_a_persona_can_react_to_every_probe(name: str) -> None:
    result = probed(name)
    assert result.cannot_react == ""
    assert result.uncalibrated
    assert any(line.startswith("The shopper is uncalibrated") for line in probe_notes(result))
    assert ", uncalibrated, in mini" in result.summary()


def test_nothing_is_claimed_of_policies_that_do_not_say_what_they_look_at() -> None:
    assert probed("review", policy="uniform").cannot_react == ""
