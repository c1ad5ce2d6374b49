"""Public data of people: what there is, under which licence, how it is had, what reads it; see this room's README."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.datasets.obtaining import find_data as find_data
    from paars_gym.datasets.obtaining import obtain as obtain
    from paars_gym.datasets.obtaining import take_copy as take_copy
    from paars_gym.datasets.public import DATASETS as DATASETS
    from paars_gym.datasets.registry import Dataset as Dataset
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "DATASETS": "public",
            "Dataset": "registry",
            "find_data": "obtaining",
            "obtain": "obtaining",
            "take_copy": "obtaining",
        },
    )
