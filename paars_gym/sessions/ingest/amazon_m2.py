"""How is Amazon-M2 read? One session a line: the products before, and the next one; no times, no shoppers."""

from __future__ import annotations

import polars as pl

from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.reading import ROW
from paars_gym.sessions.ingest.sources import LogFormat, Reshaped, Source


def amazon_m2() -> LogFormat:
    """``prev_items,next_item,locale`` with ``prev_items`` printed as an array: ``['B09W9FND7K' 'B09JSPLN1M']``."""
    mapping = LogMapping(columns={"session": "session", "product": "product"}, kind="view", newlines=True)
    reads = {"prev_items": pl.String(), "next_item": pl.String()}
    return LogFormat(
        about="Amazon-M2 (KDD Cup 2023): products of each session in order, without times",
        sources=(Source("sessions*.csv", mapping, reads=reads, reshape=_explode),),
        notes=("The log does not say what was done with a product; each is taken for a view.",),
    )


def _explode(raw: pl.DataFrame) -> Reshaped:
    before = pl.col("prev_items").str.extract_all(r"""[^\s,\[\]"']+""")
    products = pl.concat_list(before.fill_null([]), pl.col("next_item")).alias("product")
    session = pl.col(ROW).cast(pl.String).alias("session")
    return Reshaped(raw.select(ROW, session, products).explode("product"), [])
