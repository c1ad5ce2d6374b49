"""``python -m benchmarks.session_counts``: the number of views of a run against 12,330 real sessions.

The people are real (UCI Online Shoppers Purchasing Intention). They shopped elsewhere, for other things; the log has
product pages seen, no searches and no products, and whether a session bought but not how much. So the distance of a run
says how far its sessions are from those of one real shop, not how well it imitates them; the people's own halves say
what is noise.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from paars_gym.alignment import AlignmentReport, open_log, score
from paars_gym.cli.page_option import with_page
from paars_gym.cli.running import run_command
from paars_gym.report.alignment import render
from paars_gym.report.printing import Printer
from paars_gym.sessions.logs.importing import import_log
from paars_gym.tasks.people import reference_people

UCI = Path(__file__).resolve().parents[2] / "shared" / "data" / "uci_online_shoppers"


def run(agents: Path | None = None, *, human: str | None = None, uci: Path = UCI, seed: int = 0) -> AlignmentReport:
    """Compares a run, or without one a random half of the people, with (the other half of) the people.

    Args:
        agents: Folder of a run, or a store.
        human: Other people, as `reference_people` takes them; None for those of UCI.
        uci: Folder of UCI's data.
        seed: Of the halves.

    Raises:
        FileNotFoundError: The data or the run is not there.
    """
    if human is None and not uci.is_dir():
        raise FileNotFoundError(f"No UCI sessions in {str(uci)!r}; give the folder of online_shoppers_intention.csv.")
    with TemporaryDirectory() as folder:
        if human is None:
            people = open_log(import_log(uci, Path(folder, "store"), "uci-shoppers"), name="UCI, real sessions")
        else:
            people = reference_people(human).log()
        half = np.random.default_rng(seed).permutation(len(people.keep)) % 2 == 0
        if agents is not None:
            return score(people, agents, embedder=None, seed=seed)
        other = open_log(people.where(~half), name="the other half of them")
        return score(people.where(half), other, embedder=None, seed=seed)


@with_page
def main(
    agents: Annotated[Path | None, typer.Option(help="A run to compare; without one, the people's other half.")] = None,
    human: Annotated[
        str | None, typer.Option(help="Other people: mini, journey, STORE or RUN; by default those of UCI.")
    ] = None,
    uci: Annotated[Path, typer.Option(help="Folder of online_shoppers_intention.csv.")] = UCI,
) -> None:
    """Compares session counts with those of real sessions."""
    Printer().print(render(run(agents, human=human, uci=uci)))


if __name__ == "__main__":
    run_command(main)
