"""The options of a dry run that plans a population."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from paars_gym.cli.option_groups import in_group, with_options

if TYPE_CHECKING:
    from paars_gym.simulation.plan import Terms


@dataclass(frozen=True)
class PlanOptions:
    """The group as it was given: what a dry run of a population is made for."""

    latency: Annotated[
        float | None,
        in_group("--latency", "With --dry-run: seconds until the model answers; by default 2.", min=0.001),
    ] = None
    within_hours: Annotated[
        float | None, in_group("--within-hours", "With --dry-run: plan machines that are done in time.", min=0.01)
    ] = None
    products: Annotated[
        int | None,
        in_group("--products", "With --dry-run: products of the catalog in the end; by default those it has.", min=1),
    ] = None

    def terms(self, *, dry_run: bool) -> "Terms":
        """What a plan is made for.

        Raises:
            ValueError: One is given, and it is no dry run.
        """
        from paars_gym.simulation.plan import USUAL

        given: dict[str, Any] = {
            "latency_seconds": self.latency,
            "within_hours": self.within_hours,
            "products": self.products,
        }
        given = {name: value for name, value in given.items() if value is not None}
        if given and not dry_run:
            name = next(iter(given))
            flag = {"latency_seconds": "--latency"}.get(name, f"--{name.replace('_', '-')}")
            raise ValueError(f"{flag} {given[name]:g} needs --dry-run: it is for the plan of a run, not for the run.")
        return USUAL._replace(**given)


NOTHING_PLANNED = PlanOptions()
"""The options where none of them is given."""
with_plan_options = with_options("planning", PlanOptions)
"""A verb with these options where its parameter ``planning`` stands."""
