"""The same visits to many arms at once, in units sold: played straight in the shop, chunk by chunk, and kept.

Three things make a small standard error cheap. There are more people rather than more visits of each. A visit keeps its
draws from arm to arm. And what can be known is not drawn: people who would buy nothing today are not played, and where
a product that is open is bought by chance, the chance is counted and not the purchase (``expected_units``).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import paars_gym
from benchmarks.processes import workers
from benchmarks.validity.treatments import treatments
from paars_gym.abtest.arms import Arm, open_arm
from paars_gym.abtest.estimate import ArmContrast, paired_difference
from paars_gym.cache import cache_dir
from paars_gym.catalog.load import load_catalog
from paars_gym.config import ShopConfig
from paars_gym.personas.persona import ConsumerProfile, Persona
from paars_gym.sessions.event import session_rng
from paars_gym.sessions.split import is_held_out
from paars_gym.shop.rewards import NoReward
from paars_gym.shop.shop import Shop
from paars_gym.shop.visit import Visit
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.protocol import Policy
from paars_gym.shoppers.reference_prices import shared_prices
from paars_gym.synthetic.kinds import SyntheticPeople
from paars_gym.synthetic.people import preferences_of
from paars_gym.synthetic.visit import MOST_STEPS, Outing
from paars_gym.synthetic.world import World, mini_world

Floats = npt.NDArray[np.float64]
CHUNK = 500
"""Visits that are kept together."""
SHOPPER_STEPS = 50
ROOMS = ("catalog", "ranking", "shop", "synthetic")
"""Whose code decides what people do in an arm."""


class Crowd(NamedTuple):
    """Who comes.

    Attributes:
        kind: Of people, one of `paars_gym.synthetic.kinds.KINDS`; of shoppers, ``shopper``.
        n_people: People of the world.
        judging: Whether they are of the half that judges.
        seed: Of the world, and of the visits.
        options: Of the behavioural shopper, as JSON; empty for people.
        arms: Which arms are played, the control first: by number, 0 being bm25, or rankings.
    """

    kind: str
    n_people: int
    judging: bool
    seed: int
    options: str
    arms: tuple[int | str, ...]


class UnitsSold(NamedTuple):
    """Units sold in each visit to each arm.

    Attributes:
        shoppers: Whose visits, length n.
        units: Shape (n, arms); the control comes first.
    """

    shoppers: list[str]
    units: Floats

    def effect(self, column: int) -> ArmContrast:
        """The paired effect of an arm, clustered by shopper."""
        return paired_difference(self.units[:, 0], self.units[:, column], self.shoppers)


class ExpectedSales(BehaviouralShopper):
    """The behavioural shopper, with its expected sales beside what it happens to buy.

    Each product that it has open is put into the cart by a probability; the sum of these has the same mean as the
    number of lines put there (it is its compensator), and a cart is bought by one more probability, whatever is in it.
    """

    def reset(self, *args: Any) -> None:
        """See `Policy.reset`."""
        super().reset(*args)
        self._adding: Any = _Compensator(self._adding)

    @property
    def expected_units(self) -> float:
        """Lines bought, expected."""
        return self._adding.hazards / (1 + math.exp(-self.parameters.checkout))  # type: ignore[no-any-return]


class _Compensator:
    """A clock that adds up the probabilities of the questions it is asked."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.hazards = 0.0
        self.rewind = clock.rewind

    def strikes(self, utility: float) -> bool:
        self.hazards += 1 / (1 + math.exp(-utility)) if utility > -700 else 0.0
        return bool(self._clock.strikes(utility))


def play(
    crowd: Crowd, n_visits: int, *, processes: int = 1, progress: Callable[[str], None] = lambda _: None
) -> UnitsSold:
    """A crowd's visits to the arms; what was played before is read from the cache.

    Args:
        crowd: Who comes.
        n_visits: How many, rounded up to whole chunks.
        processes: At once.
        progress: Told what is being played.
    """
    folder = cache_dir("abtest_validity") / _key(crowd)
    folder.mkdir(exist_ok=True)
    numbers = range(-(-n_visits // CHUNK))
    todo = [number for number in numbers if not (folder / f"{number:05d}.npz").is_file()]
    if processes == 1 or len(todo) < 2:
        for number in todo:
            progress(f"{crowd.kind}: chunk {number + 1} of {len(numbers)}")
            _play_chunk(crowd, folder, number)
    else:
        with workers(processes) as pool:
            for number, _ in enumerate(pool.map(partial(_play_chunk, crowd, folder), todo)):
                progress(f"{crowd.kind}: chunk {number + 1} of {len(todo)} left")
    shoppers: list[str] = []
    units = []
    for number in numbers:
        with np.load(folder / f"{number:05d}.npz") as chunk:
            shoppers += chunk["shoppers"].tolist()
            units.append(chunk["units"])
    return UnitsSold(shoppers, np.concatenate(units))


def all_arms() -> list[Arm]:
    """The control, and every treatment."""
    return [Arm("bm25"), *(treatment.arm for treatment in treatments(load_catalog("mini")))]


def _arm(arm: int | str) -> Arm:
    return Arm(arm) if isinstance(arm, str) else all_arms()[arm]


def _play_chunk(crowd: Crowd, folder: Path, number: int) -> None:
    shops = [_shop(arm) for arm in crowd.arms]
    shoppers, rows = [], []
    for outing in _outings(crowd, number):
        shoppers.append(outing.person.name)
        rows.append(_units(crowd, number, outing, shops))
    kept = folder / f".{number:05d}-{os.getpid()}.npz"
    np.savez_compressed(kept, shoppers=np.array(shoppers), units=np.array(rows))
    kept.replace(folder / f"{number:05d}.npz")


def _outings(crowd: Crowd, number: int) -> Iterator[Outing]:
    """A chunk of visits of one half of the people; each chunk has a seed of its own."""
    people, kept = _people(crowd), 0
    for outing in people.outings(1_000 * CHUNK, seed=(crowd.seed + 1) * 1_000_000 + number):
        if is_held_out(outing.person.name) == crowd.judging:
            yield outing
            kept += 1
            if kept == CHUNK:
                return


def _units(crowd: Crowd, number: int, outing: Outing, shops: Sequence[Shop]) -> list[float]:
    persona, intention = _personas(crowd)[outing.person.name], outing.need.intention
    rng = session_rng(crowd.seed, f"{number} {outing.key}")
    state = rng.bit_generator.state
    people = _people(crowd)
    sold: list[float] = []
    for shop in shops:
        rng.bit_generator.state = state
        policy: Policy = (
            people.policy(outing.again()) if crowd.kind != "shopper" else ExpectedSales(**_options(crowd.options))
        )
        policy.reset(persona, intention, rng)
        if not getattr(policy, "buys", True):
            return [0.0] * len(shops)
        visit = Visit(shop, max_steps=MOST_STEPS, reward=NoReward())
        info = visit.begin(intention)[1]
        for _ in range(SHOPPER_STEPS if crowd.kind == "shopper" else MOST_STEPS):
            move = visit.make_move(policy.act("", info))[0]
            if move.ends:
                break
            info = move.info
        expected = getattr(policy, "expected_units", None)
        sold.append(float(sum(line.units for line in visit.bought)) if expected is None else expected)
    return sold


@lru_cache(maxsize=2)
def _world(n_people: int, seed: int) -> World:
    return mini_world(n_shoppers=n_people, seed=seed)


@lru_cache(maxsize=8)
def _people(crowd: Crowd) -> SyntheticPeople:
    kind = "habitual" if crowd.kind == "shopper" else crowd.kind
    return SyntheticPeople(kind, _world(crowd.n_people, crowd.seed))


@lru_cache(maxsize=8)
def _personas(crowd: Crowd) -> dict[str, Persona]:
    """Whole ones for shoppers, who come from a small world; of people only what they look at themselves."""
    world = _world(crowd.n_people, crowd.seed)
    if crowd.kind == "shopper":
        return {persona.shopper: persona for persona in world.personas}
    return {
        person.name: Persona(
            shopper=person.name, profile=ConsumerProfile(), preferences=preferences_of(person), source="synthetic"
        )
        for person in world.people
    }


@cache
def _shop(arm: int | str) -> Shop:
    return open_arm(_arm(arm), ShopConfig(catalog=load_catalog("mini"))).shop


@lru_cache(maxsize=8)
def _options(options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(options)
    if "reference_prices" in found:
        found["reference_prices"] = shared_prices(found["reference_prices"])
    return found


@lru_cache(maxsize=2)
def code_digest(*, fits: bool = False) -> str:
    """A digest of the code that decides what is played."""
    here, rooms = Path(paars_gym.__file__).parent, (*ROOMS, "shoppers") if fits else ROOMS
    files = [file for room in rooms for file in sorted((here / room).glob("*.py"))]
    files += [here / "abtest" / "arms.py", here / "abtest" / "patch.py", here / "sessions" / "event.py"]
    files += sorted(Path(__file__).parent.glob("[tv]*ts.py"))
    return hashlib.blake2b(b"".join(file.read_bytes() for file in files)).hexdigest()


def _key(crowd: Crowd) -> str:
    """Of the folder: who, in which arms, by which code."""
    arms = repr([_arm(arm) for arm in crowd.arms])
    parts = "\n".join((repr(crowd), arms, load_catalog("mini").fingerprint, code_digest(fits=crowd.kind == "shopper")))
    return f"{crowd.kind}-{hashlib.blake2b(parts.encode(), digest_size=12).hexdigest()}"
