"""Figures of the paper, and whether ours compare with them (PAARS section 5, Tables 2, 3 and 4)."""

from __future__ import annotations

from typing import NamedTuple


class PaperValue(NamedTuple):
    """A figure of the paper.

    Attributes:
        table: Where it stands.
        base: Agents without persona.
        persona: Agents with persona.
        human: People, where the table has them.
        compares: Whether ours may stand beside it, and why or why not.
    """

    table: str
    base: float
    persona: float
    human: float | None
    compares: str


_COUNTS = "No: the paper does not name its smoothing, which decides such numbers, and its people are not ours."
_FINGERPRINT = (
    "No: exact densities have KL(.001) / KL(.01) near 100, the paper's are 183 (base) and 179 (persona) times apart, "
    "as those of a library that errs by hundreds of nats."
)
_TTR = (
    "In kind, at as many sessions as the paper's 2,400, for the ratio falls as the sample grows; its people are others."
)
IN_KIND = "In kind"
"""How `PaperValue.compares` begins where the paper's values may stand beside ours."""
PAPER_SESSIONS = 2400
"""Of each population of the paper (section 4.3)."""

PAPER: dict[tuple[str, str], PaperValue] = {
    ("searches", "KL"): PaperValue("Table 2", 11.69, 3.71, None, _COUNTS),
    ("views", "KL"): PaperValue("Table 2", 11.70, 3.72, None, _COUNTS),
    ("purchases", "KL"): PaperValue("Table 2", 11.68, 3.68, None, _COUNTS),
    ("rank chosen", "KL"): PaperValue("Table 2", 2.40, 1.08, None, _COUNTS),
    ("queries for viewed items", "KDE-KL h = 0.1"): PaperValue(
        "Table 2",
        18.81,
        17.51,
        None,
        "No: it falls with the number of pairs (the paper's 3,058), and the paper's value bears the fingerprint of a "
        "density that errs by hundreds of nats.",
    ),
    ("queries for viewed items", "KDE-KL h = 0.001"): PaperValue("Appendix D", 410026, 334170, None, _FINGERPRINT),
    ("queries for viewed items", "KDE-KL h = 0.01"): PaperValue("Appendix D", 2236, 1871, None, _FINGERPRINT),
    ("queries for viewed items", "KDE-KL h = 1"): PaperValue(
        "Appendix D",
        0.42,
        0.18,
        None,
        "No: at this bandwidth the error of such a library is as large as the value, and exact ones are near 0.",
    ),
    ("queries for viewed items", "mean cosine"): PaperValue(
        "Section 5", 0.59, 0.69, None, "In kind: the same embedding model, other people and products."
    ),
    ("queries", "TTR"): PaperValue("Table 4", 0.013, 0.23, 0.38, _TTR),
    ("titles viewed", "TTR"): PaperValue("Table 4", 0.035, 0.66, 0.97, _TTR),
    ("items", "accuracy"): PaperValue(
        "Table 3", 0.2546, 0.4726, None, "No: its cases are not public, and popularity alone may answer them."
    ),
}
"""By what was measured and by which metric. The text lost Table 2's bandwidth; Appendix D has its values at .1."""


def paper_values(of: str, metric: str) -> str:
    """The paper's figures, and whether ours compare; empty when it has none."""
    paper = PAPER.get((of, metric))
    if paper is None:
        return ""
    human = "" if paper.human is None else f", people {paper.human:g}"
    values = f"base {_figure(paper.base)}, persona {_figure(paper.persona)}{human}"
    return f"{paper.table}: {values}. Compares? {paper.compares}"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:g}"
