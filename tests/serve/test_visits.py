from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import ShopConfig
from paars_gym.exit_codes import ExitCode
from paars_gym.serve import visits
from paars_gym.serve.tasks import TaskList, read_tasks
from paars_gym.serve.visits import ServedShop, ShopFullError, VisitEnv
from paars_gym.sessions.event import Intention
from paars_gym.sessions.open_visits import OPEN_FOLDER, read_open_visit
from paars_gym.sessions.opening import open_store, read_sessions
from paars_gym.sessions.store import Store
from paars_gym.shop.env import RetailEnv
from paars_gym.simulation.mending import damage_of_run, mend_run
from paars_gym.simulation.read_run import Run

TASKS = (Intention(text="a kettle"), Intention(text="headphones", goal="compare", budget=80))
WALK = ("search[headphones]", "view[k1]", "add_to_cart[k1]", "nonsense", "purchase[]", "stop[]")


@pytest.fixture
def config(catalog: Catalog) -> ShopConfig:
    return ShopConfig(catalog=catalog, page_size=3)


def test_a_visit_is_what_the_environment_plays_and_becomes_a_session_of_people(
    config: ShopConfig, catalog: Catalog, tmp_path: Path
) -> None:
    env = RetailEnv(catalog, page_size=3)
    shown, _ = env.reset(options={"intention": TASKS[0]})
    with ServedShop(tmp_path / "out", config, visitors="people", tasks=TASKS[:1]) as shop:
        visit = shop.begin("ann")
        for action in WALK:
            assert visit.observation == shown
            shown, *_, info = env.step(action)
            visit.act(action)
            assert visit.info == info
        assert visit.end == "stop"
        visit.act("search[more]")
        assert visit.steps == len(WALK)
    (session,) = Store(tmp_path / "out" / "sessions")
    assert (session.shopper, session.intention, session.end) == ("ann", TASKS[0], "stop")
    assert [event.kind for event in session.events] == ["search", "view", "add", "purchase", "stop"]
    times = [event.time for event in session.events]
    assert all(times)
    assert times == sorted(times)  # type: ignore[type-var]
    store = open_store(tmp_path / "out")
    assert not store.provenance.synthetic
    assert store.provenance.times == "all"
    steps = Run(tmp_path / "out").session(session.key).steps
    assert [step.action for step in steps] == list(WALK)
    assert [step.valid for step in steps] == [True, True, True, False, True, True]
    assert steps[0].shown == RetailEnv(catalog, page_size=3).reset(options={"intention": TASKS[0]})[0]
    assert damage_of_run(tmp_path / "out") == {}


def test_sessions_of_agents_are_not_called_peoples(config: ShopConfig, tmp_path: Path) -> None:
    with ServedShop(tmp_path, config, visitors="outside agents") as shop:
        shop.begin("agent").act("stop[]")
    assert open_store(tmp_path).provenance.synthetic


def test_visits_that_go_on_can_be_read_and_those_of_another_day_stay(config: ShopConfig, tmp_path: Path) -> None:
    with ServedShop(tmp_path, config, visitors="people") as shop:
        first, second = shop.begin("ann"), shop.begin("bob")
        first.act("search[kettle]")
        second.act("search[headphones]")
        second.act("stop[]")
        queries = {session.shopper: session.events[0].query for session in read_sessions(tmp_path)}
        assert queries == {"ann": "kettle", "bob": "headphones"}
        assert not open_store(tmp_path).provenance.synthetic
    with ServedShop(tmp_path, config, visitors="people") as shop:
        assert shop.counts == {"": 2}
        shop.begin("cat").act("stop[]")
    assert sorted(session.shopper for session in read_sessions(tmp_path)) == ["ann", "bob", "cat"]
    other = config.model_copy(update={"ranking": "bm25+rating:0.3"})
    with pytest.raises(ValueError, match="other settings: ranking"), ServedShop(tmp_path, other, visitors="people"):
        pass


def test_each_shopper_keeps_an_arm_and_both_arms_fill(config: ShopConfig, tmp_path: Path) -> None:
    with ServedShop(tmp_path, config, visitors="people", treatment="bm25+rating:0.5") as shop:
        arms = {}
        for number in range(40):
            visit = shop.begin(f"visitor-{number}")
            arms[visit.shopper] = visit.arm
            visit.leave()
        assert {shopper: shop.begin(shopper).arm for shopper in arms} == arms
    counts = {name: list(arms.values()).count(name) for name in ("control", "treatment")}
    assert min(counts.values()) > 8
    for name, count in counts.items():
        assert len(open_store(tmp_path / name)) == 2 * count
        assert Run(tmp_path / name).settings.shop.ranking == ("bm25" if name == "control" else "bm25+rating:0.5")


def test_who_says_nothing_for_long_has_left(
    config: ShopConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "MOST_OPEN", 1)
    with ServedShop(tmp_path, config, visitors="people") as shop:
        visit = shop.begin("ann")
        with pytest.raises(ShopFullError, match="1 visits are open"):
            shop.begin("bob")
        shop.end_idle(-1)
        assert visit.end == "stop"
        shop.begin("bob")
    assert len(open_store(tmp_path)) == 2


def test_what_a_torn_file_holds_is_kept_up_to_the_tear(config: ShopConfig, tmp_path: Path) -> None:
    with ServedShop(tmp_path, config, visitors="people") as shop:
        visit = shop.begin("ann")
        for action in WALK[:3]:
            visit.act(action)
        path = tmp_path / OPEN_FOLDER / f"{visit.key}.jsonl"
        raw = path.read_bytes()
    lines = raw.splitlines(keepends=True)
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(raw[:-5])
    assert len(read_open_visit(torn).steps) == 2  # type: ignore[union-attr]
    torn.write_bytes(lines[0] + lines[1].replace(b"headphones", b"something!") + lines[2])
    assert read_open_visit(torn).steps == ()  # type: ignore[union-attr]
    for nothing in (b"", raw[:30], b"00000000 {}\n", b"\xff\xfe\n"):
        torn.write_bytes(nothing)
        assert read_open_visit(torn) is None
    (tmp_path / OPEN_FOLDER / "lost.jsonl").write_bytes(lines[0] + b"rubbish\n")
    with ServedShop(tmp_path, config, visitors="people"):
        pass
    assert [path.name for path in (tmp_path / OPEN_FOLDER).iterdir()] == ["lost.damaged"]


def test_a_damaged_log_of_people_is_mended_as_peoples(config: ShopConfig, tmp_path: Path) -> None:
    with ServedShop(tmp_path, config, visitors="people") as shop:
        for name in ("ann", "bob"):
            shop.begin(name).act("stop[]")
    (tmp_path / "sessions.jsonl").write_bytes(b"rubbish\n" + (tmp_path / "sessions.jsonl").read_bytes())
    shutil.rmtree(tmp_path / "sessions")
    mended = mend_run(tmp_path)
    assert (mended.sessions, mended.to_play) == (2, 0)
    store = open_store(tmp_path)
    assert (len(store), store.provenance.synthetic) == (2, False)


def test_tasks_are_dealt_evenly_and_never_twice_to_one_shopper() -> None:
    tasks = [Intention(text=f"need {number}") for number in range(3)]
    deck = TaskList(tasks, seed=1)
    dealt = [deck.deal(f"shopper-{number}") for number in range(30)]
    assert {task.text: dealt.count(task) for task in tasks} == {task.text: 10 for task in tasks}
    assert len({deck.deal("ann").text for _ in range(3)}) == 3  # type: ignore[union-attr]
    assert deck.deal("ann") in tasks
    assert TaskList([]).deal("ann") is None
    again = TaskList(tasks, seed=1)
    assert [again.deal(f"shopper-{number}") for number in range(30)] == dealt


def test_a_file_of_tasks(tmp_path: Path) -> None:
    file = tmp_path / "needs.txt"
    file.write_text(
        'a kettle\n\n{"text": "headphones", "goal": "compare", "budget": 80}\n'
        '{"intention": {"text": "x"}, "shopper": "a"}\n'
    )
    assert read_tasks(file) == (*TASKS, Intention(text="x"))
    for content, says in (
        (b"", "no task"),
        (b"\xff\xfe", "UTF-8"),
        (b"a\n{nothing", "line 2: '{nothing' is no JSON"),
        (b'{"text": ""}', "line 1: text"),
        (b'{"text": "a", "colour": "red"}', "line 1: colour"),
        (b"x" * 2_001, "2,001"),
    ):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=says):
            read_tasks(file)


def test_an_environment_of_visits(config: ShopConfig, tmp_path: Path) -> None:
    with ServedShop(tmp_path, config, visitors="people", max_steps=2) as shop:
        env = VisitEnv(shop, "ann")
        env.reset()
        assert env.step("search[kettle]")[2:4] == (False, False)
        assert env.step("search[kettle]")[2:4] == (False, True)
        env.reset()
        assert env.step("stop[]")[2:4] == (True, False)
    assert sorted(session.end for session in open_store(tmp_path)) == ["max_steps", "stop"]


def test_killing_the_shop_loses_no_step(tmp_path: Path) -> None:
    code = (
        "import time\nfrom paars_gym.serve.visits import ServedShop\n"
        f"with ServedShop({str(tmp_path / 'out')!r}, visitors='people') as shop:\n"
        "    visit = shop.begin('ann')\n    visit.act('search[kettle]')\n    visit.act('view[M01011]')\n"
        "    print('acted', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "acted\n"
        process.kill()
    for _ in range(2):  # before and after the shop opens again
        (session,) = read_sessions(tmp_path / "out")
        assert [event.kind for event in session.events] == ["search", "view"]
        with ServedShop(tmp_path / "out", visitors="people"):
            pass
    assert damage_of_run(tmp_path / "out") == {}


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_command_closes_in_order(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "paars_gym", "play", "--web", "--port", "0", "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        assert "The shop is open at http://127.0.0.1:" in process.stdout.readline()
        time.sleep(0.3)
        os.kill(process.pid, number)
        said = process.communicate(timeout=20)[0]
    assert said == f"0 visits in {tmp_path / 'out'}.\n"
    assert process.returncode == ExitCode.DONE
