"""A population played several times: how much of a number, and of the difference of two, is run-to-run noise.

An interval says what other people and other cases would change. It does not say what the same shoppers would do if they
were asked once more. So the same cases, people and needs are put to them several times, with other draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from paars_gym.config import RunConfig
from paars_gym.estimate import Estimate
from paars_gym.exit_codes import ExitCode
from paars_gym.llm.chat import Usage
from paars_gym.llm.ledger import sharing
from paars_gym.tasks.asking import NobodyAnswersError
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.query_results import QueryResults
from paars_gym.tasks.run_noise import noise_of
from paars_gym.tasks.session_results import SESSION_CONDITIONS, SessionResults
from paars_gym.tasks.view_selection import ViewResults

MEASURES = ("KL", "JS", "mean cosine", "KDE-KL h = 0.1", "KDE-KL of halves")
SESSION_MEASURES = ("searches", "views", "purchases")
R = TypeVar("R", ItemResults, QueryResults, SessionResults, ViewResults)


def play_repeats(
    play: Callable[[RunConfig, int], R], run: RunConfig, repeats: int, *, progress: Callable[[str], None]
) -> R:
    """Plays a task several times, and adds to the first results what differs between them.

    All repeats share one budget and one ledger. A cap that is reached ends them: what was whole before is kept.

    Args:
        play: Of a configuration and the number of the repeat, from 1 on.
        run: Of the first; the others differ in their ``noise`` alone.
        repeats: How many.
        progress: Told which one is under way.
    """
    run = run.model_copy(update={"budget": sharing(run.budget)})
    results = [play(run, 1)]
    stopped = getattr(results[0], "stopped", "")
    while len(results) < repeats and not stopped:
        number = len(results) + 1
        progress(f"repeat {number} of {repeats}")
        try:
            again = play(run.model_copy(update={"noise": f"repeat {number}"}), number)
        except NobodyAnswersError as error:
            if getattr(error, "exit_code", None) != ExitCode.CAPPED:
                raise
            stopped = str(error)
            continue
        stopped = getattr(again, "stopped", "")
        results += [] if stopped else [again]
    update: dict[str, Any] = {}
    if len(results) > 1:
        update["noise"] = noise_of([numbers_of(each) for each in results])
        if isinstance(results[0], SessionResults):
            # Of the runs' ledger, which they share.
            update |= {"account": results[-1].account, "usd": sum(each.usd for each in results)}
        else:
            update["paid"] = paid_in_all([each.paid for each in results])
    if stopped:
        update["stopped"] = stopped
    return results[0].model_copy(update=update)


def numbers_of(results: ItemResults | QueryResults | SessionResults | ViewResults) -> dict[tuple[str, str], Estimate]:
    """The numbers of a task's tables that those asked can change, by row and measure."""
    if isinstance(results, ItemResults):
        asked = set(results.settings.get("asked", ()))
        return {
            (row.shopper, f"accuracy, {row.protocol}"): row.accuracy for row in results.rows if row.shopper in asked
        }
    if isinstance(results, SessionResults):
        return {
            (f"{results.shopper}, {condition}", f"{each.metric} of {each.of}"): each.estimate
            for role, condition in SESSION_CONDITIONS.items()
            for each in results.report.measures
            if (each.population, each.segment) == (role, None)
            and each.metric in MEASURES
            and each.of in SESSION_MEASURES
        }
    return {
        (each.population, f"{each.metric} of {each.of}"): each.estimate
        for each in results.measures
        if each.metric in MEASURES
    }


def paid_in_all(reports: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[dict[str, Any], ...]:
    """The accounts of each model, of all repeats together.

    Args:
        reports: Of `paars_gym.llm.stack.Stack`, one for each model, of each repeat.
    """
    summed = []
    for of_model in zip(*reports, strict=True):
        whole = dict(of_model[-1])  # what the ledger holds is of all already
        tokens = sum((Usage(**report["tokens"]) for report in of_model), Usage())
        for name in ("calls", "from_cache", "retries", "usd", *_WITHOUT):
            whole[name] = sum(report[name] for report in of_model)
        for name in ("dropped", "redacted"):
            whole[name] = dict(sum((Counter(report[name]) for report in of_model), Counter()))
        summed.append({**whole, "tokens": tokens.model_dump(), "prompt_cache_share": tokens.cached_share})
    return tuple(summed)


_WITHOUT = ("calls_without_price", "tokens_without_price", "calls_without_usage")
