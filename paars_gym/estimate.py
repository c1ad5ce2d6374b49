"""The one shape of a result: a number with its interval, its floor and its verdict; and tables of them.

`Estimate` and `Interval` are used by every room that measures something. `Tabular` gives whatever holds estimates its
tables (`to_pandas`, `to_polars`, `to_dicts`, `to_csv`, `to_html`), its picture (`plot`) and a form that reads well in a
terminal or notebook.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict
from pydantic.dataclasses import dataclass

from paars_gym.figure import Figure, figure_of
from paars_gym.printable import clean
from paars_gym.text_tables import Cell, aligned, html_table, rectangular, shown, with_ends

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

LEVEL = 0.95
"""Coverage of every interval, unless it says otherwise."""
Z95 = 1.959963984540054  # the standard normal's 97.5% point
REPR_LINES = 20
"""Most lines of a ``repr``."""
HTML_ROWS = 60
"""Most rows that a notebook shows; `Tabular.to_html` gives all of them."""


def finite(value: float | None) -> float | None:
    """The number, or None for what is not one: NaN and infinity do not exist in JSON."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(finite)]
NO_SPREAD = "Not estimable: all observations agree."
"""Note of an estimate that has no interval for that reason."""


def share_that_may_differ(observations: int, level: float = LEVEL) -> float:
    """Upper bound of a share that none of so many independent observations shows: exact, about 3 / n (rule of three).

    >>> round(share_that_may_differ(60), 3)
    0.049
    """
    return 1.0 if observations < 1 else -math.expm1(math.log1p(-level) / observations)


Detail = Cell


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Interval:
    """A confidence or prediction interval.

    Attributes:
        low: Lower end, in the estimate's unit.
        high: Upper end.
        level: Nominal coverage, in (0, 1).
        method: How it was made, and what it holds fixed.
    """

    low: float
    high: float
    level: float = LEVEL
    method: str = ""

    @classmethod
    def of(cls, bounds: tuple[float, float], *, level: float = LEVEL, method: str = "") -> Interval | None:
        """Both bounds, or None where one of them is no finite number."""
        low, high = bounds
        return cls(low, high, level, method) if math.isfinite(low) and math.isfinite(high) else None

    @classmethod
    def normal(cls, value: float, standard_error: float, method: str) -> Interval:
        """Value ± 1.96 standard errors."""
        return cls(value - Z95 * standard_error, value + Z95 * standard_error, LEVEL, method)

    def clip(self, low: float = 0.0, high: float = math.inf) -> Interval:
        """The part that the quantity can take; cutting off impossible values costs no coverage."""
        return Interval(min(max(self.low, low), high), min(max(self.high, low), high), self.level, self.method)

    def if_wide(self) -> Interval | None:
        """The interval, or None where it has no width: that all observations agree is no proof that others would."""
        return self if self.high - self.low > 1e-12 * max(1.0, abs(self.low), abs(self.high)) else None

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends, to unpack."""
        return self.low, self.high

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Estimate:
    """A number with everything it must be read with. None stands for what does not exist or cannot be estimated.

    Attributes:
        value: The number.
        interval: Its interval.
        unit: Of value, interval and floor, such as ``nats``.
        sizes: Observations that it rests on, such as ``{"human": 2400, "agent": 2400}``.
        floor: What a faultless population of these sizes would show.
        p_value: Of the hypothesis that nothing differs, where there is a test.
        verdict: What floor and test make of it, in a word or two, such as ``differs``.
        note: What is missing, and why.
        details: Whatever else the method tells, by name.
    """

    value: Number
    interval: Interval | None = None
    unit: str = ""
    sizes: Mapping[str, int] = ()  # type: ignore[assignment]
    floor: Number = None
    p_value: Number = None
    verdict: str = ""
    note: str = ""
    details: Mapping[str, Detail] = ()  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name in ("sizes", "details"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    def number(self, name: str) -> float | None:
        """A detail that is a number; None where there is no such."""
        detail = self.details.get(name)
        return float(detail) if isinstance(detail, int | float) else None

    @property
    def low(self) -> float | None:
        """Lower end of the interval, if there is one."""
        return None if self.interval is None else self.interval.low

    @property
    def high(self) -> float | None:
        """Upper end of the interval, if there is one."""
        return None if self.interval is None else self.interval.high

    def to_dict(self) -> dict[str, Detail]:
        """Flat, as one row of a table: sizes as ``n_<name>``, then the details by their names."""
        interval = self.interval
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "level": None if interval is None else interval.level,
            "unit": self.unit,
            "floor": self.floor,
            "p_value": self.p_value,
            "verdict": self.verdict,
            "note": self.note,
            "interval_method": "" if interval is None else interval.method,
            **{f"n_{name}": size for name, size in self.sizes.items()},
            **self.details,
        }

    def plot(self, *, title: str = "") -> Figure:
        """The value with its interval and its floor as a picture, which a notebook shows and ``save`` writes.

        Args:
            title: Above it; by default the estimate in words.

        Raises:
            ImportError: The extra ``report`` is not installed.
            ValueError: There is no value.
        """
        return figure_of(self, title=title)

    def __str__(self) -> str:
        return in_words(self)


class Tabular:
    """What is a table: a subclass gives `to_dicts` and `summary`, and has everything else.

    Put it before pydantic's ``BaseModel`` among the bases, for its ``repr`` is meant.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ()
    """Columns of the ``repr`` and of notebooks; all when empty. ``estimate`` stands for a value and its interval.

    Those that are empty in every row are not shown.
    """

    def to_dicts(self) -> list[dict[str, Detail]]:
        """The rows, each by column name."""
        raise NotImplementedError

    def summary(self) -> str:
        """One line above the table."""
        return type(self).__name__

    def to_polars(self) -> pl.DataFrame:
        """The rows as a polars frame."""
        import polars

        rows = rectangular(self.to_dicts())
        return polars.from_dicts(rows, infer_schema_length=None) if rows else polars.DataFrame()

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a pandas frame.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError as missing:
            raise ImportError("to_pandas needs pandas: pip install pandas. Or take to_polars.") from missing
        return pandas.DataFrame.from_records(rectangular(self.to_dicts()))

    def to_csv(self, path: str | Path | None = None) -> str:
        """The rows as CSV: returned, and written to ``path`` where one is given."""
        rows = rectangular(self.to_dicts())
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        if path is not None:
            Path(path).write_text(text.getvalue(), encoding="utf-8", newline="")
        return text.getvalue()

    def plot(self, *, title: str = "") -> Figure:
        """The rows as a picture, which a notebook shows and ``save`` writes: a point with its interval each.

        Args:
            title: Above it; by default the summary.

        Raises:
            ImportError: The extra ``report`` is not installed.
            ValueError: No row has a value.
        """
        return figure_of(self, title=title)

    def to_html(self, *, max_rows: int | None = None) -> str:
        """The rows as an HTML table, everything in them escaped; the first ``max_rows``, or all."""
        return html_table(clean(self.summary()), self._shown(), max_rows)

    def _repr_html_(self) -> str:
        return self.to_html(max_rows=HTML_ROWS)

    def __repr__(self) -> str:
        rows = self._shown()
        room = REPR_LINES - 2  # the summary and the heads
        kept = rows if len(rows) <= room else rows[: room - 1]
        lines = [clean(self.summary()), *aligned(kept)]
        if len(kept) < len(rows):
            lines.append(f"… {len(rows) - len(kept)} more rows; all of them: .to_pandas(), .to_polars(), .to_csv()")
        return "\n".join(lines)

    __str__ = __repr__

    def _shown(self) -> list[dict[str, str]]:
        rows = rectangular(self.to_dicts())
        columns = self.SHOWN or tuple(rows[0] if rows else ())
        cells = [{column: shown(row, column) for column in columns} for row in rows]
        told = [column for column in columns if any(row[column] for row in cells)]
        return [{column: row[column] for column in told} for row in cells]


class Estimates(Tabular, Mapping[str, Estimate]):
    """Estimates by name, as a table.

    >>> rates = Estimates({"conversion": Estimate(0.1, Interval(0.05, 0.15), unit="share")}, title="Of 140 sessions")
    >>> rates
    Of 140 sessions
    name        estimate          unit
    conversion  0.1 [0.05, 0.15]  share
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("name", "estimate", "unit", "verdict")

    def __init__(self, estimates: Mapping[str, Estimate], *, title: str = "") -> None:
        self._estimates = dict(estimates)
        self._title = title

    def __getitem__(self, name: str) -> Estimate:
        return self._estimates[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._estimates)

    def __len__(self) -> int:
        return len(self._estimates)

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row an estimate."""
        return [{"name": name, **estimate.to_dict()} for name, estimate in self.items()]

    def summary(self) -> str:
        """The title, or how many there are."""
        return self._title or f"{len(self)} estimates"


def in_words(estimate: Estimate) -> str:
    """Value, interval and unit.

    >>> in_words(Estimate(0.1234, Interval(0.1, 0.15), unit="nats"))
    '0.123 [0.1, 0.15] nats'
    """
    if estimate.value is None:
        reason = estimate.note.removeprefix("not estimable").removeprefix(": ")
        return f"not estimable: {reason}" if reason else "not estimable"
    return f"{with_ends(estimate.value, estimate.low, estimate.high)} {estimate.unit}".rstrip()
