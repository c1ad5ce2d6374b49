"""The options by which single questions to a language model go out together."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from paars_gym.cli.option_groups import in_group, with_options


@dataclass(frozen=True)
class BatchOptions:
    """The group as it was given: how single questions go out together."""

    batch: Annotated[bool, in_group("--batch", "Through the provider's batches: within a day, at half the price.")] = (
        False
    )
    ray_data: Annotated[
        bool,
        in_group(
            "--ray-data",
            "Through Ray Data LLM, to OpenAI or a server like it: by the Ray cluster of RAY_ADDRESS, or this machine.",
        ),
    ] = False

    @property
    def flags(self) -> dict[str, object]:
        """What was given, by its name on the command line."""
        return {"--batch": self.batch, "--ray-data": self.ray_data}

    def check(self, tokens_per_minute: float | None, file: Path | None) -> None:
        """Refuses what does not go together.

        Args:
            tokens_per_minute: As given.
            file: Of the batches handed in; None where there is no output beside which it could be.
        """
        given = [flag for flag, value in self.flags.items() if value]
        if given and file is None:
            raise ValueError(f"{given[0]} needs --out: what has been handed in is noted beside it.")
        if self.batch and self.ray_data:
            raise ValueError("--batch and --ray-data: give one of them; both hand in batches.")
        if self.ray_data and tokens_per_minute is not None:
            raise ValueError(
                f"--tokens-per-minute {tokens_per_minute:g} does not go with --ray-data, which hands in whole batches: "
                "bound the calls at once by --concurrency."
            )

    def api(self, concurrency: int) -> Callable[[Any], Any] | None:
        """What hands in batches otherwise than the provider's own way."""
        if not self.ray_data:
            return None
        from paars_gym.cluster.data_llm import RayDataBatches, check_packages

        check_packages()
        return partial(RayDataBatches, concurrency=concurrency)


NO_BATCHES = BatchOptions()
"""The options where none of them is given."""
with_batch_options = with_options("batching", BatchOptions)
"""A verb with these options where its parameter ``batching`` stands."""
