"""``paars sessions``: logs of sessions, of people and of agents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.app import assignments, check_ratio, console, errors, print_facts, sessions_app
from paars_gym.cli.outputs import with_outputs
from paars_gym.exit_codes import ExitCode
from paars_gym.printable import clean


@sessions_app.command("import")
@with_outputs(out="folder")
def sessions_import(
    log: Annotated[Path, typer.Argument(help='Log file, folder of a named format, or "installed" (journey).')],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the store; a store there is replaced whole or not at all.")
    ] = None,
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option(
            help="ga4, ga360, segment, adobe, query-click, journey, ta-feng, diginetica, retailrocket, "
            "yoochoose, rees46, otto, trivago, amazon-m2, opera, bestbuy, uci-shoppers or generic; by default what the "
            "columns say."
        ),
    ] = None,
    map: Annotated[  # noqa: A002
        str | None,
        typer.Option(
            help="TOML or JSON file of a mapping, or pairs: shopper=user,kind=event; query=prop7 alone says where an "
            "export of analytics has its searches."
        ),
    ] = None,
    gap_minutes: Annotated[
        float | None,
        typer.Option(help="Minutes of inactivity that end a session; by default the log's own ids, else 30 minutes."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Time zone of times that name none, such as Europe/Berlin; UTC by default.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="How reports call these sessions.")] = None,
    drop_duplicates: Annotated[
        bool,
        typer.Option("--drop-duplicates", help="Leave out every record that repeats an earlier one exactly."),
    ] = False,
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="No person made these sessions: reports will say so. Else they are people's."),
    ] = False,
    unpack_ratio: Annotated[
        float | None, typer.Option(help="Times its size a packed log may unpack to; 200 by default.")
    ] = None,
    wizard: Annotated[
        bool, typer.Option("--wizard", help="Look at the first rows, settle the mapping together.")
    ] = False,
    propose: Annotated[
        bool, typer.Option("--propose", help="Print what the wizard would propose beside --map, import nothing.")
    ] = False,
) -> None:
    """Imports a log, and says what became of every record."""
    from paars_gym.cli.accounts import print_account
    from paars_gym.ingest.account import ReadingAccount
    from paars_gym.report.progress import Progress
    from paars_gym.sessions.describe import whose
    from paars_gym.sessions.logs import wizard as guide
    from paars_gym.sessions.logs.finding import log_format, with_searches
    from paars_gym.sessions.logs.importing import import_log
    from paars_gym.sessions.logs.mapping import LogMapping

    if propose:
        if not map and _print_known(log):
            return
        proposal = guide.propose(log, answers=assignments("--map", [map] if map else None))
        errors.print(proposal.head.head(5), soft_wrap=True)  # stdout is the mapping alone: --propose > mapping.toml
        if proposal.mapping is None:
            named = ",".join(f"{field.split()[0]}=COLUMN" for field in proposal.missing)
            raise ValueError(
                f"No column of {str(log)!r} looks like {' and none like '.join(proposal.missing)}. Name it: "
                f"--map {named}."
            )
        console.write(proposal.mapping.toml().rstrip("\n"))
        unplaced = [f"Event {word!r} has no kind yet: add it to [kinds]" for word in proposal.unplaced]
        for sentence in (*(f"{start}, or it is quarantined." for start in unplaced), *proposal.doubts):
            errors.print(sentence, soft_wrap=True)
        return
    if out is None:
        raise ValueError("Where to? Give --out DIR.")
    # Of a known log one thing may have to be told: where its searches are.
    searches = None if map is None or not map.startswith("query=") or "," in map else map.removeprefix("query=")
    mapping = None if map is None or searches else LogMapping.parse(map)
    if wizard:
        proposal = guide.propose(log)
        console.print(proposal.head.head(5), soft_wrap=True)
        for doubt in proposal.doubts:
            errors.print(doubt, soft_wrap=True)
        if proposal.missing:
            lacks = " and no ".join(f"column that looks like {field}" for field in proposal.missing)
            errors.print(f"There is no {lacks}: without it there are no sessions.")
        mapping = guide.ask(log, _ask)
        console.write(f"\n{mapping.toml()}")
        typer.confirm("Import with this mapping?", default=True, abort=True)
    if mapping is not None and format not in (None, "generic"):
        raise ValueError(f"Format {format!r} has its own mapping; give --map only with --format generic.")
    check_ratio(unpack_ratio)
    settings = {
        "drop_duplicates": drop_duplicates or None,
        "synthetic": synthetic or None,
        "unpack_ratio": unpack_ratio,
    }
    layout = log_format(mapping or format, log).changed({key: one for key, one in settings.items() if one is not None})
    layout = layout if searches is None else with_searches(layout, searches, log)
    with Progress(errors, "reading") as status:
        store = import_log(
            log,
            out,
            layout,
            gap_minutes=gap_minutes,
            timezone=timezone,
            name=name,
            overwrite=True,
            progress=lambda records: status.update(f"{records:,} records"),
        )
    provenance = store.provenance
    print_facts(
        f"Sessions {provenance.name!r} in {out}: read as {provenance.format}"
        + ", recognised by its columns" * layout.recognised,
        {
            "shoppers": whose(provenance),
            "sessions": f"{len(store):,}, by {provenance.sessionised}",
            "events": f"{store.card.events:,}",
            "known": ", ".join(provenance.what_is_known),
            **({"rejected records": str(out / "rejected.jsonl")} if provenance.records_rejected else {}),
        }.items(),
    )
    print_account(ReadingAccount.read(out))
    for note in provenance.notes:
        console.print(note)
    for cut in provenance.cut:
        console.notice("Incomplete:", cut)


def _ask(question: str, default: str | None) -> str:
    # The default is shown cleaned, and taken as it is.
    shown = clean(f"{question} [{default}]" if default else question)
    answer: str = typer.prompt(shown, default=default, show_default=False)
    return answer


def _print_known(log: Path) -> bool:
    """The mapping of the known log that this one is by its columns; False when it is none that a mapping can say."""
    from paars_gym.sessions.logs.finding import find_format, recognise

    try:
        name = recognise(log)
    except ValueError:
        return False
    sources = find_format(name, log).sources
    if len(sources) > 1 or sources[0].reshape is not None:
        errors.print(f"Its columns are those of --format {name}.")
        return True
    console.write(sources[0].mapping.toml().rstrip("\n"))
    errors.print(f"Its columns are those of --format {name}, whose mapping this is.")
    return True


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
        table.add_row(row.statistic, *numbers, f"{row.share_zero:.1%}")
    console.print(table)
    tasks = Table("can be the human side of", "", "", title_justify="left")
    for task in possible:
        tasks.add_row(task.name, "yes" if task.able else "no", task.why)
    console.print(tasks)
    for note in (*description.provenance.notes, *description.provenance.cut):
        console.print(note)


@sessions_app.command("split")
@with_outputs(out="folder")
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
    seed: Annotated[int, typer.Option(min=0, help="With --by shopper: seed of the draw.")] = 0,
) -> None:
    """Holds out part of a store, and makes sure that nothing leaks."""

    from paars_gym.sessions.opening import open_store
    from paars_gym.sessions.split import split_by_shopper, split_by_time

    if by == "time":
        try:
            date = None if at is None else datetime.fromisoformat(at)
        except ValueError:
            raise ValueError(f"--at {at!r} must be a date such as 2017-11-01, or with time and zone.") from None
        zoned = date if date is None or date.tzinfo else date.replace(tzinfo=UTC)
        split = split_by_time(open_store(store), out, at=zoned, fraction=fraction, overwrite=True)
    elif by == "shopper":
        if at is not None:
            raise ValueError("--at is for --by time.")
        split = split_by_shopper(open_store(store), out, fraction=fraction, seed=seed, overwrite=True)
    else:
        raise ValueError(f"--by {by!r}, must be time or shopper.")
    dropped = f"; {split.dropped:,} run across the date and are in neither" if split.dropped else ""
    console.write(f"{len(split.train):,} sessions to train, {len(split.test):,} to test{dropped}. Nothing leaks.")


@sessions_app.command("check")
def sessions_check(
    store: Annotated[Path, typer.Argument(help="Folder of a session store, or of a run.")],
    mend: Annotated[
        bool,
        typer.Option(help="Write the store of a run again; of an import keep the sessions that are sound."),
    ] = False,
) -> None:
    """Reads every byte of a store or a run, and says what is damaged; exit code 1 if anything is.

    With --mend the log of a run and its store mend each other; of an import the sound sessions are kept.
    """
    from paars_gym.sessions import mending
    from paars_gym.sessions.store import damage_in_words, find_damage
    from paars_gym.simulation.mending import is_run

    if is_run(store):
        _check_run(store, mend=mend)
        return
    found, lost = mending.mend(store) if mend else (find_damage(store, again=True), 0)
    _print_faults(found, mended=mend)
    if lost:
        console.notice(f"{lost:,} sessions were in it and are lost:", "import the log again to have them.")
    if found and not mend:
        errors.print(damage_in_words(store, found), soft_wrap=True)
        raise typer.Exit(ExitCode.CHECK_FAILED)
    console.print("Every file is as it was written.")


def _check_run(folder: Path, *, mend: bool) -> None:
    from paars_gym.sessions.opening import settings_in_words
    from paars_gym.sessions.store import SETTINGS_FILE
    from paars_gym.simulation.mending import damage_of_run, mend_run

    done = mend_run(folder) if mend else None
    found = damage_of_run(folder) if done is None else done.found
    _print_faults(found, mended=mend)
    if found and done is None:
        advice = f"The run {str(folder)!r} is damaged. Mend it: paars sessions check {folder} --mend."
        if SETTINGS_FILE in found:
            advice = settings_in_words(folder, found[SETTINGS_FILE])
        errors.print(advice, soft_wrap=True)
        raise typer.Exit(ExitCode.CHECK_FAILED)
    if done is not None and done.to_play:
        console.print(
            f"It holds {done.sessions:,} sessions, and {done.to_play:,} have to be played: go on by its command, with "
            "--resume."
        )
        return
    console.print("Every file is as it was written.")
    if not (folder / SETTINGS_FILE).is_file():
        console.print(f"Without {SETTINGS_FILE} the run cannot go on; its sessions can be read.")


def _print_faults(found: Mapping[str, str], *, mended: bool) -> None:
    for name, fault in found.items():
        done = "" if not mended else "; set aside" if name == "settings.json" else "; mended"
        console.print(f"{name}: {fault}{done}.")
