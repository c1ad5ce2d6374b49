"""How is UCI's "Online Shoppers Purchasing Intention" read? One session a line, counts only: no ids, no times."""

from __future__ import annotations

import polars as pl

from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.reading import ROW, Reject
from paars_gym.sessions.ingest.sources import LogFormat, Reshaped, Source

MOST_VIEWS = 10_000  # more is a misread column, not a shopper


def uci_shoppers() -> LogFormat:
    """Each line becomes a session of ``ProductRelated`` views, and of one purchase where ``Revenue`` is true."""
    mapping = LogMapping(columns={"session": "session", "kind": "kind"}, product_optional=True)
    return LogFormat(
        about="UCI Online Shoppers: product pages seen a session and whether it bought",
        sources=(
            Source("*.csv", mapping, reads={"ProductRelated": pl.String(), "Revenue": pl.String()}, reshape=_explode),
        ),
        unknown=("purchases",),
        notes=(
            "Views are pages about products, of unknown product. A session that bought has one purchase event of an "
            "unknown product: that it bought is known, how many lines is not. Searches are not recorded.",
        ),
    )


def _explode(raw: pl.DataFrame) -> Reshaped:
    views = raw["ProductRelated"].cast(pl.Int64, strict=False)
    bought = (
        raw["Revenue"]
        .str.to_uppercase()
        .replace_strict(["TRUE", "FALSE", "1", "0"], [True, False, True, False], default=None, return_dtype=pl.Boolean)
    )
    rejects = []
    faults = {
        "ProductRelated": (~views.is_between(0, MOST_VIEWS).fill_null(value=False), "not a number of pages"),
        "Revenue": (bought.is_null(), "neither TRUE nor FALSE"),
    }
    bad = pl.Series([False]).new_from_index(0, len(raw))
    for column, (where, reason) in faults.items():
        found = raw.filter(where & ~bad)
        rejects += [Reject(row, column, value or "", reason) for row, value in found.select(ROW, column).iter_rows()]
        bad = bad | where
    purchases = bought.cast(pl.UInt32)
    frame = raw.filter(~bad).select(
        ROW,
        pl.col(ROW).cast(pl.String).alias("session"),
        pl.concat_list(
            pl.lit(["visit"]),
            pl.lit("view").repeat_by(views.filter(~bad)),
            pl.lit("purchase").repeat_by(purchases.filter(~bad)),
        ).alias("kind"),
    )
    return Reshaped(frame.explode("kind"), rejects)
