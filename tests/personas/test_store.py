"""What shoppers told about themselves, from tables."""

from __future__ import annotations

from paars_gym.personas.store import read_attributes


def test_ids_of_a_table_are_text_as_they_stand(tmp_path):
    (tmp_path / "who.csv").write_text("shopper,age,kids\n00418683,35-39,2\n7,,1\n")
    assert read_attributes(tmp_path / "who.csv") == {"00418683": {"age": "35-39", "kids": "2"}, "7": {"kids": "1"}}
