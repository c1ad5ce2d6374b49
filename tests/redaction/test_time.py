"""Every recogniser takes time in proportion to the text, whatever repeats in it."""

from __future__ import annotations

import time

import pytest

from paars_gym.redaction.folding import fold
from paars_gym.redaction.recognisers import REGIONS, USUAL, names
from paars_gym.redaction.telephones import phones

REPEATED = (
    "1 ", "1", "1-", "1.", "1/", "(1", "a@", "a.", "a at ", "a (at) ", "@a",
    "1:", "a:", "12 main st ", "AA11 ",
    "rue de ",
    "1 rue ", "a", "-", " ", "\n", "é", "e\u0301", "1 a ", "via roma ", "calle a ", "Am A ", "我叫张",
    "\u200b", "１", "1,", "a-",
    "a'", "ig:a", "12 a, ", "t.me/", "straat ", "12 x st apt ", "Via A A A 1, ", "ssn no ",
)  # fmt: skip
NAMED = names(["Ann Lee", "张伟"])
SIZE = 300
"""Characters; four times as many may take this much longer, where the square would take sixteen times as long."""
MOST = 9.0
UNMEASURED_SECONDS = 0.02


def seconds(text: str) -> float:
    """The lesser of two times, processor time."""
    taken = []
    for _ in range(2):
        # A new one each time: it remembers the runs of digits that it has seen.
        recognisers = (*USUAL, phones(*REGIONS), NAMED)
        begun = time.process_time()
        plain = fold(text).text
        for find in recognisers:
            list(find(plain))
        taken.append(time.process_time() - begun)
    return min(taken)


@pytest.mark.parametrize("repeated", REPEATED)
def test_four_times_the_text_takes_some_four_times_as_long(repeated: str) -> None:
    short, long = ((repeated * size)[:size] for size in (SIZE, 4 * SIZE))
    assert seconds(long) < max(MOST * seconds(short), UNMEASURED_SECONDS)
