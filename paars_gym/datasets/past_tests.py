"""Past A/B tests and logged recommendations of public data as frames: ASOS, Upworthy, Open Bandit."""

from __future__ import annotations

from pathlib import Path

import polars as pl

ASOS_KEYS = ("experiment_id", "variant_id", "metric_id")
UPWORTHY_COLUMNS = {
    "clickability_test_id": "test",
    "eyecatcher_id": "image",
    "headline": "headline",
    "impressions": "impressions",
    "clicks": "clicks",
    "created_at": "created",
}
UNRANDOMISED = ("2013-06-25", "2014-01-10")
"""First and last day of the weeks of which the archive's authors say that randomisation failed."""
BANDIT_POLICIES, BANDIT_CAMPAIGNS = ("random", "bts"), ("all", "men", "women")


def read_asos(folder: Path) -> pl.DataFrame:
    """The end of each test: control and treatment of every variant and metric at its last checkpoint.

    Returns:
        Columns test, variant, metric, and of ``control_`` and ``treatment_`` each ``count``, ``mean``, ``variance``; a
        row a variant and metric, ordered by these.

    Raises:
        FileNotFoundError: There is no Parquet or CSV file in the folder.
    """
    path = _file(folder, ".parquet", ".csv")
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    if "time_since_start" in frame.columns:
        frame = frame.sort("time_since_start", maintain_order=True)
    last = frame.group_by(ASOS_KEYS, maintain_order=True).last().sort(ASOS_KEYS)
    sides = {"c": "control", "t": "treatment"}
    return last.select(
        pl.col("experiment_id").alias("test"),
        pl.col("variant_id").alias("variant"),
        pl.col("metric_id").alias("metric"),
        *(
            pl.col(f"{what}_{side}").alias(f"{name}_{what}")
            for side, name in sides.items()
            for what in ("count", "mean", "variance")
        ),
    )


def read_upworthy(folder: Path, *, sets: tuple[str, ...] = ("exploratory",)) -> pl.DataFrame:
    """Packages of the archive's tests, those of weeks without a sound randomisation left out.

    Args:
        folder: With the archive's files.
        sets: exploratory, confirmatory, holdout: the archive asks to look at the first before the others.

    Returns:
        Columns test, image, headline, impressions, clicks, created; a row a package.

    Raises:
        FileNotFoundError: A file is not there.
    """
    frames = [
        pl.read_csv(_file(folder, ".csv", begins=f"upworthy-archive-{name}-"), infer_schema=False) for name in sets
    ]
    day = pl.col("created").str.slice(0, 10)
    return (
        pl.concat(frame.select(pl.col(was).alias(name) for was, name in UPWORTHY_COLUMNS.items()) for frame in frames)
        .with_columns(pl.col("impressions", "clicks").cast(pl.Int64))
        .filter((day < UNRANDOMISED[0]) | (day > UNRANDOMISED[1]))
    )


def read_open_bandit(folder: Path) -> pl.DataFrame:
    """Recommendations with what became of them, from all files that are there.

    Returns:
        Columns policy (random or bts), campaign, time, item, position (1 to 3), click (0 or 1), propensity; a row a
        recommendation.

    Raises:
        FileNotFoundError: None of the files is there.
    """
    frames = []
    for policy in BANDIT_POLICIES:
        for campaign in BANDIT_CAMPAIGNS:
            path = folder / policy / campaign / f"{campaign}.csv"
            if path.is_file():
                frames.append(
                    pl.read_csv(path).select(
                        pl.lit(policy).alias("policy"),
                        pl.lit(campaign).alias("campaign"),
                        pl.col("timestamp").alias("time"),
                        pl.col("item_id").alias("item"),
                        "position",
                        "click",
                        pl.col("propensity_score").alias("propensity"),
                    )
                )
    if not frames:
        raise FileNotFoundError(f"{str(folder)!r} has no file such as random/all/all.csv.")
    return pl.concat(frames)


def _file(folder: Path, *suffixes: str, begins: str = "") -> Path:
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in suffixes and path.name.startswith(begins)]
    if not paths:
        raise FileNotFoundError(f"{str(folder)!r} has no file {begins}*{' or *'.join(suffixes)}.")
    return paths[0]
