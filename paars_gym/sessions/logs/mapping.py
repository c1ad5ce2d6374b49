"""How a log is mapped: which column means what, which words are searches, views and purchases, which files it has."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple, Self, get_args

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from paars_gym.files import read_text
from paars_gym.ingest.csv_records import CsvFormat
from paars_gym.ingest.log_blocks import Reject
from paars_gym.ingest.unpacking import PACKED
from paars_gym.sessions.event import EventKind

Field_ = Literal[
    "shopper", "session", "time", "kind", "query", "results", "page", "product", "title", "rank", "units", "price",
    "category", "visitor", "total", "since", "event_id",
]  # fmt: skip
FIELDS: tuple[str, ...] = get_args(Field_)
Word = Literal["search", "next_page", "view", "add", "remove", "purchase", "stop", "filter", "visit", "ignore"]
WORDS: tuple[str, ...] = get_args(Word)


Columns_ = str | tuple[str, ...]
NO_SEARCHES = (
    "Searches are not read: which variable holds their words is each site's own choice. Name it: --map query=prop7, or "
    "an evar of the hit itself (evar7); post_evar7 keeps its value on later hits, each of which would be a search."
)


class EventRule(BaseModel):
    """An event that a row holds; a row holds one for each rule that fits it.

    Attributes:
        kind: Of the event.
        when: Path to the value, or the values of which one, that the row has to have: ``"*"`` for any, the empty text
            for none.
        explode: Array of which each item is an event: ``properties.products[*]``.
        items: Conditions as in ``when`` on the items.
        columns: Of this event, beside and before those of the mapping.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Word
    when: dict[str, Columns_] = Field(default_factory=dict)
    explode: str | None = None
    items: dict[str, Columns_] = Field(default_factory=dict)
    columns: dict[Field_, Columns_] = Field(default_factory=dict)


class LogMapping(CsvFormat):
    """How to read a log of any columns and vocabulary; a TOML or JSON file of the same keys, or ``k=v`` pairs.

    Attributes:
        columns: Our field to the log's column, to a path into it (`paars_gym.ingest.shaping`), or to several, of which
            the first that is filled counts. A log needs ``shopper``, ``visitor`` or ``session``, and ``kind`` unless
            ``kind`` is constant or there are ``events``. ``visitor`` is a device's or browser's own id, which stays
            when somebody logs in: of several columns for the shopper the last. ``total`` is what a line of several
            units cost, ``since`` milliseconds to add to ``time``, ``event_id`` an id of the row's own: of
            rows that share one the first is kept.
        events: Which events a row holds, where that depends on several columns; see `EventRule`.
        otherwise: Kind of rows that no rule of ``events`` fits; by default that of the ``kind`` column.
        explode: Arrays of which each item is a row, the outermost first.
        split: Column to the characters that separate what is in it: ``","`` makes a list, ``",;"`` a list of lists.
        only: Conditions on the rows to read, as in `EventRule.when`; others are ignored, and counted.
        price_divisor: What prices are divided by: 1000000 where they are in millionths.
        kinds: The log's event word to ours, matched exactly. ``visit`` marks activity that is none of our events
            (a home page): it keeps a session open and may make one without events. ``filter`` is a filter set on the
            results, and marks the search before it. ``ignore`` drops the record and counts it. Words that are ours
            already need no entry; any other word is quarantined.
        kind: Kind of every record, in a log without such a column.
        time: "iso" (ISO 8601 and relatives, basic or without seconds, with or without zone), "s", "ms" or "us" since
            1970, or a strptime format.
        missing: Values that mean "nothing", beside the empty one.
        results_separator: Between product ids in the results column; JSON arrays are understood without it.
        product_optional: True for logs that count views or purchases without saying of what.
        drop_duplicates: True to leave out every record that repeats an earlier one exactly, also where neither an
            ``event_id`` nor times finer than a second prove that it is the same event.
        synthetic: True where no person made these sessions: whatever is said of them later says so too.
        separator, quote, header, names, encoding, unpack_ratio: See `CsvFormat`.
    """

    columns: dict[Field_, Columns_] = Field(default_factory=dict)
    events: tuple[EventRule, ...] = ()
    otherwise: Word | None = None
    explode: tuple[str, ...] = ()
    split: dict[str, str] = Field(default_factory=dict)
    only: dict[str, Columns_] = Field(default_factory=dict)
    price_divisor: float = Field(default=1.0, gt=0)
    kinds: dict[str, Word] = Field(default_factory=dict)
    kind: EventKind | None = None
    time: str = "iso"
    missing: tuple[str, ...] = ()
    results_separator: str = " "
    product_optional: bool = False
    drop_duplicates: bool = False
    synthetic: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not {"shopper", "session", "visitor"} & set(self.columns):
            raise ValueError("columns names neither 'shopper' nor 'session'; map the column that tells visits apart.")
        if self.kind is None and "kind" not in self.columns and not self.events:
            raise ValueError("columns lacks 'kind'; map the event column, or say which kind every record is (kind).")
        if not self.header and not self.names:
            raise ValueError("header is false: give the columns' names (names).")
        return self

    @property
    def shaped(self) -> bool:
        """Whether its rows have to be shaped before they are read column by column."""
        plain = all(isinstance(column, str) and not set(".[") & set(column) for column in self.columns.values())
        special = self.events or self.explode or self.split or self.only or {"total", "visitor"} & set(self.columns)
        return bool(special) or not plain or self.price_divisor != 1

    @property
    def plain_columns(self) -> dict[str, str]:
        """Field to column, of a mapping that is not shaped."""
        return {name: column if isinstance(column, str) else column[0] for name, column in self.columns.items()}

    def all_columns(self) -> dict[str, tuple[str, ...]]:
        """Field to all columns and paths that may fill it, those of the rules included."""
        found: dict[str, tuple[str, ...]] = {}
        tables: list[Mapping[Field_, Columns_]] = [self.columns, *(rule.columns for rule in self.events)]
        for rule in self.events:  # without a condition it is what is filled that tells the kind
            telling = (rule.columns.get(name, ()) for name in ("query", "product"))
            tables.append({"kind": tuple(rule.when) or tuple(name for one in telling for name in _several(one))})
        tables += [{"price": columns["total"]} for columns in tables if "total" in columns]
        for columns in tables:
            for name, named in columns.items():
                found[name] = (*found.get(name, ()), *_several(named))
        return {name: tuple(dict.fromkeys(named)) for name, named in found.items()}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a mapping from a ``.toml`` or ``.json`` file, or from ``k=v,k=v``.

        In pairs, ``shopper=visitorid`` maps a column, ``kinds.addtocart=add`` a word, and other keys are settings:
        ``shopper=visitorid,time=ts,time_format=ms,kind=event,product=item,kinds.buy=purchase``. There ``time`` and
        ``kind`` name columns; ``time_format`` and ``every_kind`` are the settings of those names.

        Raises:
            FileNotFoundError: No such file.
            ValueError: Not a mapping; the message says where.
        """
        path = Path(text)
        try:
            if path.suffix == ".toml":
                content = tomllib.loads(read_text(path))
            elif path.suffix == ".json":
                content = json.loads(read_text(path))
            elif "=" in text:
                content = _from_pairs(text)
            else:
                raise ValueError("expected a .toml or .json file, or pairs such as shopper=user,kind=event,time=ts.")
            return cls.model_validate(content)
        except ValidationError as error:
            faults = (_sentence(".".join(map(str, one["loc"])), one["type"], one["msg"]) for one in error.errors())
            raise ValueError(f"Mapping {text!r}: {' '.join(faults)}") from error
        except (ValueError, RecursionError) as error:  # of TOML and JSON alike
            raise ValueError(f"Mapping {text!r}: {error}") from error

    def toml(self) -> str:
        """The mapping as a TOML file, defaults left out."""
        content = self.model_dump(exclude_defaults=True)
        tables = {key: content.pop(key) for key in ("columns", "kinds", "split", "only") if key in content}
        rules = content.pop("events", ())
        lines = [f"{key} = {_toml(value)}" for key, value in content.items()]
        for table, pairs in tables.items():
            lines += ["", f"[{table}]", *(f"{_toml(key)} = {_toml(value)}" for key, value in pairs.items())]
        for rule in rules:
            lines += ["", "[[events]]", *(f"{key} = {_toml(value)}" for key, value in rule.items())]
        return "\n".join(lines).strip() + "\n"


def _several(columns: Columns_) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns


def _sentence(name: str, kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        tables = {"columns", "kind", "kinds", "time"}
        settings = sorted({"every_kind", "time_format", *LogMapping.model_fields} - tables)
        return f"There is no {name!r}; columns are {', '.join(FIELDS)}, settings {', '.join(settings)}."
    return f"{name or 'mapping'}: {message}{'' if message.endswith('.') else '.'}"


def _from_pairs(text: str) -> dict[str, object]:
    content: dict[str, object] = {}
    columns: dict[str, str | tuple[str, ...]] = {}
    kinds: dict[str, str] = {}
    settings = {"time_format": "time", "every_kind": "kind"}
    lists = {"names", "missing", "explode"}
    for pair in text.split(","):
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} is no key=value pair.")
        key = key.strip()
        if key.startswith("kinds."):
            kinds[key.removeprefix("kinds.")] = value
        elif key in FIELDS:
            columns[key] = tuple(value.split("|")) if "|" in value else value
        else:
            content[settings.get(key, key)] = tuple(value.split("|")) if key in lists else value
    return {**content, "columns": columns, "kinds": kinds}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml(key)} = {_toml(item)}' for key, item in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return json.dumps(value)  # TOML's basic strings are escaped as JSON's are


class Reshaped(NamedTuple):
    """A raw batch in which every row is one record (several may share a row number), and rows beyond repair."""

    frame: pl.DataFrame
    rejects: list[Reject]


@dataclass(frozen=True)
class Source:
    """One file of a format.

    Attributes:
        pattern: Glob that its name matches in a folder of the format.
        mapping: Of the columns after ``reshape``.
        reads: Columns of the file and their types; by default those of the mapping, as text.
        reshape: Makes rows of one record each out of the file's rows.
        header_file: File beside the log that names its columns, where the log itself does not.
        made_of: Columns of the file that each column is made of which ``reshape`` makes.
    """

    pattern: str
    mapping: LogMapping
    reads: Mapping[str, pl.DataType] = field(default_factory=dict)
    reshape: Callable[[pl.DataFrame], Reshaped] | None = None
    header_file: str = ""
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def shaped(self) -> bool:
        """Whether its rows have to be shaped; those of a format that reshapes frames are not."""
        return self.mapping.shaped and not self.reads and self.reshape is None

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """What to read of the file."""
        return dict(self.reads) or {column: pl.String() for column in self.mapping.plain_columns.values()}


@dataclass(frozen=True)
class LogFormat:
    """A public log's layout.

    Attributes:
        about: The log, in a line.
        sources: Its files, in the order in which events of the same instant happened.
        timezone: Of its naive times, when the description says so.
        unknown: Statistics that its events would suggest but that it does not record.
        notes: What a reader of any result has to know.
        one_shopper_a_session: True when some events of a session name the shopper and others do not.
        repeats_searches: True when a search stands once for each of its clicks; it is then imported once.
        ranks_from_results: True when a view's rank is to be found in the results of the search before it.
        own_days: True when ``time`` is the day of each event, and ``since`` runs from its session's unknown start.
        signature: Columns that such a log has, by which it is recognised; of several sets one.
        name: As ``--format`` takes it.
        recognised: True when the log's columns said that it is this one.
    """

    about: str
    sources: tuple[Source, ...]
    timezone: str = "UTC"
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    one_shopper_a_session: bool = False
    repeats_searches: bool = False
    ranks_from_results: bool = False
    own_days: bool = False
    signature: tuple[frozenset[str], ...] = ()
    name: str = "generic"
    recognised: bool = False

    def changed(self, settings: Mapping[str, object]) -> Self:
        """The format with other settings of its mappings: ``drop_duplicates``, ``synthetic``, ``encoding``."""
        sources = (replace(one, mapping=one.mapping.model_copy(update=settings)) for one in self.sources)
        return replace(self, sources=tuple(sources))

    def files(self, log: Path) -> list[tuple[Path, Source]]:
        """The files of a log that this format reads, each with its source.

        Args:
            log: One file, or a folder of them.

        Raises:
            FileNotFoundError: There is no such path, or nothing of this format in the folder.
        """
        if log.is_file():
            fitting = [source for source in self.sources if _matches(log, source.pattern)]
            return [(log, (fitting or list(self.sources))[0])]
        if not log.is_dir():
            raise FileNotFoundError(f"No log {str(log)!r}.")
        files = [
            (path, source)
            for source in self.sources
            for path in sorted(log.iterdir())
            if path.is_file() and not path.name.startswith(".") and _matches(path, source.pattern)
        ]
        if not files:
            wanted = ", ".join(source.pattern for source in self.sources)
            if wanted == "*":
                raise FileNotFoundError(f"The folder {str(log)!r} holds no file; give a log, or a folder with logs.")
            raise FileNotFoundError(f"{str(log)!r} holds none of {wanted}.")
        return files


def _matches(path: Path, pattern: str) -> bool:
    plain = Path(path.stem) if path.suffix in PACKED else Path(path.name)
    return plain.match(pattern)
