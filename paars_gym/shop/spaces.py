"""Spaces of texts. Unlike Gymnasium's `Text` they take "é" and cost nothing to check."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.spaces.utils import flatten_space
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory, write_to_shared_memory

from paars_gym.shop.actions import MAX_ACTION_CHARS, Search, View, to_text
from paars_gym.shop.observation import MAX_CHARS


class FreeText(spaces.Text):
    """Any text up to a length, in any script."""

    def __init__(self, max_length: int, *, seed: Any = None) -> None:
        super().__init__(max_length, min_length=0, seed=seed)

    def contains(self, x: Any) -> bool:
        """True for text of at most ``max_length`` characters."""
        return isinstance(x, str) and len(x) <= self.max_length

    def __eq__(self, other: object) -> bool:
        # Vector environments compare the spaces of their parts; what `sample` would draw is no part of the space.
        return type(other) is type(self) and isinstance(other, FreeText) and other.max_length == self.max_length

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.max_length})"


class ObservationText(FreeText):
    """A page."""

    def __init__(self, *, seed: Any = None) -> None:
        super().__init__(MAX_CHARS, seed=seed)


class ActionText(FreeText):
    """An action of the text grammar. ``sample`` draws well-formed ones, whether possible on the page or not."""

    def __init__(self, words: Sequence[str] = (), products: Sequence[str] = (), *, seed: Any = None) -> None:
        """Args:
        words: What sampled searches look for.
        products: Ids that sampled actions name.
        seed: For sampling.
        """
        super().__init__(MAX_ACTION_CHARS, seed=seed)
        self.words = tuple(words) or ("anything",)
        self.products = tuple(products) or ("unknown",)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A random well-formed action; a mask has no meaning for free text and is refused."""
        if mask is not None or probability is not None:
            raise ValueError("Free text has no mask; use the DiscreteActions wrapper for masked actions.")
        rng = self.np_random
        product = self.products[int(rng.integers(len(self.products)))]
        match int(rng.integers(8)):
            case 0 | 1:
                count = int(rng.integers(1, 4))
                words = (self.words[int(i)] for i in rng.integers(len(self.words), size=count))
                return to_text(Search(query=" ".join(words)))
            case 2 | 3:
                return to_text(View(product_id=product))
            case 4:
                return f"add_to_cart[{product}]"
            case 5:
                return f"remove_from_cart[{product}]"
            case 6:
                return ("next_page[]", "back[]")[int(rng.integers(2))]
            case _:
                # Rarely: a random visit should see more than its entrance.
                return "stop[]" if rng.random() < 0.05 else "purchase[]"


@flatten_space.register(FreeText)
def _no_numbers(space: FreeText) -> spaces.Box:
    raise ValueError(
        f"{space} is free text and has no form in numbers. Take PAARS-Retail-Discrete-v0, or the wrapper "
        "FeatureObservation."
    )


# Between processes a text is its number of characters and their code points (`AsyncVectorEnv`, shared_memory=True).


@create_shared_memory.register(FreeText)
def _create(space: FreeText, n: int = 1, ctx: Any = multiprocessing) -> Any:
    return ctx.Array(np.dtype(np.int32).char, n * (space.max_length + 1))


@write_to_shared_memory.register(FreeText)
def _write(space: FreeText, index: int, value: str, shared_memory: Any) -> None:
    cells = np.frombuffer(shared_memory.get_obj(), dtype=np.int32)
    points = np.frombuffer(value.encode("utf-32-le", "surrogatepass"), dtype=np.int32)
    start = index * (space.max_length + 1)
    cells[start] = len(points)
    cells[start + 1 : start + 1 + len(points)] = points


@read_from_shared_memory.register(FreeText)
def _read(space: FreeText, shared_memory: Any, n: int = 1) -> SharedTexts:
    return SharedTexts(np.frombuffer(shared_memory.get_obj(), dtype=np.int32).reshape(n, space.max_length + 1))


class SharedTexts(Sequence[str]):
    """The texts that other processes write, as they are now; a copy is a tuple of them as they were.

    `AsyncVectorEnv` asks for its observations once and copies them at every step.
    """

    def __init__(self, cells: npt.NDArray[np.int32]) -> None:
        """Args:
        cells: A row a text: its length, and its code points.
        """
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        row = self._cells[index]
        return row[1 : 1 + row[0]].tobytes().decode("utf-32-le", "surrogatepass")

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[str, ...]:
        return tuple(self)
