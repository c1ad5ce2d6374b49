"""How can agents be compared with people whose log may not leave the house? By differentially private histograms.

A shopper changes each released histogram by at most 1: one session of each, drawn at random, is counted.
"""

from __future__ import annotations

import math
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paars_gym.alignment.bins import Counts
from paars_gym.alignment.report import PopulationSummary
from paars_gym.alignment.session_generation import DEPTH, TABLE_2, SessionBins, session_histograms
from paars_gym.alignment.session_log import SessionLog, first_of_each

SCHEMA_VERSION = 1
INSTALL = 'Differential privacy needs OpenDP. Install it: python -m pip install "paars_gym[privacy]".'


class Reference(BaseModel):
    """A population as histograms that anyone may see.

    Attributes:
        schema_version: Of this record.
        paars_gym: Version of the package that wrote it.
        name: How reports call the population.
        synthetic: True when no person made the sessions.
        bins: Lower bounds of the bins of counts and of ranks.
        histograms: Sessions in each bin, one session a shopper, with noise; by statistic.
        epsilon: Privacy loss of everything released here, by simple composition, for adding or removing one shopper.
        spent: What of it each histogram took.
        noise_scale: Of the discrete Laplace noise on each bin; its standard deviation is 1.4 times that.
        threshold: Bins below it were set to 0, since they hold little but noise.
        mechanism: How the noise was made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    paars_gym: str
    name: str
    synthetic: bool
    bins: dict[str, tuple[int, ...]]
    histograms: dict[str, tuple[int, ...]] = Field(min_length=1)
    epsilon: float = Field(gt=0, allow_inf_nan=False)
    spent: dict[str, float]
    noise_scale: float
    threshold: int
    mechanism: str

    @classmethod
    def read(cls, path: Path) -> Reference:
        """Reads ``reference.json``.

        Raises:
            FileNotFoundError: It is not there.
            ValueError: It is no reference, or of another version.
        """
        if not path.is_file():
            raise FileNotFoundError(f"No reference in {str(path)!r}; make one: paars reference export --human DIR.")
        try:
            found = cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{str(path)!r} is no reference: {error.errors()[0]['msg']}.") from None
        if found.schema_version != SCHEMA_VERSION:
            raise ValueError(f"{str(path)!r} has version {found.schema_version}, this package reads {SCHEMA_VERSION}.")
        return found

    @property
    def actions(self) -> tuple[str, ...]:
        """None: it holds no sequences."""
        return ()

    def counts(self) -> dict[str, Counts]:
        """The histograms as arrays, by statistic."""
        return {name: np.array(found, dtype=np.float64) for name, found in self.histograms.items()}

    def check(self, bins: SessionBins) -> None:
        """Raises ValueError when a comparison with other bins than its own is wanted, naming them."""
        wanted = bins.described()
        for kind, lower in self.bins.items():
            if tuple(wanted[kind]) != lower:
                raise ValueError(f"The bins of {kind} differ: the reference has {lower}, wanted are {wanted[kind]}.")

    def population(self, role: str) -> PopulationSummary:
        """As reports describe it."""
        sessions = max(sum(found) for found in self.histograms.values())
        known = tuple(name for name in TABLE_2 if name in self.histograms)
        return PopulationSummary(
            role=role,
            name=self.name,
            synthetic=self.synthetic,
            sessions=sessions,
            known=known,
        )

    def notes(self) -> list[str]:
        """What a reader has to know."""
        return [
            f"The humans are a reference with differential privacy (epsilon {self.epsilon:g}): each bin carries noise "
            f"of about ±{1.4 * self.noise_scale:.1f} sessions and bins below {self.threshold} are 0, which floors, "
            "intervals and p-values allow for; one session of each shopper counts, of people and of agents."
        ]


def export_reference(
    log: SessionLog, *, epsilon: float = 1.0, bins: SessionBins | None = None, rng: np.random.Generator
) -> Reference:
    """Releases the histograms of a population with differential privacy.

    Searches, views and purchases a session, and the deepest rank where ranks are recorded. Each gets an equal part of
    epsilon, and discrete Laplace noise of scale 1 / part (Ghosh et al. 2009, through OpenDP). What is recorded, the
    bins and the name of the log are taken for public.

    Args:
        log: People's sessions.
        epsilon: Total privacy loss, > 0; 1 is customary, less is more private.
        bins: Public, never made from the data.
        rng: Draws which session of a shopper counts. The noise comes from OpenDP's own secure source.

    Raises:
        ImportError: OpenDP is not installed.
        ValueError: Epsilon is out of range, or the log has nothing that can be released.
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise ValueError(f"epsilon == {epsilon}, must be > 0.")
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise ImportError(INSTALL) from error
    bins = bins or SessionBins()
    names = [name for name in TABLE_2 if name in log.known] + [DEPTH] * ("ranks" in log.known)
    if not names:
        raise ValueError(f"{log.name!r} records neither searches, views nor purchases; there is nothing to release.")
    true = session_histograms(one_session_each(log, rng), bins=bins, actions=())
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    scale = len(names) / epsilon
    measurement = cast(Any, dp).m.make_laplace(*space, scale=scale)
    released, spent = {}, {}
    threshold = math.ceil(scale * math.log(len(bins.counts) / 0.1))  # an empty histogram passes it one time in 20
    for name in names:
        width = len(bins.of(name) or ())
        exact = true.get(name, np.zeros(width)).astype(int).tolist()
        noisy = np.array(measurement(exact))
        released[name] = tuple(np.where(noisy >= threshold, noisy, 0).tolist())
        spent[name] = float(measurement.map(1))
        if not any(released[name]):
            raise ValueError(
                f"Of {len(log):,} sessions nothing but noise is left in {name}, at epsilon {epsilon:g}; "
                "release more shoppers, or raise epsilon."
            )
    return Reference(
        paars_gym=version("paars_gym"),
        name=log.name,
        synthetic=log.synthetic,
        bins={kind: bins.described()[kind] for kind in ("counts", "ranks")},
        histograms=released,
        epsilon=sum(spent.values()),
        spent=spent,
        noise_scale=scale,
        threshold=threshold,
        mechanism=f"discrete Laplace, OpenDP {getattr(dp, '__version__', '')}".strip(),
    )


def one_session_each(log: SessionLog, rng: np.random.Generator) -> SessionLog:
    """One scored session of each shopper, drawn at random: the bound on what a shopper contributes."""
    numbers = rng.permutation(np.flatnonzero(log.keep))
    chosen = np.zeros(len(log.keep), dtype=bool)
    chosen[numbers[first_of_each(log.shoppers[numbers])]] = True
    return log.where(chosen)
