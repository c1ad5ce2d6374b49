"""``python -m benchmarks.composed_groups``: groups of people held out, composed of others, and what both really bought.

801 households of Complete Journey told who they are. Each group in turn is taken away, composed again by
`paars_gym.personas.sampling` from everybody else, and compared in what it bought: is a composed group nearer to the
people whose place it takes than any others are?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table

from benchmarks.persona_validity import household_answers
from paars_gym.alignment.divergences import jensen_shannon
from paars_gym.alignment.resampling import percentile_interval
from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.estimate import Estimate
from paars_gym.files import write_whole
from paars_gym.personas.persona import TRAITS, ConsumerProfile, Persona, ShoppingPreferences, Trait
from paars_gym.personas.sampling import Quota, sample_personas
from paars_gym.report.printing import Printer
from paars_gym.report.progress import Progress
from paars_gym.sessions.event import session_rng
from paars_gym.sessions.purchases import ProductLog
from paars_gym.tasks.people import reference_people

Floats = npt.NDArray[np.float64]
LEAST, MOST = 40, 0.6
"""Households of a group that is held out, and its share of all who told."""
DRAWS, SEED = 40, 7


class Composed(NamedTuple):
    """A group and two stand-ins.

    Attributes:
        group: Trait and value.
        people: Households in it.
        composed: JS of its purchases and those of the composed group, 1/1000 nats, mean of many draws.
        others: The same for as many households drawn from everybody else.
        gain: ``others`` less ``composed``; above 0 composing helps. Its interval resamples the group's households.
        floor: One half of the group beside the other half.
    """

    group: str
    people: int
    composed: float
    others: float
    gain: Estimate
    floor: float


def category_shares(log: ProductLog) -> dict[str, Floats]:
    """Shares of each household's purchase lines by department, shape (departments,)."""
    departments = [path[0] if path else "" for path in log.catalog.frame("category")["category"].to_list()]
    names = {name: at for at, name in enumerate(sorted(set(departments)))}
    code = np.array([names[name] for name in departments])
    found = {}
    for at, shopper in enumerate(log.shoppers):
        mine = slice(int(log.bounds[at]), int(log.bounds[at + 1]))
        counts = np.bincount(code[log.row[mine]][log.bought[mine]], minlength=len(names))
        if counts.sum():
            found[shopper] = counts / counts.sum()
    return found


def run(
    answers: Mapping[str, Mapping[str, str]],
    shares: Mapping[str, Floats],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Composed]:
    """Every group that is large enough.

    Args:
        answers: What each household told, by trait of a profile.
        shares: What it bought, by household.
        draws: Composed groups, and groups of others, for each.
        seed: Of everything random.
        progress: Told which group.
    """
    people = {name: _persona(name, told) for name, told in sorted(answers.items()) if name in shares}
    rows = []
    for trait, (values, _) in TRAITS.items():
        told = [name for name in people if trait in answers[name]]
        for value in values:
            group = [name for name in told if answers[name][trait] == value]
            if not LEAST <= len(group) <= MOST * max(len(told), 1):
                continue
            progress(f"{trait} {value}")
            # Who did not tell might be of the group.
            rest = [name for name in told if answers[name][trait] != value]
            stand_ins = [people[one] for one in rest]
            rows.append(_compare(Quota(trait, {value: 1.0}), group, stand_ins, shares, draws=draws, seed=seed))
    return rows


def _persona(name: str, told: Mapping[str, str]) -> Persona:
    traits = {trait: Trait(value=value, confidence=1.0) for trait, value in told.items()}
    return Persona(
        shopper=name,
        profile=ConsumerProfile().model_copy(update=traits),
        preferences=ShoppingPreferences(),
        source="statistics",
    )


def _compare(
    quota: Quota, group: Sequence[str], rest: Sequence[Persona], shares: Mapping[str, Floats], *, draws: int, seed: int
) -> Composed:
    name = f"{quota.trait} {next(iter(quota.shares))}"
    rng = session_rng(seed, name)
    real = np.array([shares[one] for one in group])
    n = len(group)
    stand_ins = {"composed": np.empty((draws, real.shape[1])), "others": np.empty((draws, real.shape[1]))}
    for draw in range(draws):
        sample = sample_personas(rest, [quota], n, rng=rng)
        stand_ins["composed"][draw] = np.mean([shares[donor] for donor in sample.donors], axis=0)
        picked = rng.choice(len(rest), n)
        stand_ins["others"][draw] = np.mean([shares[rest[one].shopper] for one in picked], axis=0)
    weights = np.vstack([np.full(n, 1 / n), rng.multinomial(n, np.full(n, 1 / n), size=1_000) / n])
    centre = weights @ real
    distance = {
        side: jensen_shannon(centre[:, None, :], drawn[None]).mean(1) * 1000 for side, drawn in stand_ins.items()
    }
    gains = distance["others"] - distance["composed"]
    halves = [rng.permutation(n) for _ in range(draws)]
    floor = np.mean([jensen_shannon(real[one[: n // 2]].mean(0), real[one[n // 2 :]].mean(0)) for one in halves]) * 1000
    spread = percentile_interval(gains[1:], "the group's households")
    gain = Estimate(float(gains[0]), spread, unit="1/1000 nats", sizes={"households": n})
    return Composed(name, n, float(distance["composed"][0]), float(distance["others"][0]), gain, float(floor))


def table(rows: Sequence[Composed]) -> Table:
    """A row a group."""
    shown = Table(title="Purchases by department: JS from the group held out, 1/1000 nats", title_justify="left")
    for column in ("group", "households", "composed", "others", "gain, 95%", "floor"):
        shown.add_column(column, justify="left" if column == "group" else "right")
    for row in rows:
        assert row.gain.interval is not None
        low, high = row.gain.interval.ends
        gain = f"{row.gain.value:+.2f} [{low:+.2f}, {high:+.2f}]"
        shown.add_row(
            row.group, f"{row.people:,}", f"{row.composed:.2f}", f"{row.others:.2f}", gain, f"{row.floor:.2f}"
        )
    return shown


@with_page
@with_outputs(json="file")
def main(json: Annotated[Path | None, typer.Option(help="Also write every gain here.")] = None) -> None:
    """Holds each group of households out, composes it of others, and compares what both bought."""
    console = Printer()
    with Progress(Printer(stderr=True), "reading") as status:
        rows = run(
            household_answers(), category_shares(reference_people("journey").product_log()), progress=status.update
        )
    if json is not None:
        write_whole(json, dumps([row._asdict() | {"gain": row.gain.to_dict()} for row in rows], indent=2) + "\n")
    console.print(table(rows))
    sure = [row for row in rows if row.gain.interval is not None and 0 not in row.gain.interval]
    better = [row for row in sure if (row.gain.value or 0) > 0]
    nearer = sum((row.gain.value or 0) > 0 for row in rows)
    console.print(
        f"Composed is nearer in {nearer} of {len(rows)} groups; of {len(sure)} sure differences {len(better)} are "
        "gains. others: as many households drawn from everybody else. floor: one half of the group beside the other."
    )


if __name__ == "__main__":
    run_command(main)
