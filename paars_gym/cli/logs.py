"""``paars sessions``: logs of sessions, of people and of agents."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from paars_gym.cli.app import assignments, console, errors, print_facts, sessions_app


@sessions_app.command("import")
def sessions_import(
    log: Annotated[Path, typer.Argument(help='Log file, folder of a named format, or "installed" (journey).')],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the store; a store there is replaced whole or not at all.")
    ] = None,
    format: Annotated[  # noqa: A002
        str,
        typer.Option(
            help="generic, journey, diginetica, retailrocket, yoochoose, rees46, otto, amazon-m2, opera, bestbuy or "
            "uci-shoppers."
        ),
    ] = "generic",
    map: Annotated[  # noqa: A002
        str | None,
        typer.Option(help="TOML or JSON file of a mapping, or pairs: shopper=user,kind=event."),
    ] = None,
    gap_minutes: Annotated[
        float | None,
        typer.Option(help="Minutes of inactivity that end a session; by default the log's own ids, else 30 minutes."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Time zone of times that name none, such as Europe/Berlin; UTC by default.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="How reports call these sessions.")] = None,
    wizard: Annotated[
        bool, typer.Option("--wizard", help="Look at the first rows, settle the mapping together.")
    ] = False,
    propose: Annotated[
        bool, typer.Option("--propose", help="Print what the wizard would propose beside --map, import nothing.")
    ] = False,
) -> None:
    """Imports a log, and says what became of every record."""
    from paars_gym.sessions import wizard as guide
    from paars_gym.sessions.importing import import_log
    from paars_gym.sessions.mapping import LogMapping

    if propose:
        proposal = guide.propose(log, answers=assignments("--map", [map] if map else None))
        console.print(proposal.head.head(5), markup=False)
        if proposal.mapping is None:
            named = ",".join(f"{field.split()[0]}=COLUMN" for field in proposal.missing)
            raise ValueError(
                f"No column of {str(log)!r} looks like {' and none like '.join(proposal.missing)}. Name it: "
                f"--map {named}."
            )
        typer.echo(proposal.mapping.toml(), nl=False)
        unplaced = [f"Event {word!r} has no kind yet: add it to [kinds]" for word in proposal.unplaced]
        for sentence in (*(f"{start}, or it is quarantined." for start in unplaced), *proposal.doubts):
            errors.print(sentence, highlight=False, markup=False, soft_wrap=True)
        return
    if out is None:
        raise ValueError("Where to? Give --out DIR.")
    mapping = None if map is None else LogMapping.parse(map)
    if wizard:
        proposal = guide.propose(log)
        console.print(proposal.head.head(5), markup=False)
        for doubt in proposal.doubts:
            errors.print(doubt, highlight=False, markup=False, soft_wrap=True)
        mapping = guide.ask(log, lambda question, default: typer.prompt(question, default=default))
        typer.echo(f"\n{mapping.toml()}")
        typer.confirm("Import with this mapping?", default=True, abort=True)
    if mapping is not None and format != "generic":
        raise ValueError(f"Format {format!r} has its own mapping; give --map only with --format generic.")
    with console.status("reading") as status:
        store = import_log(
            log,
            out,
            format if mapping is None else mapping,
            gap_minutes=gap_minutes,
            timezone=timezone,
            name=name,
            overwrite=True,
            progress=lambda records: status.update(f"{records:,} records"),
        )
    provenance = store.provenance
    print_facts(
        f"Sessions {provenance.name!r} in {out}",
        {
            "sessions": f"{len(store):,}, by {provenance.sessionised}",
            "events": f"{store.card.events:,}",
            "records read": f"{provenance.records_read:,}",
            "rejected": f"{provenance.records_rejected:,}"
            + (f", see {out / 'rejected.jsonl'}" * bool(provenance.records_rejected)),
            "ignored": f"{provenance.records_ignored:,}",
            "out of order": f"{provenance.out_of_order:,}, sorted",
            "known": ", ".join(provenance.what_is_known),
        }.items(),
    )
    for reason in _rejections(out / "rejected.jsonl") if provenance.records_rejected else ():
        console.print(f"Rejected: {reason}.", highlight=False, markup=False)
    for note in provenance.notes:
        console.print(note, highlight=False, markup=False)
    for cut in provenance.cut:
        console.print(f"[yellow]Incomplete:[/yellow] {escape(cut)}", highlight=False)


def _rejections(path: Path, most: int = 3, lines: int = 100_000) -> list[str]:
    """The commonest reasons in the first lines of a file of rejected records."""
    reasons: Counter[str] = Counter()
    with path.open(encoding="utf-8") as file:
        for line in islice(file, lines):
            record = json.loads(line)
            seen = f" {record['value']!r}" if record["field"] == "kind" and record["value"] else ""
            reasons[f"{record['field']}{seen}, {record['reason']}"] += 1
    return [f"{count:,} times {reason}" for reason, count in reasons.most_common(most)]


@sessions_app.command("describe")
def sessions_describe(
    store: Annotated[Path, typer.Argument(help="Folder of a session store, or of a run, finished or not.")],
    catalog: Annotated[
        str | None, typer.Option(help="Catalog of the log's products: mini, journey or a folder. Counts more cases.")
    ] = None,
) -> None:
    """Says what is in a store or a run: counts, distributions, and the tasks it can be the human side of."""
    from rich.table import Table

    from paars_gym.sessions.describe import describe, facts
    from paars_gym.sessions.opening import open_store
    from paars_gym.tasks.possible import possible_tasks

    opened = open_store(store)
    description, possible = describe(opened), possible_tasks(opened, catalog)
    print_facts(f"Sessions {description.provenance.name!r}", facts(description))
    table = Table("a session", "mean", "sd", "median", "90%", "most", "none", title_justify="left")
    for row in description.distributions:
        numbers = (f"{row.mean:.2f}", f"{row.std:.2f}", f"{row.median:g}", f"{row.p90:g}", f"{row.most:,}")
        table.add_row(escape(row.statistic), *numbers, f"{row.share_zero:.1%}")
    console.print(table)
    tasks = Table("can be the human side of", "", "", title_justify="left")
    for task in possible:
        tasks.add_row(escape(task.name), "yes" if task.able else "no", escape(task.why))
    console.print(tasks)
    for note in (*description.provenance.notes, *description.provenance.cut):
        console.print(note, highlight=False, markup=False)


@sessions_app.command("split")
def sessions_split(
    store: Annotated[Path, typer.Argument(help="Folder of a session store, or of a run.")],
    by: Annotated[str, typer.Option(help="How to split: time or shopper.")],
    out: Annotated[Path, typer.Option(help="Folder that gets the stores train and test.")],
    at: Annotated[
        str | None, typer.Option(help="With --by time: when the test part begins, 2017-11-01 or with time and zone.")
    ] = None,
    fraction: Annotated[
        float, typer.Option(help="Share of sessions (--by time) or shoppers (--by shopper) to hold out.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="With --by shopper: seed of the draw.")] = 0,
) -> None:
    """Holds out part of a store, and makes sure that nothing leaks."""

    from paars_gym.sessions.opening import open_store
    from paars_gym.sessions.split import split_by_shopper, split_by_time

    if by == "time":
        date = None if at is None else datetime.fromisoformat(at)
        zoned = date if date is None or date.tzinfo else date.replace(tzinfo=UTC)
        split = split_by_time(open_store(store), out, at=zoned, fraction=fraction, overwrite=True)
    elif by == "shopper":
        if at is not None:
            raise ValueError("--at is for --by time.")
        split = split_by_shopper(open_store(store), out, fraction=fraction, seed=seed, overwrite=True)
    else:
        raise ValueError(f"--by {by!r}, must be time or shopper.")
    dropped = f"; {split.dropped:,} run across the date and are in neither" if split.dropped else ""
    typer.echo(f"{len(split.train):,} sessions to train, {len(split.test):,} to test{dropped}. Nothing leaks.")
