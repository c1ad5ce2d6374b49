"""Step records on disk: what is written is read again, and what is damaged costs no more than itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from paars_gym.sessions.step import ModelTurn, StepRecord
from paars_gym.simulation.steps import StepReader, StepWriter

SYSTEM = {"role": "system", "text": "You are a shopper. " * 40}


def records(session: str, steps: int = 3) -> list[StepRecord]:
    def turn(number: int) -> ModelTurn:
        return ModelTurn(
            prompt=(SYSTEM, {"role": "user", "text": f"page {number}"}),
            said={"role": "assistant", "text": "half a pair: \ud800"},
            parameters={"tools": [{"name": "view", "parameters": {"b": 1, "a": 2}}], "seed": 7},
            tokens={"input": 30, "output": number},
            latency_seconds=0.25,
            from_cache=True,
            not_sent=("temperature",),
        )

    return [
        StepRecord(
            session=session,
            step=number,
            shown=f"Page {number % 2}. " * 50,
            action="view[k1]",
            valid=True,
            page="product",
            product="k1",
            cart=(("k1", 2),),
            model=turn(number),
        )
        for number in range(1, steps + 1)
    ]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    with StepWriter(tmp_path / "steps") as writer:
        for session in "abc":
            writer.add(session, records(session))
    return tmp_path / "steps"


def test_what_is_written_is_read_again_and_the_last_of_a_session_counts(whole: Path) -> None:
    with StepWriter(whole) as writer:
        writer.add("a", records("a", 2))
    reader = StepReader(whole)
    assert reader.keys() == ("b", "c", "a")
    assert [list(reader.read(session)) for session in "abc"] == [records("a", 2), records("b"), records("c")]
    # Key order is part of the exact prompt: a model reads the parameters of a tool in it.
    model = reader.read("b")[0].model
    assert model is not None
    assert list(model.parameters["tools"][0]["parameters"]) == ["b", "a"]
    with pytest.raises(KeyError, match="'x'"):
        reader.read("x")
    with pytest.raises(FileNotFoundError, match="no step records"):
        StepReader(whole / "nowhere")


@pytest.mark.skipif(shutil.which("zstd") is None, reason="the zstd command is not here")
def test_the_zstd_command_prints_each_text_once(whole: Path) -> None:
    printed = subprocess.run(["zstd", "-dc"], input=whole.read_bytes(), capture_output=True, check=True).stdout.decode()
    assert printed.count("You are a shopper. " * 40) == 1
    assert printed.count('"step":{') == 9


def test_from_any_byte_on_a_cut_file_goes_on(whole: Path) -> None:
    content = whole.read_bytes()
    sizes = []
    for cut in {*range(0, len(content), 7), len(content)}:
        whole.write_bytes(content[:cut])
        with StepWriter(whole) as writer:
            assert writer.damaged == []
        sizes.append(whole.stat().st_size)
    assert len(set(sizes)) == 4, sizes
    assert not whole.with_name("steps.damaged").exists()
    whole.write_bytes(content[:-1])
    with StepWriter(whole) as writer:
        writer.add("c", records("c"))
    assert whole.read_bytes() == content


def test_any_damaged_byte_is_set_aside_with_its_session_alone(whole: Path) -> None:
    content = whole.read_bytes()
    for place in range(0, len(content), 11):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        whole.write_bytes(damaged)
        with StepWriter(whole) as writer:
            writer.add("d", records("d"))
        reader = StepReader(whole)
        assert len(reader.keys()) == 3
        assert list(reader.read("d")) == records("d")
        if "b" in reader and "a" not in reader:
            # Its texts stood in what is lost, and stand now in what came after.
            assert list(reader.read("b")) == records("b")
    assert whole.with_name("steps.damaged").stat().st_size > 0


def test_texts_in_a_damaged_part_are_named_and_left_out(whole: Path) -> None:
    damaged = bytearray(whole.read_bytes())
    damaged[200] ^= 0xFF  # in the frame of session a, which holds the texts that all three share
    whole.write_bytes(damaged)
    reader = StepReader(whole)
    assert reader.keys() == ("b", "c")
    steps = reader.read("b")
    assert [step.lost for step in steps] == [
        ("shown", "said", "prompt[0]", "prompt[1]", "parameters[tools]", "parameters[seed]")
    ] * 3
    for step, before in zip(steps, records("b"), strict=True):
        assert before.model is not None
        gone = before.model.model_copy(update={"prompt": (), "said": {}, "parameters": {}})
        assert step.model_copy(update={"lost": ()}) == before.model_copy(update={"shown": "", "model": gone})


def test_keys_of_the_environment_are_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_API_KEY", "planted-secret")
    secret = StepRecord(
        session="a",
        step=1,
        action=None,
        valid=False,
        shown="planted-secret",
        failure="HTTPError: planted-secret",
        model=ModelTurn(prompt=({"role": "system", "text": "my key: planted-secret"},)),
    )
    with StepWriter(tmp_path / "steps") as writer:
        writer.add("a", [secret])
    (read,) = StepReader(tmp_path / "steps").read("a")
    assert read.model is not None
    assert (read.shown, read.failure) == ("[key]", "HTTPError: [key]")
    assert read.model.prompt[0]["text"] == "my key: [key]"
