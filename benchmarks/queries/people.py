"""Whose queries are to be met, and for which titles? (PAARS section 4.3, the test set of query generation.)"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.mini_people import mini_people
from benchmarks.settings import SESSION_SEED, SESSIONS
from paars_gym.alignment import mine_query_pairs
from paars_gym.alignment.query_generation import QueryPair
from paars_gym.personas.persona import Persona
from paars_gym.personas.store import read_personas

WEBSHOP = Path(__file__).resolve().parents[3] / "shared" / "data" / "webshop_human" / "goal_query_map.json"


class QueryPeople(NamedTuple):
    """People's queries, each with the title viewed next.

    Attributes:
        name: How reports call the people, with whether they are real.
        pairs: One a session at most.
        personas: By shopper; empty where nothing is known of them.
        twice: First and second query of those who are known to have asked twice for one thing.
        notes: What these data cannot say.
    """

    name: str
    pairs: Sequence[QueryPair]
    personas: Mapping[str, Persona] = {}
    twice: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()


def find_people(
    human: str | Path | None = None,
    *,
    personas: Path | None = None,
    sessions: int = SESSIONS,
    seed: int = SESSION_SEED,
) -> QueryPeople:
    """The people to be met.

    Args:
        human: ``webshop``, ``mini``, or the folder of a store; None for WebShop's people where their data is at hand,
            else those of mini.
        personas: File of personas of the log's shoppers; pairs of shoppers who have none are left out.
        sessions: Of mini's people.
        seed: Of mini's people.

    Raises:
        FileNotFoundError: The data is not there.
        ValueError: The log holds no pairs, or nobody has a persona.
    """
    if human is None:
        human = "webshop" if WEBSHOP.is_file() else "mini"
    if human == "webshop":
        pairs, twice = webshop_pairs()
        name = "real people (WebShop demonstrations); goal text stands for the title"
        notes = ["Whoever searched had read the goal, and could repeat it: similarity is higher than from titles."]
        found = QueryPeople(name, pairs, {}, twice, notes)
    elif human == "mini":
        found = _mini(sessions, seed)
    else:
        mined = mine_query_pairs(Path(human))
        found = QueryPeople(f"the log {Path(human).name}", mined.pairs, {}, (), mined.notes)
    if personas is not None:
        known = {persona.shopper: persona for persona in read_personas(personas)}
        kept = [pair for pair in found.pairs if pair.shopper in known]
        lost = len(found.pairs) - len(kept)
        note = [f"{lost:,} pairs of shoppers without a persona were left out."] if lost else []
        found = found._replace(pairs=kept, personas=known, notes=[*found.notes, *note])
    if not found.pairs:
        raise ValueError(f"No pair of a query and a title in {found.name}: nothing can be compared.")
    return found


def _mini(sessions: int, seed: int) -> QueryPeople:
    people = mini_people(sessions, seed)
    mined = mine_query_pairs(people.sessions)
    told = (
        f"{len(mined.pairs):,} of {mined.sessions:,} sessions give a pair: their first search, if the next "
        "event is a view within 60 s."
    )
    invented = "The people of mini are invented: their queries are cut from titles, which makes them easy to meet."
    return QueryPeople(people.name, mined.pairs, people.personas, (), [told, *mined.notes, invented])


def webshop_pairs(path: Path = WEBSHOP) -> tuple[list[QueryPair], list[tuple[str, str]]]:
    """Goals with their first query, and (first, second) query of goals that have two different ones.

    Raises:
        FileNotFoundError: The data is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"No WebShop demonstrations in {str(path)!r}; score a log of your own (--human STORE) or --human mini."
        )
    found: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    asked = {goal: [query for query in queries if query.strip()] for goal, queries in found.items() if goal.strip()}
    pairs = [
        QueryPair(str(i), str(i), queries[0], None, goal) for i, (goal, queries) in enumerate(asked.items()) if queries
    ]
    twice = [(queries[0], queries[1]) for queries in asked.values() if len(queries) > 1 and queries[0] != queries[1]]
    return pairs, twice
