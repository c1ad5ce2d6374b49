"""`score`: every group metric that two logs allow, in one report (PAARS sections 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from paars_gym.alignment.comparison import (
    ScoreOptions,
    ScoreSetup,
    find_embedder,
    histogram_measures,
    word_measures,
)
from paars_gym.alignment.copied import COPIED, copied_shares, without_verdict
from paars_gym.alignment.paired import compare_paired
from paars_gym.alignment.private import Reference, compare_with_reference
from paars_gym.alignment.report import AlignmentReport, Histogram, Improvement, Measure, PopulationSummary, improvement
from paars_gym.alignment.segments import Attributes, score_segments
from paars_gym.alignment.session_generation import TABLE_2, HistogramComparison, SessionBins, compare_sessions
from paars_gym.alignment.session_log import SessionLog, open_log
from paars_gym.alignment.session_shares import share_measures
from paars_gym.embedding.protocol import Embedder, embedder_label
from paars_gym.estimate import Estimate
from paars_gym.remote import local_copy
from paars_gym.sessions.opening import Source
from paars_gym.sessions.parts import Spread, in_this_process


def score(
    human: SessionLog | Source | Reference,
    agents: SessionLog | Source,
    *,
    baseline: SessionLog | Source | None = None,
    by: str | None = None,
    attributes: Attributes | None = None,
    embedder: Embedder | str | None = "auto",
    seed: int = 0,
    options: ScoreOptions | None = None,
) -> AlignmentReport:
    """Compares agents' sessions with people's, and says what the floor makes of each number.

    Sessions that ended in ``policy_error`` or ``gave_up`` are counted and left out. What one of the logs does not
    record is left out and named.

    Args:
        human: A store, its folder, the folder of a run, sessions, or a reference (object, or path of its JSON).
        agents: The same, without references.
        baseline: Other agents to compare them with, in the same shop.
        by: Segment: ``goal`` or ``category`` of the intention, or a name in ``attributes``.
        attributes: Names and values of each shopper.
        embedder: An embedder, a name for :func:`~paars_gym.embedding.load.load_embedder`, or None for no embeddings.
        seed: Of every draw.
        options: Bins, bandwidth, sizes; see there.

    Raises:
        ValueError: A log is empty, catalogs or bins differ, or an option is out of range.
        FileNotFoundError: There is no such log.
    """
    options = options or ScoreOptions()
    given = {"agents": agents} | ({} if baseline is None else {"baseline": baseline})
    with ThreadPoolExecutor() as pool:  # reading releases the interpreter
        reading = pool.submit(open_human, human)
        logs = dict(zip(given, pool.map(open_log, given.values()), strict=True))
        people = reading.result()
    if isinstance(people, Reference):
        if by is not None:
            raise ValueError(f"A reference holds no shoppers to tell apart by {by!r}; score against their log.")
        people.check(options.bins)
    _check_catalogs(({} if isinstance(people, Reference) else {"human": people}) | logs)
    if isinstance(embedder, str):
        embedder = None if isinstance(people, Reference) else find_embedder(embedder, [people, *logs.values()], seed)
    setup = ScoreSetup(options, embedder, seed)

    measures: list[Measure] = []
    notes: list[str] = []
    histograms: dict[str, Histogram] = {}
    for role, log in logs.items():
        comparisons = _comparisons(people, log, role, setup)
        measures += histogram_measures(comparisons, role)
        for name, comparison in comparisons.items():
            _keep(histograms, name, comparison, role, options.bins)
    missing = set(TABLE_2) - {measure.of for measure in measures}
    notes += [f"{name.capitalize()} are not recorded on both sides." for name in sorted(missing)]
    if isinstance(people, Reference):
        notes += [*people.notes(), "A reference holds no words: queries and titles are not compared."]
    else:
        measures += share_measures(people, logs)
        of_words, more = word_measures(people, logs, setup)
        measures += of_words
        notes += more
    summary = None
    if by is not None and isinstance(people, SessionLog):
        summary, of_segments = score_segments(people, logs, by=by, attributes=attributes, setup=setup)
        measures += of_segments
    if isinstance(people, SessionLog):
        copied = copied_shares(people, logs)
        measures = [without_verdict(each) if each.population in copied else each for each in measures]
        notes += [
            f"{share:.0%} of the needs of the {role} are {COPIED}: no verdict on their queries and on how varied their "
            "words are. Take needs from other people than those who judge, as --intentions people:STORE does."
            for role, share in copied.items()
        ]
    return AlignmentReport(
        paars_gym=version("paars_gym"),
        populations=tuple(_summary(role, log) for role, log in ({"human": people} | logs).items()),
        settings={
            "bins": {name: list(lower) for name, lower in options.bins.described().items()},
            "embedder": None if embedder is None else embedder_label(embedder),
            "bandwidth": options.bandwidth,
            "text_sessions": options.text_sessions,
            "n_resamples": options.n_resamples,
            "seed": seed,
        },
        measures=tuple(measures),
        histograms=tuple(histograms.values()),
        improvements=tuple(_improvements(measures, _paired(people, logs, setup))),
        segments=summary,
        notes=tuple(notes),
    )


def open_human(human: SessionLog | Source | Reference, *, spread: Spread = in_this_process) -> SessionLog | Reference:
    """A reference, or a log, whose parts are read as `open_log` says."""
    if isinstance(human, Reference):
        return human
    if isinstance(human, str | Path) and Path(human).suffix == ".json":
        return Reference.read(local_copy(human))
    return open_log(human, spread=spread)


def _cut_off(log: SessionLog) -> tuple[str, ...]:
    count = int((log.frame["end"] == "max_steps").sum())
    return (f"{count:,} of its sessions were cut off by max_steps, and are scored.",) if count else ()


def _check_catalogs(logs: Mapping[str, SessionLog]) -> None:
    """Agents of different shops differ because the shops do."""
    shops = {
        role: (log, str(log.settings["fingerprints"]["catalog"]))
        for role, log in logs.items()
        if "fingerprints" in log.settings
    }
    if len({fingerprint for _, fingerprint in shops.values()}) > 1:
        where = []
        for role, (log, fingerprint) in shops.items():
            name = str(log.settings["shop"]["catalog"]).removesuffix(f" ({fingerprint})")
            where.append(f"{role} ({log.name}) shopped in {name!r} ({fingerprint})")
        raise ValueError(
            f"The catalogs differ: {', '.join(where)}. Only runs in one catalog can be compared; simulate again in "
            "the same."
        )


def _comparisons(
    people: SessionLog | Reference, log: SessionLog, role: str, setup: ScoreSetup
) -> dict[str, HistogramComparison]:
    options, rng = setup.options, setup.rng("sessions", role)
    if isinstance(people, SessionLog):
        return compare_sessions(people, log, bins=options.bins, n_resamples=options.n_resamples, rng=rng)
    return compare_with_reference(people, log, bins=options.bins, n_resamples=options.n_resamples, rng=rng)


def _keep(kept: dict[str, Histogram], name: str, comparison: HistogramComparison, role: str, bins: SessionBins) -> None:
    order = bins.of(name)
    before = kept[name].counts if name in kept else {"human": tuple(comparison.human.tolist())}
    counts = before | {role: tuple(comparison.agent.tolist())}
    kept[name] = Histogram(of=name, bins=() if order is None else order.labels, counts=counts)


def _paired(
    people: SessionLog | Reference, logs: Mapping[str, SessionLog], setup: ScoreSetup
) -> dict[tuple[str, str], Estimate]:
    """Baseline's distance less the agents', of counted statistics, all three logs being resampled together."""
    if isinstance(people, Reference) or "baseline" not in logs:
        return {}
    options = setup.options
    found = compare_paired(
        people,
        logs["baseline"],
        logs["agents"],
        bins=options.bins,
        n_resamples=options.n_resamples,
        rng=setup.rng("paired"),
    )
    # Of the agents: the baseline is the first one there.
    other = {"closer": "further", "further": "closer"}
    return {
        (each.of, each.metric): replace(each.estimate, verdict=other.get(each.estimate.verdict, each.estimate.verdict))
        for each in found
    }


def _improvements(measures: list[Measure], paired: Mapping[tuple[str, str], Estimate]) -> Iterator[Improvement]:
    theirs = {(m.of, m.metric, m.segment): m for m in measures if m.population == "baseline"}
    for mine in measures:
        other = theirs.get((mine.of, mine.metric, mine.segment))
        if other is not None and COPIED in (mine.estimate.note, other.estimate.note):
            continue
        if mine.population == "agents" and other is not None and mine.metric in ("KL", "JS", "W1", "energy distance"):
            difference = paired.get((mine.of, mine.metric)) if mine.segment is None else None
            if difference is not None:
                yield Improvement(of=mine.of, metric=mine.metric, segment=None, estimate=difference)
            elif (better := improvement(mine, other)) is not None:
                yield better


def _summary(role: str, log: SessionLog | Reference) -> PopulationSummary:
    if isinstance(log, Reference):
        return log.summary(role)
    return PopulationSummary(
        role=role,
        name=log.name,
        synthetic=log.synthetic,
        sessions=len(log),
        excluded=log.excluded,
        shoppers=log.n_shoppers,
        known=log.known,
        notes=(*log.notes, *_cut_off(log)),
        settings=dict(log.settings),
    )
