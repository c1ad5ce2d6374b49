"""The metrics are cheap to import, and independent of what they measure."""

from __future__ import annotations

import subprocess
import sys

import paars_gym.alignment
from paars_gym.alignment import kl_divergence


def test_importing_loads_neither_scipy_nor_a_shop() -> None:
    code = "import sys, paars_gym.alignment; print(' '.join(sys.modules))"
    # The arguments are our own.
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = ("scipy", "sklearn", "polars", "pyarrow", "pydantic", "torch")
    upward = ("paars_gym.shop", "paars_gym.shoppers", "paars_gym.llm", "paars_gym.simulation")
    assert not [name for name in loaded if name.split(".")[0] in heavy or name.startswith(upward)]


def test_every_promised_name_is_there() -> None:
    promised = "kl_divergence js_divergence wasserstein1 kde_kl kde_kl_loo energy_distance c2st_auc coverage"
    for name in [*promised.split(), "type_token_ratio", *dir(paars_gym.alignment)]:
        assert getattr(paars_gym.alignment, name) is not None


def test_details_that_are_numbers_are_read_as_numbers() -> None:
    estimate = kl_divergence([3, 1, 0], [0, 0, 4], n_resamples=0)
    assert (estimate.number("unsupported_mass"), estimate.number("smoothing"), estimate.number("absent")) == (
        1.0,
        None,
        None,
    )
