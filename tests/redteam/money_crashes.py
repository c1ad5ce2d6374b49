"""Kills runs that ask a model, again and again at random moments, in processes forked from one with all imports.

    python tests/redteam/money_crashes.py URL KILLS SEED

Works in the folder that it is started in, which holds a shop, people and sessions of people. Prints a JSON list of the
outputs: which verb it was, the name of the model it asked, how often it was killed, and the exit code of its end.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from typer.testing import CliRunner

from paars_gym.cli import app
from paars_gym.llm.limits import Retrying

CONCURRENCY, LIMIT = 4, 20.0
SHOP = ("--catalog", "shop", "--personas", "people.jsonl", "--condition", "base", "--policy", "llm", "--resume")
VERBS: dict[str, tuple[str, ...]] = {
    "simulate": ("simulate", *SHOP, "--sessions", "16", "--out"),
    "abtest": ("abtest", *SHOP, "--treatment", "popularity", "--sessions", "8", "--out"),
    "mine": ("personas", "mine", "--sessions", "humans", "--catalog", "shop", "--out"),
}


def run(verb: str, url: str, name: str) -> int:
    """Runs a command to its end, in this process; its exit code."""
    model = ("--model", f"openai:{name}@{url}", "--price", "1,10", "--max-usd", str(LIMIT))
    out = f"{name}.jsonl" if verb == "mine" else name
    ended = CliRunner().invoke(app, [*VERBS[verb], out, *model, "--concurrency", str(CONCURRENCY)])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        print(ended.exception, file=sys.stderr)
    return getattr(ended.exception, "exit_code", None) or ended.exit_code


def import_all(verb: str, url: str) -> None:
    """Imports what a run of the command does: it runs in a child, for threads of libraries do not survive a fork."""
    told, tell = os.pipe()
    if os.fork() == 0:
        os.close(told)
        run(verb, url, f"first-{verb}")
        with os.fdopen(tell, "w") as out:
            out.write("\n".join(sys.modules))
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as names:
        for name in names.read().split():
            with suppress(Exception):
                importlib.import_module(name)
    os.wait()


def life(verb: str, url: str, name: str, seconds: float | None) -> int | None:
    """Exit code of a run in a process of its own; None where it was killed after so long."""
    child = os.fork()
    if child == 0:
        os._exit(run(verb, url, name))
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        over, status = os.waitpid(child, os.WNOHANG)
        if over:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def main() -> None:
    url, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    Retrying._wait = lambda *_: 0.005  # type: ignore[method-assign,assignment]
    moments, outputs, whole = random.Random(seed), [], {}
    for verb in VERBS:  # to know how long a run takes
        import_all(verb, url)
        started = time.monotonic()
        life(verb, url, f"whole-{verb}", None)
        whole[verb] = time.monotonic() - started
    running: dict[str, dict[str, Any]] = {}
    killed = 0
    while killed < kills or running:
        verb = moments.choice(list(running) if killed >= kills else list(VERBS))
        output = running.setdefault(verb, {"verb": verb, "name": f"{verb}-{len(outputs)}", "kills": 0})
        if not output["kills"]:
            outputs.append(output)
        seconds = None if killed >= kills else moments.random() * whole[verb] * moments.choice((0.4, 0.9))
        output["code"] = life(verb, url, output["name"], seconds)
        if output["code"] is None:
            killed += 1
            output["kills"] += 1
        else:
            del running[verb]
    print(json.dumps(outputs))
    print(f"{killed} kills of {len(outputs)} outputs; whole runs took {whole}", file=sys.stderr)


if __name__ == "__main__":
    main()
