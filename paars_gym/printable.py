"""Text that can be shown whatever it came from and whatever it goes to: nothing hidden in it, in any encoding."""

from __future__ import annotations

import codecs
import json
import re
import sys
from contextlib import suppress

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and newline: escape sequences lose what makes them some
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    # Joiners are letters' own in Persian, Hindi and emoji; after a Latin letter they hide.
    "|(?<![^\x00-\x7f])[\u200c\u200d]+|(?<=[\u200c\u200d])[\u200c\u200d]+"
)
"""What shows nothing, and what changes how the rest is shown: controls, directions, fillers, tags, selectors."""
_HALVES = re.compile("[\ud800-\udfff]")
_NOT_ASCII = re.compile(r"[^\x20-\x7e\n]")
LOOK_ALIKES = "paars_gym.look_alikes"
"""Name of the handler of what an encoding lacks."""
_LIKE = {
    **dict.fromkeys("–‐‑‒—―─━−", "-"), **dict.fromkeys("·•●", "*"), **dict.fromkeys("‘’‚′", "'"),
    **dict.fromkeys("“”„″", '"'), **dict.fromkeys("│┃║", "|"), **dict.fromkeys("█▇▆▅▄▃▂▁▌▐", "#"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰╞╡╪", "+"), **dict.fromkeys("\u00a0\u2007\u2009\u202f", " "),
    "…": "...", "→": "->", "←": "<-", "↑": "^", "↓": "v", "×": "x", "‖": "||", "±": "+-", "≤": "<=", "≥": ">=",
    "≠": "!=", "≈": "~", "²": "^2", "³": "^3", "✓": "v", "€": "EUR", "£": "GBP",
}  # fmt: skip


def clean(text: object) -> str:
    r"""A text without control, direction and other characters that hide something or steer a terminal.

    Newlines and tabs stay. The rest of an escape sequence stays as well, as the harmless letters that it is made of.

    >>> clean("\x1b]0;title\x07kettle \u202efdp.exe"), clean("a\u200bb"), clean("\ud83d")
    (']0;titlekettle fdp.exe', 'ab', '�')
    """
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    return _HALVES.sub("\ufffd", _HIDDEN.sub("", text))


def ascii_json(text: str) -> str:
    r"""JSON with everything beyond ASCII as ``\u`` escapes: the same values, in any encoding, and nothing raw.

    >>> print(ascii_json('{"name": "café 😀\u202e"}'))
    {"name": "caf\u00e9 \ud83d\ude00\u202e"}
    """
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)


def look_alikes(error: UnicodeError) -> tuple[str, int]:
    """Stands in for characters that an encoding lacks: ASCII that looks like them, else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_LIKE.get(one, "?") for one in error.object[error.start : error.end]), error.end


codecs.register_error(LOOK_ALIKES, look_alikes)


def survive_any_encoding() -> None:
    """From now on what stdout and stderr cannot encode is written as what looks like it, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            with suppress(OSError, ValueError):  # closed, or already broken
                reconfigure(errors=LOOK_ALIKES)
