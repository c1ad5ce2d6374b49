"""The record of one step of an episode, to replay or debug it."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from paars_gym.sessions.event import Event


class StepRecord(BaseModel):
    """One step of the environment, as one JSON line.

    Attributes:
        session: Key of the session.
        step: 1-based.
        action: Text as the shopper gave it.
        valid: False when the shop refused it; ``error`` then says why.
        page: Kind of the page after the step: home, results or product.
        query: Query of that page, if any.
        results: Product ids that page shows, in order.
        first_rank: Rank of the first of them in the whole list.
        product: Product that page shows.
        cart: (product id, units) after the step.
        events: What happened in the step.
        reward: As the environment gave it.
        time: Simulated time, where there is a clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: str
    step: int
    action: str
    valid: bool
    error: str | None = None
    page: str
    query: str | None = None
    results: tuple[str, ...] = ()
    first_rank: int | None = None
    product: str | None = None
    cart: tuple[tuple[str, int], ...] = ()
    events: tuple[Event, ...] = ()
    reward: float = 0.0
    time: AwareDatetime | None = None
