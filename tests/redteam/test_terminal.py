"""Does anything in data, names or command lines steer a terminal, hide something, or get lost in an encoding?

The texts are data: ``texts/terminal.jsonl`` must be taken apart, ``texts/kept.jsonl`` must stay as it is.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from paars_gym.catalog.load import load_catalog
from paars_gym.cli import app
from paars_gym.estimate import Estimate, Estimates
from paars_gym.llm.scripted import Line
from paars_gym.personas.store import write_personas
from paars_gym.printable import LOOK_ALIKES, ascii_json, clean
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.shop.env import RetailEnv
from tests.benchmarks.running import run_main
from tests.probes.people import people

FOLDER = Path(__file__).parent / "texts"


def texts(name: str) -> dict[str, str]:
    return dict(json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines())


BAD, KEPT = texts("terminal.jsonl"), texts("kept.jsonl")
ALL = " ".join(BAD.values())
CELLS = [text.replace("\r", "").replace("\x00", "").replace("\ud83d", "") for text in BAD.values()]
"""For files of lines in UTF-8."""
NAMED = " ".join(CELLS)
PLAIN = ("oops[/nope]", "[red]red[/red]", "g:id :smile:", "[link=http://example.com]x[/link]")
"""What of them has to be read letter by letter."""
FILLERS = "\u115f\u1160\u3164\uffa0"


def hidden(text: str) -> list[str]:
    """What of a text shows nothing or changes how the rest is shown, found otherwise than the package does."""
    found = []
    for before, one in zip(" " + text, text, strict=False):
        category = unicodedata.category(one)
        joins = one in "\u200c\u200d" and not before.isascii()
        steers = category in ("Cc", "Cf", "Cs", "Zl", "Zp") and one not in "\n\t" and not joins
        if steers or one in FILLERS or 0xE0100 <= ord(one) <= 0xE01EF:
            found.append(f"U+{ord(one):04X}")
    return found


@pytest.mark.parametrize("name", BAD)
def test_nothing_hidden_is_left(name: str) -> None:
    shown = clean(BAD[name])
    assert hidden(shown) == []
    assert clean(shown) == shown
    letters = [one for one in BAD[name] if one.isascii() and one.isprintable()]
    assert [one for one in shown if one.isascii() and one.isprintable()] == letters, "what can be read stays"


@pytest.mark.parametrize("name", KEPT)
def test_languages_keep_what_is_theirs(name: str) -> None:
    assert clean(KEPT[name]) == KEPT[name]


@pytest.mark.parametrize("name", BAD)
def test_a_page_of_everything_that_can_be_printed(name: str) -> None:
    text = BAD[name]
    printer = Printer(width=90, file=io.StringIO(), record=True)
    table = Table(text, "n", title=text, caption=text)
    table.add_row(text, Text(text, style="red"))
    printer.print(table, text, Text(text))
    printer.notice(text, text)
    printer.write(text)
    assert isinstance(printer.file, io.StringIO)
    said = printer.file.getvalue()
    assert hidden(said) == []
    frame = [line for line in said.splitlines() if line[:1] in tuple("┏┃┡│└")]
    assert len({cell_len(line) for line in frame}) == 1, "removed characters move no border"
    for files in (printer.export_html(clear=False), printer.export_svg(clear=False), printer.export_text()):
        assert hidden(files) == []
        assert "<script>" not in files or "&lt;script" in files or files.startswith(" ")


def test_progress_on_a_pipe_says_a_line_every_so_often() -> None:
    printer = Printer(file=io.StringIO())
    with Progress(printer, "getting [red] ready\x1b[2J", every=0.02) as progress:
        progress._over.wait(0.1)
        progress.update(f"playing {ALL}", 0, 100)
        progress.update(f"playing {ALL}", 50, 100)
        progress._over.wait(0.1)
    assert isinstance(printer.file, io.StringIO)
    lines = printer.file.getvalue().splitlines()
    assert lines[0] == "0 s: getting [red] ready[2J"
    assert lines[-1].startswith("0 s: playing ")
    assert lines[-1].rstrip().endswith(" s left")
    assert hidden("\n".join(lines)) == []


def test_a_short_work_says_nothing_on_a_pipe() -> None:
    printer = Printer(file=io.StringIO())
    with Progress(printer) as progress:
        progress.update("done", 1, 1)
    assert isinstance(printer.file, io.StringIO)
    assert printer.file.getvalue() == ""


def test_progress_in_a_notebook_redraws_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-color")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as kernels of notebooks do
    printer = Printer(file=io.StringIO())
    assert printer.is_terminal
    with Progress(printer) as progress:
        assert progress._live is None
    assert isinstance(printer.file, io.StringIO)
    assert printer.file.getvalue() == ""


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    printer = Printer(file=io.StringIO(), width=80)
    printer._force_terminal = printer.is_interactive = True
    with Progress(printer, "oops[/nope] g:id \x1b]0;owned\x07") as progress:
        progress.update("half [bold] of it \u202e", 1, 2)
        assert progress._live is not None
        progress._live.refresh()
    assert isinstance(printer.file, io.StringIO)
    said = printer.file.getvalue()
    assert "half [bold] of it" in said
    assert "\x1b]0" not in said
    assert "\u202e" not in said


def test_a_repr_and_a_page_of_a_notebook() -> None:
    shown = Estimates({ALL: Estimate(0.1)}, title=ALL)
    assert hidden(repr(shown)) == []
    assert hidden(shown.to_html()) == []
    assert "<script>" not in shown.to_html()


def catalog(folder: Path) -> None:
    with (folder / "feed.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "title", "price", "category", "brand", *CELLS])
        for number in range(6):
            rows.writerow([f"k{number}", f"kettle {NAMED}", 9.5 + number, NAMED, NAMED, *CELLS])
    run("catalog", "build", "feed.csv", "--out", "oops[/nope]", "--name", NAMED)


def run(*words: str, code: int = 0) -> str:
    done = run_main(app, *words)
    assert done.exit_code == code, done.stderr[-2000:]
    assert hidden(done.output + done.stderr) == []
    return done.output + done.stderr


def of_catalogs(folder: Path) -> str:
    catalog(folder)
    return run("catalog", "describe", "oops[/nope]")


def of_tests(folder: Path) -> str:
    catalog(folder)
    return run("abtest", "--catalog", "oops[/nope]", "--treatment", "price", "--sessions", "4")


def of_play(folder: Path) -> str:
    catalog(folder)
    typed = iter(["search[kettle]", "view[k1]"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.input", lambda _: next(typed, "q"))
        said = run("play", "--catalog", "oops[/nope]", "--intention", ALL.replace("\ud83d", ""))
    env = RetailEnv(load_catalog("oops[/nope]"), render_mode="human")
    with redirect_stdout(io.StringIO()) as shown:
        env.reset()
        env.step("search[kettle]")
    assert hidden(shown.getvalue()) == []
    return said + run("prompt", "show", "--task", "item", "--catalog", "oops[/nope]")


def of_logs(folder: Path) -> str:
    with (folder / "log.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user", "time", "event", "query", "item", *CELLS])
        for number in range(4):
            rows.writerow([f"u{number}", f"2025-03-01T10:0{number}:00Z", "search", NAMED, "", *CELLS])
            rows.writerow([f"u{number}", f"2025-03-01T10:0{number}:09Z", f"odd {NAMED}", "", "k1", *CELLS])
    said = run("sessions", "import", "log.csv", "--propose")
    mapping = "shopper=user,time=time,kind=event,query=query,product=item"
    said += run("sessions", "import", "log.csv", "--map", mapping, "--format", "generic", "--out", "s", "--name", NAMED)
    return said + run("sessions", "describe", "s")


def of_past_tests(folder: Path) -> str:
    with (folder / "past.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["test", "human_effect", "human_low", "human_high", "human_sessions", "simulated_effect"])
        for number, name in enumerate(CELLS):
            rows.writerow([f"{number} {name}", 0.01 * number, 0.01 * number - 0.01, 0.01 * number + 0.01, 100, 0.02])
    return run("backtest", "past.csv")


def of_surveys(folder: Path) -> str:
    write_personas(folder / "people.jsonl", people(2, ("25-49K", "150K+")))
    escaped = ("".join(f"\\U{ord(one):08x}" for one in text) for text in CELLS)
    Path("questions.yaml").write_text("".join(f'- {{id: q{n}, text: "{text}"}}\n' for n, text in enumerate(escaped)))
    lines = [Line(text=json.dumps({"answer": text})) for text in CELLS for _ in range(2)]
    Path("replies.jsonl").write_text("".join(line.model_dump_json() + "\n" for line in lines))
    return run("survey", "questions.yaml", "--personas", "people.jsonl", "--model", "scripted:replies.jsonl")


def of_mistakes(_: Path) -> str:
    words = ("score", "--human", ALL, "--agents", "x"), (ALL,), ("score", f"--{ALL}"), ("play", "--max-steps", ALL)
    return "".join(run(*typed, code=2) for typed in words)


DOORS = (of_catalogs, of_tests, of_play, of_logs, of_past_tests, of_surveys, of_mistakes)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_whatever_way_they_come_in(
    door: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = " ".join(door(tmp_path).split())
    assert any(plain in said for plain in PLAIN), said[:3000]


def in_encoding(encoding: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """A command whose streams are in an encoding, as on an old terminal or in a scheduled job."""
    settings = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        return subprocess.run([sys.executable, "-m", "paars_gym", *words], cwd=cwd, capture_output=True)


@pytest.mark.parametrize("encoding", ["cp1252", pytest.param("ascii", marks=pytest.mark.slow)])
def test_the_result_of_a_test_survives_an_encoding(encoding: str, tmp_path: Path) -> None:
    done = in_encoding(encoding, "abtest", "--treatment", "rating", "--sessions", "6", cwd=tmp_path)
    said = done.stdout.decode(encoding)
    assert done.returncode == 0, done.stderr
    assert "sales_units" in said
    assert ("×" if encoding == "cp1252" else "6 pairs x 1 draws") in said
    assert "| -> " in said or "-> " in said
    assert "?" not in said.split("Needs:")[0]


def test_json_is_ascii_and_says_the_same() -> None:
    value = {"name": [one for one in (*BAD.values(), *KEPT.values()) if "\ud83d" not in one]}
    text = ascii_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert text.isascii()
    assert json.loads(text) == value
    assert hidden(text) == []


def test_look_alikes() -> None:
    assert "Table 2 – KL(people‖agents) → 1.5× … ●".encode("ascii", LOOK_ALIKES) == (
        b"Table 2 - KL(people||agents) -> 1.5x ... *"
    )
    assert "水 é".encode("cp1252", LOOK_ALIKES) == b"? \xe9"


@pytest.mark.parametrize("words", [("abtest", "--treatment", "rating", "--sessions", "6", "--json"), ("--help",)])
def test_a_reader_who_goes_early_ends_nothing_in_a_traceback(words: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "paars_gym", *words]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
